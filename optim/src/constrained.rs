//! Constraints on parameters, restored after each step.

use crate::optimizer::{Optimizer, delegate};
use cotangent_core::module::Module;
use cotangent_core::state::{StateDict, Stateful};
use cotangent_core::{Gradients, Result};
use std::fmt;

/// An optimizer that applies a constraint to the model after each step, such as a bound on the norm
/// of each unit's weights, or weights of at least 0.
///
/// ```
/// use cotangent::{ModuleExt, Tensor, module::{Module, Param, Pass}};
/// use cotangent::optim::{Constrained, Optimizer, Sgd};
/// let not_negative = |model: &mut dyn Module| {
///     for (_, param) in model.named_params_mut() {
///         let value = param.value().relu();
///         param.set(&value)?;
///     }
///     Ok(())
/// };
/// let mut w = Param::new(&Tensor::from([0.5f32, 3.0]));
/// let mut optimizer = Constrained::new(Sgd::new(1.0).build()?, not_negative);
/// let grads = w.read(&Pass::train(0)).sum().backward()?;
/// optimizer.step(&mut w, grads)?;
/// assert_eq!(w.value().to_f64_vec(), [0.0, 2.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// `|model| regularize::max_norm(3.0)?.apply(model)` bounds norms.
///
/// `step` returns an error of the constraint; the parameters have changed by then. Inside a
/// [`Lookahead`](crate::Lookahead) the fast weights meet the constraint. The slow weights meet it
/// too if it is a convex set.
pub struct Constrained<O, C> {
    optimizer: O,
    constraint: C,
}

impl<O, C> Constrained<O, C>
where
    O: Optimizer,
    C: FnMut(&mut dyn Module) -> Result<()> + Send,
{
    /// Creates the optimizer with a constraint.
    pub fn new(optimizer: O, constraint: C) -> Self {
        Self {
            optimizer,
            constraint,
        }
    }
}

impl<O, C> Optimizer for Constrained<O, C>
where
    O: Optimizer,
    C: FnMut(&mut dyn Module) -> Result<()> + Send,
{
    fn step(&mut self, model: &mut dyn Module, gradients: Gradients) -> Result<()> {
        self.optimizer.step(model, gradients)?;
        (self.constraint)(model)
    }
    delegate!(self, self.optimizer);
}

impl<O: Stateful, C> Stateful for Constrained<O, C> {
    fn state(&self) -> Result<StateDict> {
        self.optimizer.state()
    }
    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        self.optimizer.load_state(state)
    }
}

impl<O: fmt::Debug, C> fmt::Debug for Constrained<O, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Constrained");
        fields
            .field("optimizer", &self.optimizer)
            .finish_non_exhaustive()
    }
}
