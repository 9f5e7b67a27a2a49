//! Layer and RMS normalization: statistics, normalization and the affine map of each row in few
//! sweeps over memory, forward and backward.

use super::recorded::{Recorded, scales};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Interval, Result};
use crate::kernel::norm::layer_norm::{self, Coefficients, Pulled, Rows, STATISTICS};
use crate::tensor::{Array, Element, Shape, with_dtype};
use smallvec::smallvec;

fn name(centred: bool) -> &'static str {
    if centred { "layer_norm" } else { "rms_norm" }
}

/// # Normalization
impl Tensor {
    /// Normalizes over the last axes, whose lengths are `normalized`, then scales and shifts:
    /// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with the biased variance (Ba, Kiros,
    /// Hinton 2016, Layer Normalization). `gamma` and `beta` have the shape `normalized`. PyTorch's
    /// epsilon is 1e-5.
    ///
    /// The mean is subtracted before the squares are taken, with more digits than the dtype has: an
    /// offset of 1e4 costs no accuracy. Rows whose squares leave the range of the dtype are scaled
    /// by a power of two first; in PyTorch they are NaN.
    ///
    /// # Errors
    /// [`Error::Shape`] if `normalized` is empty or not the last lengths of the shape, or a
    /// coefficient has another shape; [`Error::DType`] if the dtypes differ; [`Error::Argument`] if
    /// epsilon is negative or not finite.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f64, 3.0], [-20.0, 20.0]]);
    /// let y = x.layer_norm([2], None, Some(&Tensor::from([0.0f64, 10.0])), 0.0)?;
    /// assert_eq!(y.to_vec::<f64>()?, [-1.0, 11.0, -1.0, 11.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn layer_norm(
        &self,
        normalized: impl Into<Shape>,
        gamma: Option<&Self>,
        beta: Option<&Self>,
        epsilon: f64,
    ) -> Result<Self> {
        normalize(true, self, normalized.into(), gamma, beta, epsilon)
    }

    /// Divides by the root mean square over the last axes, whose lengths are `normalized`, then
    /// scales: `x / sqrt(mean(x²) + epsilon) * gamma` (Zhang, Sennrich 2019, Root Mean Square Layer
    /// Normalization). `gamma` has the shape `normalized`. PyTorch's epsilon is that of the dtype,
    /// 1.19e-7 in `f32`.
    ///
    /// # Errors
    /// As [`layer_norm`](Self::layer_norm).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f64, 7.0], [1e200, 7e200]]);
    /// let y = x.rms_norm([2], Some(&Tensor::from([5.0f64, 10.0])), 0.0)?.to_vec::<f64>()?;
    /// assert!(y.iter().zip([1.0, 14.0, 1.0, 14.0]).all(|(y, right)| (y - right).abs() < 1e-14));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn rms_norm(
        &self,
        normalized: impl Into<Shape>,
        gamma: Option<&Self>,
        epsilon: f64,
    ) -> Result<Self> {
        normalize(false, self, normalized.into(), gamma, None, epsilon)
    }
}

/// Normalizes over the last axes: by layer normalization if `centred`, else by the root mean
/// square.
fn normalize(
    centred: bool,
    x: &Tensor,
    normalized: Shape,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    epsilon: f64,
) -> Result<Tensor> {
    let name = name(centred);
    if normalized.is_empty() || !x.shape().ends_with(&normalized) {
        let reason = format!("expected an input whose last axes have the lengths {normalized}");
        return Err(Error::shape(name, reason, &[x.shape()]));
    }
    Tensor::expect_one_dtype(
        name,
        &[("input", Some(x)), ("gamma", gamma), ("beta", beta)],
    )?;
    for coefficient in [gamma, beta].into_iter().flatten() {
        if *coefficient.shape() != *normalized {
            let reason = format!("expected gamma and beta of the normalized shape {normalized}");
            let shapes = [x.shape(), coefficient.shape()];
            return Err(Error::shape(name, reason, &shapes));
        }
    }
    Interval::AtLeast0.check(name, "epsilon", epsilon)?;
    let len = normalized.element_count();
    // Without elements there are no rows, whatever the lengths of the leading axes.
    let rows = x.len().checked_div(len).unwrap_or(0);
    let (y, statistics) = with_dtype!(x.dtype(), F => {
        let xs = &*x.array().contiguous::<F>();
        let (gamma, beta) = (coefficients::<F>(gamma), coefficients::<F>(beta));
        let given = Coefficients { gamma: &gamma, beta: &beta };
        let mut statistics = Array::build::<F>(Shape::from([rows, STATISTICS]), |_| {});
        let y = Array::build::<F>(x.array().shape().clone(), |out| {
            let statistics = statistics.elements_mut();
            layer_norm::forward(xs, len, (centred, epsilon), given, statistics, out);
        });
        (y, statistics)
    });
    // The places of the operands are fixed: an untracked tensor takes those of missing ones.
    let none = x.detach();
    let operands = [x, gamma.unwrap_or(&none), beta.unwrap_or(&none)];
    Ok(Tensor::from_op(y.into(), &operands, || LayerNorm {
        centred,
        x: x.clone(),
        gamma: gamma.cloned(),
        statistics: statistics.into(),
        normalized,
        epsilon,
    }))
}

/// Returns the values of a coefficient, or no values if it is not given.
fn coefficients<F: Element>(given: Option<&Tensor>) -> Vec<F> {
    given.map_or_else(Vec::new, |given| given.array().to_vec::<F>())
}

struct LayerNorm {
    /// Whether the mean is subtracted.
    centred: bool,
    x: Tensor,
    gamma: Option<Tensor>,
    /// (rows, [`STATISTICS`])
    statistics: Tensor,
    normalized: Shape,
    epsilon: f64,
}

impl Op for LayerNorm {
    fn name(&self) -> &'static str {
        name(self.centred)
    }
    fn kind(&self) -> OpKind {
        OpKind::Normalization
    }

    /// With x̂ = (x - mean) / σ and h = g gamma, means over the normalized axes and sums over the
    /// others: dx = (h - mean h - x̂ mean(h x̂)) / σ, dgamma = Σ g x̂, dbeta = Σ g. Without
    /// centring, neither mean is subtracted.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if context.records() {
            return self.recorded(&cotangent, context);
        }
        let x = self.x.array();
        let len = self.normalized.element_count();
        Ok(with_dtype!(x.dtype(), F => {
            let xs = &*x.contiguous::<F>();
            let gs = &*cotangent.array().contiguous::<F>();
            let statistics = &*self.statistics.array().contiguous::<F>();
            let rows = Rows { xs, statistics, len, centred: self.centred };
            let gamma = coefficients::<F>(self.gamma.as_ref());
            let wanted = |index: usize, shape: &Shape| {
                context.wants(index).then(|| Array::build::<F>(shape.clone(), |_| {}))
            };
            let mut arrays = [
                wanted(0, x.shape()),
                wanted(1, &self.normalized),
                wanted(2, &self.normalized),
            ];
            let [dx, dgamma, dbeta] = &mut arrays;
            layer_norm::backward(rows, &gamma, gs, Pulled {
                rows: dx.as_mut().map(Array::elements_mut),
                gamma: dgamma.as_mut().map(Array::elements_mut),
                beta: dbeta.as_mut().map(Array::elements_mut),
            });
            arrays.into_iter().map(|array| array.map(Tensor::from)).collect()
        }))
    }
}

impl LayerNorm {
    /// Computes the same from tensor operations, which can be differentiated again.
    fn recorded(&self, g: &Tensor, context: &Vjp) -> Result<Cotangents> {
        let axes: Vec<isize> = (1..=self.normalized.len() as isize).map(|i| -i).collect();
        let leading = self.x.rank() - self.normalized.len();
        let lengths = self.x.shape()[..leading].iter().copied();
        let shape: Shape = lengths.chain(self.normalized.iter().map(|_| 1)).collect();
        let rows = Recorded {
            axes: &axes,
            centred: self.centred,
            epsilon: self.epsilon,
            scales: scales(&self.statistics, &shape, self.epsilon),
        };
        let normalized = rows.normalized(context.saved(&self.x))?;
        let dx = if context.wants(0) {
            let h = match &self.gamma {
                Some(gamma) => g.mul(&context.saved(gamma))?,
                None => g.clone(),
            };
            Some(rows.pulled(&h, &normalized)?)
        } else {
            None
        };
        // The backward loop sums these two over the leading axes.
        let dgamma = if context.wants(1) {
            Some(g.mul(&normalized.rows)?)
        } else {
            None
        };
        let dbeta = context.wants(2).then(|| g.clone());
        Ok(smallvec![dx, dgamma, dbeta])
    }
}
