//! Conversion of masks and indices to tensors, and the operators `& | ^ !` of masks. If the shapes
//! do not fit, the operators panic at the caller's line with the text of the error that the methods
//! return.

use crate::autograd::Tensor;
use crate::kernel::Float;
use crate::kernel::threads::parallel;
use crate::tensor::{Array, DType, Indices, Mask, Shape, with_dtype};
use std::ops::{BitAnd, BitOr, BitXor, Not};

/// # Properties and data
impl Mask {
    /// Converts true to 1 and false to 0.
    ///
    /// ```
    /// # use cotangent::{DType, Mask};
    /// let ones = Mask::from([true, false]).to_tensor(DType::F32);
    /// assert_eq!(ones.to_vec::<f32>()?, [1.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn to_tensor(&self, dtype: DType) -> Tensor {
        converted(self.as_slice(), self.shape(), dtype, |value| {
            f64::from(u8::from(value))
        })
    }
}

/// # Properties and data
impl Indices {
    /// Converts the numbers to elements of `dtype`, which rounds those that it has no room for:
    /// above 2²⁴ for `f32`, above 2⁵³ for `f64`.
    ///
    /// ```
    /// # use cotangent::{DType, Indices};
    /// let labels = Indices::from([2, 0]).to_tensor(DType::F32);
    /// assert_eq!(labels.to_vec::<f32>()?, [2.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[track_caller]
    pub fn to_tensor(&self, dtype: DType) -> Tensor {
        converted(self.as_slice(), self.shape(), dtype, |number| number as f64)
    }
}

#[track_caller]
fn converted<T: Copy + Sync>(
    values: &[T],
    shape: &[usize],
    dtype: DType,
    number: impl Fn(T) -> f64 + Sync,
) -> Tensor {
    let array = with_dtype!(dtype, F => Array::build::<F>(Shape::from(shape), |out| {
        parallel::chunks_mut(out, parallel::GRAIN, &|start, out| {
            for (out, &value) in out.iter_mut().zip(&values[start..]) {
                *out = F::from_f64(number(value));
            }
        });
    }));
    array.into()
}

macro_rules! operators {
    ($($trait:ident $method:ident $named:ident;)*) => {$(
        impl $trait<&Mask> for &Mask {
            type Output = Mask;
            #[track_caller]
            fn $method(self, other: &Mask) -> Mask {
                match self.$named(other) {
                    Ok(result) => result,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        impl $trait<Mask> for &Mask {
            type Output = Mask;
            #[track_caller]
            fn $method(self, other: Mask) -> Mask {
                $trait::$method(self, &other)
            }
        }
        impl $trait<&Mask> for Mask {
            type Output = Mask;
            #[track_caller]
            fn $method(self, other: &Mask) -> Mask {
                $trait::$method(&self, other)
            }
        }
        impl $trait<Mask> for Mask {
            type Output = Mask;
            #[track_caller]
            fn $method(self, other: Mask) -> Mask {
                $trait::$method(&self, &other)
            }
        }
    )*};
}

operators! {
    BitAnd bitand and;
    BitOr bitor or;
    BitXor bitxor xor;
}

impl Not for &Mask {
    type Output = Mask;
    fn not(self) -> Mask {
        Mask::not(self)
    }
}

impl Not for Mask {
    type Output = Mask;
    fn not(self) -> Mask {
        Self::not(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(
        expected = "and: cannot broadcast lengths 2 and 3 of axis 0 (shapes (2,) and (3,))"
    )]
    fn operators_panic_with_the_text_of_the_error() {
        let _ = Mask::from([true, false]) & Mask::from([true, false, true]);
    }

    #[test]
    fn operators_equal_the_methods() {
        let (a, b) = (
            Mask::from([true, true, false]),
            Mask::from([true, false, false]),
        );
        assert_eq!(&a & &b, Mask::from([true, false, false]));
        assert_eq!(&a | b.clone(), Mask::from([true, true, false]));
        assert_eq!(a.clone() ^ &b, Mask::from([false, true, false]));
        assert_eq!(!&a, !a);
    }
}
