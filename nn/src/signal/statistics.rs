//! What is said of the values of one tensor.

use cotangent_core::Tensor;
use serde_json::{Value, json};

/// The distribution of the finite elements of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// How many elements there are.
    pub count: usize,
    /// How many of them are infinite or not a number; the rest leaves them out.
    pub non_finite: usize,
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub standard_deviation: f64,
    /// The root of the mean square.
    pub rms: f64,
    /// The smallest element.
    pub min: f64,
    /// The largest element.
    pub max: f64,
    /// How many elements lie where.
    pub histogram: Histogram,
    /// The same of the decimal logarithms of the elements' sizes, zeros left out.
    pub magnitudes: Histogram,
}

/// How many values lie in each of equally wide bins. Values outside count in the outermost bins.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Where the first bin begins.
    pub low: f64,
    /// Where the last bin ends.
    pub high: f64,
    /// The number of values in each bin.
    pub counts: Vec<usize>,
}

const BINS: usize = 60;

impl Histogram {
    /// Of values, over the range that all but the outermost two in a thousand have.
    fn of(mut values: Vec<f64>) -> Self {
        let (cut, last) = (values.len() / 1000, values.len().saturating_sub(1));
        let mut at = |place: usize| match values.len() {
            0 => 0.0,
            _ => *values.select_nth_unstable_by(place, f64::total_cmp).1,
        };
        let (low, high) = (at(cut), at(last.saturating_sub(cut)));
        let mut counts = vec![0; BINS];
        let scale = BINS as f64 / (high - low);
        for value in values {
            let bin = ((value - low) * scale).max(0.0) as usize;
            counts[bin.min(BINS - 1)] += 1;
        }
        Self { low, high, counts }
    }

    fn to_json(&self) -> Value {
        json!({ "low": self.low, "high": self.high, "counts": self.counts })
    }
}

impl Distribution {
    /// Of the elements of a tensor.
    pub(super) fn of(tensor: &Tensor) -> Self {
        let mut values = tensor.to_f64_vec();
        let count = values.len();
        values.retain(|x| x.is_finite());
        let n = values.len().max(1) as f64;
        let mean = values.iter().map(|x| x / n).sum::<f64>();
        let variance = values.iter().map(|x| (x - mean).powi(2) / n).sum::<f64>();
        let sizes = values.iter().filter(|&&x| x != 0.0);
        Self {
            count,
            non_finite: count - values.len(),
            mean,
            standard_deviation: variance.sqrt(),
            rms: (variance + mean * mean).sqrt(),
            min: values.iter().copied().reduce(f64::min).unwrap_or(0.0),
            max: values.iter().copied().reduce(f64::max).unwrap_or(0.0),
            magnitudes: Histogram::of(sizes.map(|x| x.abs().log10()).collect()),
            histogram: Histogram::of(values),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "count": self.count,
            "non_finite": self.non_finite,
            "mean": self.mean,
            "standard_deviation": self.standard_deviation,
            "rms": self.rms,
            "min": self.min,
            "max": self.max,
            "histogram": self.histogram.to_json(),
            "magnitudes": self.magnitudes.to_json(),
        })
    }
}

/// What a unit, an element of one sample's values, does over the samples, which are axis 0.
pub(super) struct Units {
    /// The number of samples.
    pub samples: usize,
    /// The share of units that are exactly 0 for every sample.
    pub dead: f64,
    /// How far the samples differ: the root of the mean, over the units, of the variance over the
    /// samples.
    pub spread: f64,
}

impl Units {
    pub fn of(tensor: &Tensor) -> Self {
        let samples = tensor.shape().first().copied().unwrap_or(1);
        let values = tensor.to_f64_vec();
        let units = values.len().checked_div(samples).unwrap_or(0);
        let n = samples as f64;
        let rows = || values.chunks_exact(units.max(1));
        let (mut mean, mut alive) = (vec![0.0; units], vec![false; units]);
        for row in rows() {
            for ((mean, alive), &x) in mean.iter_mut().zip(&mut alive).zip(row) {
                *mean += x / n;
                *alive |= x != 0.0;
            }
        }
        let squares = |row: &[f64]| {
            let deviations = row
                .iter()
                .zip(&mean)
                .map(|(x, mean)| (x - mean).powi(2) / n);
            deviations.sum::<f64>()
        };
        let variance: f64 = rows().map(squares).sum();
        let dead = alive.iter().filter(|alive| !**alive).count();
        let share = |part: f64| if units == 0 { 0.0 } else { part / units as f64 };
        Self {
            samples,
            dead: share(dead as f64),
            spread: share(variance).sqrt(),
        }
    }
}

/// The root of the mean square.
pub(super) fn rms(tensor: &Tensor) -> f64 {
    let values = tensor.to_f64_vec();
    let n = values.len().max(1) as f64;
    values.iter().map(|x| x * x / n).sum::<f64>().sqrt()
}

/// The share of elements whose derivative is nearer to 0 than `threshold`, leaving out those that a
/// rectifier has turned off, where value and derivative both are exactly 0.
pub(super) fn saturated_share(output: &Tensor, derivative: &Tensor, threshold: f64) -> f64 {
    let (values, slopes) = (output.to_f64_vec(), derivative.to_f64_vec());
    let saturated = |(value, slope): &(&f64, &f64)| {
        slope.abs() < threshold && !(**value == 0.0 && **slope == 0.0)
    };
    let count = values.iter().zip(&slopes).filter(saturated).count();
    count as f64 / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use cotangent_core::Result;

    #[test]
    fn distributions_leave_out_what_is_not_finite() {
        let x = Tensor::from([1.0f64, 3.0, f64::NAN, f64::INFINITY]);
        let found = Distribution::of(&x);
        assert_eq!((found.count, found.non_finite), (4, 2));
        assert_eq!((found.mean, found.standard_deviation), (2.0, 1.0));
        assert_eq!((found.min, found.max), (1.0, 3.0));
        assert_eq!(found.histogram.counts.iter().sum::<usize>(), 2);
        let nothing = Distribution::of(&Tensor::from([f64::NAN]));
        assert_eq!((nothing.mean, nothing.rms), (0.0, 0.0));
    }

    #[test]
    fn magnitudes_are_shown_as_powers_of_ten() {
        let found = Distribution::of(&Tensor::from([0.0f64, -1e-3, 1e3])).magnitudes;
        assert_eq!((found.low, found.high), (-3.0, 3.0));
        assert_eq!(found.counts.iter().sum::<usize>(), 2);
    }

    #[test]
    fn dead_units_are_0_for_every_sample() -> Result<()> {
        let units = Units::of(&Tensor::from([[0.0f32, 0.0, 1.0], [0.0, 2.0, 1.0]]));
        assert_eq!(units.samples, 2);
        assert!((units.dead - 1.0 / 3.0).abs() < 1e-12);
        // The variances over the samples are 0, 1 and 0.
        assert!((units.spread - (1.0f64 / 3.0).sqrt()).abs() < 1e-12);
        let none = Units::of(&Tensor::from_vec(Vec::<f32>::new(), [0, 3])?);
        assert_eq!((none.dead, none.spread), (0.0, 0.0));
        Ok(())
    }

    #[test]
    fn saturated_is_not_turned_off() {
        let values = Tensor::from([0.0f64, 1.0, 0.5, 0.999]);
        let slopes = Tensor::from([0.0f64, 1.0, 0.25, 0.001]);
        assert_eq!(saturated_share(&values, &slopes, 0.01), 0.25);
    }
}
