//! AdaMax: Adam that divides by a decaying maximum instead of a root mean square.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, decayed, larger};
use crate::settings::{Settings, at_least_0, fraction, setters};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// AdaMax: `m = β₁ m + (1 - β₁) g; u = max(β₂ u, |g| + ε); w -= η / (1 - β₁ᵗ) · m / u` (Kingma, Ba
/// 2014, Adam: A Method for Stochastic Optimization, section 7.1). ε is that of PyTorch.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct AdaMax {
    settings: Settings,
    beta2: f64,
    epsilon: f64,
}

impl AdaMax {
    /// Creates AdaMax with learning rate η (2e-3 is usual), β₁ 0.9, β₂ 0.999, ε 1e-8 and no weight
    /// decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate).momentum(0.9),
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }

    setters!(betas);
    setters!(epsilon);
    setters!(weight_decay);

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        fraction("β₂", self.beta2)?;
        at_least_0("ε", self.epsilon)?;
        Ok(Box::new(Stepper::new(Elementwise(self), self.settings)?))
    }
}

impl Rule<2> for AdaMax {
    const NAME: &'static str = "AdaMax";
    const STATE: [&'static str; 2] = ["m", "u"];

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [m, u]: [T; 2]) -> (T, [T; 2]) {
        let beta1 = at.settings.momentum;
        let g = decayed(at, w, g);
        let m = m * beta1 + g * (1.0 - beta1);
        let u = larger(u * self.beta2, g.abs() + self.epsilon);
        let eta = at.settings.learning_rate / (1.0 - beta1.powf(at.number as f64));
        (w - m / u * eta, [m, u])
    }
}
