//! Adam, with decoupled weight decay, and AMSGrad.

use crate::settings::{Settings, at_least_0, fraction, setters};
use crate::stepper::{Optimizer, Rule, StepInfo, Stepper, decayed, shrunk};
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// `m = β₁ m + (1 - β₁) g; v = β₂ v + (1 - β₂) g²; w -= η m̂ / (√v̂ + ε)` with
/// `m̂ = m / (1 - β₁ᵗ)` and `v̂ = v / (1 - β₂ᵗ)` (Kingma, Ba 2014, Adam: A Method for Stochastic
/// Optimization).
///
/// ε stands outside the root, as in the paper and in PyTorch; the textbook has it inside:
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
    /// Learning rate η (1e-3 is usual), β 0.9 and 0.999, ε 1e-8, no weight decay.
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

    /// `w -= η m̂ / √(v̂ + ε)`.
    pub fn epsilon_inside_root(mut self) -> Self {
        self.epsilon_inside_root = true;
        self
    }

    /// v̂ is made from the largest v so far (Reddi, Kale, Kumar 2018, On the Convergence of Adam and
    /// Beyond), before its correction, as in PyTorch.
    pub fn amsgrad(mut self) -> Self {
        self.amsgrad = true;
        self
    }

    /// The optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        fraction("β₂", self.beta2)?;
        at_least_0("ε", self.epsilon)?;
        Ok(if self.amsgrad {
            Box::new(Stepper::<_, 3>::new(self, self.settings)?)
        } else {
            Box::new(Stepper::<_, 2>::new(self, self.settings)?)
        })
    }

    /// `w`, `m`, `v` and the largest `v` after a step.
    #[inline(always)]
    fn step<T: Real>(&self, at: StepInfo, w: T, g: T, m: T, v: T, most: Option<T>) -> [T; 4] {
        let (eta, beta1, t) = (
            at.settings.learning_rate,
            at.settings.momentum,
            at.number as f64,
        );
        let (w, g) = if self.decoupled {
            (shrunk(at, w), g)
        } else {
            (w, decayed(at, w, g))
        };
        let m = m * beta1 + g * (1.0 - beta1);
        let v = v * self.beta2 + g * g * (1.0 - self.beta2);
        let most = most.map_or(v, |most| T::select(most.lt(v), v, most));
        let v_hat = most / (1.0 - self.beta2.powf(t));
        let divisor = if self.epsilon_inside_root {
            (v_hat + self.epsilon).sqrt()
        } else {
            v_hat.sqrt() + self.epsilon
        };
        let w = w - m / divisor * (eta / (1.0 - beta1.powf(t)));
        [w, m, v, most]
    }
}

impl Rule<2> for Adam {
    const STATE: [&'static str; 2] = ["m", "v"];

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let [w, m, v, _] = self.step(at, w, g, m, v, None);
        (w, [m, v])
    }
}

impl Rule<3> for Adam {
    const STATE: [&'static str; 3] = ["m", "v", "v_max"];

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [m, v, most]: [T; 3]) -> (T, [T; 3]) {
        let [w, m, v, most] = self.step(at, w, g, m, v, Some(most));
        (w, [m, v, most])
    }
}

/// Adam with decoupled weight decay: `w -= η λ w`, then Adam's step (Loshchilov, Hutter 2017,
/// Decoupled Weight Decay Regularization).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct AdamW(Adam);

impl AdamW {
    /// As [`Adam::new`], with weight decay λ 0.01.
    pub fn new(learning_rate: f64) -> Self {
        Self(
            Adam::new(learning_rate)
                .decoupled_weight_decay()
                .weight_decay(0.01),
        )
    }

    /// β₁ and β₂, each in `[0, 1)`.
    pub fn betas(self, beta1: f64, beta2: f64) -> Self {
        Self(self.0.betas(beta1, beta2))
    }

    /// ε, at least 0.
    pub fn epsilon(self, epsilon: f64) -> Self {
        Self(self.0.epsilon(epsilon))
    }

    /// The weight decay λ, at least 0.
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        Self(self.0.weight_decay(weight_decay))
    }

    /// As [`Adam::epsilon_inside_root`].
    pub fn epsilon_inside_root(self) -> Self {
        Self(self.0.epsilon_inside_root())
    }

    /// As [`Adam::amsgrad`].
    pub fn amsgrad(self) -> Self {
        Self(self.0.amsgrad())
    }

    /// The optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        self.0.build()
    }
}
