//! Optimizers as an initial state and an update of one parameter.

use crate::settings::Settings;
use cotangent_core::module::Param;
use cotangent_core::{Error, Result, Tensor, refusable};
use std::fmt::Debug;

/// The initial state of one parameter, and its update. A [`Stepper`](crate::Stepper) does the rest:
/// it finds gradient and state of each parameter, applies groups, skips frozen parameters, saves
/// and loads.
///
/// If the update is a formula for one element, implement [`Rule`](crate::Rule), which
/// [`Elementwise`](crate::Elementwise) runs. Other optimizers need norms, products, or state of
/// another shape than the parameter's:
///
/// ```
/// use cotangent::{Axes, Norm, Result, Tensor, module::{Param, Pass}};
/// use cotangent::optim::{Algorithm, Optimizer, ParamState, ParamStep, Settings, Stepper};
///
/// /// All rows of a matrix make steps of the same length, along an average of their gradients:
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
    /// Returns the name in saved state. State with another name is not loaded.
    fn name(&self) -> &'static str;

    /// Returns the names of a parameter's state tensors, in the order of [`init`](Self::init); a
    /// list for each kind of parameter if they differ. Saved state with other names is not loaded.
    fn state_names(&self) -> Vec<Vec<&'static str>>;

    /// Returns the state of a parameter before its first step.
    ///
    /// # Errors
    /// [`Error::Shape`] if the system refuses memory.
    fn init(&self, path: &str, value: &Tensor) -> Result<ParamState>;

    /// Changes the parameter and its state. The gradient is untracked and has the parameter's shape
    /// and dtype. The state has the names, shapes and dtypes that [`init`](Self::init) returns, and
    /// must keep them.
    ///
    /// Compute first and assign last, so that a parameter has not changed if its update fails. If
    /// the system refuses memory, operations that cannot return an error do not panic here: the
    /// step returns an error.
    ///
    /// # Errors
    /// Those of the tensor operations. The parameters before this one have made the step then.
    fn update(&self, step: &mut ParamStep<'_>) -> Result<()>;

    /// Updates all parameters of a step, which come sorted by path. The default updates one after
    /// the other; override it to update them together. Mark each update as [done](ParamStep::done).
    ///
    /// # Errors
    /// Those of [`update`](Self::update), placed at the parameter's path.
    fn update_all(&self, steps: Vec<ParamStep<'_>>) -> Result<()> {
        one_by_one(steps, |step| self.update(step))
    }

    /// Returns whether the updates obey [`ParamStep::lazy_rows`]. If not, which is the default, a
    /// step fails if a group asks for it.
    fn has_lazy_rows(&self) -> bool {
        false
    }

    /// Checks the paths of the model's parameters before the first step, and before the first step
    /// after loading. For algorithms that treat some paths differently and need them to exist.
    ///
    /// # Errors
    /// [`Error::Argument`] if a path that the algorithm needs is missing.
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
    /// The settings of the optimizer, adjusted by the parameter's groups.
    pub settings: Settings,
    /// Whether rows whose gradient is 0 keep their values and their state, although the formula
    /// would change them: see [`Group::lazy_rows`](crate::Group::lazy_rows).
    pub lazy_rows: bool,
    /// The parameter.
    pub param: &'a mut Param,
    /// Its gradient.
    pub gradient: &'a Tensor,
    /// Its state.
    pub state: &'a mut ParamState,
}

impl ParamStep<'_> {
    /// Counts the step.
    pub fn done(self) {
        self.state.steps = self.number;
    }
}

/// Updates the parameters one after the other.
pub(crate) fn one_by_one(
    steps: Vec<ParamStep<'_>>,
    update: impl Fn(&mut ParamStep<'_>) -> Result<()>,
) -> Result<()> {
    for step in steps {
        // State computed from a tracked gradient would keep its graph alive.
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

/// The state of one parameter: named tensors of any shapes and dtypes, and the number of the
/// parameter's steps.
#[derive(Clone, Debug, Default)]
pub struct ParamState {
    pub(crate) steps: u64,
    pub(crate) tensors: Vec<(&'static str, Tensor)>,
}

/// Creates the state before the first step from tensors with their names. A number is a tensor of
/// rank 0 and dtype `f64`.
impl<const N: usize> From<[(&'static str, Tensor); N]> for ParamState {
    fn from(tensors: [(&'static str, Tensor); N]) -> Self {
        Self {
            steps: 0,
            tensors: tensors.into(),
        }
    }
}

impl ParamState {
    /// Creates state tensors of zeros with the shape and dtype of the parameter's value.
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

    /// Returns the tensor with this name, to change it or replace it by one of the same shape and
    /// dtype.
    ///
    /// # Errors
    /// [`Error::Argument`] if no tensor has the name.
    pub fn tensor_mut(&mut self, name: &str) -> Result<&mut Tensor> {
        let mut tensors = self.tensors.iter_mut();
        let found = tensors.find_map(|(known, tensor)| (*known == name).then_some(tensor));
        found.ok_or_else(|| Error::argument("ParamState", format!("there is no tensor `{name}`")))
    }

    /// Returns all tensors in the order of [`Algorithm::init`], to change them or replace them by
    /// others of the same shapes and dtypes.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there are `N` tensors.
    pub fn tensors_mut<const N: usize>(&mut self) -> Result<[&mut Tensor; N]> {
        let found = self.tensors.len();
        let all = <&mut [_; N]>::try_from(&mut self.tensors[..]).map_err(|_| {
            let reason = format!("expected {N} tensors of state, found {found}");
            Error::argument("ParamState", reason)
        })?;
        Ok(all.each_mut().map(|(_, tensor)| tensor))
    }

    /// Returns the tensors with their names.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&'static str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (*name, tensor))
    }
}
