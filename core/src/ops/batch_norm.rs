//! Batch normalization: statistics, normalization and the affine map in few sweeps, forward and
//! backward.

use crate::autograd::{Cotangents, Op, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::normalize::{self, Channels, Terms};
use crate::kernel::{Float, Map, Real};
use crate::tensor::{Array, Axes, Shape, with_dtype};
use smallvec::smallvec;

/// The statistics of a batch, per channel; not tracked.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// The mean, (channels).
    pub mean: Tensor,
    /// The biased variance: the mean square of the deviations, (channels).
    pub variance: Tensor,
    /// How many values share a channel.
    pub count: usize,
}

impl Tensor {
    /// Normalizes each channel by the statistics of this batch, then scales and shifts it:
    /// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with the biased variance (Ioffe,
    /// Szegedy 2015, Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    /// Covariate Shift). `self` is (samples, channels, …); statistics are over all other axes and
    /// are computed in two sweeps, without cancellation. `gamma` and `beta` are (channels).
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit or a channel has fewer than two values;
    /// [`Error::DType`] if the dtypes differ; [`Error::Argument`] if epsilon is negative.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([[1.0f64, 10.0], [3.0, 30.0]]);
    /// let (y, statistics) = x.batch_norm(None, None, 0.0)?;
    /// assert_eq!(y.to_vec::<f64>()?, [-1.0, -1.0, 1.0, 1.0]);
    /// assert_eq!(statistics.variance.to_vec::<f64>()?, [1.0, 100.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn batch_norm(
        &self,
        gamma: Option<&Self>,
        beta: Option<&Self>,
        epsilon: f64,
    ) -> Result<(Self, BatchStatistics)> {
        let sizes = self.channels("batch_norm", &[gamma, beta], epsilon)?;
        if sizes.per_channel() < 2 {
            let reason = format!(
                "training needs at least 2 values per channel, found {}: a single value has no variance",
                sizes.per_channel()
            );
            return Err(Error::shape("batch_norm", reason, &[self.shape()]));
        }
        self.reserve_like("batch_norm")?;
        let x = self.array().contiguous();
        let shape = Shape::from([sizes.channels]);
        let (y, mean, variance, scale) = with_dtype!(self.dtype(), F => {
            let xs = x.as_slice::<F>().unwrap_or_default();
            let count = sizes.per_channel() as F;
            let [mut mean] = normalize::sums(Plain, [xs], [], sizes);
            for m in &mut mean {
                *m /= count;
            }
            let [mut variance, rest] = normalize::sums(Deviations, [xs], [&mean], sizes);
            for ((v, m), rest) in variance.iter_mut().zip(&mut mean).zip(rest) {
                // The deviations would sum to 0 had the mean not been rounded: that is corrected.
                // What overflows stays infinite. Rounding may take a variance of 0 below it; NaN
                // must stay.
                let (square, rest) = (*v / count, rest / count);
                *v = if square.is_infinite() {
                    square
                } else if square < rest * rest {
                    0.0
                } else {
                    square - rest * rest
                };
                *m += rest;
            }
            let scale: Vec<F> = variance.iter().map(|v| 1.0 / (v + epsilon as F).sqrt()).collect();
            let y = normalized::<F>(&x, &mean, &scale, gamma, beta, sizes);
            (
                y,
                Array::from_slice(shape.clone(), &mean),
                Array::from_slice(shape.clone(), &variance),
                Array::from_slice(shape, &scale),
            )
        });
        let statistics = BatchStatistics {
            mean: mean.into(),
            variance: variance.into(),
            count: sizes.per_channel(),
        };
        let op = || BatchNorm {
            x: self.clone(),
            gamma: gamma.cloned(),
            mean: statistics.mean.clone(),
            scale: scale.into(),
            epsilon,
            batch: true,
        };
        Ok((record(y.into(), self, gamma, beta, op), statistics))
    }

    /// Normalizes each channel by given statistics, as batch normalization does when predicting.
    /// No gradient flows to the statistics.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] if the dtypes differ,
    /// [`Error::Argument`] if epsilon is negative.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([[1.0f64, 10.0], [3.0, 30.0]]);
    /// let (mean, variance) = (Tensor::from([1.0f64, 10.0]), Tensor::from([4.0f64, 100.0]));
    /// let y = x.batch_norm_with(&mean, &variance, None, None, 0.0)?;
    /// assert_eq!(y.to_vec::<f64>()?, [0.0, 0.0, 1.0, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn batch_norm_with(
        &self,
        mean: &Self,
        variance: &Self,
        gamma: Option<&Self>,
        beta: Option<&Self>,
        epsilon: f64,
    ) -> Result<Self> {
        let sizes = self.channels(
            "batch_norm",
            &[gamma, beta, Some(mean), Some(variance)],
            epsilon,
        )?;
        self.reserve_like("batch_norm")?;
        let x = self.array().contiguous();
        let (y, scale) = with_dtype!(self.dtype(), F => {
            let means = mean.array().to_vec::<F>();
            let variances = variance.array().to_vec::<F>();
            let scale: Vec<F> = variances.iter().map(|v| 1.0 / (v + epsilon as F).sqrt()).collect();
            let y = normalized::<F>(&x, &means, &scale, gamma, beta, sizes);
            (y, Array::from_slice(Shape::from([sizes.channels]), &scale))
        });
        let op = || BatchNorm {
            x: self.clone(),
            gamma: gamma.cloned(),
            mean: mean.detach(),
            scale: scale.into(),
            epsilon,
            batch: false,
        };
        Ok(record(y.into(), self, gamma, beta, op))
    }

    /// The sizes as channel data, the coefficients checked.
    fn channels(
        &self,
        op: &'static str,
        coefficients: &[Option<&Self>],
        epsilon: f64,
    ) -> Result<Channels> {
        let &[samples, channels, ref inner @ ..] = self.shape() else {
            let reason = "expected input (samples, channels, …)";
            return Err(Error::shape(op, reason, &[self.shape()]));
        };
        for coefficient in coefficients.iter().flatten() {
            coefficient.expect_dtype(op, self.dtype())?;
            if coefficient.shape() != [channels] {
                let [found] = coefficient.shape() else {
                    let reason = "expected one value per channel";
                    return Err(Error::shape(
                        op,
                        reason,
                        &[self.shape(), coefficient.shape()],
                    ));
                };
                let reason = format!("input has {channels} channels, the layer expects {found}");
                return Err(Error::shape(
                    op,
                    reason,
                    &[self.shape(), coefficient.shape()],
                ));
            }
        }
        if epsilon.is_nan() || epsilon < 0.0 {
            return Err(Error::argument(
                op,
                format!("epsilon must not be negative, found {epsilon}"),
            ));
        }
        Ok(Channels {
            samples,
            channels,
            inner: inner.iter().product(),
        })
    }
}

fn record(
    y: Tensor,
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    op: impl FnOnce() -> BatchNorm,
) -> Tensor {
    // The operands' places are fixed: an untracked stand-in takes those that are missing.
    let none = x.detach();
    Tensor::from_op(y, &[x, gamma.unwrap_or(&none), beta.unwrap_or(&none)], op)
}

/// x
#[derive(Clone, Copy)]
struct Plain;

impl Terms<1, 0, 1> for Plain {
    #[inline(always)]
    fn apply<T: Real>(self, [x]: [T; 1], []: [T; 0]) -> [T; 1] {
        [x]
    }
}

/// (x - mean)², x - mean
#[derive(Clone, Copy)]
struct Deviations;

impl Terms<1, 1, 2> for Deviations {
    #[inline(always)]
    fn apply<T: Real>(self, [x]: [T; 1], [mean]: [T; 1]) -> [T; 2] {
        let deviation = x - mean;
        [deviation * deviation, deviation]
    }
}

/// (x - mean) factor + shift
#[derive(Clone, Copy)]
struct Normalize;

impl Map<4> for Normalize {
    #[inline(always)]
    fn apply<T: Real>(self, [x, mean, factor, shift]: [T; 4]) -> T {
        (x - mean).mul_add(factor, shift)
    }
}

fn normalized<F: crate::tensor::Element>(
    x: &Array,
    mean: &[F],
    scale: &[F],
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    sizes: Channels,
) -> Array {
    let xs = x.as_slice::<F>().unwrap_or_default();
    let gamma = coefficients::<F>(gamma, F::one(), sizes);
    let factor: Vec<F> = scale.iter().zip(gamma).map(|(&s, g)| s * g).collect();
    let shift = coefficients::<F>(beta, F::zero(), sizes);
    Array::build::<F>(x.shape().clone(), |out| {
        normalize::map(Normalize, [xs], [mean, &factor, &shift], sizes, out);
    })
}

/// The values per channel of an optional tensor.
fn coefficients<F: crate::tensor::Element>(
    given: Option<&Tensor>,
    default: F,
    sizes: Channels,
) -> Vec<F> {
    given.map_or_else(
        || vec![default; sizes.channels],
        |given| given.array().to_vec::<F>(),
    )
}

/// y = (x - mean) scale gamma + beta, where mean and scale depend on x if they are the batch's own.
struct BatchNorm {
    x: Tensor,
    gamma: Option<Tensor>,
    mean: Tensor,
    /// 1 / sqrt(variance + epsilon)
    scale: Tensor,
    epsilon: f64,
    batch: bool,
}

/// g, g (x - mean) scale
#[derive(Clone, Copy)]
struct GradientSums;

impl Terms<2, 2, 2> for GradientSums {
    #[inline(always)]
    fn apply<T: Real>(self, [g, x]: [T; 2], [mean, scale]: [T; 2]) -> [T; 2] {
        [g, g * ((x - mean) * scale)]
    }
}

/// factor (g - mean_g - (x - mean) slope)
#[derive(Clone, Copy)]
struct InputGradient;

impl Map<6> for InputGradient {
    #[inline(always)]
    fn apply<T: Real>(self, [g, x, mean, factor, mean_g, slope]: [T; 6]) -> T {
        ((g - mean_g) - (x - mean) * slope) * factor
    }
}

/// g factor
#[derive(Clone, Copy)]
struct Scale;

impl Map<2> for Scale {
    #[inline(always)]
    fn apply<T: Real>(self, [g, factor]: [T; 2]) -> T {
        g * factor
    }
}

impl Op for BatchNorm {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    /// With x̂ = (x - mean) scale over M values: dbeta = Σ g, dgamma = Σ g x̂, and for batch
    /// statistics dx = gamma scale / M (M g - Σ g - x̂ Σ g x̂), for given ones dx = gamma scale g.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if context.records() {
            return self.recorded(&cotangent, context);
        }
        let sizes = self.x.channels("batch_norm", &[], self.epsilon)?;
        let (x, g) = (self.x.array().contiguous(), cotangent.array().contiguous());
        let shape = Shape::from([sizes.channels]);
        Ok(with_dtype!(x.dtype(), F => {
            let xs = x.as_slice::<F>().unwrap_or_default();
            let gs = g.as_slice::<F>().unwrap_or_default();
            let mean = self.mean.array().to_vec::<F>();
            let scale = self.scale.array().to_vec::<F>();
            let needs_sums = context.wants(1) || context.wants(2) || self.batch;
            let [dbeta, dgamma] = if needs_sums {
                normalize::sums(GradientSums, [gs, xs], [&mean, &scale], sizes)
            } else {
                [vec![], vec![]]
            };
            let dx = context.wants(0).then(|| {
                let gamma = coefficients::<F>(self.gamma.as_ref(), 1.0, sizes);
                let factor: Vec<F> = scale.iter().zip(gamma).map(|(&s, g)| s * g).collect();
                Tensor::from(Array::build::<F>(x.shape().clone(), |out| {
                    if self.batch {
                        let count = F::from_f64(sizes.per_channel() as f64);
                        let mean_g: Vec<F> = dbeta.iter().map(|&sum| sum / count).collect();
                        let slope: Vec<F> = dgamma.iter().zip(&scale).map(|(&sum, &s)| sum / count * s).collect();
                        normalize::map(InputGradient, [gs, xs], [&mean, &factor, &mean_g, &slope], sizes, out);
                    } else {
                        normalize::map(Scale, [gs], [&factor], sizes, out);
                    }
                }))
            });
            let per_channel = |wanted: usize, sums: &[F]| {
                context.wants(wanted).then(|| Tensor::from(Array::from_slice(shape.clone(), sums)))
            };
            smallvec![dx, per_channel(1, &dgamma), per_channel(2, &dbeta)]
        }))
    }
}

impl BatchNorm {
    /// The same in tensor operations, to be differentiated again.
    fn recorded(&self, g: &Tensor, context: &Vjp) -> Result<Cotangents> {
        let x = context.saved(&self.x);
        let axes: Vec<isize> = (0..x.rank() as isize).filter(|&axis| axis != 1).collect();
        // (channels) as (1, channels, 1, …)
        let column: Shape = (0..x.rank())
            .map(|axis| if axis == 1 { x.shape()[1] } else { 1 })
            .collect();
        let (centred, scale) = if self.batch {
            let centred = x.sub(&x.mean_over(Axes::keep(&axes[..]))?)?;
            let variance = centred.square().mean_over(Axes::keep(&axes[..]))?;
            (centred, variance.add_scalar(self.epsilon).rsqrt())
        } else {
            let centred = x.sub(&self.mean.reshape(&column)?)?;
            (centred, self.scale.reshape(&column)?)
        };
        let normalized = centred.mul(&scale)?;
        let product = g.mul(&normalized)?;
        let dx = if context.wants(0) {
            let inner = if self.batch {
                let pull = normalized.mul(&product.mean_over(Axes::keep(&axes[..]))?)?;
                g.sub(&g.mean_over(Axes::keep(&axes[..]))?)?.sub(&pull)?
            } else {
                g.clone()
            };
            let scaled = inner.mul(&scale)?;
            Some(match &self.gamma {
                Some(gamma) => scaled.mul(&context.saved(gamma).reshape(&column)?)?,
                None => scaled,
            })
        } else {
            None
        };
        let dgamma = if context.wants(1) {
            Some(product.sum_over(&axes[..])?)
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
