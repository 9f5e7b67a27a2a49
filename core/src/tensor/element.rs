//! Element types, and the only place where a run-time dtype becomes a compile-time type.

use crate::kernel::Float;
use crate::shape::DType;

/// An element type of tensors: `f32` or `f64`.
pub trait Element: Float {
    /// The dtype.
    const DTYPE: DType;
}

impl Element for f32 {
    const DTYPE: DType = DType::F32;
}

impl Element for f64 {
    const DTYPE: DType = DType::F64;
}

/// Runs `$body` with `$F` as the element type of `$dtype`.
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
