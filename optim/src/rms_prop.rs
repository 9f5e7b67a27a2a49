//! RMSProp: AdaGrad with an average in place of the sum of squares.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, decayed, mean_square};
use crate::settings::{Settings, at_least_0, setters, share};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// RMSProp: `v = α v + (1 - α) g²; u = g / (√v + ε)`; `w -= η u`, or with momentum
/// `b = μ b + u; w -= η b` (Tieleman, Hinton 2012, Lecture 6.5, rmsprop; the centered form: Graves
/// 2013, Generating Sequences With Recurrent Neural Networks).
///
/// If `(1 - α) g²` overflows (in `f32` for gradients from 1.8e20 on, at the default α), v becomes
/// infinite, and the parameter no longer changes. In the centered form it may become NaN.
///
/// Textbooks, Keras and TensorFlow 1 have α 0.9 and add ε inside the root: see
/// [`epsilon_inside_root`](Self::epsilon_inside_root). TensorFlow 1 starts with v = 1: see
/// [`initial`](Self::initial). Keras applies η to u, which gives the same steps if η is constant.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct RmsProp {
    settings: Settings,
    alpha: f64,
    epsilon: f64,
    epsilon_inside_root: bool,
    centered: bool,
    initial: f64,
}

impl RmsProp {
    /// Creates RMSProp with learning rate η (1e-2 is usual), α 0.99, ε 1e-8 and v starting at 0;
    /// not centered, without momentum and weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate),
            alpha: 0.99,
            epsilon: 1e-8,
            epsilon_inside_root: false,
            centered: false,
            initial: 0.0,
        }
    }

    setters!(momentum);
    setters!(weight_decay);
    setters!(epsilon);

    /// Sets α, the weight of the old mean square, in `[0, 1]`. Textbooks call it β, Keras ρ.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Adds ε inside the root: `u = g / √(v + ε)`.
    pub fn epsilon_inside_root(mut self) -> Self {
        self.epsilon_inside_root = true;
        self
    }

    /// Divides by the standard deviation: `a = α a + (1 - α) g`, and `v - a²` takes the place of v.
    /// If rounding makes it negative, it counts as 0; in PyTorch the step is NaN then.
    pub fn centered(mut self) -> Self {
        self.centered = true;
        self
    }

    /// Sets the initial value of v, at least 0.
    pub fn initial(mut self, v: f64) -> Self {
        self.initial = v;
        self
    }

    /// Builds the optimizer. Without momentum it has no buffer for it, and ignores the momentum of
    /// a schedule.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        share("α", self.alpha)?;
        at_least_0("ε", self.epsilon)?;
        at_least_0("the initial v", self.initial)?;
        Ok(match (self.centered, self.settings.momentum != 0.0) {
            (false, false) => Box::new(Stepper::new(Elementwise(Plain(self)), self.settings)?),
            (false, true) => Box::new(Stepper::new(
                Elementwise(WithMomentum(self)),
                self.settings,
            )?),
            (true, false) => Box::new(Stepper::new(Elementwise(Centered(self)), self.settings)?),
            (true, true) => Box::new(Stepper::new(
                Elementwise(CenteredWithMomentum(self)),
                self.settings,
            )?),
        })
    }

    /// Returns the new v, the new a, and u.
    #[inline(always)]
    fn direction<T: Real>(&self, g: T, v: T, a: Option<T>) -> (T, T, T) {
        let v = mean_square(v, g, self.alpha);
        let a = a.map_or(g.zero(), |a| a * self.alpha + g * (1.0 - self.alpha));
        let spread = v - a * a;
        let spread = T::select(spread.lt(g.zero()), g.zero(), spread);
        let divisor = if self.epsilon_inside_root {
            (spread + self.epsilon).sqrt()
        } else {
            spread.sqrt() + self.epsilon
        };
        (v, a, g / divisor)
    }
}

/// Returns the new `w` and the new buffer.
#[inline(always)]
fn with_momentum<T: Real>(at: StepInfo, w: T, u: T, b: T) -> (T, T) {
    let b = b * at.settings.momentum + u;
    (w - b * at.settings.learning_rate, b)
}

#[derive(Clone, Copy, Debug)]
struct Plain(RmsProp);

impl Rule<1> for Plain {
    const NAME: &'static str = "RmsProp";
    const STATE: [&'static str; 1] = ["v"];

    fn initial(&self) -> [f64; 1] {
        [self.0.initial]
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [v]: [T; 1]) -> (T, [T; 1]) {
        let (v, _, u) = self.0.direction(decayed(at, w, g), v, None);
        (w - u * at.settings.learning_rate, [v])
    }
}

#[derive(Clone, Copy, Debug)]
struct WithMomentum(RmsProp);

impl Rule<2> for WithMomentum {
    const NAME: &'static str = "RmsProp with momentum";
    const STATE: [&'static str; 2] = ["v", "momentum"];

    fn initial(&self) -> [f64; 2] {
        [self.0.initial, 0.0]
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [v, b]: [T; 2]) -> (T, [T; 2]) {
        let (v, _, u) = self.0.direction(decayed(at, w, g), v, None);
        let (w, b) = with_momentum(at, w, u, b);
        (w, [v, b])
    }
}

#[derive(Clone, Copy, Debug)]
struct Centered(RmsProp);

impl Rule<2> for Centered {
    const NAME: &'static str = "centered RmsProp";
    const STATE: [&'static str; 2] = ["v", "mean"];

    fn initial(&self) -> [f64; 2] {
        [self.0.initial, 0.0]
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [v, a]: [T; 2]) -> (T, [T; 2]) {
        let (v, a, u) = self.0.direction(decayed(at, w, g), v, Some(a));
        (w - u * at.settings.learning_rate, [v, a])
    }
}

#[derive(Clone, Copy, Debug)]
struct CenteredWithMomentum(RmsProp);

impl Rule<3> for CenteredWithMomentum {
    const NAME: &'static str = "centered RmsProp with momentum";
    const STATE: [&'static str; 3] = ["v", "mean", "momentum"];

    fn initial(&self) -> [f64; 3] {
        [self.0.initial, 0.0, 0.0]
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [v, a, b]: [T; 3]) -> (T, [T; 3]) {
        let (v, a, u) = self.0.direction(decayed(at, w, g), v, Some(a));
        let (w, b) = with_momentum(at, w, u, b);
        (w, [v, a, b])
    }
}
