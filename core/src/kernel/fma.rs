//! Fused multiply-add, where the instruction set has it.

use crate::kernel::isa::Isa;

/// The floating-point types, as far as the elementary functions need to know them.
pub trait Fma: Sized {
    /// `self * factor + term`, fused where the instruction set does that in one instruction.
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
