//! A model's state as safetensors: names, shapes and dtypes are all checked before anything
//! changes, and a file is replaced whole or not at all.

use super::param::{from_little_endian, little_endian_bytes};
use super::walk::{LeafMut, LeafRef, Module, Walk, WalkMut};
use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::tensor::DType;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// All leaves of `module` as the bytes of a safetensors file. The same state gives the same bytes.
///
/// # Errors
/// [`Error::Format`] if two leaves have one path.
pub fn to_bytes<M: Module + ?Sized>(module: &M) -> Result<Vec<u8>> {
    let mut entries: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    let mut repeated = None;
    Walk::over(module, |path, leaf| {
        let tensor_entry = |tensor: &Tensor| {
            (
                file_dtype(tensor.dtype()),
                tensor.shape().to_vec(),
                little_endian_bytes(tensor),
            )
        };
        let entry = match leaf {
            LeafRef::Param(param) => tensor_entry(param.value()),
            LeafRef::Buffer(buffer) => tensor_entry(&buffer.value()),
            LeafRef::Counter(counter) => (Dtype::I64, vec![], counter.get().to_le_bytes().to_vec()),
        };
        if entries.insert(path.to_owned(), entry).is_some() {
            repeated = Some(path.to_owned());
        }
    });
    if let Some(path) = repeated {
        return Err(format_error(
            Path::new(""),
            format!("two leaves of the model have the path `{path}`"),
        ));
    }
    let views = entries.iter().map(|(name, (dtype, shape, bytes))| {
        TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.as_str(), view))
    });
    let views: Vec<_> = views
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| format_error(Path::new(""), error.to_string()))?;
    safetensors::serialize(views, None)
        .map_err(|error| format_error(Path::new(""), error.to_string()))
}

/// Sets all leaves of `module` from the bytes of a safetensors file; all or nothing.
///
/// # Errors
/// [`Error::Format`] if the bytes are no sound safetensors file, [`Error::State`] with every
/// mismatch if they do not fit the model. The model is unchanged then.
pub fn load_bytes<M: Module + ?Sized>(module: &mut M, bytes: &[u8]) -> Result<()> {
    load_from(module, bytes, Path::new(""))
}

pub(super) fn save(module: &impl Module, path: &Path) -> Result<()> {
    let bytes = to_bytes(module)?;
    replace_file(path, &bytes).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file that takes the name `path` only when all of it is on the disk.
fn replace_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    static SAVES: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or(std::io::ErrorKind::IsADirectory)?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(
        ".{}-{}.saving",
        std::process::id(),
        SAVES.fetch_add(1, Relaxed)
    ));
    let temporary = path.with_file_name(temporary);
    let write = || {
        let mut file = std::fs::File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        if let Ok(old) = std::fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        std::fs::rename(&temporary, path)
    };
    write().inspect_err(|error| {
        if error.kind() != std::io::ErrorKind::AlreadyExists {
            // What is left of a failed save is no use to anyone; that it could not be removed
            // either would only hide the first error.
            let _ = std::fs::remove_file(&temporary);
        }
    })
}

pub(super) fn load(module: &mut impl Module, path: &Path) -> Result<()> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    load_from(module, &bytes, path)
}

/// What a leaf is to become.
enum Loaded {
    Tensor(Tensor),
    Count(u64),
}

fn load_from<M: Module + ?Sized>(module: &mut M, bytes: &[u8], path: &Path) -> Result<()> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| format_error(path, format!("not a sound safetensors file: {error}")))?;
    let mut loaded = BTreeMap::new();
    let mut mismatches = Vec::new();
    let mut unused: BTreeSet<String> = file.names().into_iter().map(str::to_owned).collect();
    Walk::over(module, |name, leaf| {
        unused.remove(name);
        let Ok(view) = file.tensor(name) else {
            mismatches.push(format!("`{name}`: missing in the file"));
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
            }
            Err(mismatch) => mismatches.push(format!("`{name}`: {mismatch}")),
        }
    });
    mismatches.extend(
        unused
            .iter()
            .map(|name| format!("`{name}`: in the file, but not in the model")),
    );
    if !mismatches.is_empty() {
        return Err(Error::State {
            path: path.to_owned(),
            mismatches,
        });
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
    result
}

/// The value of one entry, if its shape and dtype are those of `expected` (a count if none is).
fn read_leaf(
    view: &TensorView<'_>,
    expected: Option<&Tensor>,
) -> std::result::Result<Loaded, String> {
    let Some(expected) = expected else {
        return match (view.dtype(), view.shape(), view.data().try_into()) {
            (Dtype::I64, [], Ok(bytes)) => match u64::try_from(i64::from_le_bytes(bytes)) {
                Ok(count) => Ok(Loaded::Count(count)),
                Err(_) => Err("expected a count, found a negative number".to_owned()),
            },
            (dtype, shape, _) => Err(format!(
                "expected a scalar of dtype I64, found {dtype:?} {shape:?}"
            )),
        };
    };
    if view.dtype() != file_dtype(expected.dtype()) {
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
    from_little_endian(view.data(), view.shape(), expected.dtype())
        .map(Loaded::Tensor)
        .map_err(|error| error.to_string())
}

fn file_dtype(dtype: DType) -> Dtype {
    match dtype {
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
    }
}

fn format_error(path: &Path, reason: impl Into<String>) -> Error {
    Error::Format {
        path: path.to_owned(),
        reason: reason.into(),
    }
}
