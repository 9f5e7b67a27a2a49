"""Files that NumPy writes, to be read: in npy/."""

import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parent / "npy"


def write():
    FOLDER.mkdir(exist_ok=True)
    x = np.array([[0.5, -1.25, 3.0], [1e-40, np.inf, 2.0]], dtype=np.float32)
    labels = np.array([7, 2, 1, 0])
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
    }
    for name, array in arrays.items():
        np.save(FOLDER / f"{name}.npy", array)
    np.savez(FOLDER / "plain.npz", x=x, y=labels)
    np.savez_compressed(FOLDER / "compressed.npz", x=x, y=labels)


if __name__ == "__main__":
    write()
