//! Functional parameters: runs a model with other values in place of its parameters.

use super::leaves::named_params;
use super::pass::{Pass, Values};
use super::walk::Module;
use crate::autograd::Tensor;
use crate::error::{Error, Result};

impl Pass {
    /// Returns a pass under which the parameters of `module` have other values. The values are in
    /// the order of [`named_params`](crate::ModuleExt::named_params), frozen parameters included.
    /// The module is unchanged. Both passes draw from one sequence of random numbers.
    ///
    /// Gradients flow to tracked values, and through them to the tensors that they were computed
    /// from. So a step of an optimizer can be differentiated (Finn, Abbeel, Levine 2017,
    /// Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks), and one model can serve
    /// an ensemble. If a parameter [is frozen](super::Param::is_frozen), its value is read
    /// untracked. PyTorch: `torch.func.functional_call`.
    ///
    /// Under a pass that does not record ([`Pass::record`]) all values are read untracked. A step
    /// that is to be differentiated starts at `param.read(&pass)`. Two reads of one parameter are
    /// the same leaf, so the gradients of the loss after the step are found by the parameter.
    ///
    /// # Errors
    /// [`Error::Argument`] if the number of values is not that of the parameters. [`Error::Shape`]
    /// or [`Error::DType`] at the path of the parameter if the shape or dtype of a value differs.
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
    ///
    /// A whole model: an inner step of gradient descent on one batch, then an outer step of an
    /// optimizer that lowers the loss after the inner step on another batch.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::Backward;
    /// let mut net = Linear::new(2, 1, &mut ChaCha8Rng::seed_from_u64(0))?;
    /// let mut optimizer = Sgd::new(0.1).build()?;
    /// let (batch, other) = (Tensor::from([[1.0f32, 2.0]]), Tensor::from([[2.0f32, -1.0]]));
    /// let pass = Pass::train(0);
    /// let loss = net.forward(&batch, &pass)?.square().mean();
    /// let slopes = Backward::new().create_graph().run(&loss)?;
    /// let stepped = net.params().into_iter().map(|param| {
    ///     let slope = slopes.get(param).unwrap();
    ///     Ok(param.read(&pass) - slope * 0.01)
    /// });
    /// let stepped = stepped.collect::<Result<Vec<Tensor>>>()?;
    /// let outer = net.forward(&other, &pass.with(&net, &stepped)?)?.square().mean();
    /// optimizer.step(&mut net, outer.backward()?)?;
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "functional_call")]
    pub fn with(&self, module: &(impl Module + ?Sized), values: &[Tensor]) -> Result<Self> {
        let params = named_params(module);
        if params.len() != values.len() {
            let (expected, found) = (params.len(), values.len());
            let reason = format!(
                "expected one value for each of the module's {expected} parameters, found {found}"
            );
            return Err(Error::argument("Pass::with", reason));
        }
        let mut all = self
            .values()
            .map_or_else(Values::new, |all| (**all).clone());
        for ((path, param), value) in params.into_iter().zip(values) {
            let reason = "the value must have the shape of the parameter";
            param
                .check("Pass::with", reason, value)
                .map_err(|error| error.within(&path))?;
            all.insert(param.id(), value.clone());
        }
        Ok(self.shared().with_values(all))
    }
}
