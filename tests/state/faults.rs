//! Invalid files: each is refused with the right kind of error, and the model is unchanged to the
//! bit.

use crate::allocations::assert_small;
use crate::{file, net};
use cotangent::prelude::*;
use cotangent::state::{Loader, StateDict, Stateful, load_bytes, to_bytes};
use std::collections::BTreeMap;

/// Returns one entry of a header.
fn entry(name: &str, dtype: &str, shape: &str, from: u64, to: u64) -> String {
    format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[{from},{to}]}}")
}

/// Returns a file with these entries and so many zero bytes.
fn entries(entries: &[String], data: usize) -> Vec<u8> {
    file(&format!("{{{}}}", entries.join(",")), data)
}

fn model() -> Result<Linear> {
    Linear::new(2, 1, &mut ChaCha8Rng::seed_from_u64(0))
}

fn weight() -> String {
    entry("weight", "F32", "[1,2]", 0, 8)
}

fn bias() -> String {
    entry("bias", "F32", "[1]", 8, 12)
}

/// Asserts that all loaders refuse the file as invalid.
#[track_caller]
fn invalid(what: &str, bytes: &[u8]) -> Result<()> {
    let mut model = model()?;
    let before = to_bytes(&model)?;
    for loader in [
        Loader::new(),
        Loader::new().allow_missing().allow_unused(),
        Loader::new().select("bias")?,
        Loader::new().strip_prefix("x"),
    ] {
        let error = loader.load_bytes(&mut model, bytes).expect_err(what);
        assert!(matches!(error, Error::Format { .. }), "{what}: {error}");
        let text = error.to_string();
        assert!(
            text.starts_with("bytes in memory: not a valid safetensors file: "),
            "{what}: {text}"
        );
        assert_eq!(to_bytes(&model)?, before, "{what}");
    }
    assert_small();
    Ok(())
}

#[test]
fn truncated_files_are_refused_at_every_length() -> Result<()> {
    let bytes = to_bytes(&net(1)?)?;
    let mut model = net(2)?;
    let before = to_bytes(&model)?;
    let tolerant = Loader::new().allow_missing().allow_unused();
    for len in 0..bytes.len() {
        for loader in [&Loader::new(), &tolerant] {
            let error = loader
                .load_bytes(&mut model, &bytes[..len])
                .expect_err("a truncated file must be refused");
            assert!(matches!(error, Error::Format { .. }), "{len}: {error}");
        }
    }
    assert_eq!(to_bytes(&model)?, before);
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(load_bytes(&mut model, &longer).is_err());
    assert_eq!(to_bytes(&model)?, before);
    assert_small();
    load_bytes(&mut model, &bytes)
}

#[test]
fn wrong_header_lengths_are_refused() -> Result<()> {
    let sound = entries(&[weight(), bias()], 12);
    let truth = u64::from_le_bytes(*sound.first_chunk().expect("a length"));
    let lies = (0..2 * sound.len() as u64).filter(|length| *length != truth);
    for length in lies.chain([
        100_000_000,
        100_000_001,
        1 << 30,
        1 << 40,
        i64::MAX as u64,
        u64::MAX,
    ]) {
        let mut lying = sound.clone();
        lying[..8].copy_from_slice(&length.to_le_bytes());
        invalid(&format!("a header of {length} bytes"), &lying)?;
    }
    load_bytes(&mut model()?, &sound)
}

#[test]
fn wrong_offsets_are_refused() -> Result<()> {
    // All wrong pairs of offsets, and some that are larger than any file.
    let huge = [1 << 30, 1 << 40, i64::MAX as u64, u64::MAX];
    let places: Vec<u64> = (0..=14).chain(huge).collect();
    for &from in &places {
        for &to in &places {
            if (from, to) != (8, 12) {
                let header = [weight(), entry("bias", "F32", "[1]", from, to)];
                invalid(&format!("bias at {from} to {to}"), &entries(&header, 12))?;
            }
        }
    }
    Ok(())
}

#[test]
fn malformed_headers_are_refused() -> Result<()> {
    let cases = [
        ("nothing", vec![]),
        ("only a length", 0u64.to_le_bytes().to_vec()),
        ("no JSON", file("{weight", 12)),
        ("no object", file("[]", 0)),
        ("a number", file("1", 0)),
        ("two objects", file("{}{}", 0)),
        ("no UTF-8", {
            let mut bytes = entries(&[weight(), bias()], 12);
            bytes[11] = 0xff;
            bytes
        }),
        (
            "deep nesting",
            file(&format!("{{\"a\":{}", "[".repeat(100_000)), 0),
        ),
    ];
    for (what, bytes) in cases {
        invalid(what, &bytes)?;
    }
    Ok(())
}

#[test]
fn gaps_and_overlaps_in_the_data_are_refused() -> Result<()> {
    let cases = [
        (
            "a gap",
            entries(&[weight(), entry("bias", "F32", "[1]", 12, 16)], 16),
        ),
        (
            "a gap in front",
            entries(&[entry("bias", "F32", "[1]", 4, 8)], 8),
        ),
        ("bytes behind", entries(&[weight(), bias()], 13)),
        (
            "an overlap",
            entries(&[weight(), entry("bias", "F32", "[1]", 4, 8)], 8),
        ),
        (
            "all of it shared",
            entries(&[weight(), entry("bias", "F32", "[2]", 0, 8)], 8),
        ),
        ("offsets beyond the data", entries(&[weight()], 4)),
        (
            "offsets in the wrong order",
            entries(&[entry("weight", "F32", "[1,2]", 8, 0)], 8),
        ),
    ];
    for (what, bytes) in cases {
        invalid(what, &bytes)?;
    }
    Ok(())
}

#[test]
fn wrong_shapes_are_refused() -> Result<()> {
    let one = |shape: &str, to: u64| entries(&[entry("weight", "F32", shape, 0, to)], 8);
    let gigabyte = 1 << 30;
    let cases = [
        ("a shape that is not the size", one("[2,2]", 8)),
        ("a size that is no multiple", one("[1,2]", 7)),
        ("a negative length", one("[-1,2]", 8)),
        ("a length with a fraction", one("[1.0,2]", 8)),
        ("a length as text", one("[\"1\",2]", 8)),
        ("no shape", one("null", 8)),
        ("1 GiB", one(&format!("[{}]", gigabyte / 4), gigabyte)),
        ("1 TiB", one("[1048576,262144]", 1 << 40)),
        ("1 TiB, but for the offsets", one("[1048576,262144]", 8)),
        ("2^66 elements", one("[4294967296,4294967296,4]", 8)),
        (
            "2^64 elements, which would be 0",
            one("[4294967296,4294967296]", 0),
        ),
        (
            "2^64 + 2 bytes of 2^62 + … elements",
            one("[4611686018427387906]", 8),
        ),
        ("a length beyond 2^64", one("[18446744073709551616]", 8)),
    ];
    for (what, bytes) in cases {
        invalid(what, &bytes)?;
    }
    Ok(())
}

#[test]
fn unknown_dtypes_are_refused() -> Result<()> {
    let cases = [
        (
            "no such dtype",
            entries(&[entry("weight", "F12", "[1,2]", 0, 8), bias()], 12),
        ),
        (
            "a dtype in small letters",
            entries(&[entry("weight", "f32", "[1,2]", 0, 8), bias()], 12),
        ),
    ];
    for (what, bytes) in cases {
        invalid(what, &bytes)?;
    }
    Ok(())
}

#[test]
fn repeated_names_are_refused() -> Result<()> {
    let cases = [
        (
            "one name twice",
            entries(&[entry("bias", "F32", "[2]", 0, 8), bias()], 12),
        ),
        ("one entry twice", entries(&[weight(), weight()], 8)),
        (
            "one name of three twice",
            entries(&[weight(), bias(), bias()], 12),
        ),
        (
            "one name twice, written differently",
            entries(
                &[weight(), bias(), entry("b\\u0069as", "F32", "[1]", 8, 12)],
                12,
            ),
        ),
        (
            "one empty tensor twice",
            entries(
                &[
                    weight(),
                    entry("x", "F32", "[0]", 0, 0),
                    entry("x", "F32", "[0]", 8, 8),
                ],
                8,
            ),
        ),
        (
            "one field twice",
            file(
                "{\"bias\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\
                 \"shape\":[1],\"data_offsets\":[0,4]}}",
                4,
            ),
        ),
        (
            "metadata twice",
            file(
                &format!(
                    "{{\"__metadata__\":{{}},{},{},\"__metadata__\":{{}}}}",
                    weight(),
                    bias()
                ),
                12,
            ),
        ),
        (
            "metadata that is a tensor",
            entries(&[weight(), entry("__metadata__", "F32", "[1]", 8, 12)], 12),
        ),
        (
            "three offsets",
            file(
                "{\"bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}",
                4,
            ),
        ),
        (
            "no offsets",
            file("{\"bias\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4),
        ),
    ];
    for (what, bytes) in cases {
        invalid(what, &bytes)?;
    }
    let text =
        load_bytes(&mut model()?, &entries(&[weight(), bias(), bias()], 12)).expect_err("twice");
    assert!(
        text.to_string().contains("the name `bias` occurs twice"),
        "{text}"
    );
    Ok(())
}

#[test]
fn valid_files_of_unusual_form_are_loaded() -> Result<()> {
    for (what, bytes) in [
        (
            "in another order",
            entries(
                &[
                    entry("bias", "F32", "[1]", 0, 4),
                    entry("weight", "F32", "[1,2]", 4, 12),
                ],
                12,
            ),
        ),
        (
            "with metadata",
            file(
                &format!(
                    "{{\"__metadata__\":{{\"format\":\"pt\"}},{},{}}}",
                    weight(),
                    bias()
                ),
                12,
            ),
        ),
        (
            "with no metadata",
            file(
                &format!("{{\"__metadata__\":null,{},{}}}", weight(), bias()),
                12,
            ),
        ),
        (
            "with spaces",
            file(&format!(" {{ {} ,\n{} }}   ", weight(), bias()), 12),
        ),
        (
            "with escapes",
            entries(&[entry("w\\u0065ight", "F32", "[1,2]", 0, 8), bias()], 12),
        ),
    ] {
        let mut model = model()?;
        load_bytes(&mut model, &bytes).expect(what);
        assert_eq!(model.weight.value().to_f64_vec(), [0.0, 0.0], "{what}");
    }
    Ok(())
}

#[test]
fn other_dtypes_are_named() -> Result<()> {
    for (dtype, size) in [
        ("F64", 8),
        ("I8", 1),
        ("U8", 1),
        ("BOOL", 1),
        ("I16", 2),
        ("I32", 4),
        ("U32", 4),
        ("I64", 8),
        ("U64", 8),
        ("F8_E5M2", 1),
        ("F8_E4M3", 1),
        ("C64", 8),
    ] {
        let mut model = model()?;
        let before = to_bytes(&model)?;
        let header = [weight(), entry("bias", dtype, "[1]", 8, 8 + size)];
        let bytes = entries(&header, 8 + usize::try_from(size).expect("small"));
        let error = load_bytes(&mut model, &bytes).expect_err(dtype);
        assert!(matches!(error, Error::State { .. }), "{dtype}: {error}");
        assert_eq!(
            error.to_string(),
            format!(
                "bytes in memory: nothing was loaded: `bias`: expected dtype f32, found {dtype}"
            )
        );
        assert_eq!(to_bytes(&model)?, before, "{dtype}");
    }
    Ok(())
}

/// Returns a file with one tensor.
fn one_tensor(name: &str, dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = entry(name, dtype, shape, 0, data.len() as u64);
    let mut bytes = file(&format!("{{{header}}}"), 0);
    bytes.extend(data);
    bytes
}

#[test]
fn narrower_numbers_load_exactly() -> Result<()> {
    // 1, -2, the largest and the smallest, the two zeros, infinity.
    let f16 = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x0000, 0x8000, 0x7c00u16];
    let f16_values = [1.0, -2.0, 65504.0, 2f64.powi(-24), 0.0, -0.0, f64::INFINITY];
    let bf16 = [0x3f80, 0xc000, 0x7f7f, 0x0001, 0x0000, 0x8000, 0x7f80u16];
    let largest = 255.0 / 128.0 * 2f64.powi(127);
    let bf16_values = [
        1.0,
        -2.0,
        largest,
        2f64.powi(-133),
        0.0,
        -0.0,
        f64::INFINITY,
    ];
    let f32_values = [0.1f32, -2.0, f32::MAX, 1e-45, 0.0, -0.0, f32::INFINITY];
    let halves = |bits: &[u16]| bits.iter().flat_map(|x| x.to_le_bytes()).collect();
    let singles = f32_values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let cases: [(&str, Vec<u8>, [f64; 7]); 3] = [
        ("F16", halves(&f16), f16_values),
        ("BF16", halves(&bf16), bf16_values),
        ("F32", singles, f32_values.map(f64::from)),
    ];
    let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    for (stored, data, expected) in &cases {
        for dtype in [DType::F32, DType::F64] {
            let file = one_tensor("x", stored, "[7]", data);
            let new = || {
                BTreeMap::from([(
                    "x".to_owned(),
                    Param::new(&Tensor::zeros([7], dtype).expect("7")),
                )])
            };
            let state = StateDict::from_bytes(&file)?;
            let (mut loaded, mut renamed, mut stateful) = (new(), new(), new());
            load_bytes(&mut loaded, &file)?;
            let other = one_tensor("y", stored, "[7]", data);
            Loader::new()
                .rename("y", "x")?
                .load_bytes(&mut renamed, &other)?;
            stateful.load_state(&state)?;
            for model in [loaded, renamed, stateful] {
                let value = model["x"].value();
                assert_eq!(value.dtype(), dtype, "{stored}");
                assert_eq!(
                    bits(&value.to_f64_vec()),
                    bits(expected),
                    "{stored} {dtype}"
                );
            }
        }
        // A buffer, and NaN.
        let nan = match *stored {
            "F16" => 0x7e00u16.to_le_bytes().to_vec(),
            "BF16" => 0x7fc0u16.to_le_bytes().to_vec(),
            _ => f32::NAN.to_le_bytes().to_vec(),
        };
        let mut buffer = [Buffer::new(&Tensor::scalar(1.0f64))];
        load_bytes(&mut buffer, &one_tensor("0", stored, "[]", &nan))?;
        assert!(buffer[0].value().item()?.is_nan(), "{stored}");
        // A counter does not load any of them.
        let error = load_bytes(&mut [Counter::new(1)], &one_tensor("0", stored, "[]", &nan))
            .expect_err("a number is no count");
        let says = format!("expected a scalar of dtype I64, found {stored} ()");
        assert!(error.to_string().contains(&says), "{error}");
    }
    Ok(())
}

#[test]
fn the_metadata_says_pytorch() -> Result<()> {
    let saved = to_bytes(&model()?)?;
    let start = "{\"__metadata__\":{\"format\":\"pt\"},\"";
    assert_eq!(&saved[8..8 + start.len()], start.as_bytes());
    let state = model()?.state()?;
    assert!(state.to_bytes()? == saved);
    // The metadata is not an entry.
    assert_eq!(StateDict::from_bytes(&saved)?.len(), state.len());
    Ok(())
}

#[test]
fn counts_are_scalars_that_are_not_negative() -> Result<()> {
    let count = |dtype: &str, shape: &str, bytes: &[u8]| {
        let mut all = file(
            &format!("{{{}}}", entry("0", dtype, shape, 0, bytes.len() as u64)),
            0,
        );
        all.extend(bytes);
        all
    };
    let model = [Counter::new(7)];
    for (bytes, expected) in [
        (
            count("I64", "[]", &(-1i64).to_le_bytes()),
            "expected a count, found a negative number",
        ),
        (
            count("I64", "[1]", &[0; 8]),
            "expected a scalar of dtype I64, found I64 (1,)",
        ),
        (
            count("U64", "[]", &[0; 8]),
            "expected a scalar of dtype I64, found U64 ()",
        ),
        (
            count("F64", "[]", &[0; 8]),
            "expected a scalar of dtype I64, found F64 ()",
        ),
        (
            count("I32", "[]", &[0; 4]),
            "expected a scalar of dtype I64, found I32 ()",
        ),
        (
            count("I64", "[0]", &[]),
            "expected a scalar of dtype I64, found I64 (0,)",
        ),
    ] {
        let mut loaded = model.clone();
        let error = load_bytes(&mut loaded, &bytes).expect_err(expected);
        assert!(
            error.to_string().ends_with(&format!("`0`: {expected}")),
            "{error}"
        );
        assert_eq!(loaded[0].get(), 7);
    }
    // The largest that can be saved, and the first that cannot.
    let largest = [Counter::new(i64::MAX as u64)];
    let mut loaded = model.clone();
    load_bytes(&mut loaded, &to_bytes(&largest)?)?;
    assert_eq!(loaded[0].get(), i64::MAX as u64);
    let error = to_bytes(&[Counter::new(1 << 63)]).expect_err("it would come back negative");
    assert!(
        error
            .to_string()
            .contains("`0`: 9223372036854775808 is too large"),
        "{error}"
    );
    Ok(())
}

#[test]
fn every_bit_of_a_value_survives() -> Result<()> {
    // Signalling and quiet NaNs with payloads, of both signs; the ends of each range.
    let single = [
        0x7fc0_0000u32,
        0x7fc1_2345,
        0xffc1_2345,
        0x7f80_0001,
        0xff80_0001,
        0x7fff_ffff,
        0x7f80_0000,
        0xff80_0000,
        0x8000_0000,
        0x0000_0000,
        0x0000_0001,
        0x8000_0001,
        0x007f_ffff,
        0x0080_0000,
        0x7f7f_ffff,
        0xff7f_ffff,
    ];
    let double = single.map(|bits| {
        let top = u64::from(bits) << 32;
        // The same kinds of numbers, with exponents of 11 bits.
        (top & (1 << 63)) | ((top & 0x7fff_ffff_0000_0000) >> 3) | (top & 0x7f80_0000_0000_0000) | 1
    });
    let build = |single: &[u32], double: &[u64]| -> Result<_> {
        let f32s: Vec<f32> = single.iter().copied().map(f32::from_bits).collect();
        let f64s: Vec<f64> = double.iter().copied().map(f64::from_bits).collect();
        Ok((
            Param::new(&Tensor::from_vec(f32s.clone(), [4, 4])?),
            Buffer::new(&Tensor::from_vec(f64s.clone(), [2, 8])?),
            Buffer::new(&Tensor::from_vec(f32s, [16])?),
            Param::new(&Tensor::from_vec(f64s, [16])?),
        ))
    };
    let saved = build(&single, &double)?;
    let mut loaded = build(&[0; 16], &[0; 16])?;
    load_bytes(&mut loaded, &to_bytes(&saved)?)?;
    let f32_bits = |tensor: &Tensor| -> Result<Vec<u32>> {
        Ok(tensor
            .to_vec::<f32>()?
            .into_iter()
            .map(f32::to_bits)
            .collect())
    };
    let f64_bits = |tensor: &Tensor| -> Result<Vec<u64>> {
        Ok(tensor
            .to_vec::<f64>()?
            .into_iter()
            .map(f64::to_bits)
            .collect())
    };
    assert_eq!(f32_bits(loaded.0.value())?, single);
    assert_eq!(f64_bits(&loaded.1.value())?, double);
    assert_eq!(f32_bits(&loaded.2.value())?, single);
    assert_eq!(f64_bits(loaded.3.value())?, double);
    Ok(())
}
