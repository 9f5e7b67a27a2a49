//! Functional parameters: a forward with other values in the parameters' place.

use super::leaves::named_params;
use super::pass::{Pass, Values};
use super::walk::Module;
use crate::autograd::Tensor;
use crate::error::{Error, Result};

impl Pass {
    /// A pass like this one under which the parameters of `module` are read as `values`, which come
    /// in the parameters' order (that of [`named_params`](crate::ModuleExt::named_params), frozen
    /// ones included). Nothing of the module changes, and one sequence of random numbers serves
    /// both passes.
    ///
    /// Gradients flow to tracked values, and through them to what they were computed from: a step
    /// of an optimizer can be differentiated (Finn, Abbeel, Levine 2017, Model-Agnostic
    /// Meta-Learning for Fast Adaptation of Deep Networks), and one model can serve an ensemble. A
    /// value of a parameter that [is frozen](super::Param::is_frozen) is read untracked. PyTorch:
    /// `torch.func.functional_call`.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are more or fewer values than parameters, [`Error::Shape`] or
    /// [`Error::DType`] at the parameter's path if one has another shape or dtype.
    ///
    /// ```
    /// use cotangent::module::{Param, Pass};
    /// use cotangent::{Backward, Tensor};
    /// let w = Param::new(&Tensor::scalar(3.0f64));
    /// let loss = |pass: &Pass| w.read(pass).square();
    /// let (pass, start) = (Pass::train(0), w.value().tracked());
    /// // One step of gradient descent: 3 - 0.1 · 2 · 3.
    /// let pass = pass.with(&w, &[start.clone()])?;
    /// let slope = Backward::new().create_graph().run(&loss(&pass))?;
    /// let stepped = start.sub(&slope.get(&start).unwrap().mul_scalar(0.1))?;
    /// let after = loss(&pass.with(&w, &[stepped])?);
    /// assert!((after.item()? - 2.4 * 2.4).abs() < 1e-12);
    /// // And its derivative with respect to where it started: 2 · 2.4 · (1 - 0.1 · 2).
    /// assert!((after.backward()?.get(&start).unwrap().item()? - 3.84).abs() < 1e-12);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn with(&self, module: &(impl Module + ?Sized), values: &[Tensor]) -> Result<Self> {
        let params = named_params(module);
        if params.len() != values.len() {
            let reason = format!(
                "the module has {} parameters, found {} values",
                params.len(),
                values.len()
            );
            return Err(Error::argument("Pass::with", reason));
        }
        let mut all = self
            .values()
            .map_or_else(Values::new, |all| (**all).clone());
        for ((path, param), value) in params.into_iter().zip(values) {
            let reason = "the value has another shape than the parameter";
            param
                .check("Pass::with", reason, value)
                .map_err(|error| error.within(&path))?;
            all.insert(param.id(), value.clone());
        }
        Ok(self.shared().with_values(all))
    }
}
