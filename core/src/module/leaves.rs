//! Functions over the leaves of a model: lists with or without names, counts, conversion.

use super::buffer::Buffer;
use super::param::Param;
use super::walk::{LeafMut, LeafRef, Module, Walk, WalkMut};
use crate::error::Result;
use crate::tensor::DType;

/// Returns the parameters, without the cost of their names.
pub(crate) fn params(module: &(impl Module + ?Sized)) -> Vec<&Param> {
    let mut params = Vec::new();
    Walk::over(module, |_, leaf| {
        if let LeafRef::Param(param) = leaf {
            params.push(param);
        }
    });
    params
}

/// Returns the parameters, to be changed.
pub(crate) fn params_mut(module: &mut (impl Module + ?Sized)) -> Vec<&mut Param> {
    let mut params = Vec::new();
    WalkMut::over(module, |_, leaf| {
        if let LeafMut::Param(param) = leaf {
            params.push(param);
        }
    });
    params
}

/// Returns the parameters with their paths.
pub(crate) fn named_params(module: &(impl Module + ?Sized)) -> Vec<(String, &Param)> {
    let mut params = Vec::new();
    Walk::over(module, |path, leaf| {
        if let LeafRef::Param(param) = leaf {
            params.push((path.to_owned(), param));
        }
    });
    params
}

/// Returns the parameters with their paths, to be changed.
pub(crate) fn named_params_mut(module: &mut (impl Module + ?Sized)) -> Vec<(String, &mut Param)> {
    let mut params = Vec::new();
    WalkMut::over(module, |path, leaf| {
        if let LeafMut::Param(param) = leaf {
            params.push((path.to_owned(), param));
        }
    });
    params
}

/// Returns the buffers with their paths.
pub(crate) fn named_buffers(module: &(impl Module + ?Sized)) -> Vec<(String, &Buffer)> {
    let mut buffers = Vec::new();
    Walk::over(module, |path, leaf| {
        if let LeafRef::Buffer(buffer) = leaf {
            buffers.push((path.to_owned(), buffer));
        }
    });
    buffers
}

/// Returns the number of elements of all parameters.
pub(crate) fn param_count(module: &(impl Module + ?Sized)) -> usize {
    let mut count = 0;
    Walk::over(module, |_, leaf| {
        if let LeafRef::Param(param) = leaf {
            count += param.value().len();
        }
    });
    count
}

/// Converts all parameters and buffers to another precision.
pub(crate) fn convert(module: &mut (impl Module + ?Sized), dtype: DType) {
    WalkMut::over(module, |_, leaf| match leaf {
        LeafMut::Param(param) => param.convert(dtype),
        LeafMut::Buffer(buffer) => buffer.convert(dtype),
        LeafMut::Counter(_) => {}
    });
}

/// Checks the names that parts of `module` got at run time: the keys of maps.
///
/// A walk cannot fail. So the functions that find leaves by their paths call this first: saving,
/// loading, [`select`](crate::ModuleExt::select), [`freeze_where`](crate::ModuleExt::freeze_where),
/// and an optimizer at its first step.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) at the path of the map, as
/// [`check_name`](super::check_name).
pub fn check_names(module: &(impl Module + ?Sized)) -> Result<()> {
    Walk::wrong_key(module).map_or(Ok(()), |(path, error)| Err(error.within(&path)))
}
