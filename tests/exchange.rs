//! NumPy's files: written files are read back, files of NumPy are read, and broken files of any
//! kind are errors. The two conversions of `ndarray` are tested by their doc examples.

#[path = "state/allocations.rs"]
mod allocations;

use allocations::assert_small;
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
fn written_files_are_read_back() -> Result<()> {
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

/// The files are beside the script of the golden values, in which NumPy writes them.
#[test]
fn files_of_numpy_are_read() -> Result<()> {
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

/// 0 to 23 in the shape (2, 3, 4).
fn counts() -> (Indices, Tensor) {
    let indices = Indices::range(24).and_then(|x| x.reshape([2, 3, 4]));
    let tensor = Tensor::arange(0.0, 24.0, 1.0, DType::F32).and_then(|x| x.reshape([2, 3, 4]));
    (indices.expect("24 elements"), tensor.expect("24 elements"))
}

#[test]
fn column_major_integers_are_read() -> Result<()> {
    let (indices, tensor) = counts();
    let i16 = sample("counts_int16_columns.npy");
    let i64 = sample("counts_int64_columns_big_endian.npy");
    assert_eq!(npy::read_indices(&i16)?, indices);
    assert_eq!(npy::read_indices(&i64)?, indices);
    same(&npy::read(&i16)?, &tensor);
    same(&npy::read(&i64)?, &tensor.to_dtype(DType::F64));
    Ok(())
}

#[test]
fn half_precision_and_truth_values_are_read() -> Result<()> {
    let smallest = 2f32.powi(-24);
    let expected = Tensor::from([[0.5f32, -0.0, 65504.0], [smallest, f32::INFINITY, f32::NAN]]);
    same(&npy::read(sample("float16.npy"))?, &expected);
    same(&npy::read(sample("float16_big_endian.npy"))?, &expected);
    let truth = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]];
    let tensor = Tensor::from(truth.map(|row| row.map(|x| x as f32)));
    same(&npy::read(sample("bool.npy"))?, &tensor);
    assert_eq!(npy::read_indices(sample("bool.npy"))?, Indices::from(truth));
    Ok(())
}

#[test]
fn images_and_labels_of_bytes_are_read() -> Result<()> {
    let file = Npz::read(sample("images.npz"))?;
    let pixels = [
        [[5, 15], [45, 55], [85, 95]],
        [[125, 135], [165, 175], [205, 215]],
    ];
    let images = file.tensor("x_train")?;
    same(
        &images,
        &Tensor::from(pixels.map(|x| x.map(|x| x.map(|x| x as f32)))),
    );
    let flat = pixels.as_flattened().as_flattened().to_vec();
    assert_eq!(
        file.indices("x_train")?,
        Indices::from_vec(flat, [2, 3, 2])?
    );
    assert_eq!(file.indices("y_train")?, Indices::from([7, 2]));
    same(&file.tensor("y_train")?, &Tensor::from([7.0f32, 2.0]));
    Ok(())
}

#[test]
fn every_version_is_read_and_only_the_first_array() -> Result<()> {
    let expected = npy::read(sample("float32.npy"))?;
    for name in ["version_1", "version_2", "version_3", "two_arrays"] {
        same(&npy::read(sample(&format!("{name}.npy")))?, &expected);
    }
    Ok(())
}

/// A file with the given fields in its header.
fn described(descr: &str, fortran_order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header =
        format!("{{'descr': {descr}, 'fortran_order': {fortran_order}, 'shape': {shape}}}");
    with_header(&header, data)
}

#[test]
fn headers_of_python_2_and_handwritten_ones_are_read() -> Result<()> {
    let numbers = [1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0];
    let data: Vec<u8> = numbers.iter().flat_map(|x| x.to_ne_bytes()).collect();
    let rows = Tensor::from_vec(numbers.to_vec(), [2, 3])?;
    let columns = Tensor::from([[1.0f64, 3.0, 5.0], [2.0, 4.0, 6.0]]);
    for header in [
        "{'descr': '=f8', 'fortran_order': False, 'shape': (2L, 3L), }          \n",
        "{'shape':(2L,3L),'fortran_order':False,'descr':'|f8'}",
        "{\"shape\": (2, 3), \"descr\": \"f8\", \"fortran_order\": False}",
        "  {  u'descr' :\t'float64' ,\n 'fortran_order' : False , 'shape' : ( 2 , 3 , ) , }  ",
        "{'descr': b'=d', 'fortran_order': False, 'shape': (2, 3)}\n\n",
    ] {
        same(&read_bytes(&with_header(header, &data))?, &rows);
        let header = header.replace("False", "True");
        same(&read_bytes(&with_header(&header, &data))?, &columns);
    }
    let labels = [3i64, 1]
        .iter()
        .flat_map(|x| x.to_ne_bytes())
        .collect::<Vec<_>>();
    let file = described("'=i8'", "False", "(2L,)", &labels);
    assert_eq!(indices_of(&file)?, Indices::from([3, 1]));
    // A scalar, and an empty array.
    same(
        &read_bytes(&described("'=f8'", "True", "()", &data))?,
        &Tensor::scalar(1.0f64),
    );
    same(
        &read_bytes(&described("'=f8'", "True", "(2L, 0L)", &[]))?,
        &Tensor::zeros([2, 0], DType::F64)?,
    );
    Ok(())
}

#[test]
fn every_type_is_read_exactly_or_is_an_error() -> Result<()> {
    /// Extremes of a type, in both byte orders.
    macro_rules! extremes {
        ($type:ty, $name:literal, $dtype:expr) => {
            for (order, to_bytes) in [
                (
                    "<",
                    <$type>::to_le_bytes as fn($type) -> [u8; size_of::<$type>()],
                ),
                (">", <$type>::to_be_bytes),
            ] {
                let values = [<$type>::MIN, <$type>::default(), <$type>::MAX];
                let data: Vec<u8> = values.iter().flat_map(|x| to_bytes(*x)).collect();
                let file = described(&format!("'{order}{}'", $name), "False", "(3,)", &data);
                let expected = Tensor::from(values.map(f64::from)).to_dtype($dtype);
                same(&read_bytes(&file)?, &expected);
            }
        };
    }
    extremes!(i8, "i1", DType::F32);
    extremes!(u8, "u1", DType::F32);
    extremes!(i16, "i2", DType::F32);
    extremes!(u16, "u2", DType::F32);
    extremes!(i32, "i4", DType::F64);
    extremes!(u32, "u4", DType::F64);
    extremes!(f32, "f4", DType::F32);
    extremes!(f64, "f8", DType::F64);
    let one = |descr: &str, bytes: &[u8]| read_bytes(&described(descr, "False", "(1,)", bytes));
    let large = 1u64 << 53;
    for value in [0, large, large + 2, 1 << 63] {
        same(
            &one("'<u8'", &value.to_le_bytes())?,
            &Tensor::from([value as f64]),
        );
    }
    for value in [i64::MIN, -1, -(1 << 53)] {
        same(
            &one("'>i8'", &value.to_be_bytes())?,
            &Tensor::from([value as f64]),
        );
    }
    for value in [large + 1, u64::MAX] {
        let says = format!("{value} is not exact in f64");
        assert!(
            one("'<u8'", &value.to_le_bytes())
                .unwrap_err()
                .to_string()
                .contains(&says)
        );
    }
    let value = -(1i64 << 53) - 1;
    says(
        one("'<i8'", &value.to_le_bytes()),
        &["-9007199254740993 is not exact in f64"],
    );
    // As indices they are all exact.
    let indices = |descr: &str, bytes: &[u8]| indices_of(&described(descr, "False", "(1,)", bytes));
    let huge = large + 1;
    assert_eq!(
        indices("'>u8'", &huge.to_be_bytes())?.as_slice(),
        [huge as usize]
    );
    says(indices("'|i1'", &[0xff]), &["expected an index, found -1"]);
    says(
        indices("'<f2'", &[0, 0]),
        &["expected an array of integers"],
    );
    for descr in [
        "'|V2'",
        "'<f16'",
        "'<c8'",
        "'<U1'",
        "'|S1'",
        "'|O'",
        "'<M8[D]'",
        "'<m8'",
        "'<f3'",
        "'<'",
        "''",
        "'<<f4'",
        "'f4 '",
        "'<x'",
        "None",
        "[('x', '<f4')]",
        "{'a': 1}",
        "('<f4', (2,))",
    ] {
        let bytes = described(descr, "False", "(1,)", &[0; 64]);
        assert!(
            matches!(read_bytes(&bytes), Err(cotangent::Error::Format { .. })),
            "{descr}"
        );
        assert!(
            matches!(indices_of(&bytes), Err(cotangent::Error::Format { .. })),
            "{descr}"
        );
    }
    Ok(())
}

#[track_caller]
fn says<T: std::fmt::Debug>(result: cotangent::Result<T>, texts: &[&str]) {
    let error = result.unwrap_err().to_string();
    assert!(texts.iter().all(|text| error.contains(text)), "{error}");
}

#[test]
fn errors_name_the_cause() -> Result<()> {
    says(
        npy::read_indices(sample("float32.npy")),
        &["expected an array of integers, found F32"],
    );
    says(
        npy::read_indices(sample("negative.npy")),
        &["expected an index, found -1"],
    );
    for (name, descr) in [
        ("objects", "|O"),
        ("complex", "<c16"),
        ("text", "<U1"),
        ("dates", "<M8[D]"),
    ] {
        says(
            npy::read(sample(&format!("{name}.npy"))),
            &["expected the type of a number", descr],
        );
    }
    says(npy::read(sample("missing.npy")), &["missing.npy"]);
    says(Npz::read(sample("float32.npy")), &["float32.npy"]);
    let file = Npz::read(sample("plain.npz"))?;
    says(file.tensor("z"), &["`z`", "the file contains: x, y"]);
    same(&file.tensor("y")?, &Tensor::from([7.0f64, 2.0, 1.0, 0.0]));
    says(file.indices("x"), &["`x`", "expected an array of integers"]);
    let x = Tensor::scalar(1.0f32);
    says(
        npy::write_npz("x.npz", &[("x", &x), ("x", &x)]),
        &["two tensors have the name `x`"],
    );
    says(npy::write("no/such/folder/x.npy", &x), &["no/such/folder"]);
    says(
        npy::write("x.npy", &x.reshape([1; 65])?),
        &["at most 64 axes"],
    );
    Ok(())
}

fn read_bytes(bytes: &[u8]) -> cotangent::Result<Tensor> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    npy::read(file.path())
}

fn indices_of(bytes: &[u8]) -> cotangent::Result<Indices> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    npy::read_indices(file.path())
}

fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn a_truncated_file_is_an_error() -> Result<()> {
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
fn false_headers_allocate_no_memory() {
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
    // A header that claims four gigabytes in a file that ends there.
    assert!(read_bytes(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}").is_err());
    assert!(read_bytes(&with_header(&"(".repeat(60_000), &[])).is_err());
    assert!(read_bytes(&with_header(&claims("(4,)"), &[0; 16])).is_ok());
}

/// A deflated stream of 1 + 258 `matches` zeros: matches of length 258 at distance 1, in 13 bits
/// each.
fn deflated_zeros(matches: usize) -> Vec<u8> {
    // From the lowest bit: the last block, with fixed codes; a zero; (length 258, distance 1); the
    // end.
    let codes = std::iter::once((0b011, 3))
        .chain([(0b0000_1100, 8)])
        .chain(std::iter::repeat_n((0b00000_10100011, 13), matches))
        .chain([(0, 7)]);
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for (code, len) in codes {
        bits |= code << count;
        count += len;
        while count >= 8 {
            bytes.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    }
    bytes.push(bits as u8);
    bytes
}

/// The checksum of ZIP and gzip.
fn crc32(bytes: impl IntoIterator<Item = u8>) -> u32 {
    let step = |crc: u32| {
        if crc & 1 == 1 {
            crc >> 1 ^ 0xedb8_8320
        } else {
            crc >> 1
        }
    };
    !bytes.into_iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc))
    })
}

/// An entry of an archive, with the sizes that its headers claim.
#[derive(Clone)]
struct Entry {
    name: String,
    /// Compressed.
    data: Vec<u8>,
    size: u64,
    crc: u32,
}

impl Entry {
    /// An array of zeros in `matches` matches; its header is in a stored block of the same stream.
    fn zeros(name: &str, header: &str, matches: usize) -> Self {
        let header = with_header(header, &[]);
        let len = u16::try_from(header.len()).unwrap();
        let mut data = vec![0];
        data.extend(len.to_le_bytes());
        data.extend((!len).to_le_bytes());
        data.extend(&header);
        data.extend(deflated_zeros(matches));
        let zeros = 1 + 258 * matches;
        Self {
            name: format!("{name}.npy"),
            data,
            size: (header.len() + zeros) as u64,
            crc: crc32(header.into_iter().chain(std::iter::repeat_n(0, zeros))),
        }
    }
}

/// An archive of these entries. Entries with the same data as the previous one share its bytes.
fn archive(entries: &[Entry]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    let mut place = 0u32;
    for (i, entry) in entries.iter().enumerate() {
        let packed = entry.data.len() as u32;
        // The fields of both headers: version 4.5, no flags, deflated, no time.
        let mut common = vec![45, 0, 0, 0, 8, 0, 0, 0, 0x21, 0];
        common.extend(entry.crc.to_le_bytes());
        // Sizes above 4 GiB follow the name.
        let large = u32::try_from(entry.size).is_err();
        let size = if large { u32::MAX } else { entry.size as u32 };
        common.extend([packed.to_le_bytes(), size.to_le_bytes()].concat());
        let extra = if large {
            [&[1, 0, 8, 0], &entry.size.to_le_bytes()[..]].concat()
        } else {
            Vec::new()
        };
        common.extend((entry.name.len() as u16).to_le_bytes());
        common.extend((extra.len() as u16).to_le_bytes());
        if i == 0 || entry.data != entries[i - 1].data {
            place = bytes.len() as u32;
            bytes.extend(b"PK\x03\x04");
            bytes.extend(&common);
            bytes.extend(entry.name.as_bytes());
            bytes.extend(&extra);
            bytes.extend(&entry.data);
        }
        directory.extend(b"PK\x01\x02\x2d\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(place.to_le_bytes());
        directory.extend(entry.name.as_bytes());
        directory.extend(&extra);
    }
    let start = bytes.len() as u32;
    let count = (entries.len() as u16).to_le_bytes();
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count, count].concat());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

fn npz_of(bytes: &[u8], limit: Option<usize>) -> cotangent::Result<Npz> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    match limit {
        None => Npz::read(file.path()),
        Some(limit) => Npz::read_with_limit(file.path(), limit),
    }
}

fn bytes_of_shape(shape: &str) -> String {
    format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}")
}

/// 400 matches are 100 kB of zeros in 700 bytes.
const MATCHES: usize = 400;
const ZEROS: usize = 1 + 258 * MATCHES;

#[test]
fn compressed_zeros_are_read() -> Result<()> {
    let entry = Entry::zeros("x", &bytes_of_shape(&format!("({ZEROS},)")), MATCHES);
    let file = npz_of(&archive(&[entry]), None)?;
    assert_eq!(file.indices("x")?, Indices::from(vec![0; ZEROS]));
    same(&file.tensor("x")?, &Tensor::zeros([ZEROS], DType::F32)?);
    Ok(())
}

#[test]
fn archives_beyond_the_limit_are_errors() -> Result<()> {
    // True sizes: 6 GB of zeros, of which only the beginning exists.
    let six = 6_000_000_000u64;
    let mut honest = Entry::zeros("x", &bytes_of_shape(&format!("({six},)")), MATCHES);
    honest.size += six - ZEROS as u64;
    // The same data a thousand times, a hundred megabytes, and ten thousand times.
    let small = Entry::zeros("x", &bytes_of_shape(&format!("({ZEROS},)")), MATCHES);
    let many = |count: usize| -> Vec<Entry> {
        let named = |i| Entry {
            name: format!("{i:05}.npy"),
            ..small.clone()
        };
        (0..count).map(named).collect()
    };
    for (name, bytes) in [
        ("honest", archive(std::slice::from_ref(&honest))),
        ("many", archive(&many(11_000))),
    ] {
        let error = npz_of(&bytes, None).expect_err(name);
        assert!(matches!(error, cotangent::Error::Format { .. }), "{error}");
        says(
            Err::<(), _>(error),
            &["more than the limit of 1073741824", "read_with_limit"],
        );
    }
    says(
        npz_of(&archive(&many(2)), Some(2 * ZEROS)),
        &["more than the limit of 206402"],
    );
    // Memory grows with the elements that are read.
    let file = npz_of(&archive(&[honest]), Some(7_000_000_000))?;
    says(file.tensor("x"), &["`x`", "truncated", "6000000000 bytes"]);
    says(file.indices("x"), &["`x`", "truncated"]);
    let file = npz_of(&archive(&many(1000)), None)?;
    assert_eq!(file.names().count(), 1000);
    assert_eq!(file.tensor("00999")?.shape(), [ZEROS]);
    assert_small();
    Ok(())
}

#[test]
fn entries_with_false_sizes_are_errors() {
    let refused = |entry: Entry, text: &str| {
        let file = npz_of(&archive(&[entry]), None).expect("the directory is sound");
        says(file.tensor("x"), &["`x`", text]);
        says(file.indices("x"), &["`x`", text]);
    };
    // 26 MB in a few bytes, more than the array's header states; the archive states them, or not.
    let large = Entry::zeros("x", &bytes_of_shape("(10,)"), 100_000);
    let header = with_header(&bytes_of_shape("(10,)"), &[]).len() as u64;
    refused(large.clone(), "expected a file of");
    let size = header + 10;
    refused(
        Entry {
            size,
            ..large.clone()
        },
        "larger than",
    );
    // The array's header states more than exists; the archive does too, or not.
    let short = Entry::zeros("x", &bytes_of_shape("(1000000,)"), 10);
    refused(short.clone(), "expected a file of");
    let size = header + 5 + 1_000_000;
    refused(Entry { size, ..short }, "truncated");
    let whole = Entry::zeros("x", &bytes_of_shape(&format!("({ZEROS},)")), MATCHES);
    refused(
        Entry {
            crc: whole.crc ^ 1,
            ..whole.clone()
        },
        "checksum",
    );
    refused(
        Entry {
            data: whole.data[..100].to_vec(),
            ..whole.clone()
        },
        "",
    );
    // Two entries of one name.
    let other = Entry {
        name: "x".to_owned(),
        ..whole.clone()
    };
    says(
        npz_of(&archive(&[whole, other]), None),
        &["two arrays have the name `x`"],
    );
    assert_small();
}

/// NumPy finds the end of an archive in the same way.
#[test]
fn bytes_behind_an_archive_are_ignored() -> Result<()> {
    let whole = std::fs::read(sample("compressed.npz"))?;
    let expected = npy::read(sample("float32.npy"))?;
    for behind in [vec![0; 512], vec![0; 10_240], b"more".to_vec()] {
        let file = npz_of(&[&whole[..], &behind].concat(), None)?;
        same(&file.tensor("x")?, &expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_bytes_cause_a_panic(
        flips in prop::collection::vec((0usize..256, any::<u8>()), 1..6),
        archive in any::<bool>(),
    ) {
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
