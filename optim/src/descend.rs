//! The last sweep of algorithms that compute a direction first: decay and step in one.

use crate::algorithm::ParamStep;
use cotangent_core::kernel::{Real, Step};
use cotangent_core::module::{Part, ZeroRows, step};
use cotangent_core::{Result, Tensor};

/// The formula `w := shrink w - size u`.
#[derive(Clone, Copy)]
pub(crate) struct Descend {
    pub shrink: f64,
    pub size: f64,
}

impl Descend {
    /// Moves the parameter along the direction `u`.
    pub fn apply_to(self, at: &mut ParamStep<'_>, u: &Tensor) -> Result<()> {
        step(&mut [Part {
            param: &mut *at.param,
            gradient: u,
            state: [],
            step: self,
            zero_rows: ZeroRows::Change,
        }])
    }
}

impl Step<0> for Descend {
    #[inline(always)]
    fn apply<T: Real>(self, w: T, u: T, []: [T; 0]) -> (T, [T; 0]) {
        (w * self.shrink - u * self.size, [])
    }
}
