//! The floating-point types that kernels load and store.

use crate::kernel::fma::Fma;
use crate::kernel::linear::general::Gemm;
use crate::kernel::math::functions::Functions;
use std::fmt::{Debug, Display, LowerExp};

/// A stored floating-point type: `f32` or `f64`.
pub trait Float:
    Fma
    + Functions
    + Gemm
    + num_traits::Float
    + num_traits::NumAssign
    + Default
    + Debug
    + Display
    + LowerExp
    + Send
    + Sync
    + 'static
{
    /// Converts from `f64`, rounding.
    fn from_f64(value: f64) -> Self;
    /// Converts to `f64`, exactly.
    fn to_f64(self) -> f64;
}

macro_rules! impl_float {
    ($($float:ty)*) => {$(
        impl Float for $float {
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $float
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
        }
    )*};
}

impl_float! { f32 f64 }
