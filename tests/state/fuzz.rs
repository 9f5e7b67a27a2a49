//! Files with random damage: loading returns a typed error and leaves the model unchanged, or it
//! returns a model of the same structure. It never panics, and never allocates much memory.
//!
//! In the test suite this takes about a second. For longer:
//!
//! ```text
//! FUZZ_SECONDS=600 cargo test -p cotangent-tests --test state fuzz -- --ignored --nocapture
//! ```

use crate::allocations::assert_small;
use crate::trees::{Tree, can_be_saved, tree};
use cotangent::prelude::*;
use cotangent::state::{Loader, load_bytes, to_bytes};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// One way to damage a file.
#[derive(Clone, Debug)]
enum Damage {
    FlipBit(Index, u8),
    SetByte(Index, u8),
    /// A bit of the data, where every value is valid.
    FlipValue(Index, u8),
    Truncate(Index),
    Append(Vec<u8>),
    /// The file once more, after the file or after its first bytes.
    Concatenate(Index),
    /// A piece of the file in place of another.
    Copy(Index, Index, usize),
    Remove(Index, usize),
    HeaderLength(u64),
    Random(Vec<u8>),
    /// A piece of text in the header, whose length is corrected.
    Insert(Index, &'static str),
    Header(Vec<HeaderDamage>),
}

/// One way to damage a header that stays JSON, if its texts allow.
#[derive(Clone, Debug)]
enum HeaderDamage {
    Drop(Index),
    Repeat(Index),
    Swap(Index, Index),
    Rename(Index, &'static str),
    /// The name of another entry.
    Namesake(Index, Index),
    DType(Index, &'static str),
    Shape(Index, Index, &'static str),
    Rank(Index, bool),
    /// The axes in reverse order.
    Transpose(Index),
    Offset(Index, bool, &'static str),
    /// The offsets of another entry.
    Overlap(Index, Index),
    Shift(Index, i64),
}

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "4",
    "8",
    "-1",
    "-0",
    "1.0",
    "1e3",
    "1e400",
    "true",
    "null",
    "\"1\"",
    "[1]",
    "{}",
    "1073741824",
    "1099511627776",
    "4294967296",
    "4611686018427387904",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "0x10",
    "01",
    "",
];
const DTYPES: &[&str] = &[
    "F32", "I32", "U32", "F64", "F16", "BF16", "I64", "U64", "I8", "BOOL", "C64", "F4", "F6_E2M3",
    "F8_E8M0", "F12", "f32", "",
];
const NAMES: &[&str] = &[
    "",
    "0",
    "weight",
    "0.weight",
    "__metadata__",
    "\\u0030",
    "\\ud800",
    "\\",
    "a\\nb",
    "é",
    ".",
];
const TEXTS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "[[[[[[[[",
    "\"__metadata__\":{\"a\":\"b\"},",
    "\"__metadata__\":null,",
    "\"x\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},",
    "\u{0}",
    "\u{feff}",
    " ",
    "\"dtype\":\"F32\",",
];

fn header_damage() -> impl Strategy<Value = HeaderDamage> {
    use proptest::sample::select;
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(HeaderDamage::Drop),
        at().prop_map(HeaderDamage::Repeat),
        (at(), at()).prop_map(|(a, b)| HeaderDamage::Swap(a, b)),
        (at(), select(NAMES)).prop_map(|(at, name)| HeaderDamage::Rename(at, name)),
        (at(), at()).prop_map(|(a, b)| HeaderDamage::Namesake(a, b)),
        (at(), select(DTYPES)).prop_map(|(at, dtype)| HeaderDamage::DType(at, dtype)),
        (at(), at(), select(NUMBERS)).prop_map(|(at, axis, n)| HeaderDamage::Shape(at, axis, n)),
        (at(), any::<bool>()).prop_map(|(at, more)| HeaderDamage::Rank(at, more)),
        at().prop_map(HeaderDamage::Transpose),
        (at(), any::<bool>(), select(NUMBERS))
            .prop_map(|(at, end, n)| HeaderDamage::Offset(at, end, n)),
        (at(), at()).prop_map(|(a, b)| HeaderDamage::Overlap(a, b)),
        (at(), -9i64..9).prop_map(|(at, by)| HeaderDamage::Shift(at, by)),
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    use proptest::collection::vec;
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), 0u8..8).prop_map(|(at, bit)| Damage::FlipBit(at, bit)),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::SetByte(at, byte)),
        2 => (at(), 0u8..8).prop_map(|(at, bit)| Damage::FlipValue(at, bit)),
        1 => at().prop_map(Damage::Truncate),
        1 => vec(any::<u8>(), 1..20).prop_map(Damage::Append),
        1 => at().prop_map(Damage::Concatenate),
        1 => (at(), at(), 1usize..40).prop_map(|(from, to, len)| Damage::Copy(from, to, len)),
        1 => (at(), 1usize..40).prop_map(|(at, len)| Damage::Remove(at, len)),
        1 => prop_oneof![any::<u64>(), 0u64..2000, Just(100_000_000), Just(1 << 40)]
            .prop_map(Damage::HeaderLength),
        1 => vec(any::<u8>(), 0..200).prop_map(Damage::Random),
        3 => (at(), proptest::sample::select(TEXTS))
            .prop_map(|(at, text)| Damage::Insert(at, text)),
        8 => vec(header_damage(), 1..3).prop_map(Damage::Header),
    ]
}

/// One entry of a header, with its parts as texts.
#[derive(Clone)]
struct Entry {
    name: String,
    dtype: String,
    shape: Vec<String>,
    offsets: [String; 2],
}

/// Returns the entries of a file and its data, or `None` if the file is not valid any more.
fn entries(file: &[u8]) -> Option<(Vec<Entry>, Vec<u8>)> {
    let (header, metadata) = safetensors::SafeTensors::read_metadata(file).ok()?;
    let entry = |name: String| {
        let info = metadata.info(&name)?;
        Some(Entry {
            name: format!("{name:?}").trim_matches('"').to_owned(),
            dtype: info.dtype.to_string(),
            shape: info.shape.iter().map(ToString::to_string).collect(),
            offsets: [
                info.data_offsets.0.to_string(),
                info.data_offsets.1.to_string(),
            ],
        })
    };
    let entries: Option<Vec<Entry>> = metadata.offset_keys().into_iter().map(entry).collect();
    Some((entries?, file[8 + header..].to_vec()))
}

impl HeaderDamage {
    fn apply(&self, entries: &mut Vec<Entry>) {
        let n = entries.len();
        if n == 0 {
            return;
        }
        match self {
            Self::Drop(at) => drop(entries.remove(at.index(n))),
            Self::Repeat(at) => entries.push(entries[at.index(n)].clone()),
            Self::Swap(a, b) => entries.swap(a.index(n), b.index(n)),
            Self::Rename(at, name) => (*name).clone_into(&mut entries[at.index(n)].name),
            Self::Namesake(a, b) => entries[a.index(n)].name = entries[b.index(n)].name.clone(),
            Self::DType(at, dtype) => (*dtype).clone_into(&mut entries[at.index(n)].dtype),
            Self::Shape(at, axis, number) => {
                let shape = &mut entries[at.index(n)].shape;
                if !shape.is_empty() {
                    let axis = axis.index(shape.len());
                    (*number).clone_into(&mut shape[axis]);
                }
            }
            Self::Rank(at, true) => entries[at.index(n)].shape.push("1".to_owned()),
            Self::Transpose(at) => entries[at.index(n)].shape.reverse(),
            Self::Rank(at, false) => drop(entries[at.index(n)].shape.pop()),
            Self::Offset(at, end, number) => {
                (*number).clone_into(&mut entries[at.index(n)].offsets[usize::from(*end)]);
            }
            Self::Overlap(a, b) => {
                entries[a.index(n)].offsets = entries[b.index(n)].offsets.clone();
            }
            Self::Shift(at, by) => {
                for offset in &mut entries[at.index(n)].offsets {
                    if let Ok(number) = offset.parse::<i64>() {
                        *offset = number.saturating_add(*by).to_string();
                    }
                }
            }
        }
    }
}

/// Returns a file with this header and data.
fn assemble(header: &[u8], data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header, data].concat()
}

impl Damage {
    fn apply(&self, mut file: Vec<u8>) -> Vec<u8> {
        let len = file.len();
        match self {
            Self::Random(bytes) => return bytes.clone(),
            Self::Append(bytes) => file.extend(bytes),
            _ if len == 0 => {}
            Self::FlipBit(at, bit) => file[at.index(len)] ^= 1 << bit,
            Self::SetByte(at, byte) => file[at.index(len)] = *byte,
            Self::FlipValue(at, bit) => {
                let start = 8 + header_length(&file).unwrap_or_default();
                if start < len {
                    file[start + at.index(len - start)] ^= 1 << bit;
                }
            }
            Self::Truncate(at) => file.truncate(at.index(len)),
            Self::Concatenate(at) => {
                let copy = file.clone();
                file.truncate(at.index(len + 1));
                file.extend(copy);
            }
            Self::Copy(from, to, count) => {
                let (from, to) = (from.index(len), to.index(len));
                let count = (*count).min(len - from.max(to));
                file.copy_within(from..from + count, to);
            }
            Self::Remove(at, count) => {
                let at = at.index(len);
                file.drain(at..(at + count).min(len));
            }
            Self::HeaderLength(length) if len >= 8 => {
                file[..8].copy_from_slice(&length.to_le_bytes());
            }
            Self::HeaderLength(_) => {}
            Self::Insert(at, text) => {
                let Some(header) = header_length(&file) else {
                    return file;
                };
                let at = 8 + at.index(header + 1);
                file.splice(at..at, text.bytes());
                let header = (header + text.len()) as u64;
                file[..8].copy_from_slice(&header.to_le_bytes());
            }
            Self::Header(damages) => {
                let Some((mut entries, data)) = entries(&file) else {
                    return file;
                };
                for damage in damages {
                    damage.apply(&mut entries);
                }
                let entries: Vec<String> = entries
                    .iter()
                    .map(
                        |Entry {
                             name,
                             dtype,
                             shape,
                             offsets,
                         }| {
                            let (shape, offsets) = (shape.join(","), offsets.join(","));
                            format!(
                                "\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":[{shape}],\
                             \"data_offsets\":[{offsets}]}}"
                            )
                        },
                    )
                    .collect();
                return assemble(format!("{{{}}}", entries.join(",")).as_bytes(), &data);
            }
        }
        file
    }
}

/// Returns the length of the header, if the file is as long.
fn header_length(file: &[u8]) -> Option<usize> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    (length <= rest.len()).then_some(length)
}

/// How often a damaged file was loaded, and how often it was refused.
#[derive(Default)]
struct Count {
    loaded: Cell<u64>,
    unsound: Cell<u64>,
    unfit: Cell<u64>,
}

fn one_more(count: &Cell<u64>) {
    count.set(count.get() + 1);
}

/// Loads a damaged file into the model that it was saved from.
fn spoil(model: &Tree, damages: &[Damage], tolerant: bool, count: &Count) -> TestCaseResult {
    prop_assume!(can_be_saved(model));
    let before = to_bytes(model)?;
    let spoiled = damages
        .iter()
        .fold(before.clone(), |file, damage| damage.apply(file));
    let loader = if tolerant {
        Loader::new().allow_missing().allow_unused()
    } else {
        Loader::new()
    };
    let mut loaded = model.clone();
    let result = loader.load_bytes(&mut loaded, &spoiled);
    let after = to_bytes(&loaded)?;
    match result {
        Ok(_) => {
            one_more(&count.loaded);
            prop_assert!(model.summary().differences(&loaded.summary()).is_empty());
            if !tolerant {
                // In any form, the file has this state.
                let mut again = model.clone();
                load_bytes(&mut again, &after)?;
                prop_assert_eq!(to_bytes(&again)?, after);
            }
        }
        Err(error) => {
            match error {
                Error::Format { .. } => one_more(&count.unsound),
                Error::State { .. } => one_more(&count.unfit),
                Error::Argument { .. } if tolerant => one_more(&count.unfit),
                other => prop_assert!(false, "an error of another kind: {}", other),
            }
            prop_assert_eq!(after, before);
        }
    }
    Ok(())
}

/// Runs so many cases.
fn run(cases: u32, count: &Count) {
    let damages = proptest::collection::vec(damage(), 1..3);
    let strategy = (tree(), damages, any::<bool>());
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
    .run(&strategy, |(tree, damages, tolerant)| {
        spoil(&tree, &damages, tolerant, count)
    })
    .unwrap_or_else(|error| panic!("{error}"));
    assert_small();
}

#[test]
fn spoiled_files_are_refused_or_loaded() {
    let count = Count::default();
    run(2000, &count);
    // All three results occur.
    assert!(count.loaded.get() > 20 && count.unsound.get() > 20 && count.unfit.get() > 20);
}

#[test]
#[ignore = "runs for FUZZ_SECONDS, 180 if that is not set"]
fn spoiled_files_for_minutes() {
    let seconds = std::env::var("FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(180, |text| text.parse().expect("FUZZ_SECONDS is a number"));
    let (start, count) = (Instant::now(), Count::default());
    while start.elapsed() < Duration::from_secs(seconds) {
        run(10_000, &count);
    }
    println!(
        "{} loaded, {} refused as unsound, {} as unfit, in {:?}",
        count.loaded.get(),
        count.unsound.get(),
        count.unfit.get(),
        start.elapsed()
    );
}
