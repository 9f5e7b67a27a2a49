//! Layers that are computed again in backward, in place of saving the values of their operations.

use super::layer::Layer;
use super::leaves::params;
use super::param::Param;
use super::pass::Pass;
use crate::autograd::Tensor;
use crate::error::Result;
use crate::transform::{Segment, record_segment};

impl Pass {
    /// Returns `layer.forward(x, self)`, but saves only `x`. Backward computes the layer once more,
    /// with the same random numbers, and without updating running statistics. The output and all
    /// gradients are the same to the last bit (Chen, Xu, Zhang, Guestrin 2016, Training Deep Nets
    /// with Sublinear Memory Cost). PyTorch: `torch.utils.checkpoint.checkpoint`.
    ///
    /// The layer is cloned. The clone shares the storage of the parameters.
    ///
    /// # Errors
    /// Those of the layer.
    #[doc(alias = "checkpoint")]
    pub fn recompute<L>(&self, layer: &L, x: &Tensor) -> Result<Tensor>
    where
        L: Layer + Clone + Send + Sync + 'static,
    {
        let observer = self.observer();
        if !self.records() || observer.is_some_and(|o| o.sees_recomputed()) {
            return layer.forward(x, self);
        }
        let twin = LayerSegment {
            layer: layer.clone(),
            pass: self.again(),
        };
        let plain = self.again().no_grad();
        let plain = if self.moves_statistics() {
            plain
        } else {
            plain.hold_statistics()
        };
        let output = layer.forward(&x.detach(), &plain)?;
        self.advance_to(plain.draws());
        let params = params(layer).into_iter();
        let params: Vec<Tensor> = params.map(|param| param.read_unless_frozen(self)).collect();
        let inputs: Vec<&Tensor> = std::iter::once(x).chain(&params).collect();
        Ok(record_segment(output, &inputs, twin))
    }
}

/// A layer as it was when it ran, and its pass.
struct LayerSegment<L> {
    layer: L,
    pass: Pass,
}

impl<L: Layer + Send + Sync + 'static> Segment for LayerSegment<L> {
    fn recompute(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let params = params(&self.layer).into_iter().map(Param::id);
        let values = params.zip(inputs[1..].iter().cloned()).collect();
        let pass = self.pass.again().hold_statistics().with_values(values);
        self.layer.forward(&inputs[0], &pass)
    }
}
