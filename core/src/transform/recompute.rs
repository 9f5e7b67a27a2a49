//! Segments that backward computes again instead of saving their operations' values (Chen, Xu,
//! Zhang, Guestrin 2016, Training Deep Nets with Sublinear Memory Cost).

use crate::autograd::{Backward, Cotangents, Op, Tensor, Vjp};
use crate::error::{Error, Result};
use smallvec::smallvec;
use std::borrow::Borrow;

/// Computes `f(inputs)` and saves only the inputs: backward computes `f` again. This trades time
/// for memory; the value and the gradients are the same to the last bit. PyTorch:
/// `torch.utils.checkpoint.checkpoint`.
///
/// `f` must be a pure function: random operations in it must use a fixed seed. Every tensor that
/// needs a gradient must be among the inputs.
/// [`Pass::recompute`](crate::module::Pass::recompute) does the same for a layer with its
/// parameters and random numbers.
///
/// # Errors
/// Those of `f`, and [`Error::Argument`] if `f` captures a tracked tensor, whose gradient would be
/// lost.
///
/// ```
/// use cotangent::{Tensor, transform};
/// let x = Tensor::from([0.5f64, -1.0]).tracked();
/// let y = transform::recompute(&[&x], |x| Ok(x[0].tanh().exp().square()))?;
/// let saving = y.sum().backward()?;
/// let plain = x.tanh().exp().square().sum().backward()?;
/// assert_eq!(saving.get(&x).unwrap().to_vec::<f64>()?, plain.get(&x).unwrap().to_vec::<f64>()?);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn recompute(
    inputs: &[impl Borrow<Tensor>],
    f: impl Fn(&[Tensor]) -> Result<Tensor> + Send + Sync + 'static,
) -> Result<Tensor> {
    let inputs: Vec<&Tensor> = inputs.iter().map(Borrow::borrow).collect();
    let values: Vec<Tensor> = inputs.iter().map(|x| x.detach()).collect();
    let output = f(&values)?;
    if output.is_tracked() {
        let reason = "the function captures a tracked tensor; pass it as one of the inputs";
        return Err(Error::argument("recompute", reason));
    }
    Ok(record_segment(output, &inputs, Function(f)))
}

/// A computation that backward can repeat.
pub(crate) trait Segment: Send + Sync + 'static {
    /// Computes the output, which is tracked if the inputs are.
    fn recompute(&self, inputs: &[Tensor]) -> Result<Tensor>;
}

struct Function<F>(F);

impl<F: Fn(&[Tensor]) -> Result<Tensor> + Send + Sync + 'static> Segment for Function<F> {
    fn recompute(&self, inputs: &[Tensor]) -> Result<Tensor> {
        (self.0)(inputs)
    }
}

/// Records `output` as what `segment` computes from `inputs`.
pub(crate) fn record_segment(output: Tensor, inputs: &[&Tensor], segment: impl Segment) -> Tensor {
    Tensor::from_op(output, inputs, || Recompute {
        inputs: inputs.iter().map(|&x| x.clone()).collect(),
        segment,
    })
}

struct Recompute<S> {
    inputs: Vec<Tensor>,
    segment: S,
}

impl<S: Segment> Op for Recompute<S> {
    fn name(&self) -> &'static str {
        "recompute"
    }

    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        // New leaves or, if this pass is recorded, new nodes in front of the inputs: if one input
        // was computed from another, its gradient must not flow through the other here.
        let enter = |(i, x): (usize, &Tensor)| {
            if context.records() {
                Tensor::from_op(x.detach(), &[x], || Enter)
            } else if context.wants(i) {
                x.tracked()
            } else {
                x.detach()
            }
        };
        let inputs: Vec<Tensor> = self.inputs.iter().enumerate().map(enter).collect();
        let output = self.segment.recompute(&inputs)?;
        let mut backward = Backward::new();
        if context.records() {
            backward = backward.create_graph();
        }
        let gradients = backward.grad_or_none(&output, &cotangent, &inputs)?;
        Ok(gradients.into_iter().collect())
    }
}

/// The identity, recorded where a segment begins.
struct Enter;

impl Op for Enter {
    fn name(&self) -> &'static str {
        "recompute_input"
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(cotangent)])
    }
}
