//! A model's state as safetensors: names, shapes and dtypes are all checked before anything
//! changes, and a file is replaced whole or not at all.

use super::header::repeated_name;
use super::loader::Loader;
use super::stateful::{Entry, StateDict};
use super::walk::{LeafMut, LeafRef, Module, Walk, WalkMut};
use crate::autograd::Tensor;
use crate::disk::{read_file, replace_file};
use crate::error::{Error, Result};
use crate::tensor::bytes::{from_bf16, from_f16, little_endian};
use crate::tensor::{DType, Element};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// All leaves of `module` as the bytes of a safetensors file. The same state gives the same bytes.
///
/// # Errors
/// [`Error::Format`] if two leaves have one path, one is called `__metadata__`, which is how a
/// safetensors file calls what is no tensor, or a counter has come to 2⁶³.
pub fn to_bytes<M: Module + ?Sized>(module: &M) -> Result<Vec<u8>> {
    file_bytes(module, Path::new(""))
}

/// What the format keeps for itself.
const RESERVED: &str = "__metadata__";

/// Says that names, shapes and layouts are PyTorch's. There are loaders that read nothing without it.
const METADATA: [(&str, &str); 1] = [("format", "pt")];

fn file_bytes<M: Module + ?Sized>(module: &M, path: &Path) -> Result<Vec<u8>> {
    entries(module)
        .map_err(|reason| format_error(path, reason))?
        .file_bytes(path)
}

/// All leaves by their paths.
pub(super) fn entries<M: Module + ?Sized>(module: &M) -> std::result::Result<StateDict, String> {
    let mut entries = StateDict::new();
    let mut wrong = None;
    Walk::over(module, |name, leaf| {
        let entry = match leaf {
            LeafRef::Param(param) => Entry::Tensor(param.value().clone()),
            LeafRef::Buffer(buffer) => Entry::Tensor(buffer.value()),
            LeafRef::Counter(counter) => Entry::Count(counter.get()),
        };
        if entries.insert(name, entry).is_some() {
            wrong = Some(format!("two leaves of the model have the path `{name}`"));
        }
    });
    wrong.map_or(Ok(entries), Err)
}

/// The bytes of a file of these entries.
pub(super) fn serialize(entries: &StateDict, path: &Path) -> Result<Vec<u8>> {
    let mut parts = Vec::new();
    for (name, entry) in entries.iter() {
        let part = match entry {
            Entry::Tensor(tensor) => {
                let (dtype, shape) = (file_dtype(tensor.dtype()), tensor.shape().to_vec());
                (name, dtype, shape, little_endian(tensor.array()))
            }
            Entry::Count(count) => {
                if i64::try_from(*count).is_err() {
                    let reason = format!("`{name}`: {count} is too large to be saved as I64");
                    return Err(format_error(path, reason));
                }
                (name, Dtype::I64, vec![], count.to_le_bytes().to_vec())
            }
        };
        if name == RESERVED {
            let reason = format!(
                "no leaf of the model can have the path `{name}`: safetensors keeps it for itself"
            );
            return Err(format_error(path, reason));
        }
        parts.push(part);
    }
    let views = parts.iter().map(|(name, dtype, shape, bytes)| {
        TensorView::new(*dtype, shape.clone(), bytes).map(|view| (*name, view))
    });
    let views: Vec<_> = views
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| format_error(path, error.to_string()))?;
    let metadata = METADATA.map(|(key, value)| (key.to_owned(), value.to_owned()));
    safetensors::serialize(views, Some(metadata.into()))
        .map_err(|error| format_error(path, error.to_string()))
}

/// The entries of a file: tensors of F64, F32, F16 and BF16, and counts, which are scalars of I64.
pub(super) fn deserialize(bytes: &[u8], path: &Path) -> Result<StateDict> {
    let mut entries = StateDict::new();
    for (name, view) in parse(bytes, path)?.tensors() {
        let entry = match held_in(view.dtype()) {
            Some(_) => read_tensor(&view).map(Entry::Tensor),
            None => read_count(&view).map(Entry::Count),
        };
        let entry = entry.map_err(|reason| format_error(path, format!("`{name}`: {reason}")))?;
        entries.insert(&name, entry);
    }
    Ok(entries)
}

/// Sets all leaves of `module` from the bytes of a safetensors file; all or nothing, as
/// [`Module::load`] does.
///
/// # Errors
/// [`Error::Format`] if the bytes are no sound safetensors file, [`Error::State`] with every
/// mismatch if they do not fit the model. The model is unchanged then.
pub fn load_bytes<M: Module + ?Sized>(module: &mut M, bytes: &[u8]) -> Result<()> {
    load_from(module, bytes, Path::new(""), &Loader::new()).map(drop)
}

pub(super) fn save(module: &impl Module, path: &Path) -> Result<()> {
    replace_file(path, &file_bytes(module, path)?)
}

pub(super) fn load(module: &mut impl Module, path: &Path) -> Result<()> {
    load_from(module, &read_file(path)?, path, &Loader::new()).map(drop)
}

/// What a leaf is to become.
enum Loaded {
    Tensor(Tensor),
    Count(u64),
}

/// The names in a file, by the paths in the model that they stand for.
pub(super) type Entries = BTreeMap<String, String>;

/// Sets the leaves that `loader` means; returns their paths. All or nothing.
pub(super) fn load_from<M: Module + ?Sized>(
    module: &mut M,
    bytes: &[u8],
    path: &Path,
    loader: &Loader,
) -> Result<Vec<String>> {
    let file = parse(bytes, path)?;
    let mut loaded = BTreeMap::new();
    let mut order = Vec::new();
    let mut mismatches = Vec::new();
    let mut entries = loader.renamed(file.names(), &mut mismatches)?;
    let mut paths = BTreeSet::new();
    Walk::over(module, |name, leaf| {
        let first = paths.insert(name.to_owned());
        if !loader.selects(name) {
            return;
        }
        if !first {
            mismatches.push(format!("`{name}`: two leaves of the model have this path"));
            return;
        }
        let entry = entries.remove(name);
        let Some((view, original)) =
            entry.and_then(|original| Some((file.tensor(&original).ok()?, original)))
        else {
            if !loader.forgives_missing() {
                mismatches.push(format!("`{name}`: missing in the file"));
            }
            return;
        };
        let expected = match leaf {
            LeafRef::Param(param) => Some(param.value().clone()),
            LeafRef::Buffer(buffer) => Some(buffer.value()),
            LeafRef::Counter(_) => None,
        };
        match read_leaf(&view, expected.as_ref()) {
            Ok(value) => {
                loaded.insert(name.to_owned(), value);
                order.push(name.to_owned());
            }
            Err(mismatch) => {
                mismatches.push(format!("{}: {mismatch}", entry_name(name, &original)));
            }
        }
    });
    if !loader.forgives_unused() {
        mismatches.extend(entries.iter().map(|(name, original)| {
            let name = entry_name(name, original);
            format!("{name}: in the file, but not in the model")
        }));
    }
    if !mismatches.is_empty() {
        return Err(Error::State {
            path: path.to_owned(),
            mismatches,
        });
    }
    let both_empty = paths.is_empty() && file.is_empty();
    if order.is_empty() && (loader.has_selection() || !both_empty) {
        return Err(loader.nothing_loaded());
    }
    let mut result = Ok(());
    WalkMut::over(module, |name, leaf| {
        let set = match (leaf, loaded.get(name)) {
            (LeafMut::Param(param), Some(Loaded::Tensor(value))) => param.set(value),
            (LeafMut::Buffer(buffer), Some(Loaded::Tensor(value))) => buffer.set(value),
            (LeafMut::Counter(counter), Some(Loaded::Count(value))) => {
                counter.set(*value);
                Ok(())
            }
            // The first walk has put the right kind under each name.
            _ => Ok(()),
        };
        if result.is_ok() {
            result = set;
        }
    });
    result.map(|()| order)
}

/// A file whose header is sound.
fn parse<'a>(bytes: &'a [u8], path: &Path) -> Result<SafeTensors<'a>> {
    let unsound =
        |reason: &str| format_error(path, format!("not a sound safetensors file: {reason}"));
    let file = SafeTensors::deserialize(bytes).map_err(|error| unsound(&error.to_string()))?;
    match repeated_name(bytes) {
        Some(name) => Err(unsound(&format!("the name `{name}` comes twice"))),
        None => Ok(file),
    }
}

/// An entry by its name, and by the one that it has in the file if that is another.
fn entry_name(name: &str, original: &str) -> String {
    if name == original {
        format!("`{name}`")
    } else {
        format!("`{name}` (`{original}` in the file)")
    }
}

/// The value of one entry, if its shape is that of `expected` and its numbers are numbers of that dtype
/// too (a count if nothing is expected).
fn read_leaf(
    view: &TensorView<'_>,
    expected: Option<&Tensor>,
) -> std::result::Result<Loaded, String> {
    let Some(expected) = expected else {
        return read_count(view).map(Loaded::Count);
    };
    let fits = match (held_in(view.dtype()), expected.dtype()) {
        (Some(found), expected) => found == expected || expected == DType::F64,
        (None, _) => false,
    };
    if !fits {
        return Err(format!(
            "expected dtype {}, found {:?}",
            expected.dtype(),
            view.dtype()
        ));
    }
    if view.shape() != expected.shape() {
        return Err(format!(
            "expected shape {:?}, found {:?}",
            expected.shape(),
            view.shape()
        ));
    }
    let tensor = read_tensor(view)?.to_dtype(expected.dtype());
    Ok(Loaded::Tensor(tensor))
}

/// The smallest dtype that has all numbers of a file's; none for those that are no parameters'.
fn held_in(dtype: Dtype) -> Option<DType> {
    match dtype {
        Dtype::F64 => Some(DType::F64),
        Dtype::F32 | Dtype::F16 | Dtype::BF16 => Some(DType::F32),
        _ => None,
    }
}

/// The tensor of an entry, of the dtype that [`held_in`] says.
fn read_tensor(view: &TensorView<'_>) -> std::result::Result<Tensor, String> {
    fn values<T: Element, const N: usize>(
        view: &TensorView<'_>,
        read: impl Fn([u8; N]) -> T,
    ) -> Result<Tensor> {
        let (chunks, _) = view.data().as_chunks::<N>();
        let values: Vec<T> = chunks.iter().map(|chunk| read(*chunk)).collect();
        Tensor::from_vec(values, view.shape())
    }
    let tensor = match view.dtype() {
        Dtype::F64 => values(view, f64::from_le_bytes),
        Dtype::F32 => values(view, f32::from_le_bytes),
        Dtype::F16 => values(view, |bytes| from_f16(u16::from_le_bytes(bytes))),
        Dtype::BF16 => values(view, |bytes| from_bf16(u16::from_le_bytes(bytes))),
        other => return Err(format!("expected floating-point numbers, found {other:?}")),
    };
    tensor.map_err(|error| error.to_string())
}

fn read_count(view: &TensorView<'_>) -> std::result::Result<u64, String> {
    match (view.dtype(), view.shape(), view.data().try_into()) {
        (Dtype::I64, [], Ok(bytes)) => u64::try_from(i64::from_le_bytes(bytes))
            .map_err(|_| "expected a count, found a negative number".to_owned()),
        (dtype, shape, _) => Err(format!(
            "expected a scalar of dtype I64, found {dtype:?} {shape:?}"
        )),
    }
}

fn file_dtype(dtype: DType) -> Dtype {
    match dtype {
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
    }
}

pub(super) fn format_error(path: &Path, reason: impl Into<String>) -> Error {
    Error::Format {
        path: path.to_owned(),
        reason: reason.into(),
    }
}
