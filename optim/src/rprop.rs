//! Rprop: a step size for each element, which grows while the sign of its gradient stays.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, decayed};
use crate::settings::{Settings, at_least_0, check_range, setters};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// Rprop, resilient backpropagation: each element has a step size Δ, the learning rate η at first,
/// and a step has the size Δ whatever the size of the gradient. If g has the sign of the step
/// before, `Δ = min(η⁺ Δ, Δ_max)`. If it has the opposite sign, `Δ = max(η⁻ Δ, Δ_min)`, and g
/// counts as 0 in this step and in the next comparison. Then `w -= Δ sign(g)` (Riedmiller, Braun
/// 1993, A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP Algorithm).
///
/// As in PyTorch, a step whose sign was wrong is not undone. This form is the iRprop⁻ of Igel,
/// Hüsken 2000, Improving the Rprop Learning Algorithm.
///
/// It is meant for gradients of the whole data set: the noise of small batches changes signs. A
/// schedule of the learning rate has no effect after the first step of a parameter.
///
/// ```
/// use cotangent::{Tensor, module::{Param, Pass}};
/// use cotangent::optim::{Optimizer, Rprop};
///
/// // Slopes that differ by a factor of a million.
/// let slopes = Tensor::from([1e-3f32, 1e3]);
/// let mut w = Param::new(&Tensor::from([5.0f32, -3.0]));
/// let mut optimizer = Rprop::new(0.01).build()?;
/// for _ in 0..100 {
///     let grads = w.read(&Pass::train(0)).square().mul(&slopes)?.sum().backward()?;
///     optimizer.step(&mut w, grads)?;
/// }
/// assert!(w.value().square().sum().item()? < 1e-6);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Rprop {
    settings: Settings,
    etas: [f64; 2],
    step_sizes: [f64; 2],
}

impl Rprop {
    /// Creates Rprop with learning rate η, the first step size (1e-2 is usual), η⁻ 0.5, η⁺ 1.2,
    /// step sizes from 1e-6 to 50, and no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate),
            etas: [0.5, 1.2],
            step_sizes: [1e-6, 50.0],
        }
    }

    setters!(weight_decay);

    /// Sets the factors of the step size: η⁻ in `(0, 1)` and η⁺ above 1.
    pub fn etas(mut self, minus: f64, plus: f64) -> Self {
        self.etas = [minus, plus];
        self
    }

    /// Sets the smallest and the largest step size, at least 0.
    pub fn step_sizes(mut self, min: f64, max: f64) -> Self {
        self.step_sizes = [min, max];
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        let ([minus, plus], [min, max]) = (self.etas, self.step_sizes);
        check_range("η⁻", minus, minus > 0.0 && minus < 1.0, "in (0, 1)")?;
        check_range(
            "η⁺",
            plus,
            plus > 1.0 && plus.is_finite(),
            "finite and above 1",
        )?;
        at_least_0("the smallest step size", min)?;
        at_least_0("the largest step size", max)?;
        let range = format!("at least the smallest, {min}");
        check_range("the largest step size", max, max >= min, &range)?;
        Ok(Box::new(Stepper::new(Elementwise(self), self.settings)?))
    }
}

/// The step size of an element before its first step, which is the learning rate then.
const UNSET: f64 = -1.0;

impl Rule<2> for Rprop {
    const NAME: &'static str = "Rprop";
    const STATE: [&'static str; 2] = ["gradient", "step_size"];

    fn initial(&self) -> [f64; 2] {
        [0.0, UNSET]
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [before, size]: [T; 2]) -> (T, [T; 2]) {
        let ([minus, plus], [min, max]) = (self.etas, self.step_sizes);
        let g = decayed(at, w, g);
        // Signs are compared, since a product could underflow.
        let zero = w.zero();
        let (rises, falls) = (g.gt(zero), g.lt(zero));
        let (rose, fell) = (before.gt(zero), before.lt(zero));
        let same = (rises & rose) | (falls & fell);
        let opposite = (rises & fell) | (falls & rose);
        let size = T::select(size.lt(zero), w.constant(at.settings.learning_rate), size);
        let smaller_or_equal = T::select(opposite, size * minus, size);
        let size = T::select(same, size * plus, smaller_or_equal);
        let size = T::select(size.lt(w.constant(min)), w.constant(min), size);
        let size = T::select(size.gt(w.constant(max)), w.constant(max), size);
        let g = T::select(opposite, zero, g);
        // 0 and NaN have no sign; they are the step themselves, so that NaN stays visible.
        let not_above = T::select(g.lt(zero), zero - size, g);
        let step = T::select(g.gt(zero), size, not_above);
        (w - step, [g, size])
    }
}
