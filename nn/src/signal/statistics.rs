//! Statistics of the values of one tensor, and of those of several.

use super::bins::{Bins, Histogram};
use super::wire::wire;
use cotangent_core::{DType, Norm, Result, Tensor};
use serde_json::{Value, json};

/// Statistics of a part of a batch, to which those of other parts can be added.
pub(super) trait Merge {
    /// Adds the statistics of the samples after these.
    fn merge(&mut self, other: Self);
}

impl<T: Merge> Merge for Option<T> {
    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Some(left), Some(right)) => left.merge(right),
            (left, right) => *left = left.take().or(right),
        }
    }
}

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

impl Distribution {
    /// Computes the statistics of the elements of a tensor.
    pub fn of(tensor: &Tensor) -> Self {
        Values::of(tensor).distribution(1.0)
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

/// The elements of one or several tensors, as far as a [`Distribution`] needs them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values {
    count: usize,
    non_finite: usize,
    mean: f64,
    deviation: f64,
    /// The smallest and the largest finite element.
    range: (f64, f64),
    bins: Bins,
    /// The same for the decimal logarithms of the magnitudes.
    magnitude_range: (f64, f64),
    magnitudes: Bins,
}

impl Values {
    /// Computes the statistics of the elements of a tensor.
    pub fn of(tensor: &Tensor) -> Self {
        let mut values = tensor.to_f64_vec();
        let count = values.len();
        values.retain(|x| x.is_finite());
        let n = values.len().max(1) as f64;
        let deviation = Tensor::from(&values[..]).std_over(0, 0.0);
        let deviation = number(deviation).filter(|_| !values.is_empty());
        let sizes = values.iter().filter(|&&x| x != 0.0);
        let magnitudes: Vec<f64> = sizes.map(|x| x.abs().log10()).collect();
        Self {
            count,
            non_finite: count - values.len(),
            mean: values.iter().map(|x| x / n).sum(),
            deviation: deviation.unwrap_or(0.0),
            range: range(&values),
            bins: Bins::of(&values),
            magnitude_range: range(&magnitudes),
            magnitudes: Bins::of(&magnitudes),
        }
    }

    /// Returns the distribution of the elements times a positive factor.
    pub fn distribution(&self, factor: f64) -> Distribution {
        let ((min, max), (small, large)) = (self.range, self.magnitude_range);
        let mut histogram = self.bins.histogram(min, max);
        let mut magnitudes = self.magnitudes.histogram(small, large);
        if factor != 1.0 {
            histogram.low *= factor;
            histogram.high *= factor;
            magnitudes.low += factor.log10();
            magnitudes.high += factor.log10();
        }
        Distribution {
            count: self.count,
            non_finite: self.non_finite,
            mean: self.mean * factor,
            standard_deviation: self.deviation * factor,
            rms: self.deviation.hypot(self.mean) * factor,
            min: min * factor,
            max: max * factor,
            histogram,
            magnitudes,
        }
    }
}

impl Merge for Values {
    fn merge(&mut self, other: Self) {
        let (left, right) = (self.count - self.non_finite, other.count - other.non_finite);
        let shares = shares(left, right);
        let apart = (other.mean - self.mean) * (shares[0] * shares[1]).sqrt();
        self.deviation = pooled(shares, self.deviation, other.deviation).hypot(apart);
        self.mean = self.mean * shares[0] + other.mean * shares[1];
        let join = |left: &mut (f64, f64), right: (f64, f64), has: [bool; 2]| match has {
            [true, true] => *left = (left.0.min(right.0), left.1.max(right.1)),
            [false, true] => *left = right,
            _ => {}
        };
        join(&mut self.range, other.range, [left > 0, right > 0]);
        let has = [!self.magnitudes.is_empty(), !other.magnitudes.is_empty()];
        join(&mut self.magnitude_range, other.magnitude_range, has);
        self.bins.merge(other.bins);
        self.magnitudes.merge(other.magnitudes);
        self.count += other.count;
        self.non_finite += other.non_finite;
    }
}

/// Returns the smallest and the largest value. Both are 0 if there are none.
fn range(values: &[f64]) -> (f64, f64) {
    let end = |of: fn(f64, f64) -> f64| values.iter().copied().reduce(of).unwrap_or(0.0);
    (end(f64::min), end(f64::max))
}

/// Returns the shares of two counts in their sum.
pub(super) fn shares(left: usize, right: usize) -> [f64; 2] {
    let sum = (left + right).max(1) as f64;
    [left as f64 / sum, right as f64 / sum]
}

/// Returns the root mean square of two parts together from those of the parts. It leaves out an
/// empty part.
pub(super) fn pooled(shares: [f64; 2], left: f64, right: f64) -> f64 {
    let of = |share: f64, rms: f64| if share > 0.0 { rms * share.sqrt() } else { 0.0 };
    of(shares[0], left).hypot(of(shares[1], right))
}

/// Root mean squares along one axis, each over the same number of elements.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sizes {
    elements: usize,
    pub rms: Vec<f64>,
}

impl Sizes {
    /// Computes the root mean square of all elements.
    pub fn of(tensor: &Tensor) -> Self {
        Self {
            elements: tensor.len(),
            rms: vec![rms(tensor)],
        }
    }

    /// Computes the root mean square for each index of axis 0.
    pub fn along_first(tensor: &Tensor) -> Option<Self> {
        let parts = tensor.split(0, 1).ok()?;
        Some(Self {
            elements: parts.first().map_or(0, Tensor::len),
            rms: parts.iter().map(rms).collect(),
        })
    }
}

impl Merge for Sizes {
    /// Of parts of unequal lengths, such as sequences, the longest one counts.
    fn merge(&mut self, other: Self) {
        if self.rms.len() != other.rms.len() {
            if self.rms.len() < other.rms.len() {
                *self = other;
            }
            return;
        }
        let shares = shares(self.elements, other.elements);
        for (left, right) in self.rms.iter_mut().zip(other.rms) {
            *left = pooled(shares, *left, right);
        }
        self.elements += other.elements;
    }
}

/// A sum over so many elements, or how many of them have a property.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Share {
    pub sum: f64,
    pub of: usize,
}

impl Share {
    /// Returns the mean.
    pub fn mean(self) -> f64 {
        self.sum / self.of.max(1) as f64
    }
}

impl Merge for Share {
    fn merge(&mut self, other: Self) {
        self.sum += other.sum;
        self.of += other.of;
    }
}

wire! {
    Distribution {
        count, non_finite, mean, standard_deviation, rms, min, max, histogram, magnitudes,
    }
    Values { count, non_finite, mean, deviation, range, bins, magnitude_range, magnitudes }
    Sizes { elements, rms }
    Share { sum, of }
}

/// Returns the root mean square, computed in `f64`. It is 0 for an empty tensor.
pub(super) fn rms(tensor: &Tensor) -> f64 {
    let norm = tensor.detach().to_dtype(DType::F64).norm(Norm::L2);
    number(norm).unwrap_or(0.0) / (tensor.len().max(1) as f64).sqrt()
}

pub(super) fn number(scalar: Result<Tensor>) -> Option<f64> {
    scalar.and_then(|scalar| scalar.item()).ok()
}

/// Returns how many elements have a derivative nearer to 0 than `threshold`. Elements that a
/// rectifier sets to 0 do not count: their value and derivative are exactly 0.
pub(super) fn saturated_share(output: &Tensor, derivative: &Tensor, threshold: f64) -> Share {
    let (values, slopes) = (output.to_f64_vec(), derivative.to_f64_vec());
    let saturated = |(value, slope): &(&f64, &f64)| {
        slope.abs() < threshold && !(**value == 0.0 && **slope == 0.0)
    };
    let count = values.iter().zip(&slopes).filter(saturated).count();
    Share {
        sum: count as f64,
        of: values.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::units::Units;
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
            assert!((Units::of(&x, None).spread() / size - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn magnitudes_are_decimal_logarithms() {
        let found = Distribution::of(&Tensor::from([0.0f64, -1e-3, 1e3])).magnitudes;
        assert_eq!((found.low, found.high), (-3.0, 3.0));
        assert_eq!(found.counts.iter().sum::<usize>(), 2);
    }

    #[test]
    fn zeros_of_a_rectifier_are_not_saturated() {
        let values = Tensor::from([0.0f64, 1.0, 0.5, 0.999]);
        let slopes = Tensor::from([0.0f64, 1.0, 0.25, 0.001]);
        assert_eq!(saturated_share(&values, &slopes, 0.01).mean(), 0.25);
    }

    #[test]
    fn parts_have_the_statistics_of_the_whole() -> Result<()> {
        let value = |i: usize| (i as f64 * 0.618_033_988_749_895).fract().ln() * 10.0;
        let mut values: Vec<f64> = (0..3_000).map(value).collect();
        values.extend([f64::NAN, 0.0, f64::INFINITY]);
        let whole = Tensor::from(&values[..]);
        let mut parts = Values::of(&Tensor::from(&[][..] as &[f64]));
        for (start, len) in [(0, 700), (700, 1), (701, 2_301), (3_002, 1)] {
            parts.merge(Values::of(&whole.narrow(0, start, len)?));
        }
        let (found, expected) = (parts.distribution(1.0), Distribution::of(&whole));
        let near = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-12;
        assert!(near(found.mean, expected.mean) && near(found.rms, expected.rms));
        assert!(near(found.standard_deviation, expected.standard_deviation));
        let rounded = Distribution {
            mean: expected.mean,
            rms: expected.rms,
            standard_deviation: expected.standard_deviation,
            ..found
        };
        assert_eq!(rounded, expected);
        let doubled = Distribution::of(&whole.mul_scalar(2.0));
        let factor = parts.distribution(2.0);
        assert_eq!((factor.min, factor.max), (doubled.min, doubled.max));
        assert_eq!(factor.histogram, doubled.histogram);
        assert!(near(factor.rms, doubled.rms));
        assert!((factor.magnitudes.high - doubled.magnitudes.high).abs() < 0.02);
        Ok(())
    }
}
