//! RAdam: Adam without its denominator until the second moment has little variance.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, mean_square, regularized};
use crate::settings::{Settings, at_least_0, fraction, setters};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// RAdam, with m and v as in [`Adam`](crate::Adam). Let `ρ = 2 / (1 - β₂) - 1` and
/// `ρ_t = ρ - 2 t β₂ᵗ / (1 - β₂ᵗ)`. If `ρ_t > 5`: `w -= η r m̂ √(1 - β₂ᵗ) / (√v + ε)` with
/// `r² = (ρ_t - 4)(ρ_t - 2) ρ / ((ρ - 4)(ρ - 2) ρ_t)`. In the steps before: `w -= η m̂` (Liu,
/// Jiang, He, Chen, Liu, Gao, Han 2019, On the Variance of the Adaptive Learning Rate and Beyond).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct RAdam {
    settings: Settings,
    beta2: f64,
    epsilon: f64,
    decoupled: bool,
}

impl RAdam {
    /// Creates RAdam with learning rate η (1e-3 is usual), β₁ 0.9, β₂ 0.999, ε 1e-8 and no weight
    /// decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate).momentum(0.9),
            beta2: 0.999,
            epsilon: 1e-8,
            decoupled: false,
        }
    }

    setters!(betas);
    setters!(epsilon);
    setters!(weight_decay);
    setters!(decoupled_weight_decay);

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

impl Rule<2> for RAdam {
    const NAME: &'static str = "RAdam";
    const STATE: [&'static str; 2] = ["m", "v"];

    fn prepare(&self, at: &mut StepInfo) {
        let t = at.number as f64;
        let unseen = self.beta2.powf(t);
        let most = 2.0 / (1.0 - self.beta2) - 1.0;
        let length = most - 2.0 * t * unseen / (1.0 - unseen);
        let eta = at.settings.learning_rate / (1.0 - at.settings.momentum.powf(t));
        at.shared = if length > 5.0 {
            let rectified =
                (length - 4.0) * (length - 2.0) * most / ((most - 4.0) * (most - 2.0) * length);
            [eta * (rectified * (1.0 - unseen)).sqrt(), 1.0, self.epsilon]
        } else {
            [eta, 0.0, 1.0]
        };
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let beta1 = at.settings.momentum;
        let [eta, of_root, beside] = at.shared;
        let (w, g) = regularized(at, self.decoupled, w, g);
        let m = m * beta1 + g * (1.0 - beta1);
        let v = mean_square(v, g, self.beta2);
        // The root may be infinite, and 0 times infinity is NaN.
        let divisor = if of_root == 0.0 {
            w.constant(beside)
        } else {
            v.sqrt() * of_root + beside
        };
        (w - m / divisor * eta, [m, v])
    }
}
