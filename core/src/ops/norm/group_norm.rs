//! Group and instance normalization: statistics, normalization and the affine map of each group of
//! channels in few sweeps over memory, forward and backward.

use super::recorded::{Recorded, scales};
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Interval, Result};
use crate::kernel::norm::group_norm::{self, Group, Groups};
use crate::kernel::norm::layer_norm::{Coefficients, STATISTICS};
use crate::kernel::reduce::fold;
use crate::tensor::{Array, Element, Shape, refusable, with_dtype};
use smallvec::smallvec;

/// # Normalization
impl Tensor {
    /// Normalizes groups of channels of each sample by their mean and biased variance, then scales
    /// and shifts each channel: `(x - mean) / sqrt(variance + epsilon) * gamma + beta` (Wu, He
    /// 2018, Group Normalization). `self` is `(samples, channels, …)`, `gamma` and `beta` are
    /// `(channels)`. A group is `channels / groups` neighbouring channels with all their elements.
    /// PyTorch's epsilon is 1e-5.
    ///
    /// The mean is subtracted before the squares are taken, with more digits than the dtype has: an
    /// offset of 1e4 costs no accuracy. Groups whose squares leave the range of the dtype are
    /// scaled by a power of two first; in PyTorch they are NaN.
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have two axes, if the number of groups does not
    /// divide that of the channels, if a group has fewer than two elements, or if a coefficient has
    /// another shape; [`Error::DType`] if the dtypes differ; [`Error::Argument`] if there are no
    /// groups, or epsilon is negative or not finite.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f64, 3.0, -20.0, 20.0]]);
    /// let y = x.group_norm(2, None, None, 0.0)?;
    /// assert_eq!(y.to_vec::<f64>()?, [-1.0, 1.0, -1.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn group_norm(
        &self,
        groups: usize,
        gamma: Option<&Self>,
        beta: Option<&Self>,
        epsilon: f64,
    ) -> Result<Self> {
        normalize("group_norm", self, Some(groups), gamma, beta, epsilon)
    }

    /// Normalizes each channel of each sample by its own mean and biased variance, then scales and
    /// shifts it (Ulyanov, Vedaldi, Lempitsky 2016, Instance Normalization: The Missing Ingredient
    /// for Fast Stylization). It is [`group_norm`](Self::group_norm) with a group for each channel.
    ///
    /// # Errors
    /// Returns the errors of [`group_norm`](Self::group_norm).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f64, 3.0], [-20.0, 20.0]]).reshape([1, 2, 2])?;
    /// let y = x.instance_norm(None, Some(&Tensor::from([0.0f64, 5.0])), 0.0)?;
    /// assert_eq!(y.to_vec::<f64>()?, [-1.0, 1.0, 4.0, 6.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn instance_norm(
        &self,
        gamma: Option<&Self>,
        beta: Option<&Self>,
        epsilon: f64,
    ) -> Result<Self> {
        normalize("instance_norm", self, None, gamma, beta, epsilon)
    }
}

/// Normalizes groups of channels, or each channel if their number is not given.
fn normalize(
    op: &'static str,
    x: &Tensor,
    groups: Option<usize>,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    epsilon: f64,
) -> Result<Tensor> {
    let &[samples, channels, ref inner @ ..] = x.shape() else {
        let reason = "expected an input (samples, channels, …); if it is one sample without a \
                      batch axis, add the axis with `unsqueeze(0)`";
        return Err(Error::shape(op, reason, &[x.shape()]));
    };
    let count = groups.unwrap_or(channels);
    if groups == Some(0) {
        return Err(Error::argument(op, "expected at least one group, found 0"));
    }
    if count > 0 && !channels.is_multiple_of(count) {
        let reason = format!("{channels} channels cannot be divided into {count} groups");
        return Err(Error::shape(op, reason, &[x.shape()]));
    }
    // No channels can be divided into any number of groups.
    let count = count.min(channels);
    Tensor::expect_one_dtype(op, &[("input", Some(x)), ("gamma", gamma), ("beta", beta)])?;
    for coefficient in [gamma, beta].into_iter().flatten() {
        if coefficient.shape() != [channels] {
            let reason =
                format!("expected gamma and beta with one value for each of {channels} channels");
            return Err(Error::shape(op, reason, &[x.shape(), coefficient.shape()]));
        }
    }
    Interval::AtLeast0.check(op, "epsilon", epsilon)?;
    let size = Group {
        channels: channels.checked_div(count).unwrap_or(0),
        inner: inner.iter().product(),
    };
    if channels > 0 && size.len() < 2 {
        let found = match size.len() {
            0 => "0",
            _ => "1: a single value has no variance",
        };
        let reason = format!("expected at least 2 elements per group, found {found}");
        return Err(Error::shape(op, reason, &[x.shape()]));
    }
    x.reserve_like(op)?;
    let rows = samples * count;
    refusable(op, || {
        let (y, statistics) = with_dtype!(x.dtype(), F => {
            let xs = &*x.array().contiguous::<F>();
            let (gamma, beta) = (coefficients::<F>(gamma), coefficients::<F>(beta));
            let given = Coefficients { gamma: &gamma, beta: &beta };
            let mut statistics = Array::build::<F>(Shape::from([rows, STATISTICS]), |_| {});
            let y = Array::build::<F>(x.array().shape().clone(), |out| {
                let statistics = statistics.elements_mut();
                group_norm::forward(xs, (count, size), epsilon, given, statistics, out);
            });
            (y, statistics)
        });
        // The places of the operands are fixed: an untracked tensor takes those of missing ones.
        let none = x.detach();
        let operands = [x, gamma.unwrap_or(&none), beta.unwrap_or(&none)];
        Ok(Tensor::from_op(y.into(), &operands, || GroupNorm {
            op,
            x: x.clone(),
            gamma: gamma.cloned(),
            statistics: statistics.into(),
            count,
            size,
            epsilon,
        }))
    })
}

/// Returns the values of a coefficient, or no values if it is not given.
fn coefficients<F: Element>(given: Option<&Tensor>) -> Vec<F> {
    given.map_or_else(Vec::new, |given| given.array().to_vec::<F>())
}

struct GroupNorm {
    op: &'static str,
    x: Tensor,
    gamma: Option<Tensor>,
    /// (groups of all samples, [`STATISTICS`])
    statistics: Tensor,
    /// The number of groups of a sample.
    count: usize,
    size: Group,
    epsilon: f64,
}

impl Op for GroupNorm {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Normalization
    }

    /// With x̂ = (x - mean) / σ and h = g gamma, and means over a group:
    /// dx = (h - mean h - x̂ mean(h x̂)) / σ, dgamma = Σ g x̂, dbeta = Σ g over all elements of a
    /// channel.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if context.records() {
            return self.recorded(&cotangent, context);
        }
        let (x, channels) = (self.x.array(), self.x.shape()[1]);
        if self.x.is_empty() {
            let none = Tensor::from(Array::full(x.dtype(), Shape::from([channels]), 0.0));
            let coefficient = |i| context.wants(i).then(|| none.clone());
            return Ok(smallvec![
                context.wants(0).then(|| self.x.detach()),
                coefficient(1),
                coefficient(2)
            ]);
        }
        Ok(with_dtype!(x.dtype(), F => {
            let gamma = coefficients::<F>(self.gamma.as_ref());
            let groups = Groups {
                xs: &x.contiguous::<F>(),
                statistics: &self.statistics.array().contiguous::<F>(),
                count: self.count,
                size: self.size,
                gamma: &gamma,
            };
            let gs = &*cotangent.array().contiguous::<F>();
            let samples = self.x.shape()[0];
            let mut dx = None;
            let sums = Array::build::<F>(Shape::from([samples, 2 * channels]), |sums| {
                if context.wants(0) {
                    dx = Some(Array::build::<F>(x.shape().clone(), |out| {
                        group_norm::backward(groups, gs, sums, out);
                    }));
                } else {
                    group_norm::backward(groups, gs, sums, &mut []);
                }
            });
            let [mut dbeta, mut dgamma] = [None, None];
            if context.wants(1) || context.wants(2) {
                let mut totals = vec![0.0; 2 * channels];
                let sizes = [samples, 2 * channels];
                fold::columns(fold::Sum, &sums.contiguous::<F>(), sizes, &mut totals);
                // The totals are (groups, 2, channels of a group).
                let half = |which: usize| {
                    let halves = totals.chunks_exact(self.size.channels);
                    let values: Vec<F> = halves.skip(which).step_by(2).flatten().copied().collect();
                    Tensor::from(Array::from_slice(Shape::from([channels]), &values))
                };
                dbeta = context.wants(2).then(|| half(0));
                dgamma = context.wants(1).then(|| half(1));
            }
            smallvec![dx.map(Tensor::from), dgamma, dbeta]
        }))
    }
}

impl GroupNorm {
    /// Computes the same from tensor operations, which can be differentiated again.
    fn recorded(&self, g: &Tensor, context: &Vjp) -> Result<Cotangents> {
        let shape = self.x.shape();
        let grouped = Shape::from([shape[0], self.count, self.size.len()]);
        // (channels) as (channels, 1, …)
        let column: Shape = [shape[1]]
            .into_iter()
            .chain(shape[2..].iter().map(|_| 1))
            .collect();
        let rows = Recorded {
            axes: &[-1],
            centred: true,
            epsilon: self.epsilon,
            scales: scales(
                &self.statistics,
                &Shape::from([shape[0], self.count, 1]),
                self.epsilon,
            ),
        };
        let normalized = rows.normalized(context.saved(&self.x).reshape(&grouped)?)?;
        let dx = if context.wants(0) {
            let h = match &self.gamma {
                Some(gamma) => g.mul(&context.saved(gamma).reshape(&column)?)?,
                None => g.clone(),
            };
            let dx = rows.pulled(&h.reshape(&grouped)?, &normalized)?;
            Some(dx.reshape(shape)?)
        } else {
            None
        };
        let axes: Vec<isize> = (0..shape.len() as isize)
            .filter(|&axis| axis != 1)
            .collect();
        let dgamma = if context.wants(1) {
            let products = g.mul(&normalized.rows.reshape(shape)?)?;
            Some(products.sum_over(&axes[..])?)
        } else {
            None
        };
        let dbeta = if context.wants(2) {
            Some(g.sum_over(&axes[..])?)
        } else {
            None
        };
        Ok(smallvec![dx, dgamma, dbeta])
    }
}
