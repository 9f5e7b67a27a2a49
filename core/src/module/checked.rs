//! Passes that watch for values that are not finite.

use super::leaves::named_params;
use super::pass::Pass;
use super::walk::Module;
use crate::autograd::{Leaf, Monitor};

impl Pass {
    /// The same, watching for values that are not finite: the first one, in a parameter of
    /// `module`, in what is computed from its parameters under this pass, or in the gradients on
    /// the way back, is an error that names the operation, the element, and the parameter that is
    /// nearest to it upstream. [`Tensor::backward`](crate::Tensor::backward) returns it, and
    /// [`check`](Self::check) does without a backward pass.
    ///
    /// Every result is scanned: this is for finding a fault, not for training. An infinity that is
    /// meant, such as the fill value of a mask, is reported like any other.
    ///
    /// ```
    /// use cotangent::module::{Param, Pass};
    /// use cotangent::Tensor;
    /// let weight = Param::new(&Tensor::from([0.0f32, 1.0]));
    /// let pass = Pass::train(0).checked(&weight);
    /// let loss = weight.read(&pass).ln().sum();
    /// let error = loss.backward().unwrap_err().to_string();
    /// assert!(error.contains("ln: element [0] of the output is not finite (-inf)"), "{error}");
    /// ```
    #[must_use]
    pub fn checked(self, module: &(impl Module + ?Sized)) -> Self {
        let params = named_params(module).into_iter();
        let names = params.filter_map(|(path, param)| Some((param.leaf_id()?, path)));
        self.observed(Monitor::new(names.collect()))
    }
}
