//! Counts of values in narrow bins, which can be added up exactly, and histograms of them.

use super::wire::wire;
use serde_json::{Value, json};

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

/// The number of bins of a histogram.
const BINS: usize = 60;

impl Histogram {
    pub(super) fn to_json(&self) -> Value {
        json!({ "low": self.low, "high": self.high, "counts": self.counts })
    }
}

/// Counts of values in bins whose width is a power of two, and whose ends are multiples of it.
///
/// The width is the smallest with which at most [`MOST`] bins have values, and at which the largest
/// value is below 2 to the power of [`DIGITS`] bins. So it depends on the set of values alone, and
/// the sum of the counts of several sets is that of all their values, in whatever order they are
/// added.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bins {
    /// The binary logarithm of the width.
    exponent: i64,
    /// The bins that have values, in their order: the number of the bin from 0 on, and the count.
    counts: Vec<(i64, usize)>,
}

wire! {
    Histogram { low, high, counts }
    Bins { exponent, counts }
}

/// The largest number of bins that have values.
const MOST: usize = 1024;
const DIGITS: i64 = 40;
/// The largest number of values that are sorted at once.
const FEW: usize = 1 << 14;
/// The binary logarithm of the number of bins in which more values are counted.
const DENSE: i64 = 16;

impl Bins {
    /// Counts finite values.
    pub fn of(values: &[f64]) -> Self {
        let Some(&first) = values.first() else {
            return Self::default();
        };
        let range = |(low, high): (f64, f64), &x: &f64| (low.min(x), high.max(x));
        let (low, high) = values.iter().fold((first, first), range);
        let finest = finest(low.abs().max(high.abs()));
        let mut bins = None;
        if values.len() > FEW {
            let exponent = finest.max(binary_logarithm(high - low) + 1 - DENSE);
            let counted = Self::dense(values, low, exponent);
            bins = Some(counted).filter(|bins| bins.counts.len() > MOST || exponent == finest);
        }
        let mut bins = bins.unwrap_or_else(|| Self::sorted(values, finest));
        bins.shrink();
        bins
    }

    /// Counts values in bins all of which are in memory.
    fn dense(values: &[f64], low: f64, exponent: i64) -> Self {
        let first = place(low, exponent);
        let mut all = vec![0usize; (1 << DENSE) + 2];
        for &x in values {
            all[(place(x, exponent) - first) as usize] += 1;
        }
        let counts = (first..).zip(all).filter(|(_, count)| *count > 0);
        Self {
            exponent,
            counts: counts.collect(),
        }
    }

    fn sorted(values: &[f64], exponent: i64) -> Self {
        let mut places: Vec<i64> = values.iter().map(|&x| place(x, exponent)).collect();
        places.sort_unstable();
        let equal = places.chunk_by(|a, b| a == b);
        Self {
            exponent,
            counts: equal.map(|equal| (equal[0], equal.len())).collect(),
        }
    }

    /// Doubles the width.
    fn widen(&mut self) {
        self.exponent += 1;
        for (bin, _) in &mut self.counts {
            *bin >>= 1;
        }
        self.unite();
    }

    /// Adds up the counts of equal bins.
    fn unite(&mut self) {
        self.counts.dedup_by(|next, last| {
            let is_same = next.0 == last.0;
            last.1 += if is_same { next.1 } else { 0 };
            is_same
        });
    }

    fn shrink(&mut self) {
        while self.counts.len() > MOST {
            self.widen();
        }
    }

    /// Returns whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Adds the counts of other values.
    pub fn merge(&mut self, mut other: Self) {
        if self.is_empty() || other.is_empty() {
            if self.is_empty() {
                *self = other;
            }
            return;
        }
        while self.exponent < other.exponent {
            self.widen();
        }
        while other.exponent < self.exponent {
            other.widen();
        }
        self.counts.extend(other.counts);
        self.counts.sort_unstable();
        self.unite();
        self.shrink();
    }

    /// Returns the histogram over the range of the values, of which `min` and `max` are the ends,
    /// and from which the lowest and the highest thousandth are cut off.
    pub fn histogram(&self, min: f64, max: f64) -> Histogram {
        let total: usize = self.counts.iter().map(|(_, count)| count).sum();
        let width = power_of_two(self.exponent);
        let edge = |bin: i64| bin as f64 * width;
        let low = beyond(self.counts.iter(), total / 1000).map_or(min, |bin| edge(bin).max(min));
        let high = beyond(self.counts.iter().rev(), total / 1000)
            .map_or(max, |bin| edge(bin + 1).min(max));
        let mut counts = vec![0; BINS];
        if low >= high {
            counts[0] = total;
            return Histogram { low, high, counts };
        }
        // The number of values below an end of a bin. In a narrow bin they are spread evenly.
        let (mut bins, mut below, mut last) = (self.counts.iter().peekable(), 0, 0);
        for (i, found) in counts.iter_mut().enumerate() {
            let end = low + (high - low) * ((i + 1) as f64 / BINS as f64);
            while let Some((_, count)) = bins.next_if(|(bin, _)| edge(bin + 1) <= end) {
                below += count;
            }
            let part = bins.peek().map_or(0.0, |(bin, count)| {
                *count as f64 * ((end - edge(*bin)) / width).clamp(0.0, 1.0)
            });
            let until = if i + 1 == BINS {
                total
            } else {
                below + part.round() as usize
            };
            *found = until - last;
            last = until;
        }
        Histogram { low, high, counts }
    }
}

/// Returns the first bin after so many values.
fn beyond<'b>(mut bins: impl Iterator<Item = &'b (i64, usize)>, mut values: usize) -> Option<i64> {
    let found = bins.find(|(_, count)| {
        let is_beyond = *count > values;
        values = values.saturating_sub(*count);
        is_beyond
    });
    found.map(|(bin, _)| *bin)
}

/// Returns the binary logarithm of the smallest width for values of this size.
fn finest(largest: f64) -> i64 {
    (binary_logarithm(largest) + 1 - DIGITS).max(-1000)
}

/// Returns the binary logarithm of a size, rounded down.
fn binary_logarithm(size: f64) -> i64 {
    (size.to_bits() >> 52) as i64 - 1023
}

/// Returns 2 to a power between -1022 and 1023.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent.clamp(-1022, 1023) + 1023) as u64) << 52)
}

/// Returns the bin of a value.
fn place(x: f64, exponent: i64) -> i64 {
    let place = (x / power_of_two(exponent)).floor() as i64;
    // The quotient of a small number may be 0.
    if x < 0.0 { place.min(-1) } else { place }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values without a pattern, of sizes from 1e-6 to 1e6.
    fn values(len: usize) -> Vec<f64> {
        let part = |i: usize, by: f64| (i as f64 * by).fract() - 0.5;
        let value = |i| part(i, 0.618_033_988_749_895) * 10f64.powf(12.0 * part(i, 0.414_213_562));
        (0..len).map(value).collect()
    }

    #[test]
    fn the_sum_of_the_bins_of_parts_has_those_of_all_values() {
        for scale in [1e-200, 1.0, 1e300] {
            let values: Vec<f64> = values(40_000).iter().map(|x| x * scale).collect();
            let whole = Bins::of(&values);
            assert!((MOST / 2..=MOST).contains(&whole.counts.len()));
            let [mut left, mut right] = [Bins::default(), Bins::default()];
            for (i, part) in values.chunks(7_000).enumerate() {
                let to = if i % 2 == 0 { &mut left } else { &mut right };
                to.merge(Bins::of(part));
            }
            right.merge(left);
            assert_eq!(right, whole);
        }
    }

    #[test]
    fn values_counted_in_memory_are_those_that_are_sorted() {
        let mut values: Vec<f64> = values(60_000).iter().map(|x| x.cbrt()).collect();
        let mut sorted = Bins::sorted(&values, finest(1e2));
        values.push(1e2);
        let whole = Bins::of(&values);
        sorted.merge(Bins::of(&[1e2]));
        assert_eq!(whole, sorted);
        // One value far away leaves the others in few of the bins in memory.
        values.push(1e9);
        let mut sorted = Bins::sorted(&values, finest(1e9));
        sorted.shrink();
        assert_eq!(Bins::of(&values), sorted);
    }

    #[test]
    fn histograms_count_the_values_of_each_bin() {
        let values: Vec<f64> = (0..120).map(f64::from).collect();
        let found = Bins::of(&values).histogram(0.0, 119.0);
        assert_eq!((found.low, found.high), (0.0, 119.0));
        assert_eq!(found.counts, [2; 60]);
        // 3 of 3,000 are cut off at each end.
        let values: Vec<f64> = (0..3_000).map(|i| f64::from(i) / 8.0).collect();
        let found = Bins::of(&values).histogram(0.0, 374.875);
        assert!(found.low <= 0.375 && found.high >= 374.5, "{found:?}");
        assert_eq!(found.counts.iter().sum::<usize>(), 3_000);
        let (least, most) = (found.counts.iter().min(), found.counts.iter().max());
        assert!(least >= Some(&46) && most <= Some(&56), "{found:?}");
    }

    #[test]
    fn equal_values_are_in_the_first_bin() {
        for value in [0.0, -7.25, 1e300, 1e-320] {
            let found = Bins::of(&[value; 5]).histogram(value, value);
            assert_eq!((found.low, found.high), (value, value));
            assert_eq!(found.counts[0], 5);
        }
        assert_eq!(Bins::of(&[]).histogram(0.0, 0.0).counts, [0; BINS]);
    }

    #[test]
    fn ranges_beyond_the_largest_number_are_counted() {
        let values = [-f64::MAX, 0.0, f64::MAX].repeat(FEW);
        let found = Bins::of(&values).histogram(-f64::MAX, f64::MAX);
        assert_eq!(found.counts.iter().sum::<usize>(), values.len());
    }
}
