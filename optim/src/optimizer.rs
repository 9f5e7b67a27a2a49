//! The trait of all optimizers.

use crate::group::Group;
use crate::settings::Settings;
use cotangent_core::module::{Matcher, Module, Pattern};
use cotangent_core::state::{StateDict, Stateful};
use cotangent_core::{Gradients, Result};
use std::fmt::Debug;

/// An algorithm that updates a model's parameters by their gradients.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an `Optimizer`",
    note = "a builder such as `Adam::new(0.1)` becomes an optimizer by `.build()?`"
)]
pub trait Optimizer: Stateful + Debug + Send {
    /// Updates every parameter that has a gradient. Frozen parameters and those without a gradient
    /// do not change, nor does their state.
    ///
    /// The gradients are moved, so that they cannot be applied twice by mistake; `clone` them to
    /// apply them twice on purpose. [`Gradients::audit`] lists the parameters that have none.
    ///
    /// NaN in a gradient becomes NaN in the parameter: the step does not look for it.
    /// [`clip`](crate::clip) does, before the step, and `backward` refuses a loss that is not
    /// finite.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if no gradient belongs to a parameter
    /// of the model, or if the optimizer's state is that of another model (see
    /// [`adopt`](Self::adopt)).
    ///
    /// [`Error::Shape`](cotangent_core::Error::Shape) or
    /// [`Error::DType`](cotangent_core::Error::DType), placed at the parameter's path, if a
    /// gradient or a state does not fit its parameter; no parameter has changed then.
    ///
    /// If the system refuses memory, a [`Rule`](crate::Rule) has changed no parameter. An
    /// [`Algorithm`](crate::Algorithm) that updates one parameter after the other (LAMB, Adafactor,
    /// Muon) has changed the parameters before the one that the error names, in the order of their
    /// paths, and counted their steps.
    fn step(&mut self, model: &mut dyn Module, gradients: Gradients) -> Result<()>;

    /// Drops the state of the parameters whose paths match, and returns how many these are. To give
    /// a pattern, call [`forget_where`](trait.Optimizer.html#method.forget_where).
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if there is no state of such a
    /// parameter.
    fn forget(&mut self, paths: &Matcher) -> Result<usize>;

    /// Passes the state on to another model with the same parameters: a clone that training goes on
    /// with, such as the best one so far. State belongs to the model of its first step, and a step
    /// of another model is an error.
    ///
    /// A resumed run does not need it: state that was loaded belongs to the model of the next step.
    ///
    /// ```
    /// use cotangent::{Tensor, module::{Param, Pass}};
    /// use cotangent::optim::{Momentum, Optimizer};
    ///
    /// let mut w = Param::new(&Tensor::from([1.0f32]));
    /// let mut optimizer = Momentum::new(0.1).build()?;
    /// let step = |w: &mut Param, optimizer: &mut dyn Optimizer| {
    ///     let grads = w.read(&Pass::train(0)).square().sum().backward()?;
    ///     optimizer.step(w, grads)
    /// };
    /// step(&mut w, &mut optimizer)?;
    ///
    /// let mut clone = w.clone();
    /// assert!(step(&mut clone, &mut optimizer).is_err());
    /// optimizer.adopt(&clone)?;
    /// step(&mut clone, &mut optimizer)?;
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::State`](cotangent_core::Error::State) if there is state of a parameter that the
    /// model does not have; [`Error::Shape`](cotangent_core::Error::Shape) or
    /// [`Error::DType`](cotangent_core::Error::DType), placed at the parameter's path, if one does
    /// not fit its state. Nothing has changed then.
    fn adopt(&mut self, model: &dyn Module) -> Result<()>;

    /// Adds a group: other settings for some of the parameters. A group that matches no parameter
    /// of the model is an error of the next step.
    fn add_group(&mut self, group: Group);

    /// Returns the learning rate, momentum and weight decay.
    fn settings(&self) -> Settings;

    /// Sets the learning rate, momentum and weight decay.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if one is out of range. Nothing has
    /// changed then.
    fn set_settings(&mut self, settings: Settings) -> Result<()>;

    /// Returns the learning rate.
    fn learning_rate(&self) -> f64 {
        self.settings().learning_rate
    }

    /// Sets the learning rate.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) unless it is finite and at least 0.
    /// Nothing has changed then.
    fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        self.set_settings(Settings {
            learning_rate,
            ..self.settings()
        })
    }
}

/// Delegates the methods of an [`Optimizer`] that contains another one: all except `step`, or
/// `settings` alone.
macro_rules! delegate {
    ($this:ident, $inner:expr) => {
        fn forget(
            &mut $this,
            paths: &cotangent_core::module::Matcher,
        ) -> cotangent_core::Result<usize> {
            $inner.forget(paths)
        }
        fn adopt(
            &mut $this,
            model: &dyn cotangent_core::module::Module,
        ) -> cotangent_core::Result<()> {
            $inner.adopt(model)
        }
        $crate::optimizer::delegate!(settings $this, $inner);
    };
    (settings $this:ident, $inner:expr) => {
        fn add_group(&mut $this, group: $crate::Group) {
            $inner.add_group(group);
        }
        fn settings(&$this) -> $crate::Settings {
            $inner.settings()
        }
        fn set_settings(&mut $this, settings: $crate::Settings) -> cotangent_core::Result<()> {
            $inner.set_settings(settings)
        }
    };
}
pub(crate) use delegate;

/// The builders return a box. It is an optimizer itself, so that a function which takes
/// `&mut dyn Optimizer` accepts `&mut optimizer`.
impl Optimizer for Box<dyn Optimizer> {
    fn step(&mut self, model: &mut dyn Module, gradients: Gradients) -> Result<()> {
        (**self).step(model, gradients)
    }
    delegate!(self, (**self));
}

impl Stateful for Box<dyn Optimizer> {
    fn state(&self) -> Result<StateDict> {
        (**self).state()
    }
    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        (**self).load_state(state)
    }
}

impl dyn Optimizer + '_ {
    /// Drops the state of the parameters whose paths match the pattern, and returns how many these
    /// are. Their next step is a first step.
    ///
    /// Call it if a layer was replaced by a new one at the same path, while the other layers keep
    /// their state:
    ///
    /// ```
    /// use cotangent::{Tensor, module::{Param, Pass}};
    /// use cotangent::optim::{Momentum, Optimizer};
    ///
    /// let param = |values: &[f32]| Param::new(&Tensor::from(values));
    /// let mut net = (param(&[1.0]), param(&[1.0, 2.0]));
    /// let mut optimizer = Momentum::new(0.1).build()?;
    /// let pass = Pass::train(0);
    /// let loss = |net: &(Param, Param)| net.0.read(&pass).mul(&net.1.read(&pass));
    /// let grads = loss(&net)?.sum().backward()?;
    /// optimizer.step(&mut net, grads)?;
    ///
    /// net.1 = param(&[1.0, 2.0, 3.0]);
    /// assert_eq!(optimizer.forget_where("1")?, 1);
    /// let grads = loss(&net)?.sum().backward()?;
    /// optimizer.step(&mut net, grads)?;
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a regular expression is malformed,
    /// or if there is no state of such a parameter.
    pub fn forget_where(&mut self, pattern: impl Pattern) -> Result<usize> {
        self.forget(&pattern.matcher()?)
    }
}
