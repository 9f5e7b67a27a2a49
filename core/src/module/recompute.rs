//! Layers that are computed again in backward, in place of saving what their operations need.

use super::layer::Layer;
use super::param::Param;
use super::pass::Pass;
use crate::autograd::Tensor;
use crate::error::Result;
use crate::transform::{Segment, record_segment};

impl Pass {
    /// `layer.forward(x, self)`, of which only `x` is saved: backward computes the layer once more,
    /// with the same randomness, its running statistics held still. The value and the gradients, of
    /// the input and of the parameters, are the same to the last bit (Chen, Xu, Zhang, Guestrin 2016,
    /// Training Deep Nets with Sublinear Memory Cost).
    ///
    /// The layer is cloned, which shares the parameters' storage.
    ///
    /// # Errors
    /// Those of the layer.
    pub fn recompute<L>(&self, layer: &L, x: &Tensor) -> Result<Tensor>
    where
        L: Layer + Clone + Send + Sync + 'static,
    {
        if !self.records() {
            return layer.forward(x, self);
        }
        let twin = LayerSegment {
            layer: layer.clone(),
            pass: self.again(),
        };
        let plain = self.again().record(false);
        let plain = if self.moves_statistics() {
            plain
        } else {
            plain.hold_statistics()
        };
        let output = layer.forward(&x.detach(), &plain)?;
        self.advance_to(plain.draws());
        let params: Vec<Tensor> = trainable(layer.named_params())
            .map(|param| param.read(self))
            .collect();
        let inputs: Vec<&Tensor> = std::iter::once(x).chain(&params).collect();
        Ok(record_segment(output, &inputs, twin))
    }
}

/// The parameters that are not frozen.
fn trainable<P: std::ops::Deref<Target = Param>>(
    params: Vec<(String, P)>,
) -> impl Iterator<Item = P> {
    params
        .into_iter()
        .map(|(_, param)| param)
        .filter(|param| !param.is_frozen())
}

/// A layer as it was, and the pass under which it ran.
struct LayerSegment<L> {
    layer: L,
    pass: Pass,
}

impl<L: Layer + Clone + Send + Sync + 'static> Segment for LayerSegment<L> {
    fn recompute(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let mut layer = self.layer.clone();
        for (param, input) in trainable(layer.named_params_mut()).zip(&inputs[1..]) {
            param.bind(input);
        }
        layer.forward(&inputs[0], &self.pass.again().hold_statistics())
    }
}
