//! NAdam: Adam with Nesterov's momentum.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, mean_square, regularized};
use crate::settings::{Settings, at_least_0, fraction, setters};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// NAdam, with m and v as in [`Adam`](crate::Adam):
/// `w -= η ((1 - μ_t) / (1 - Π) g + μ_{t+1} / (1 - Π μ_{t+1}) m) / (√v̂ + ε)`, where
/// `μ_t = β₁ (1 - 0.5 · 0.96^(ψ t))` and Π is the product of `μ_1` to `μ_t` (Dozat 2016,
/// Incorporating Nesterov Momentum into Adam).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct NAdam {
    settings: Settings,
    beta2: f64,
    epsilon: f64,
    momentum_decay: f64,
    decoupled: bool,
}

impl NAdam {
    /// Creates NAdam with learning rate η (2e-3 is usual), β₁ 0.9, β₂ 0.999, ε 1e-8, ψ 4e-3 and no
    /// weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate).momentum(0.9),
            beta2: 0.999,
            epsilon: 1e-8,
            momentum_decay: 4e-3,
            decoupled: false,
        }
    }

    setters!(betas);
    setters!(epsilon);
    setters!(weight_decay);
    setters!(decoupled_weight_decay);

    /// Sets the decay ψ of the momentum, at least 0.
    pub fn momentum_decay(mut self, momentum_decay: f64) -> Self {
        self.momentum_decay = momentum_decay;
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        fraction("β₂", self.beta2)?;
        at_least_0("ε", self.epsilon)?;
        at_least_0("the decay of the momentum", self.momentum_decay)?;
        Ok(Box::new(Stepper::new(Elementwise(self), self.settings)?))
    }

    /// Returns `μ_t`.
    fn mu(&self, beta1: f64, t: f64) -> f64 {
        beta1 * (1.0 - 0.5 * 0.96f64.powf(t * self.momentum_decay))
    }
}

impl Rule<2> for NAdam {
    const NAME: &'static str = "NAdam";
    const STATE: [&'static str; 2] = ["m", "v"];
    /// The name of Π.
    const CARRY: Option<&'static str> = Some("momentum_product");

    fn prepare(&self, at: &mut StepInfo) {
        let (beta1, t) = (at.settings.momentum, at.number as f64);
        let (mu, next) = (self.mu(beta1, t), self.mu(beta1, t + 1.0));
        at.carry *= mu;
        at.shared = [
            (1.0 - mu) / (1.0 - at.carry),
            next / (1.0 - at.carry * next),
            (1.0 - self.beta2.powf(t)).sqrt().recip(),
        ];
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let beta1 = at.settings.momentum;
        let [of_g, of_m, correction] = at.shared;
        let (w, g) = regularized(at, self.decoupled, w, g);
        let m = m * beta1 + g * (1.0 - beta1);
        let v = mean_square(v, g, self.beta2);
        let divisor = v.sqrt() * correction + self.epsilon;
        let direction = (g * of_g + m * of_m) / divisor;
        (w - direction * at.settings.learning_rate, [m, v])
    }
}
