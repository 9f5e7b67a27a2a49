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
