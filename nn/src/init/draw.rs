//! Draws the values of an initializer, after checking its numbers and computing its fan.

use super::{Distribution, Fan, Init, Kind, orthogonal};
use cotangent_core::random::Rng;
use cotangent_core::random::rand_distr::{Distribution as _, StandardNormal};
use cotangent_core::{DType, Error, Result, Tensor};

pub(super) const OP: &str = "initializer";

/// The reason if a generator repeats itself, so that no draw is accepted.
pub(super) const DEPENDENT: &str = "the generator's draws are not independent";

/// The standard deviation of a standard normal distribution truncated at two standard deviations.
const TRUNCATED_DEVIATION: f64 = 0.879_625_661_034_239_8;

pub(super) fn draw(init: &Init, shape: &[usize], rng: &mut (impl Rng + ?Sized)) -> Result<Tensor> {
    let dtype = DType::F32;
    let gain = positive("gain", init.gain)?;
    match init.kind {
        Kind::Constant(value) => Tensor::full(shape, finite("value", value * gain)?, dtype),
        Kind::Normal {
            mean,
            standard_deviation,
            truncated,
        } => {
            let mean = finite("mean", mean * gain)?;
            let deviation = finite("standard deviation", standard_deviation * gain)?;
            if truncated {
                truncated_normal(shape, mean, deviation, rng)
            } else {
                Tensor::normal(shape, mean, deviation, dtype, rng)
            }
        }
        Kind::Uniform { low, high } => {
            let (low, high) = (finite("low", low * gain)?, finite("high", high * gain)?);
            Tensor::uniform(shape, low, high, dtype, rng)
        }
        Kind::VarianceScaling {
            scale,
            fan,
            distribution,
        } => {
            let variance = positive("scale", scale)? / fan_size(shape, fan)?;
            let deviation = finite("standard deviation", gain * variance.sqrt())?;
            match distribution {
                Distribution::Normal => Tensor::normal(shape, 0.0, deviation, dtype, rng),
                Distribution::TruncatedNormal => {
                    truncated_normal(shape, 0.0, deviation / TRUNCATED_DEVIATION, rng)
                }
                Distribution::Uniform => {
                    let limit = finite("limit", 3f64.sqrt() * deviation)?;
                    Tensor::uniform(shape, -limit, limit, dtype, rng)
                }
            }
        }
        Kind::Orthogonal => orthogonal::draw(shape, gain, rng),
        Kind::Identity => identity(shape, gain),
        Kind::Invalid(reason) => Err(Error::argument(OP, reason)),
    }
}

/// Checks that a number is finite in `f32`, the dtype of the draws.
fn finite(what: &str, value: f64) -> Result<f64> {
    if (value as f32).is_finite() {
        Ok(value)
    } else {
        Err(Error::argument(
            OP,
            format!("the {what} must be finite in f32, found {value}"),
        ))
    }
}

fn positive(what: &str, value: f64) -> Result<f64> {
    if value > 0.0 {
        finite(what, value)
    } else {
        Err(Error::argument(
            OP,
            format!("the {what} must be above 0, found {value}"),
        ))
    }
}

fn fan_size(shape: &[usize], fan: Fan) -> Result<f64> {
    let &[out, input, ref kernel @ ..] = shape else {
        return Err(Error::argument(
            OP,
            format!("expected a weight (out, in, …), which has a fan, found shape {shape:?}"),
        ));
    };
    let area: f64 = kernel.iter().map(|&n| n as f64).product();
    let (fan_in, fan_out) = (input as f64 * area, out as f64 * area);
    let size = match fan {
        Fan::In => fan_in,
        Fan::Out => fan_out,
        Fan::Average => f64::midpoint(fan_in, fan_out),
    };
    if size > 0.0 {
        Ok(size)
    } else {
        Err(Error::argument(
            OP,
            format!("expected a fan above 0, found a weight of shape {shape:?}"),
        ))
    }
}

fn truncated_normal(
    shape: &[usize],
    mean: f64,
    deviation: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Tensor> {
    if deviation < 0.0 {
        return Err(Error::argument(
            OP,
            format!("the standard deviation must be at least 0, found {deviation}"),
        ));
    }
    let [least, largest] = inward(mean - 2.0 * deviation, mean + 2.0 * deviation);
    let mut is_stuck = false;
    let values = Tensor::from_fn(shape, DType::F32, || {
        if is_stuck {
            return mean;
        }
        // One draw of 22 is not within the bounds.
        let mut draws = (0..1000).map(|_| StandardNormal.sample(rng));
        let draw: Option<f64> = draws.find(|draw: &f64| draw.abs() <= 2.0);
        is_stuck |= draw.is_none();
        (mean + draw.unwrap_or(0.0) * deviation).clamp(least, largest)
    })?;
    if is_stuck {
        return Err(Error::argument(OP, DEPENDENT));
    }
    Ok(values)
}

/// Returns the least and the largest `f32` between two bounds, so that no draw is rounded out of
/// them. If there is none, it returns the bounds.
fn inward(low: f64, high: f64) -> [f64; 2] {
    let (mut least, mut largest) = (low as f32, high as f32);
    if f64::from(least) < low {
        least = least.next_up();
    }
    if f64::from(largest) > high {
        largest = largest.next_down();
    }
    if least <= largest {
        [f64::from(least), f64::from(largest)]
    } else {
        [low, high]
    }
}

fn identity(shape: &[usize], gain: f64) -> Result<Tensor> {
    let &[_, columns] = shape else {
        return Err(Error::argument(
            OP,
            format!("expected a matrix (out, in) for an identity, found shape {shape:?}"),
        ));
    };
    let mut places = 0usize..;
    Tensor::from_fn(shape, DType::F32, || {
        let diagonal = places.next().is_some_and(|i| i / columns == i % columns);
        if diagonal { gain } else { 0.0 }
    })
}
