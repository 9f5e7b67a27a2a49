//! AdaGrad: smaller steps where gradients have been large.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, decayed};
use crate::settings::{Settings, at_least_0, setters};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// `s += g²; w -= η_t g / (√s + ε)` with `η_t = η / (1 + (t - 1) d)` (Duchi, Hazan, Singer 2011,
/// Adaptive Subgradient Methods for Online Learning and Stochastic Optimization).
///
/// A gradient whose square leaves the range of the dtype (in `f32` from 1.8e19 on) makes s
/// infinite, and the parameter stands still from then on, as in PyTorch; steps that come after such
/// a gradient would be too small to be seen anyway.
///
/// The textbook, Keras and Optax have ε inside the root, `g / √(s + ε)`:
/// [`epsilon_inside_root`](Self::epsilon_inside_root); the last two start from s = 0.1:
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
    /// Learning rate η (1e-2 is usual), no decay of it, ε 1e-10, s from 0, no weight decay.
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

    /// The decay d of the learning rate, at least 0.
    pub fn learning_rate_decay(mut self, decay: f64) -> Self {
        self.learning_rate_decay = decay;
        self
    }

    /// `w -= η_t g / √(s + ε)`.
    pub fn epsilon_inside_root(mut self) -> Self {
        self.epsilon_inside_root = true;
        self
    }

    /// What s starts as, at least 0.
    pub fn initial_accumulator(mut self, s: f64) -> Self {
        self.initial_accumulator = s;
        self
    }

    /// The optimizer.
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
