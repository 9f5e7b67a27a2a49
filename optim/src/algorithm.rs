//! What an optimizer does with one parameter.

use crate::settings::Settings;
use cotangent_core::module::Param;
use cotangent_core::{Error, Result, Tensor, refusable};
use std::fmt::Debug;

/// What an optimizer does with one parameter: the state that it starts with, and an update. A
/// [`Stepper`](crate::Stepper) does the rest: it finds each parameter's gradient and state, applies
/// groups, leaves frozen parameters alone, and saves and loads.
///
/// The most used case is a formula for one element: a [`Rule`](crate::Rule), which
/// [`Elementwise`](crate::Elementwise) makes an algorithm. Others need norms, products, or state of
/// another shape than the parameter's:
///
/// ```
/// use cotangent::{Axes, Norm, Result, Tensor, module::{Param, Pass}};
/// use cotangent::optim::{Algorithm, Optimizer, ParamState, ParamStep, Settings, Stepper};
///
/// /// Each row of a matrix makes a step of one length, by the average of its gradients:
/// /// m = μ m + (1 - μ) g; wᵢ -= η mᵢ / (‖mᵢ‖ + 1e-8).
/// #[derive(Debug)]
/// struct Rows;
///
/// impl Algorithm for Rows {
///     fn name(&self) -> &'static str {
///         "Rows"
///     }
///
///     fn state_names(&self) -> Vec<Vec<&'static str>> {
///         vec![vec!["m"]]
///     }
///
///     fn init(&self, _path: &str, value: &Tensor) -> Result<ParamState> {
///         Ok(ParamState::from([("m", Tensor::zeros(value.shape(), value.dtype())?)]))
///     }
///
///     fn update(&self, step: &mut ParamStep<'_>) -> Result<()> {
///         let (eta, mu) = (step.settings.learning_rate, step.settings.momentum);
///         let m = step.state.tensor_mut("m")?;
///         let average = m.mul_scalar(mu).add(&step.gradient.mul_scalar(1.0 - mu))?;
///         let lengths = average.norm_over(Axes::keep(-1), Norm::L2)?.add_scalar(1e-8);
///         let direction = average.div(&lengths)?;
///         step.param.set(&step.param.value().sub(&direction.mul_scalar(eta))?)?;
///         *m = average;
///         Ok(())
///     }
/// }
///
/// let mut w = Param::new(&Tensor::from([[5.0f32, -3.0], [0.5, 0.25]]));
/// let mut optimizer = Stepper::new(Rows, Settings { momentum: 0.5, ..Settings::new(0.1) })?;
/// for _ in 0..100 {
///     let grads = w.read(&Pass::train(0)).square().sum().backward()?;
///     optimizer.step(&mut w, grads)?;
/// }
/// assert!(w.value().square().sum().item()? < 0.1);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub trait Algorithm: Debug + Send + Sync + 'static {
    /// The name that saved state carries; state of an algorithm with another name is not loaded.
    fn name(&self) -> &'static str;

    /// The names of the tensors that the state of a parameter has, in [`init`](Self::init)'s order;
    /// a row for each kind of parameter if they differ. Saved state with other names is not loaded.
    fn state_names(&self) -> Vec<Vec<&'static str>>;

    /// The state of a parameter before its first step.
    ///
    /// # Errors
    /// [`Error::Shape`] if the system refuses memory.
    fn init(&self, path: &str, value: &Tensor) -> Result<ParamState>;

    /// Changes the parameter and its state. Gradient and state fit: the gradient is untracked and
    /// has the parameter's shape and dtype; names, shapes and dtypes of the state are those that
    /// [`init`](Self::init) gives, and have to stay so.
    ///
    /// To be computed first and assigned last, so that a parameter whose update fails has not
    /// changed. If the system refuses memory, operations that cannot return an error do not panic
    /// here: the step is an error.
    ///
    /// # Errors
    /// Those of the tensor operations that it uses. The parameters before this one have made the
    /// step then.
    fn update(&self, step: &mut ParamStep<'_>) -> Result<()>;

    /// The updates of all parameters of a step, sorted by path: one after the other, unless an
    /// algorithm has a way to do them together. Each that has been made is to be marked as
    /// [done](ParamStep::done).
    ///
    /// # Errors
    /// Those of [`update`](Self::update), placed at the parameter's path.
    fn update_all(&self, steps: Vec<ParamStep<'_>>) -> Result<()> {
        one_by_one(steps, |step| self.update(step))
    }

    /// Checks the paths of the model's parameters before the first step, and before the first one
    /// after loading: for an algorithm that treats some paths differently, and for which one that
    /// is missing is a mistake.
    ///
    /// # Errors
    /// [`Error::Argument`] if a path that is asked for is missing.
    fn check_paths(&self, _paths: &[&str]) -> Result<()> {
        Ok(())
    }
}

/// One parameter's part of a step.
#[derive(Debug)]
pub struct ParamStep<'a> {
    /// The parameter's path in the model.
    pub path: &'a str,
    /// The number of the parameter's step, from 1.
    pub number: u64,
    /// The optimizer's settings, with what the parameter's groups make of them.
    pub settings: Settings,
    /// The parameter.
    pub param: &'a mut Param,
    /// Its gradient.
    pub gradient: &'a Tensor,
    /// Its state.
    pub state: &'a mut ParamState,
}

impl ParamStep<'_> {
    /// Counts the step as made.
    pub fn done(self) {
        self.state.steps = self.number;
    }
}

/// The updates of parameters one after the other.
pub(crate) fn one_by_one(
    steps: Vec<ParamStep<'_>>,
    update: impl Fn(&mut ParamStep<'_>) -> Result<()>,
) -> Result<()> {
    for step in steps {
        // State that is made from a tracked gradient would hold its graph from step to step.
        let gradient = step.gradient.detach();
        let mut step = ParamStep {
            gradient: &gradient,
            ..step
        };
        refusable("optimizer step", || update(&mut step))
            .map_err(|error| error.within(step.path))?;
        step.done();
    }
    Ok(())
}

/// What an optimizer keeps of one parameter: named tensors of any shapes and dtypes, and the number
/// of the parameter's steps.
#[derive(Clone, Debug, Default)]
pub struct ParamState {
    pub(crate) steps: u64,
    pub(crate) tensors: Vec<(&'static str, Tensor)>,
}

/// The tensors with their names, before the first step. A number is a tensor of rank 0 and dtype
/// `f64`.
impl<const N: usize> From<[(&'static str, Tensor); N]> for ParamState {
    fn from(tensors: [(&'static str, Tensor); N]) -> Self {
        Self {
            steps: 0,
            tensors: tensors.into(),
        }
    }
}

impl ParamState {
    /// Tensors of zeros like the parameter's value.
    ///
    /// # Errors
    /// [`Error::Shape`] if the system refuses memory.
    pub fn zeros_like<const N: usize>(names: [&'static str; N], value: &Tensor) -> Result<Self> {
        let mut tensors = Vec::with_capacity(N);
        for name in names {
            tensors.push((name, Tensor::zeros(value.shape(), value.dtype())?));
        }
        Ok(Self { steps: 0, tensors })
    }

    /// The tensor of a name, to be changed or replaced by another of the same shape and dtype.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is none.
    pub fn tensor_mut(&mut self, name: &str) -> Result<&mut Tensor> {
        let mut tensors = self.tensors.iter_mut();
        let found = tensors.find_map(|(known, tensor)| (*known == name).then_some(tensor));
        found.ok_or_else(|| Error::argument("ParamState", format!("there is no tensor `{name}`")))
    }

    /// All tensors in the order of [`Algorithm::init`], to be changed or replaced by others of the
    /// same shapes and dtypes.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are not `N`.
    pub fn tensors_mut<const N: usize>(&mut self) -> Result<[&mut Tensor; N]> {
        let found = self.tensors.len();
        let all = <&mut [_; N]>::try_from(&mut self.tensors[..]).map_err(|_| {
            let reason = format!("expected {N} tensors of state, found {found}");
            Error::argument("ParamState", reason)
        })?;
        Ok(all.each_mut().map(|(_, tensor)| tensor))
    }

    /// The tensors with their names.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&'static str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (*name, tensor))
    }
}
