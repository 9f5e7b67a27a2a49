//! The IDX reader with valid, truncated, dishonest, damaged and random files.

use std::fs;
use std::io::Write;

use cotangent_data::idx::{self, Array, Fault, Values};
use cotangent_data::{Error, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::collection::vec;
use proptest::prelude::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn header(code: u8, lengths: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0, 0, code, u8::try_from(lengths.len()).unwrap()];
    bytes.extend(lengths.iter().flat_map(|length| length.to_be_bytes()));
    bytes
}

fn file(lengths: &[u32], values: &Values) -> Vec<u8> {
    fn body<T: Copy, const N: usize>(values: &[T], encode: fn(T) -> [u8; N]) -> Vec<u8> {
        values.iter().flat_map(|&value| encode(value)).collect()
    }
    let (code, body) = match values {
        Values::U8(values) => (0x08, values.clone()),
        Values::I8(values) => (0x09, body(values, i8::to_be_bytes)),
        Values::I16(values) => (0x0B, body(values, i16::to_be_bytes)),
        Values::I32(values) => (0x0C, body(values, i32::to_be_bytes)),
        Values::F32(values) => (0x0D, body(values, f32::to_be_bytes)),
        Values::F64(values) => (0x0E, body(values, f64::to_be_bytes)),
        other => panic!("no code for {other:?}"),
    };
    [header(code, lengths), body].concat()
}

fn fault(result: Result<Array>) -> Fault {
    match result {
        Err(Error::Idx { fault, .. }) => fault,
        other => panic!("expected a fault, found {other:?}"),
    }
}

fn example() -> Vec<u8> {
    file(&[2, 3], &Values::U8(vec![1, 2, 3, 4, 5, 6]))
}

/// Generates a shape and as many values as it needs.
fn arrays() -> impl Strategy<Value = (Vec<u32>, Values)> {
    vec(0_u32..5, 1..5).prop_flat_map(|lengths| {
        let count = lengths.iter().product::<u32>() as usize;
        let values = prop_oneof![
            vec(any::<u8>(), count).prop_map(Values::U8),
            vec(any::<i8>(), count).prop_map(Values::I8),
            vec(any::<i16>(), count).prop_map(Values::I16),
            vec(any::<i32>(), count).prop_map(Values::I32),
            vec(any::<f32>(), count).prop_map(Values::F32),
            vec(any::<f64>(), count).prop_map(Values::F64),
        ];
        (Just(lengths), values)
    })
}

/// Checks that the shape and the values of an accepted array agree.
fn check_consistent(array: &Array) {
    assert!(!array.shape().is_empty());
    assert_eq!(
        array.shape().iter().product::<usize>(),
        array.values().len()
    );
}

proptest! {
    #[test]
    fn arrays_round_trip((lengths, values) in arrays(), cut in any::<prop::sample::Index>()) {
        let bytes = file(&lengths, &values);
        let shape: Vec<usize> = lengths.iter().map(|&length| length as usize).collect();
        let (left, right) = bytes.split_at(cut.index(bytes.len()));
        let two_members = [gzip(left), gzip(right)].concat();
        for stored in [&bytes, &gzip(&bytes), &two_members] {
            let array = idx::parse(stored).unwrap();
            prop_assert_eq!(array.shape(), &shape[..]);
            prop_assert_eq!(array.values(), &values);
        }
    }

    #[test]
    fn random_bytes_are_an_error_or_an_array(bytes in vec(any::<u8>(), 0..64)) {
        if let Ok(array) = idx::parse(&bytes) {
            check_consistent(&array);
        }
    }

    #[test]
    fn random_bytes_behind_a_valid_start_are_an_error_or_an_array(
        code in prop_oneof![Just(0x08_u8), 0x08_u8..0x0F],
        axes in any::<u8>(),
        rest in vec(prop_oneof![Just(0_u8), 0_u8..4, any::<u8>()], 0..64),
        compressed in any::<bool>(),
    ) {
        let bytes = [vec![0, 0, code, axes], rest].concat();
        if let Ok(array) = idx::parse(&if compressed { gzip(&bytes) } else { bytes }) {
            check_consistent(&array);
        }
    }

    #[test]
    fn mutated_files_are_an_error_or_an_array(
        (lengths, values) in arrays(),
        mutations in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        compressed in any::<bool>(),
    ) {
        let mut bytes = file(&lengths, &values);
        if compressed {
            bytes = gzip(&bytes);
        }
        for (position, value) in mutations {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        if let Ok(array) = idx::parse(&bytes) {
            check_consistent(&array);
        }
    }

    #[test]
    fn wrong_lengths_are_an_error(
        lengths in vec(1_u32.., 1..256),
        body in vec(any::<u8>(), 0..16),
    ) {
        let claimed = lengths.iter().try_fold(1_u64, |n, &length| n.checked_mul(length.into()));
        prop_assume!(claimed != Some(body.len() as u64));
        let bytes = [header(0x08, &lengths), body].concat();
        for stored in [&bytes, &gzip(&bytes)] {
            let found = fault(idx::parse(stored));
            let is_about_size = matches!(
                found,
                Fault::Truncated { .. }
                    | Fault::TrailingBytes { .. }
                    | Fault::OverLimit { .. }
                    | Fault::SizeOverflow { .. }
            );
            prop_assert!(is_about_size, "{}", found);
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_is_truncated() {
    let bytes = example();
    let compressed = gzip(&bytes);
    idx::parse(&bytes).unwrap();
    idx::parse(&compressed).unwrap();

    for length in 0..bytes.len() {
        let found = fault(idx::parse(&bytes[..length]));
        let expected = match length {
            0..4 => Fault::TruncatedHeader {
                expected: 4,
                found: length,
            },
            4..12 => Fault::TruncatedHeader {
                expected: 12,
                found: length,
            },
            _ => Fault::Truncated {
                shape: vec![2, 3],
                expected: 6,
                found: length - 12,
            },
        };
        assert_eq!(found, expected);
    }
    for length in 0..compressed.len() {
        match fault(idx::parse(&compressed[..length])) {
            Fault::TruncatedHeader { found, .. } => assert!(length < 2 && found == length),
            Fault::DamagedGzip { .. } => assert!(length >= 2),
            other => panic!("cut at {length}: {other}"),
        }
    }
}

#[test]
fn bytes_after_the_last_element_are_an_error() {
    let trailing = Fault::TrailingBytes {
        shape: vec![2, 3],
        expected: 6,
    };
    let longer = [example(), vec![0]].concat();
    assert_eq!(fault(idx::parse(&longer)), trailing);
    assert_eq!(fault(idx::parse(&gzip(&longer))), trailing);
    assert_eq!(
        fault(idx::parse(&[gzip(&example()), gzip(&[7])].concat())),
        trailing
    );
    let behind_gzip = [gzip(&example()), b"more".to_vec()].concat();
    assert!(matches!(
        fault(idx::parse(&behind_gzip)),
        Fault::DamagedGzip { .. }
    ));
}

#[test]
fn zeros_behind_gzip_are_skipped() {
    let bytes = example();
    let expected = idx::parse(&bytes).unwrap();
    let whole = gzip(&bytes);
    let (left, right) = bytes.split_at(7);
    let zeros = |count| vec![0u8; count];
    // A byte, a block of a disk, a block of a tape, and more than any buffer.
    for count in [1, 2, 512, 10_240, 100_000] {
        for stored in [
            [whole.clone(), zeros(count)].concat(),
            // Zeros between members too: each piece may have been padded by itself.
            [gzip(left), zeros(count), gzip(right), zeros(count)].concat(),
            [whole.clone(), zeros(count), gzip(&[]), zeros(1)].concat(),
        ] {
            assert_eq!(idx::parse(&stored).unwrap(), expected, "{count}");
        }
        // Other bytes are errors, and zeros do not replace missing data.
        for stored in [
            [whole.clone(), zeros(count), vec![1]].concat(),
            [whole.clone(), zeros(count), b"more".to_vec(), zeros(count)].concat(),
            [whole.clone(), zeros(count), vec![0x1f, 0x8b]].concat(),
            [whole[..whole.len() - 1].to_vec(), vec![1], zeros(count)].concat(),
            [whole.clone(), zeros(count), whole[..9].to_vec()].concat(),
        ] {
            assert!(
                matches!(fault(idx::parse(&stored)), Fault::DamagedGzip { .. }),
                "{count}"
            );
        }
    }
    // Elements of zero after the last one are not padding.
    let longer = [bytes, zeros(512)].concat();
    for stored in [gzip(&longer), longer] {
        let found = fault(idx::parse(&stored));
        assert!(matches!(found, Fault::TrailingBytes { .. }), "{found}");
    }
}

#[test]
fn a_wrong_checksum_is_an_error() {
    let mut compressed = gzip(&example());
    let checksum = compressed.len() - 8;
    compressed[checksum] ^= 1;
    assert!(matches!(
        fault(idx::parse(&compressed)),
        Fault::DamagedGzip { .. }
    ));
}

#[test]
fn every_part_of_the_header_is_checked() {
    assert_eq!(
        fault(idx::parse(b"<!DOCTYPE html>")),
        Fault::NotIdx { found: *b"<!" }
    );
    for code in (0..=u8::MAX).filter(|code| ![0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E].contains(code)) {
        assert_eq!(
            fault(idx::parse(&header(code, &[0]))),
            Fault::UnknownElementType { code }
        );
    }
    assert_eq!(fault(idx::parse(&header(0x08, &[]))), Fault::NoAxes);

    let shape = vec![u32::MAX; 255];
    assert_eq!(
        fault(idx::parse(&header(0x08, &shape))),
        Fault::SizeOverflow { shape }
    );
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_tebibyte_exceeds_the_limit() {
    let shape = vec![1 << 20, 1 << 20];
    let needed = 1 << 40;
    let over = Fault::OverLimit {
        shape: shape.clone(),
        needed,
        limit: idx::DEFAULT_LIMIT,
    };
    assert_eq!(fault(idx::parse(&header(0x08, &shape))), over);
}

#[test]
fn the_limit_is_inclusive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("six");
    fs::write(&path, example()).unwrap();
    assert_eq!(idx::read_with_limit(&path, 6).unwrap().values().len(), 6);
    let over = Fault::OverLimit {
        shape: vec![2, 3],
        needed: 6,
        limit: 5,
    };
    assert_eq!(fault(idx::read_with_limit(&path, 5)), over);
}

#[test]
fn gzip_is_detected_by_content_and_errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let expected = idx::parse(&example()).unwrap();
    for (name, content) in [("raw.gz", example()), ("compressed", gzip(&example()))] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        assert_eq!(idx::read(&path).unwrap(), expected);
    }

    let path = folder.path().join("short");
    fs::write(&path, &example()[..15]).unwrap();
    let text = idx::read(&path).unwrap_err().to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
    assert!(
        text.contains("the shape [2, 3] in the header asks for 6 bytes"),
        "{text}"
    );
    assert!(text.contains("the file has 3"), "{text}");

    for path in [folder.path().join("absent"), folder.path().to_owned()] {
        let error = idx::read(&path).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        assert!(
            error.to_string().contains(&path.display().to_string()),
            "{error}"
        );
    }
}

#[test]
fn tensors_hold_every_value_exactly() {
    let tensor = |values| {
        idx::parse(&file(&[1, 2], &values))
            .unwrap()
            .to_tensor()
            .unwrap()
    };
    for (values, expected) in [
        (Values::U8(vec![0, 255]), [0.0, 255.0]),
        (Values::I8(vec![-128, 127]), [-128.0, 127.0]),
        (Values::I16(vec![-32768, 32767]), [-32768.0, 32767.0]),
        (Values::F32(vec![0.1, -0.0]), [0.1, -0.0]),
    ] {
        let tensor = tensor(values);
        assert_eq!(tensor.shape(), [1, 2]);
        assert_eq!(tensor.to_vec::<f32>().unwrap(), expected);
    }
    let integers = tensor(Values::I32(vec![i32::MIN, i32::MAX]));
    assert_eq!(
        integers.to_vec::<f64>().unwrap(),
        [-2147483648.0, 2147483647.0]
    );
    let doubles = tensor(Values::F64(vec![0.1, f64::MAX]));
    assert_eq!(doubles.to_vec::<f64>().unwrap(), [0.1, f64::MAX]);
}

#[test]
fn indices_are_integers_from_zero_on() {
    let indices = |values| idx::parse(&file(&[2], &values)).unwrap().to_indices();
    for values in [
        Values::U8(vec![3, 9]),
        Values::I8(vec![3, 9]),
        Values::I16(vec![3, 9]),
    ] {
        assert_eq!(indices(values).unwrap().as_slice(), [3, 9]);
    }
    assert_eq!(
        indices(Values::I32(vec![0, i32::MAX])).unwrap().as_slice(),
        [0, 2147483647]
    );

    let text = indices(Values::I32(vec![3, -9])).unwrap_err().to_string();
    assert!(text.contains("position 1") && text.contains("-9"), "{text}");
    for values in [Values::F32(vec![1.0, 2.0]), Values::F64(vec![1.0, 2.0])] {
        let name = values.type_name();
        let text = indices(values).unwrap_err().to_string();
        assert!(text.contains(name), "{text}");
    }
}
