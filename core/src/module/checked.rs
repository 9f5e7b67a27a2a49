//! Passes that check all values for infinities and NaN.

use super::leaves::named_params;
use super::pass::Pass;
use super::walk::Module;
use crate::autograd::{Leaf, Monitor};

impl Pass {
    /// Returns a pass that checks all values for infinities and NaN: the parameters of `module`,
    /// all results computed from them under this pass, and the gradients in backward. The first
    /// value that is not finite is an error. It names the operation, the element, and the nearest
    /// parameter upstream. [`Tensor::backward`](crate::Tensor::backward) returns the error;
    /// [`check`](Self::check) returns it without a backward pass.
    ///
    /// Every result is scanned, which takes time: use it to find a fault, not for training. An
    /// infinity on purpose, such as the fill value of a mask, is reported too. PyTorch:
    /// `torch.autograd.detect_anomaly`.
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
    pub fn checked(&self, module: &(impl Module + ?Sized)) -> Self {
        let params = named_params(module).into_iter();
        let names = params.filter_map(|(path, param)| Some((param.leaf_id()?, path)));
        self.observed(Monitor::new(names.collect()))
    }
}
