//! Batch normalization: statistics, normalization and the affine map in few sweeps over memory,
//! forward and backward.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Interval, Result};
use crate::kernel::norm::channels::{self, Channels, Terms};
use crate::kernel::norm::moments::Moments;
use crate::kernel::reduce::range;
use crate::kernel::{Float, Map, Real};
use crate::tensor::{Array, Axes, Shape, with_dtype};
use smallvec::smallvec;

/// The statistics of a batch for each channel. They are not tracked.
#[derive(Clone, Debug)]
pub struct BatchStatistics {
    /// The mean, `(channels)`.
    pub mean: Tensor,
    /// The biased variance: the mean square of the deviations, `(channels)`.
    pub variance: Tensor,
    /// The number of values of a channel.
    pub count: usize,
}

/// # Normalization
impl Tensor {
    /// Normalizes each channel with the statistics of this batch, then scales and shifts it:
    /// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with the biased variance (Ioffe,
    /// Szegedy 2015, Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    /// Covariate Shift). `self` is `(samples, channels, …)`, `gamma` and `beta` are `(channels)`.
    /// Also returns the statistics.
    ///
    /// The statistics are over all axes but the channels. They are computed without cancellation,
    /// from a mean with more digits than a tensor stores. Channels whose squares leave the range of
    /// the dtype are scaled by a power of two first. Even then, the returned variance may be
    /// infinite.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit or a channel has fewer than two values;
    /// [`Error::DType`] if the dtypes differ; [`Error::Argument`] if epsilon is negative or not
    /// finite.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f64, 10.0], [3.0, 30.0]]);
    /// let (y, statistics) = x.batch_norm(None, None, 0.0)?;
    /// assert_eq!(y.to_vec::<f64>()?, [-1.0, -1.0, 1.0, 1.0]);
    /// assert_eq!(statistics.variance.to_vec::<f64>()?, [1.0, 100.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn batch_norm(
        &self,
        gamma: Option<&Self>,
        beta: Option<&Self>,
        epsilon: f64,
    ) -> Result<(Self, BatchStatistics)> {
        let sizes = self.channels("batch_norm", &[("gamma", gamma), ("beta", beta)], epsilon)?;
        if sizes.per_channel() < 2 {
            let found = match sizes.per_channel() {
                0 => "0",
                _ => "1: a single value has no variance",
            };
            let reason = format!("expected at least 2 values per channel, found {found}");
            return Err(Error::shape("batch_norm", reason, &[self.shape()]));
        }
        self.reserve_like("batch_norm")?;
        let x = self.array().to_row_major();
        let (y, terms, variance, scales) = with_dtype!(self.dtype(), F => {
            let added = F::from_f64(epsilon);
            let plain = Moments::of(&x.contiguous::<F>(), sizes);
            let variance = plain.variances();
            let fits = |c: usize| range::is_accurate(variance[c] + added, 1);
            // No early exit, so that the loop is vectorized.
            let all_fit = variance.iter().fold(true, |all, &v| {
                all & range::is_accurate(v + added, 1)
            });
            let scales = if all_fit {
                None
            } else {
                let across: Vec<bool> = (0..self.rank()).map(|axis| axis != 1).collect();
                x.scales(&across, &Shape::from([sizes.channels]), false, fits)
            };
            let (x, moments, variance, factor): (_, _, _, Vec<F>) = match &scales {
                None => {
                    let factor = variance.iter().map(|&v| 1.0 / (v + added).sqrt()).collect();
                    (x, plain, variance, factor)
                }
                Some(scales) => {
                    let scales = &*scales.contiguous::<F>();
                    let x = scaled::<F>(&x, scales, sizes);
                    let moments = Moments::of(&x.contiguous::<F>(), sizes);
                    let variance = moments.variances();
                    let factor = variance.iter().zip(scales).map(|(&v, &scale)| {
                        1.0 / (v + range::scaled_epsilon(epsilon, scale)).sqrt()
                    });
                    let factor = factor.collect();
                    (x, moments, variance, factor)
                }
            };
            let Moments { mean, rest, .. } = moments;
            let terms = [mean, rest, factor];
            let y = normalized::<F>(&x, &terms, gamma, beta, sizes);
            let terms = terms.map(|values| per_channel(&values));
            (y, terms, per_channel(&variance), scales.map(Tensor::from))
        });
        let unscaled = |x: &Tensor| match &scales {
            Some(scales) => x.div(scales),
            None => Ok(x.clone()),
        };
        let statistics = BatchStatistics {
            mean: unscaled(&terms[0])?,
            // In two steps: the square of the scale may leave the range.
            variance: unscaled(&unscaled(&variance)?)?,
            count: sizes.per_channel(),
        };
        let op = || BatchNorm {
            x: self.clone(),
            gamma: gamma.cloned(),
            terms,
            scales,
            epsilon,
            batch: true,
        };
        Ok((record(y.into(), self, gamma, beta, op), statistics))
    }

    /// Normalizes each channel with given statistics, as batch normalization does in predictions.
    /// No gradient flows to the statistics.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] if the dtypes differ,
    /// [`Error::Argument`] if epsilon is negative or not finite.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f64, 10.0], [3.0, 30.0]]);
    /// let (mean, variance) = (Tensor::from([1.0f64, 10.0]), Tensor::from([4.0f64, 100.0]));
    /// let y = x.batch_norm_with(&mean, &variance, None, None, 0.0)?;
    /// assert_eq!(y.to_vec::<f64>()?, [0.0, 0.0, 1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
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
            &[
                ("gamma", gamma),
                ("beta", beta),
                ("mean", Some(mean)),
                ("variance", Some(variance)),
            ],
            epsilon,
        )?;
        self.reserve_like("batch_norm")?;
        let x = self.array().to_row_major();
        let (y, terms) = with_dtype!(self.dtype(), F => {
            let variances = variance.array().to_vec::<F>();
            let factor = variances.iter().map(|v| 1.0 / (v + epsilon as F).sqrt()).collect();
            let terms = [mean.array().to_vec::<F>(), vec![0.0; sizes.channels], factor];
            let y = normalized::<F>(&x, &terms, gamma, beta, sizes);
            (y, terms.map(|values| per_channel(&values)))
        });
        let op = || BatchNorm {
            x: self.clone(),
            gamma: gamma.cloned(),
            terms,
            scales: None,
            epsilon,
            batch: false,
        };
        Ok(record(y.into(), self, gamma, beta, op))
    }

    /// Checks the coefficients, and returns the sizes of the channels.
    fn channels(
        &self,
        op: &'static str,
        coefficients: &[(&str, Option<&Self>)],
        epsilon: f64,
    ) -> Result<Channels> {
        let &[samples, channels, ref inner @ ..] = self.shape() else {
            let reason = "expected an input (samples, channels, …); if it is one sample without a \
                          batch axis, add the axis with `unsqueeze(0)`";
            return Err(Error::shape(op, reason, &[self.shape()]));
        };
        let differs = |(_, x): &(&str, Option<&Self>)| x.is_some_and(|x| x.dtype() != self.dtype());
        if coefficients.iter().any(differs) {
            let operands = [&[("input", Some(self))], coefficients].concat();
            Self::expect_one_dtype(op, &operands)?;
        }
        for coefficient in coefficients
            .iter()
            .filter_map(|(_, coefficient)| *coefficient)
        {
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
        Interval::AtLeast0.check(op, "epsilon", epsilon)?;
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
    // The places of the operands are fixed: an untracked tensor takes those of missing ones.
    let none = x.detach();
    Tensor::from_op(y, &[x, gamma.unwrap_or(&none), beta.unwrap_or(&none)], op)
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

/// Normalizes by the mean, in two parts, and the factor.
fn normalized<F: crate::tensor::Element>(
    x: &Array,
    [mean, rest, factor]: &[Vec<F>; 3],
    gamma: Option<&Tensor>,
    beta: Option<&Tensor>,
    sizes: Channels,
) -> Array {
    let xs = &*x.contiguous::<F>();
    let gamma = coefficients::<F>(gamma, F::one(), sizes);
    let factor: Vec<F> = factor.iter().zip(gamma).map(|(&s, g)| s * g).collect();
    let mut shift = coefficients::<F>(beta, F::zero(), sizes);
    // The rest of the mean is part of the shift, where it costs nothing per element.
    for ((shift, &rest), &factor) in shift.iter_mut().zip(rest).zip(&factor) {
        *shift = less(*shift, rest, factor);
    }
    Array::build::<F>(x.shape().clone(), |out| {
        channels::map(Normalize, [xs], [mean, &factor, &shift], sizes, out);
    })
}

/// Computes x - rest factor. A rest of 0 is not multiplied: the factor may be infinite.
#[inline(always)]
fn less<F: Float>(x: F, rest: F, factor: F) -> F {
    if rest == F::zero() {
        x
    } else {
        x - rest * factor
    }
}

/// Multiplies x by the scales of its channels.
fn scaled<F: crate::tensor::Element>(x: &Array, scales: &[F], sizes: Channels) -> Array {
    let xs = &*x.contiguous::<F>();
    Array::build::<F>(x.shape().clone(), |out| {
        channels::map(Scale, [xs], [scales], sizes, out);
    })
}

fn per_channel<F: crate::tensor::Element>(values: &[F]) -> Tensor {
    Array::from_slice(Shape::from([values.len()]), values).into()
}

/// Returns the values of an optional tensor, `(channels)`, or the default for each channel.
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

/// y = (x - mean) factor gamma + beta. Mean and factor depend on x if they are those of the batch.
struct BatchNorm {
    x: Tensor,
    gamma: Option<Tensor>,
    /// The mean, its rounding error, and 1 / sqrt(variance + epsilon), all of x times its scales.
    terms: [Tensor; 3],
    /// Powers of two, if there is a channel whose squares leave the range of the type.
    scales: Option<Tensor>,
    epsilon: f64,
    batch: bool,
}

/// g, g (x - mean) factor
#[derive(Clone, Copy)]
struct GradientSums;

impl Terms<2, 2, 2> for GradientSums {
    #[inline(always)]
    fn apply<T: Real>(self, [g, x]: [T; 2], [mean, factor]: [T; 2]) -> [T; 2] {
        [g, g * ((x - mean) * factor)]
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
    fn kind(&self) -> OpKind {
        OpKind::Normalization
    }

    /// With x̂ = (x - mean) factor over M values, dbeta = Σ g and dgamma = Σ g x̂. For statistics
    /// of the batch dx = gamma factor / M (M g - Σ g - x̂ Σ g x̂), for given ones
    /// dx = gamma factor g.
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        if context.records() {
            return self.recorded(&cotangent, context);
        }
        let sizes = self.x.channels("batch_norm", &[], self.epsilon)?;
        let x = self.x.array().to_row_major();
        Ok(with_dtype!(x.dtype(), F => {
            let gs = &*cotangent.array().contiguous::<F>();
            let scales = self.scales.as_ref().map(|scales| scales.array().to_vec::<F>());
            let x = scales.as_ref().map_or(x.clone(), |scales| scaled::<F>(&x, scales, sizes));
            let xs = &*x.contiguous::<F>();
            let [mean, rest, scale] = self.terms.each_ref().map(|term| term.array().to_vec::<F>());
            let needs_sums = context.wants(1) || context.wants(2) || self.batch;
            let [dbeta, mut dgamma] = if needs_sums {
                channels::sums(GradientSums, [gs, xs], [&mean, &scale], sizes)
            } else {
                [vec![], vec![]]
            };
            let sums = dgamma.iter_mut().zip(&dbeta);
            for (((dgamma, &dbeta), &rest), &scale) in sums.zip(&rest).zip(&scale) {
                *dgamma = less(*dgamma, rest, scale * dbeta);
            }
            let dx = context.wants(0).then(|| {
                let gamma = coefficients::<F>(self.gamma.as_ref(), 1.0, sizes);
                let mut factor: Vec<F> = scale.iter().zip(gamma).map(|(&s, g)| s * g).collect();
                for (factor, &scale) in factor.iter_mut().zip(scales.iter().flatten()) {
                    *factor *= scale;
                }
                Tensor::from(Array::build::<F>(x.shape().clone(), |out| {
                    if self.batch {
                        let count = F::from_f64(sizes.per_channel() as f64);
                        let slope = dgamma.iter().zip(&scale).map(|(&sum, &s)| sum / count * s);
                        let slope: Vec<F> = slope.collect();
                        let mean_g = dbeta.iter().zip(&rest).zip(&slope);
                        let mean_g = mean_g
                            .map(|((&sum, &rest), &slope)| less(sum / count, rest, slope))
                            .collect::<Vec<F>>();
                        let terms = [&mean[..], &factor, &mean_g, &slope];
                        channels::map(InputGradient, [gs, xs], terms, sizes, out);
                    } else {
                        channels::map(Scale, [gs], [&factor], sizes, out);
                    }
                }))
            });
            let dgamma = context.wants(1).then(|| per_channel(&dgamma));
            let dbeta = context.wants(2).then(|| per_channel(&dbeta));
            smallvec![dx, dgamma, dbeta]
        }))
    }
}

impl BatchNorm {
    /// Returns the scales for a recorded pass in this shape, and their epsilons, unless all are 1.
    fn scales_of_cubes(&self, shape: &Shape) -> Option<[Tensor; 2]> {
        if !self.batch {
            return None;
        }
        with_dtype!(self.x.dtype(), F => {
            let factors = self.terms[2].array().to_vec::<F>();
            let given = self.scales.as_ref().map(|scales| scales.array().to_vec::<F>());
            let scale = |(c, &factor)| {
                let given = given.as_ref().map_or(1.0, |scales| scales[c]);
                range::scale_of_cubes(given, factor)
            };
            let tensor = |values: Vec<F>| Array::from_slice(shape.clone(), &values).into();
            range::scales_and_epsilons(factors.iter().enumerate().map(scale), self.epsilon)
                .map(|both| both.map(tensor))
        })
    }

    /// Computes the same from tensor operations, which can be differentiated again.
    fn recorded(&self, g: &Tensor, context: &Vjp) -> Result<Cotangents> {
        let x = context.saved(&self.x);
        let axes: Vec<isize> = (0..x.rank() as isize).filter(|&axis| axis != 1).collect();
        // (channels) as (1, channels, 1, …)
        let column: Shape = (0..x.rank())
            .map(|axis| if axis == 1 { x.shape()[1] } else { 1 })
            .collect();
        let scales = self.scales_of_cubes(&column);
        let scaled = |x: Tensor| match &scales {
            Some([scales, _]) => x.mul(scales),
            None => Ok(x),
        };
        let x = scaled(x)?;
        let (centred, factor) = if self.batch {
            let centred = x.sub(&x.mean_over(Axes::keep(&axes[..]))?)?;
            // The mean of the deviations is the rounding error of the first mean.
            let centred = centred.sub(&centred.mean_over(Axes::keep(&axes[..]))?)?;
            let variance = centred.square().mean_over(Axes::keep(&axes[..]))?;
            let sum = match &scales {
                Some([_, epsilons]) => variance.add(epsilons)?,
                None => variance.add_scalar(self.epsilon),
            };
            (centred, sum.rsqrt())
        } else {
            let [mean, _, factor] = &self.terms;
            (x.sub(&mean.reshape(&column)?)?, factor.reshape(&column)?)
        };
        let normalized = centred.mul(&factor)?;
        let product = g.mul(&normalized)?;
        let dx = if context.wants(0) {
            let inner = if self.batch {
                let pull = normalized.mul(&product.mean_over(Axes::keep(&axes[..]))?)?;
                g.sub(&g.mean_over(Axes::keep(&axes[..]))?)?.sub(&pull)?
            } else {
                g.clone()
            };
            let scaled = scaled(inner.mul(&factor)?)?;
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
