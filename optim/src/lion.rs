//! Lion: steps of one size, in the direction of a sign.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, shrunk};
use crate::settings::{Settings, fraction, setters};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// Lion: `w -= η (sign(β₁ m + (1 - β₁) g) + λ w); m = β₂ m + (1 - β₂) g` (Chen et al. 2023,
/// Symbolic Discovery of Optimization Algorithms). It computes the same as Optax; PyTorch has no
/// Lion.
///
/// Its steps are larger than Adam's. Usual are a learning rate 3 to 10 times smaller than Adam's
/// and a weight decay larger by the same factor.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Lion {
    settings: Settings,
    beta2: f64,
}

impl Lion {
    /// Creates Lion with learning rate η (1e-4 is usual), β₁ 0.9, β₂ 0.99 and no weight decay
    /// (Optax has 1e-3 by default).
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate).momentum(0.9),
            beta2: 0.99,
        }
    }

    setters!(betas);

    /// Sets the decoupled weight decay λ, at least 0. The default is 0.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.settings.weight_decay = weight_decay;
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        fraction("β₂", self.beta2)?;
        Ok(Box::new(Stepper::new(Elementwise(self), self.settings)?))
    }
}

impl Rule<1> for Lion {
    const NAME: &'static str = "Lion";
    const STATE: [&'static str; 1] = ["m"];

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [m]: [T; 1]) -> (T, [T; 1]) {
        let (eta, beta1) = (at.settings.learning_rate, at.settings.momentum);
        let c = m * beta1 + g * (1.0 - beta1);
        // 0 and NaN have no sign; they are the step themselves, so that NaN stays visible.
        let not_above = T::select(c.lt(w.zero()), w.constant(-eta), c);
        let step = T::select(c.gt(w.zero()), w.constant(eta), not_above);
        let m = m * self.beta2 + g * (1.0 - self.beta2);
        (shrunk(at, w) - step, [m])
    }
}
