//! The run-time element types, and the one place where they become compile-time types.

use crate::error::{Error, Result};
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

    /// An error of `op` that says which operand has another dtype than most, or than the first if there
    /// is no majority, unless all have one.
    ///
    /// ```
    /// use cotangent_core::DType::{self, F32, F64};
    /// let error = DType::expect_same("film", &[("input", F32), ("scale", F64), ("shift", F32)]).unwrap_err();
    /// let text = "film: scale is f64, input and shift are f32; convert with `to_dtype`";
    /// assert_eq!(error.to_string(), text);
    /// ```
    ///
    /// # Errors
    /// [`Error::DType`].
    pub fn expect_same(op: &'static str, operands: &[(&str, Self)]) -> Result<()> {
        let Some(&(_, first)) = operands.first() else {
            return Ok(());
        };
        let Some(&(_, second)) = operands.iter().find(|(_, dtype)| *dtype != first) else {
            return Ok(());
        };
        let of = |dtype| operands.iter().filter(move |operand| operand.1 == dtype);
        let (expected, found) = if of(second).count() > of(first).count() {
            (second, first)
        } else {
            (first, second)
        };
        Err(Error::DType {
            op,
            expected,
            found,
            operand: listed(of(found).map(|(name, _)| *name)),
            others: listed(of(expected).map(|(name, _)| *name)),
        })
    }
}

/// The names in a row, the first three of many.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    match &names[..] {
        [names @ .., last] if (1..4).contains(&names.len()) => {
            format!("{} and {last}", names.join(", "))
        }
        [a, b, c, rest @ ..] => format!("{a}, {b}, {c} and {} others", rest.len()),
        few => few.concat(),
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
