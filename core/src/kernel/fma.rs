//! Fused multiply-add on the instruction sets that have it, and two operations elsewhere.

use crate::kernel::isa::Isa;

/// A floating-point type with a multiply-add, which is all that the elementary functions need.
pub trait Fma: Sized {
    /// Computes `self * factor + term`, fused if the instruction set has one instruction for it.
    fn fma<I: Isa>(self, factor: Self, term: Self) -> Self;
}

macro_rules! impl_fma {
    ($($float:ty)*) => {$(
        impl Fma for $float {
            #[inline(always)]
            fn fma<I: Isa>(self, factor: Self, term: Self) -> Self {
                if I::FMA { self.mul_add(factor, term) } else { self * factor + term }
            }
        }
    )*};
}

impl_fma! { f32 f64 }
