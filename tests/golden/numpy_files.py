"""Writes files with NumPy to npy/, for tests of reading them."""

import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent / "npy"


def write():
    FOLDER.mkdir(exist_ok=True)
    x = np.array([[0.5, -1.25, 3.0], [1e-40, np.inf, 2.0]], dtype=np.float32)
    labels = np.array([7, 2, 1, 0])
    counts = np.arange(24).reshape(2, 3, 4)
    halves = np.array([[0.5, -0.0, 65504], [2**-24, np.inf, np.nan]], dtype=np.float16)
    arrays = {
        "float32": x,
        "float32_columns": np.asfortranarray(x),
        "float64_big_endian": x.astype(">f8"),
        "scalar": np.float64(2.5),
        "empty": np.zeros((0, 3), np.float32),
        "labels_int64": labels,
        "labels_int32": labels.astype(np.int32),
        "labels_uint8": labels.astype(np.uint8),
        "negative": np.array([1, -1]),
        "objects": np.array(["a", None], dtype=object),
        "counts_int16_columns": np.asfortranarray(counts.astype(np.int16)),
        "counts_int64_columns_big_endian": np.asfortranarray(counts.astype(">i8")),
        "float16": halves,
        "float16_big_endian": halves.astype(">f2"),
        "bool": counts[0] % 5 == 0,
        "complex": np.array([1j]),
        "text": np.array(["a"]),
        "dates": np.array(["2026-01-01"], dtype="datetime64[D]"),
    }
    for name, array in arrays.items():
        np.save(FOLDER / f"{name}.npy", array)
    for version in [(1, 0), (2, 0), (3, 0)]:
        with open(FOLDER / f"version_{version[0]}.npy", "wb") as file:
            np.lib.format.write_array(file, x, version)
    with open(FOLDER / "two_arrays.npy", "wb") as file:
        np.save(file, x)
        np.save(file, labels)
    # The form of MNIST in Keras: images and labels as bytes.
    images = (counts[:, :, :2] * 10 + 5).astype(np.uint8)
    np.savez(FOLDER / "images.npz", x_train=images, y_train=labels[:2].astype(np.uint8))
    np.savez(FOLDER / "plain.npz", x=x, y=labels)
    np.savez_compressed(FOLDER / "compressed.npz", x=x, y=labels)


if __name__ == "__main__":
    write()
