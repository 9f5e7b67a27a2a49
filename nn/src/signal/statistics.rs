//! Statistics of the values of one tensor.

use cotangent_core::{DType, Norm, Result, Tensor};
use serde_json::{Value, json};

/// The distribution of the finite elements of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// The number of elements.
    pub count: usize,
    /// The number of elements that are infinite or NaN. All other statistics leave them out.
    pub non_finite: usize,
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub standard_deviation: f64,
    /// The root mean square.
    pub rms: f64,
    /// The smallest element.
    pub min: f64,
    /// The largest element.
    pub max: f64,
    /// The histogram of the elements.
    pub histogram: Histogram,
    /// The histogram of the decimal logarithms of the elements' magnitudes, without zeros.
    pub magnitudes: Histogram,
}

/// The number of values in each of equally wide bins. Values outside count in the outermost bins.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The lower end of the first bin.
    pub low: f64,
    /// The upper end of the last bin.
    pub high: f64,
    /// The number of values in each bin.
    pub counts: Vec<usize>,
}

const BINS: usize = 60;

impl Histogram {
    /// Counts values over their range, from which the lowest and the highest thousandth are cut
    /// off.
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
    /// Computes the statistics of the elements of a tensor.
    pub fn of(tensor: &Tensor) -> Self {
        let mut values = tensor.to_f64_vec();
        let count = values.len();
        values.retain(|x| x.is_finite());
        let n = values.len().max(1) as f64;
        let mean = values.iter().map(|x| x / n).sum::<f64>();
        let deviation = Tensor::from(&values[..]).std_over(0, 0.0);
        let deviation = number(deviation).filter(|_| !values.is_empty());
        let standard_deviation = deviation.unwrap_or(0.0);
        let sizes = values.iter().filter(|&&x| x != 0.0);
        Self {
            count,
            non_finite: count - values.len(),
            mean,
            standard_deviation,
            rms: standard_deviation.hypot(mean),
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

/// Statistics of the units over the samples, which are axis 0. A unit is an element of one sample's
/// values. For [`dead`](Self::dead) it may also be an index of another axis.
pub(super) struct Units {
    /// The number of samples.
    pub samples: usize,
    /// The share of units that are exactly 0 for every sample, and everywhere if the units are
    /// channels.
    pub dead: f64,
    /// How much the samples differ: the root of the mean, over the units, of the variance over the
    /// samples.
    pub spread: f64,
}

impl Units {
    /// Computes the statistics. `axis` is that of the units for `dead`, such as the channels.
    pub fn of(tensor: &Tensor, axis: Option<usize>) -> Self {
        let samples = tensor.shape().first().copied().unwrap_or(1);
        let units = tensor.len().checked_div(samples).unwrap_or(0);
        let over_samples = |of: fn(&Tensor) -> Result<Tensor>| {
            let values = tensor.detach().to_dtype(DType::F64);
            let of_units = values
                .reshape([samples, units])
                .and_then(|values| of(&values));
            of_units.unwrap_or_else(|_| Tensor::from(&[][..] as &[f64]))
        };
        let largest = match axis {
            Some(axis) => {
                let rest = (0..tensor.rank()).filter(|&other| other != axis);
                let rest: Vec<isize> = rest.map(|axis| axis as isize).collect();
                let largest = tensor.detach().abs().max_over(&rest[..]);
                largest.map_or(Vec::new(), |largest| largest.to_f64_vec())
            }
            None => over_samples(|x| x.abs().max_over(0)).to_f64_vec(),
        };
        let dead = largest.iter().filter(|&&largest| largest == 0.0).count();
        Self {
            samples,
            dead: dead as f64 / largest.len().max(1) as f64,
            spread: rms(&over_samples(|x| x.std_over(0, 0.0))),
        }
    }
}

/// Returns the root mean square, computed in `f64`. It is 0 for an empty tensor.
pub(super) fn rms(tensor: &Tensor) -> f64 {
    let norm = tensor.detach().to_dtype(DType::F64).norm(Norm::L2);
    number(norm).unwrap_or(0.0) / (tensor.len().max(1) as f64).sqrt()
}

fn number(scalar: Result<Tensor>) -> Option<f64> {
    scalar.and_then(|scalar| scalar.item()).ok()
}

/// Returns the share of elements whose derivative is nearer to 0 than `threshold`. Elements that a
/// rectifier sets to 0 do not count: their value and derivative are exactly 0.
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

    #[test]
    fn distributions_leave_out_non_finite_values() {
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
    fn squares_out_of_range_do_not_change_the_statistics() {
        for size in [1e-200f64, 1e200] {
            let x = Tensor::from([[3.0 * size], [5.0 * size]]);
            let found = Distribution::of(&x);
            assert!((found.standard_deviation / size - 1.0).abs() < 1e-12);
            assert!((found.rms / size - 17f64.sqrt()).abs() < 1e-12);
            assert!((rms(&x) / size - 17f64.sqrt()).abs() < 1e-12);
            assert!((Units::of(&x, None).spread / size - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn magnitudes_are_decimal_logarithms() {
        let found = Distribution::of(&Tensor::from([0.0f64, -1e-3, 1e3])).magnitudes;
        assert_eq!((found.low, found.high), (-3.0, 3.0));
        assert_eq!(found.counts.iter().sum::<usize>(), 2);
    }

    #[test]
    fn dead_units_are_0_for_every_sample() -> Result<()> {
        let x = Tensor::from([[0.0f32, 0.0, 1.0], [0.0, 2.0, 1.0]]);
        let units = Units::of(&x, None);
        assert_eq!(units.samples, 2);
        assert!((units.dead - 1.0 / 3.0).abs() < 1e-12);
        // The variances over the samples are 0, 1 and 0.
        assert!((units.spread - (1.0f64 / 3.0).sqrt()).abs() < 1e-12);
        let none = Units::of(&Tensor::from_vec(Vec::<f32>::new(), [0, 3])?, None);
        assert_eq!((none.dead, none.spread), (0.0, 0.0));
        // One of two channels is 0 at all places; three of four elements are 0 for every sample.
        let maps = Tensor::from([0.0f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0]).reshape([2, 2, 2])?;
        assert_eq!(Units::of(&maps, Some(1)).dead, 0.5);
        assert_eq!(Units::of(&maps, None).dead, 0.75);
        Ok(())
    }

    #[test]
    fn zeros_of_a_rectifier_are_not_saturated() {
        let values = Tensor::from([0.0f64, 1.0, 0.5, 0.999]);
        let slopes = Tensor::from([0.0f64, 1.0, 0.25, 0.001]);
        assert_eq!(saturated_share(&values, &slopes, 0.01), 0.25);
    }
}
