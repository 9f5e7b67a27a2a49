//! AdaGrad: smaller steps for elements whose gradients have been large.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, decayed};
use crate::settings::{Settings, at_least_0, setters};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// AdaGrad: `s += g²; w -= η_t g / (√s + ε)` with `η_t = η / (1 + (t - 1) d)` (Duchi, Hazan, Singer
/// 2011, Adaptive Subgradient Methods for Online Learning and Stochastic Optimization).
///
/// If `g²` overflows (in `f32` for gradients from 1.8e19 on), s becomes infinite, and the parameter
/// no longer changes, as in PyTorch. Later steps would be too small to matter anyway.
///
/// Textbooks, Keras and Optax add ε inside the root, `g / √(s + ε)`: see
/// [`epsilon_inside_root`](Self::epsilon_inside_root). Keras and Optax start with s = 0.1: see
/// [`initial_accumulator`](Self::initial_accumulator).
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct AdaGrad {
    settings: Settings,
    learning_rate_decay: f64,
    epsilon: f64,
    epsilon_inside_root: bool,
    initial_accumulator: f64,
}

impl AdaGrad {
    /// Creates AdaGrad with learning rate η (1e-2 is usual) that does not decay, ε 1e-10, s
    /// starting at 0 and no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate),
            learning_rate_decay: 0.0,
            epsilon: 1e-10,
            epsilon_inside_root: false,
            initial_accumulator: 0.0,
        }
    }

    setters!(weight_decay);
    setters!(epsilon);

    /// Sets the decay d of the learning rate, at least 0.
    pub fn learning_rate_decay(mut self, decay: f64) -> Self {
        self.learning_rate_decay = decay;
        self
    }

    /// Adds ε inside the root: `w -= η_t g / √(s + ε)`.
    pub fn epsilon_inside_root(mut self) -> Self {
        self.epsilon_inside_root = true;
        self
    }

    /// Sets the initial value of s, at least 0.
    pub fn initial_accumulator(mut self, s: f64) -> Self {
        self.initial_accumulator = s;
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        at_least_0("the decay of the learning rate", self.learning_rate_decay)?;
        at_least_0("ε", self.epsilon)?;
        at_least_0("the initial accumulator", self.initial_accumulator)?;
        Ok(Box::new(Stepper::new(Elementwise(self), self.settings)?))
    }
}

impl Rule<1> for AdaGrad {
    const NAME: &'static str = "AdaGrad";
    const STATE: [&'static str; 1] = ["s"];

    fn initial(&self) -> [f64; 1] {
        [self.initial_accumulator]
    }

    /// Without ε the step of an element that has never had a gradient is 0 / 0.
    fn keeps_at_zero(&self, at: &StepInfo) -> bool {
        at.settings.weight_decay == 0.0 && self.epsilon >= f64::from(f32::MIN_POSITIVE)
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [s]: [T; 1]) -> (T, [T; 1]) {
        let eta =
            at.settings.learning_rate / (1.0 + (at.number - 1) as f64 * self.learning_rate_decay);
        let g = decayed(at, w, g);
        let s = s + g * g;
        let divisor = if self.epsilon_inside_root {
            (s + self.epsilon).sqrt()
        } else {
            s.sqrt() + self.epsilon
        };
        (w - g / divisor * eta, [s])
    }
}
