//! Gradient descent without momentum.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, decayed};
use crate::settings::{Settings, setters};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// Gradient descent: `w -= η g`.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Sgd {
    settings: Settings,
}

impl Sgd {
    /// Creates gradient descent with learning rate η and no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate),
        }
    }

    setters!(weight_decay);

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        Ok(Box::new(Stepper::new(Elementwise(self), self.settings)?))
    }
}

impl Rule<0> for Sgd {
    const NAME: &'static str = "Sgd";
    const STATE: [&'static str; 0] = [];

    fn keeps_at_zero(&self, at: &StepInfo) -> bool {
        at.settings.weight_decay == 0.0
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, []: [T; 0]) -> (T, [T; 0]) {
        (w - decayed(at, w, g) * at.settings.learning_rate, [])
    }
}
