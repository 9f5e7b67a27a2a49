//! NumPy's files: what is written is read back, what others have written is read, and no file, however
//! broken, does harm. (`ndarray` is a matter of two conversions, whose doc examples are their test.)

use anyhow::Result;
use cotangent::npy::{self, Npz};
use cotangent::prelude::*;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden/npy")
        .join(name)
}

fn same(a: &Tensor, b: &Tensor) {
    assert_eq!((a.shape(), a.dtype()), (b.shape(), b.dtype()));
    let bits = |x: &Tensor| {
        x.to_f64_vec()
            .into_iter()
            .map(f64::to_bits)
            .collect::<Vec<_>>()
    };
    assert_eq!(bits(a), bits(b));
}

#[test]
fn what_is_written_is_read_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.npy");
    let cube = Tensor::from([[[1.5f32, -0.0], [f32::NAN, f32::MIN_POSITIVE]]]);
    for tensor in [
        cube.clone(),
        cube.transpose(0, 2)?,
        cube.to_dtype(DType::F64),
        Tensor::scalar(2.5f64),
        Tensor::zeros([0, 3], DType::F32)?,
        Tensor::from([0.1f64]).broadcast_to([4])?,
    ] {
        npy::write(&path, &tensor)?;
        same(&npy::read(&path)?, &tensor);
    }
    let indices = Indices::from_vec(vec![3, 1, 4, 1, 5, 9], [2, 3])?;
    npy::write_indices(&path, &indices)?;
    assert_eq!(npy::read_indices(&path)?, indices);
    let archive = folder.path().join("all.npz");
    npy::write_npz(
        &archive,
        &[("layer.weight", &cube), ("b", &Tensor::scalar(1.0f64))],
    )?;
    same(&Npz::read(&archive)?.tensor("layer.weight")?, &cube);
    let first = std::fs::read(&archive)?;
    npy::write_npz(
        &archive,
        &[("layer.weight", &cube), ("b", &Tensor::scalar(1.0f64))],
    )?;
    assert_eq!(
        first,
        std::fs::read(&archive)?,
        "the same tensors give the same bytes"
    );
    assert_eq!(
        std::fs::read_dir(folder.path())?.count(),
        2,
        "no temporary file is left"
    );
    Ok(())
}

/// The files stand beside the script of the golden values, which has NumPy write them.
#[test]
fn what_numpy_has_written_is_read() -> Result<()> {
    let expected = Tensor::from([[0.5f32, -1.25, 3.0], [1e-40, f32::INFINITY, 2.0]]);
    same(&npy::read(sample("float32.npy"))?, &expected);
    same(&npy::read(sample("float32_columns.npy"))?, &expected);
    same(
        &npy::read(sample("float64_big_endian.npy"))?,
        &expected.to_dtype(DType::F64),
    );
    same(&npy::read(sample("scalar.npy"))?, &Tensor::scalar(2.5f64));
    same(
        &npy::read(sample("empty.npy"))?,
        &Tensor::zeros([0, 3], DType::F32)?,
    );
    let labels = Indices::from([7, 2, 1, 0]);
    for name in ["labels_int64.npy", "labels_uint8.npy", "labels_int32.npy"] {
        assert_eq!(npy::read_indices(sample(name))?, labels, "{name}");
    }
    for name in ["plain.npz", "compressed.npz"] {
        let file = Npz::read(sample(name))?;
        assert_eq!(file.names().collect::<Vec<_>>(), ["x", "y"], "{name}");
        same(&file.tensor("x")?, &expected);
        assert_eq!(file.indices("y")?, labels);
    }
    Ok(())
}

#[track_caller]
fn says<T: std::fmt::Debug>(result: cotangent::Result<T>, texts: &[&str]) {
    let error = result.unwrap_err().to_string();
    assert!(texts.iter().all(|text| error.contains(text)), "{error}");
}

#[test]
fn what_does_not_fit_is_an_error_that_says_why() -> Result<()> {
    says(
        npy::read(sample("labels_int64.npy")),
        &["float32 or float64", "i8"],
    );
    says(
        npy::read_indices(sample("float32.npy")),
        &["integers", "f4"],
    );
    says(
        npy::read_indices(sample("negative.npy")),
        &["-1 is no index"],
    );
    says(npy::read(sample("objects.npy")), &["float32 or float64"]);
    says(npy::read(sample("missing.npy")), &["missing.npy"]);
    says(Npz::read(sample("float32.npy")), &["float32.npy"]);
    let file = Npz::read(sample("plain.npz"))?;
    says(file.tensor("z"), &["`z`", "there are: x, y"]);
    says(file.tensor("y"), &["`y`", "float32 or float64"]);
    let x = Tensor::scalar(1.0f32);
    says(
        npy::write_npz("x.npz", &[("x", &x), ("x", &x)]),
        &["two tensors have the name `x`"],
    );
    says(npy::write("no/such/folder/x.npy", &x), &["no/such/folder"]);
    Ok(())
}

fn read_bytes(bytes: &[u8]) -> cotangent::Result<Tensor> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    npy::read(file.path())
}

fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn a_file_cut_short_anywhere_is_an_error() -> Result<()> {
    let whole = std::fs::read(sample("float32.npy"))?;
    for len in 0..whole.len() {
        assert!(read_bytes(&whole[..len]).is_err(), "{len} bytes");
    }
    let archive = std::fs::read(sample("compressed.npz"))?;
    let file = tempfile::NamedTempFile::new()?;
    for len in 0..archive.len() {
        std::fs::write(file.path(), &archive[..len])?;
        assert!(
            Npz::read(file.path())
                .and_then(|file| file.tensor("x"))
                .is_err(),
            "{len} bytes"
        );
    }
    Ok(())
}

#[test]
fn headers_that_lie_take_no_memory() {
    let claims =
        |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
    for shape in [
        "(1000000000000,)",
        "(18446744073709551615,)",
        "(4294967296, 4294967296, 4294967296)",
        "(4611686018427387904, 4, 0)",
        "(99999999999999999999999999,)",
        "(-1,)",
        "(2.0,)",
        "('a',)",
        "((((((2))))))",
        "[2]",
        "2",
    ] {
        let bytes = with_header(&claims(shape), &[0; 16]);
        assert!(read_bytes(&bytes).is_err(), "{shape}");
    }
    // A header of four gigabytes, of which nothing is there.
    assert!(read_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}").is_err());
    assert!(read_bytes(&with_header(&"(".repeat(60_000), &[])).is_err());
    assert!(read_bytes(&with_header(&claims("(4,)"), &[0; 16])).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(flips in prop::collection::vec((0usize..256, any::<u8>()), 1..6), archive in any::<bool>()) {
        let name = if archive { "compressed.npz" } else { "float32.npy" };
        let mut bytes = std::fs::read(sample(name)).unwrap();
        for (place, byte) in flips {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        if archive {
            if let Ok(file) = Npz::read(file.path()) {
                file.names().for_each(|name| drop(file.tensor(name)));
            }
        } else {
            let _ = npy::read(file.path());
        }
    }
}
