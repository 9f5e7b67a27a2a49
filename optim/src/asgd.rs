//! Averaged gradient descent: the mean of the weights from a given step on.

use crate::elementwise::Elementwise;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo, decayed};
use crate::settings::{Settings, at_least_0, setters};
use crate::stepper::Stepper;
use cotangent_core::Result;
use cotangent_core::kernel::Real;

/// ASGD, averaged stochastic gradient descent: `w = (1 - λ η_t) w - η_t g` with
/// `η_t = η / (1 + λ η (t - 1))^α`, and the average `a += (w - a) / max(1, t - 1 - t₀)` (Polyak,
/// Juditsky 1992, Acceleration of Stochastic Approximation by Averaging; PyTorch's form is that of
/// Bottou 2010, Large-Scale Machine Learning with Stochastic Gradient Descent).
///
/// The optimizer trains w. The average is the tensor `slot.average.PATH` of the saved state. Until
/// the step `t₀ + 2` it equals w: set [`t0`](Self::t0) to a step after which the loss no longer
/// falls much. [`WeightAverage`](crate::WeightAverage) averages under any optimizer, and also
/// copies running statistics.
///
/// In PyTorch, a change of the learning rate takes effect one step later.
///
/// ```
/// use cotangent::{ModuleExt, Tensor, module::{Module, Param, Pass}};
/// use cotangent::optim::{Asgd, Optimizer};
///
/// let mut w = Param::new(&Tensor::from([5.0f32, -3.0]));
/// let mut optimizer = Asgd::new(0.45).t0(20).build()?;
/// for step in 0..100 {
///     // The target is 1, with noise of alternating sign.
///     let target = if step % 2 == 0 { 1.5 } else { 0.5 };
///     let grads = w.read(&Pass::train(0)).add_scalar(-target).square().sum().backward()?;
///     optimizer.step(&mut w, grads)?;
/// }
/// let averages = optimizer.state()?.part("slot.average");
/// let mut averaged = w.clone();
/// for (path, param) in averaged.named_params_mut() {
///     param.set(averages.tensor(&path)?)?;
/// }
/// let distance = |w: &Param| w.value().add_scalar(-1.0).square().sum().item();
/// assert!(distance(&averaged)? < 0.01 * distance(&w)?);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Asgd {
    settings: Settings,
    lambda: f64,
    alpha: f64,
    t0: u64,
}

impl Asgd {
    /// Creates ASGD with learning rate η (1e-2 is usual), λ 1e-4, α 0.75, averaging from t₀ 1e6
    /// on, and no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            settings: Settings::new(learning_rate),
            lambda: 1e-4,
            alpha: 0.75,
            t0: 1_000_000,
        }
    }

    setters!(weight_decay);

    /// Sets λ, the decay of the weights and of the learning rate, at least 0.
    pub fn lambda(mut self, lambda: f64) -> Self {
        self.lambda = lambda;
        self
    }

    /// Sets α, the power of the decay of the learning rate, at least 0.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Sets t₀, the number of a parameter's steps before the average begins.
    pub fn t0(mut self, t0: u64) -> Self {
        self.t0 = t0;
        self
    }

    /// Builds the optimizer.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a setting is out of range.
    pub fn build(self) -> Result<Box<dyn Optimizer>> {
        at_least_0("λ", self.lambda)?;
        at_least_0("α", self.alpha)?;
        Ok(Box::new(Stepper::new(Elementwise(self), self.settings)?))
    }
}

impl Rule<1> for Asgd {
    const NAME: &'static str = "Asgd";
    const STATE: [&'static str; 1] = ["average"];

    /// Shares `η_t`, and the weight of the new parameter in the average.
    fn prepare(&self, at: &mut StepInfo) {
        let (eta, steps) = (at.settings.learning_rate, at.number - 1);
        let decay = (1.0 + self.lambda * eta * steps as f64).powf(self.alpha);
        let averaged = steps.saturating_sub(self.t0).max(1);
        at.shared = [eta / decay, (averaged as f64).recip(), 0.0];
    }

    #[inline(always)]
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [average]: [T; 1]) -> (T, [T; 1]) {
        let [eta, share, _] = at.shared;
        let g = decayed(at, w, g);
        let w = w * (1.0 - self.lambda * eta) - g * eta;
        let average = if share == 1.0 {
            w
        } else {
            average + (w - average) * share
        };
        (w, [average])
    }
}
