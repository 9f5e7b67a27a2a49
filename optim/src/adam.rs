//! Adam.

use crate::stepper::{Rule, Stepper, check_range, decayed};
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
    learning_rate: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    epsilon_inside_root: bool,
    weight_decay: f64,
}

impl Adam {
    /// Learning rate η (1e-3 is usual), β 0.9 and 0.999, ε 1e-8, no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            epsilon_inside_root: false,
            weight_decay: 0.0,
        }
    }

    /// β₁ and β₂, each in `[0, 1)`.
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
        self.beta1 = beta1;
        self.beta2 = beta2;
        self
    }

    /// ε, at least 0.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// `w -= η m̂ / √(v̂ + ε)`.
    pub fn epsilon_inside_root(mut self) -> Self {
        self.epsilon_inside_root = true;
        self
    }

    /// The weight decay λ: `g += λ w` first.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// The optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Stepper<Self, 2, 3>> {
        check_range(
            "learning rate",
            self.learning_rate,
            self.learning_rate >= 0.0,
            "at least 0",
        )?;
        check_range(
            "beta1",
            self.beta1,
            (0.0..1.0).contains(&self.beta1),
            "in [0, 1)",
        )?;
        check_range(
            "beta2",
            self.beta2,
            (0.0..1.0).contains(&self.beta2),
            "in [0, 1)",
        )?;
        check_range("epsilon", self.epsilon, self.epsilon >= 0.0, "at least 0")?;
        check_range(
            "weight decay",
            self.weight_decay,
            self.weight_decay >= 0.0,
            "at least 0",
        )?;
        Ok(Stepper::new(self))
    }
}

impl Rule<2> for Adam {
    const INITIAL: [f64; 2] = [0.0; 2];

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    #[inline(always)]
    fn update<T: Real>(&self, step: u64, w: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let g = decayed(g, w, self.weight_decay);
        let m = m * self.beta1 + g * (1.0 - self.beta1);
        let v = v * self.beta2 + g * g * (1.0 - self.beta2);
        let correction1 = 1.0 - self.beta1.powf(step as f64);
        let correction2 = 1.0 - self.beta2.powf(step as f64);
        let v_hat = v / correction2;
        let divisor = if self.epsilon_inside_root {
            (v_hat + self.epsilon).sqrt()
        } else {
            v_hat.sqrt() + self.epsilon
        };
        (w - m / divisor * (self.learning_rate / correction1), [m, v])
    }
}
