//! Adam, with decoupled weight decay, and AMSGrad.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, larger, mean_square, regularized};
use crate::settings::{Settings, at_least_0, fraction, setters};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// Adam: `m = β₁ m + (1 - β₁) g; v = β₂ v + (1 - β₂) g²; w -= η m̂ / (√v̂ + ε)` with
/// `m̂ = m / (1 - β₁ᵗ)` and `v̂ = v / (1 - β₂ᵗ)` (Kingma, Ba 2014, Adam: A Method for Stochastic
/// Optimization).
///
/// If `(1 - β₂) g²` overflows (in `f32` for gradients from 5.8e20 on, at the default β₂), v becomes
/// infinite, and the parameter no longer changes, as in PyTorch.
///
/// ε is added outside the root, as in the paper and in PyTorch. Textbooks have it inside: see
/// [`epsilon_inside_root`](Self::epsilon_inside_root).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Adam {
    settings: Settings,
    beta2: f64,
    epsilon: f64,
    epsilon_inside_root: bool,
    amsgrad: bool,
    decoupled: bool,
}

impl Adam {
    /// Creates Adam with learning rate η (1e-3 is usual), β₁ 0.9, β₂ 0.999, ε 1e-8 and no weight
    /// decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate).momentum(0.9),
            beta2: 0.999,
            epsilon: 1e-8,
            epsilon_inside_root: false,
            amsgrad: false,
            decoupled: false,
        }
    }

    setters!(betas);
    setters!(epsilon);
    setters!(weight_decay);
    setters!(decoupled_weight_decay);

    /// Adds ε inside the root: `w -= η m̂ / √(v̂ + ε)`.
    pub fn epsilon_inside_root(mut self) -> Self {
        self.epsilon_inside_root = true;
        self
    }

    /// Computes v̂ from the largest v so far (Reddi, Kale, Kumar 2018, On the Convergence of Adam
    /// and Beyond). The maximum is over v before the bias correction, as in PyTorch.
    pub fn amsgrad(mut self) -> Self {
        self.amsgrad = true;
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        self.check()?;
        Ok(if self.amsgrad {
            Box::new(Stepper::new(Elementwise::<_, 3>(self), self.settings)?)
        } else {
            Box::new(Stepper::new(Elementwise::<_, 2>(self), self.settings)?)
        })
    }

    /// Checks that all settings are in range.
    pub(crate) fn check(&self) -> Result<()> {
        self.settings.check()?;
        fraction("β₂", self.beta2)?;
        at_least_0("ε", self.epsilon)
    }

    /// Sets the shared numbers: the step size with the correction of m, ε scaled to be added to the
    /// uncorrected v, and the correction of the root of v.
    fn corrections(&self, at: &mut StepInfo) {
        let t = at.number as f64;
        let beta1 = at.settings.momentum;
        let seen = 1.0 - self.beta2.powf(t);
        at.shared = [
            at.settings.learning_rate / (1.0 - beta1.powf(t)),
            self.epsilon * seen,
            seen.recip().sqrt(),
        ];
    }

    /// Returns `w`, `m`, `v` and the largest `v` after a step.
    #[inline(always)]
    fn advance<T: Real>(&self, at: StepInfo, w: T, g: T, m: T, v: T, most: Option<T>) -> [T; 4] {
        let beta1 = at.settings.momentum;
        let [eta, beside_v, of_root] = at.shared;
        let (w, g) = regularized(at, self.decoupled, w, g);
        let m = m * beta1 + g * (1.0 - beta1);
        let v = mean_square(v, g, self.beta2);
        let most = most.map_or(v, |most| larger(most, v));
        let divisor = if self.epsilon_inside_root {
            // v̂ alone would overflow earlier.
            (most + beside_v).sqrt() * of_root
        } else {
            most.sqrt() * of_root + self.epsilon
        };
        [w - m / divisor * eta, m, v, most]
    }
}

impl Rule<2> for Adam {
    const NAME: &'static str = "Adam";
    const STATE: [&'static str; 2] = ["m", "v"];

    fn prepare(&self, at: &mut StepInfo) {
        self.corrections(at);
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let [w, m, v, _] = self.advance(at, w, g, m, v, None);
        (w, [m, v])
    }
}

impl Rule<3> for Adam {
    const NAME: &'static str = "AMSGrad";
    const STATE: [&'static str; 3] = ["m", "v", "v_max"];

    fn prepare(&self, at: &mut StepInfo) {
        self.corrections(at);
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [m, v, most]: [T; 3]) -> (T, [T; 3]) {
        let [w, m, v, most] = self.advance(at, w, g, m, v, Some(most));
        (w, [m, v, most])
    }
}

/// Adam with decoupled weight decay: `w -= η λ w`, then Adam's step (Loshchilov, Hutter 2017,
/// Decoupled Weight Decay Regularization).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct AdamW(Adam);

impl AdamW {
    /// Creates AdamW with the defaults of [`Adam::new`] and weight decay λ 0.01.
    pub fn new(learning_rate: f64) -> Self {
        Self(
            Adam::new(learning_rate)
                .decoupled_weight_decay()
                .weight_decay(0.01),
        )
    }

    /// Sets β₁ and β₂, each in `[0, 1)`.
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        Self(self.0.betas(beta1, beta2))
    }

    /// Sets ε, at least 0.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self(self.0.epsilon(epsilon))
    }

    /// Sets the weight decay λ, at least 0.
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        Self(self.0.weight_decay(weight_decay))
    }

    /// Adds ε inside the root, see [`Adam::epsilon_inside_root`].
    pub fn epsilon_inside_root(self) -> Self {
        Self(self.0.epsilon_inside_root())
    }

    /// Uses the largest v so far, see [`Adam::amsgrad`].
    pub fn amsgrad(self) -> Self {
        Self(self.0.amsgrad())
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        self.0.build()
    }
}
