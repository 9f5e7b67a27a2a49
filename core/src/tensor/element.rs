//! The one place where run-time element types become compile-time types.

use crate::kernel::Float;
use crate::shape::DType;

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
