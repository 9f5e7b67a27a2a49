//! AdaDelta: steps as large as the average step so far, relative to the gradient.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, decayed, mean_square};
use crate::settings::{Settings, at_least_0, setters, share};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// AdaDelta: `v = ρ v + (1 - ρ) g²; d = g √(u + ε) / √(v + ε); u = ρ u + (1 - ρ) d²; w -= η d`
/// (Zeiler 2012, ADADELTA: An Adaptive Learning Rate Method).
///
/// If `(1 - ρ) g²` overflows (in `f32` for gradients from 5.8e19 on, at the default ρ), v becomes
/// infinite, and the parameter no longer changes, as in PyTorch.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct AdaDelta {
    settings: Settings,
    rho: f64,
    epsilon: f64,
}

impl AdaDelta {
    /// Creates AdaDelta with learning rate η (1 in the paper), ρ 0.9, ε 1e-6 and no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate),
            rho: 0.9,
            epsilon: 1e-6,
        }
    }

    setters!(weight_decay);
    setters!(epsilon);

    /// Sets ρ, the weight of the old value in both averages, in `[0, 1]`.
    pub fn rho(mut self, rho: f64) -> Self {
        self.rho = rho;
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        share("ρ", self.rho)?;
        at_least_0("ε", self.epsilon)?;
        Ok(Box::new(Stepper::new(Elementwise(self), self.settings)?))
    }
}

impl Rule<2> for AdaDelta {
    const NAME: &'static str = "AdaDelta";
    const STATE: [&'static str; 2] = ["v", "u"];

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [v, u]: [T; 2]) -> (T, [T; 2]) {
        let g = decayed(at, w, g);
        let v = mean_square(v, g, self.rho);
        let d = g * ((u + self.epsilon).sqrt() / (v + self.epsilon).sqrt());
        let u = mean_square(u, d, self.rho);
        (w - d * at.settings.learning_rate, [v, u])
    }
}
