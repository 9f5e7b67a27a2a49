//! Files of PyTorch's `torch.save`: a zip archive of one pickle, which describes tensors, and of
//! their numbers.

mod archive;
mod pickle;

use super::stored::{Stored, View};
use crate::error::{Error, Result};
use pickle::{Object, Pickle, Tensor};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// The limits of nested dictionaries and of the length of a name.
const DEPTH: usize = 64;
const NAME: usize = 1024;

/// The limit of a pickle, which describes a tensor in some 150 bytes. Its values may take a hundred
/// times as much memory as the pickle itself.
const PICKLE: usize = 16 << 20;

/// How the format before PyTorch 1.6 begins: a pickle of the number 0x1950a86a20f9469cfc6c.
const OLD: [u8; 14] = [
    0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
];

/// Returns whether a file was written by `torch.save`.
pub(super) fn is_torch(bytes: &[u8]) -> bool {
    bytes.starts_with(&archive::LOCAL) || bytes.starts_with(&OLD)
}

/// The tensors of a file, by name.
pub(super) struct TorchFile<'b>(BTreeMap<String, View<'b>>);

impl<'b> TorchFile<'b> {
    /// Reads the names and the places of all tensors, but no numbers.
    pub fn parse(bytes: &'b [u8], path: &Path) -> Result<Self> {
        let tensors = tensors(bytes);
        tensors.map(Self).map_err(|reason| {
            Error::format(path, format!("not a valid file of `torch.save`: {reason}"))
        })
    }

    pub fn entries(&self) -> impl Iterator<Item = (&str, Stored<'_>)> {
        let entries = self.0.iter();
        entries.map(|(name, view)| (&**name, Stored::InFile(view.clone())))
    }
}

fn tensors(bytes: &[u8]) -> Result<BTreeMap<String, View<'_>>, String> {
    if bytes.starts_with(&OLD) {
        return Err("its format is that of PyTorch before 1.6; save it again".to_owned());
    }
    let files = archive::files(bytes)?;
    let pickles = files.iter().filter_map(|(name, content)| {
        let folder = name.strip_suffix("data.pkl")?;
        (folder.is_empty() || folder.ends_with('/')).then_some((folder, *content))
    });
    let [(folder, content)] = pickles.collect::<Vec<_>>()[..] else {
        return Err("expected one file `data.pkl` in the archive".to_owned());
    };
    if files.get(&*format!("{folder}byteorder")) == Some(&&b"big"[..]) {
        return Err("the numbers are big-endian".to_owned());
    }
    if content.len() > PICKLE {
        return Err(format!("`data.pkl` has more than {PICKLE} bytes"));
    }
    let pickle = pickle::read(content).map_err(|reason| format!("in `data.pkl`: {reason}"))?;
    let view = |tensor: &Tensor<'_>| {
        let file = format!("{folder}data/{}", tensor.storage.file);
        let content = files.get(&*file);
        let content = content.ok_or_else(|| format!("the archive has no file `{file}`"))?;
        view(tensor, content)
    };
    let mut views = BTreeMap::new();
    for (name, tensor) in named(&pickle)? {
        let view = view(tensor).map_err(|reason| format!("`{name}`: {reason}"))?;
        if views.insert(name.clone(), view).is_some() {
            return Err(format!("the name `{name}` occurs twice"));
        }
    }
    Ok(views)
}

/// Returns the tensors in a dictionary and in those below it, with their keys as a dotted name.
fn named<'p, 'b>(pickle: &'p Pickle<'b>) -> Result<Vec<(String, &'p Tensor<'b>)>, String> {
    match &pickle.objects[pickle.root] {
        Object::Dict(_) => {}
        Object::Other(Some((module, class))) => {
            return Err(format!(
                "expected a dictionary of tensors, found an object of `{module}.{class}`: save \
                 `model.state_dict()` instead of the model"
            ));
        }
        _ => return Err("expected a dictionary of tensors".to_owned()),
    }
    let mut named = Vec::new();
    let mut seen = HashSet::new();
    let mut open = vec![(String::new(), pickle.root, 0)];
    while let Some((prefix, id, depth)) = open.pop() {
        let Object::Dict(entries) = &pickle.objects[id] else {
            continue;
        };
        // A dictionary could contain itself, or another one many times.
        if !seen.insert(id) || depth > DEPTH {
            return Err("a dictionary occurs twice, or is nested too deeply".to_owned());
        }
        for &(key, value) in entries {
            let key = match &pickle.objects[key] {
                Object::Text(text) => (*text).to_owned(),
                Object::Number(number) => number.to_string(),
                _ => continue,
            };
            let name = format!("{prefix}{key}");
            if name.len() > NAME {
                return Err(format!("a name has more than {NAME} bytes"));
            }
            match &pickle.objects[value] {
                Object::Tensor(tensor) => named.push((name, tensor)),
                Object::Dict(_) => open.push((name + ".", value, depth + 1)),
                _ => {}
            }
        }
    }
    Ok(named)
}

/// Returns a tensor as a view of the bytes of its storage.
fn view<'b>(tensor: &Tensor<'_>, storage: &'b [u8]) -> Result<View<'b>, String> {
    let Tensor {
        shape,
        strides,
        offset,
        ..
    } = tensor;
    let dtype = tensor.storage.dtype;
    let size = dtype.bitsize() / 8;
    let outside = || {
        let held = storage.len() / size;
        format!("shape {shape:?}, strides {strides:?} from {offset} on exceed the {held} numbers")
    };
    let count = shape
        .iter()
        .try_fold(1, |n: usize, &len| n.checked_mul(len));
    let count = count.ok_or_else(outside)?;
    // One more than the place of the last element, relative to the first.
    let end = shape
        .iter()
        .zip(strides)
        .try_fold(1usize, |end, (&len, &stride)| {
            end.checked_add(len.saturating_sub(1).checked_mul(stride)?)
        });
    let end = if count == 0 { Some(0) } else { end };
    let range = end.and_then(|end| {
        let from = offset.checked_mul(size)?;
        Some(from..from.checked_add(end.checked_mul(size)?)?)
    });
    let bytes = range
        .and_then(|range| storage.get(range))
        .ok_or_else(outside)?;
    // An expanded tensor could have any number of elements.
    if count > storage.len() / size {
        return Err(outside());
    }
    Ok(View {
        dtype,
        shape: shape.clone(),
        bytes,
        strides: (count > 0 && !is_row_major(shape, strides)).then(|| strides.clone()),
    })
}

fn is_row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().all(|(&len, &stride)| {
        let fits = len == 1 || stride == expected;
        expected *= len;
        fits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an archive of files, which are not compressed.
    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in files {
            let place = bytes.len() as u32;
            let len = (content.len() as u32).to_le_bytes();
            // From the flags to the lengths of name and extra field; checksums are not read.
            let middle = [
                &[0; 12][..],
                &len,
                &len,
                &(name.len() as u16).to_le_bytes(),
                &[0; 2],
            ]
            .concat();
            bytes.extend([b"PK\x03\x04\0\0", &middle[..], name.as_bytes(), content].concat());
            let place = place.to_le_bytes();
            directory.extend(
                [
                    b"PK\x01\x02\0\0\0\0",
                    &middle[..],
                    &[0; 10],
                    &place,
                    name.as_bytes(),
                ]
                .concat(),
            );
        }
        let (place, count) = (bytes.len() as u32, files.len() as u16);
        bytes.extend(directory);
        bytes.extend(
            [
                &b"PK\x05\x06\0\0\0\0\0\0"[..],
                &count.to_le_bytes(),
                &[0; 4],
            ]
            .concat(),
        );
        bytes.extend(place.to_le_bytes());
        bytes.extend([0; 2]);
        bytes
    }

    fn text(text: &str) -> Vec<u8> {
        [
            b"X",
            &(text.len() as u32).to_le_bytes()[..],
            text.as_bytes(),
        ]
        .concat()
    }

    fn numbers(numbers: &[u16]) -> Vec<u8> {
        let items = numbers
            .iter()
            .map(|n| [b"M", &n.to_le_bytes()[..]].concat());
        [b"(", &items.collect::<Vec<_>>().concat()[..], b"t"].concat()
    }

    /// Returns the instructions for a tensor of the file `0`.
    fn tensor(offset: u16, shape: &[u16], strides: &[u16]) -> Vec<u8> {
        [
            b"ctorch._utils\n_rebuild_tensor_v2\n((",
            &text("storage")[..],
            b"ctorch\nFloatStorage\n",
            &text("0"),
            b"NNtQM",
            &offset.to_le_bytes(),
            &numbers(shape),
            &numbers(strides),
            b"tR",
        ]
        .concat()
    }

    /// Returns the instructions for a dictionary.
    fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let entries = entries
            .iter()
            .map(|(key, value)| [text(key), value.clone()].concat());
        [b"}(", &entries.collect::<Vec<_>>().concat()[..], b"u"].concat()
    }

    /// Returns a file with the numbers 0 to 5.
    fn file(pickle: &[u8]) -> Vec<u8> {
        let numbers: Vec<u8> = (0..6).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let pickle = [b"\x80\x02", pickle, b"."].concat();
        archive(&[("x/data.pkl", &pickle), ("x/data/0", &numbers)])
    }

    fn values(bytes: &[u8], name: &str) -> Vec<f32> {
        let tensors = tensors(bytes).unwrap();
        let stored = Stored::InFile(tensors[name].clone());
        let super::super::dict::Entry::Tensor(tensor) = stored.read().unwrap() else {
            panic!("a count");
        };
        tensor.to_vec::<f32>().unwrap()
    }

    #[test]
    fn views_are_read_by_their_strides() {
        let bytes = file(&dict(&[
            ("whole", tensor(0, &[2, 3], &[3, 1])),
            ("transposed", tensor(0, &[3, 2], &[1, 3])),
            ("part", tensor(1, &[2], &[2])),
            ("one", tensor(5, &[], &[])),
            ("none", tensor(6, &[2, 0], &[1, 1])),
            ("nested", dict(&[("deep", tensor(2, &[1, 2], &[77, 1]))])),
        ]));
        assert_eq!(values(&bytes, "whole"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(values(&bytes, "transposed"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(values(&bytes, "part"), [1.0, 3.0]);
        assert_eq!(values(&bytes, "one"), [5.0]);
        assert!(values(&bytes, "none").is_empty());
        assert_eq!(values(&bytes, "nested.deep"), [2.0, 3.0]);
    }

    #[test]
    fn faults_are_explained() {
        let reason = |bytes: &[u8]| tensors(bytes).err().expect("a fault");
        let one = |tensor| file(&dict(&[("a", tensor)]));
        for outside in [
            tensor(0, &[7], &[1]),
            tensor(1, &[2, 3], &[3, 1]),
            tensor(0, &[2, 2], &[5, 1]),
            // Each element several times.
            tensor(0, &[6, 6], &[0, 1]),
            tensor(0, &[60000, 60000, 60000, 60000, 60000], &[0; 5]),
        ] {
            let reason = reason(&one(outside));
            assert!(reason.contains("exceed the 6 numbers"), "{reason}");
        }
        let whole = || tensor(0, &[6], &[1]);
        for (pickle, expected) in [
            (dict(&[("a", whole()), ("a", whole())]), "`a` occurs twice"),
            (
                dict(&[("a", whole()), ("a", b"X\xff\0\0\0".to_vec())]),
                "too early",
            ),
            // A dictionary in itself, and one that occurs twice.
            ([b"}q\0", &text("a")[..], b"h\0s"].concat(), "occurs twice"),
            (
                dict(&[("a", b"}q\0".to_vec()), ("b", b"h\0".to_vec())]),
                "occurs twice",
            ),
            (dict(&[(&"a".repeat(1025), whole())]), "more than 1024"),
            (whole(), "expected a dictionary"),
            (b"cos\nsystem\n(tR".to_vec(), "an object of `os.system`"),
            (b"h\0".to_vec(), "does not exist"),
            (b"t".to_vec(), "empty stack"),
            (b"(0".to_vec(), "empty stack"),
            (b"\xff".to_vec(), "0xff is not known"),
        ] {
            let reason = reason(&file(&pickle));
            assert!(reason.contains(expected), "{reason} instead of {expected}");
        }
        let pickle = b"\x80\x02}.";
        for (files, expected) in [
            (
                &[("data.pkl", &pickle[..]), ("a/data.pkl", pickle)][..],
                "one file `data.pkl`",
            ),
            (
                &[("a/data.pkl", pickle), ("a/data.pkl", pickle)],
                "two files",
            ),
            (
                &[("a/data.pkl", pickle), ("a/byteorder", b"big")],
                "big-endian",
            ),
            (&[("a", pickle)], "one file `data.pkl`"),
        ] {
            let reason = reason(&archive(files));
            assert!(reason.contains(expected), "{reason} instead of {expected}");
        }
        let mut compressed = archive(&[("a/data.pkl", pickle)]);
        let place = compressed.len() - 22 - 46 - "a/data.pkl".len();
        compressed[place + 10] = 8;
        let reason = reason(&compressed);
        assert!(reason.contains("compressed"), "{reason}");
    }
}
