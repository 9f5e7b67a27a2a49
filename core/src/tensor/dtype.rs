//! The run-time element types, and the one place where they become compile-time types.

use crate::kernel::Float;
use std::fmt;

/// The element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum DType {
    /// 32-bit floating point: the default.
    #[default]
    F32,
    /// 64-bit floating point: what gradient checks compute in.
    F64,
}

impl DType {
    /// Bytes per element.
    pub const fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// A type that tensors store.
pub trait Element: Float {
    /// Its name at run time.
    const DTYPE: DType;
}

impl Element for f32 {
    const DTYPE: DType = DType::F32;
}

impl Element for f64 {
    const DTYPE: DType = DType::F64;
}

/// Runs `$body` with the type `$F` being the one that `$dtype` names.
macro_rules! with_dtype {
    ($dtype:expr, $F:ident => $body:expr) => {
        match $dtype {
            $crate::tensor::DType::F32 => {
                type $F = f32;
                $body
            }
            $crate::tensor::DType::F64 => {
                type $F = f64;
                $body
            }
        }
    };
}
pub(crate) use with_dtype;
