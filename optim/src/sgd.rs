//! Plain gradient descent.

use crate::stepper::{Rule, Stepper, check_range, decayed};
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// `w -= η g`, with `g += λ w` before if there is weight decay λ.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Sgd {
    learning_rate: f64,
    weight_decay: f64,
}

impl Sgd {
    /// Gradient descent with learning rate η.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            weight_decay: 0.0,
        }
    }

    /// The weight decay λ; 0 by default.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// The optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Stepper<Self, 0, 1>> {
        check_range(
            "learning rate",
            self.learning_rate,
            self.learning_rate >= 0.0,
            "at least 0",
        )?;
        check_range(
            "weight decay",
            self.weight_decay,
            self.weight_decay >= 0.0,
            "at least 0",
        )?;
        Ok(Stepper::new(self))
    }
}

impl Rule<0> for Sgd {
    const INITIAL: [f64; 0] = [];

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    #[inline(always)]
    fn update<T: Real>(&self, _: u64, w: T, g: T, []: [T; 0]) -> (T, [T; 0]) {
        (
            w - decayed(g, w, self.weight_decay) * self.learning_rate,
            [],
        )
    }
}
