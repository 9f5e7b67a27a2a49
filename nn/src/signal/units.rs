//! Statistics of the units of a layer over the samples.

use super::statistics::{Merge, pooled, rms, shares};
use super::wire::wire;
use cotangent_core::{DType, Result, Tensor};
use std::collections::BTreeMap;

/// Statistics of the units over the samples, which are axis 0. A unit is an element of one sample's
/// values. For [`dead`](Self::dead) it may also be an index of another axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Units {
    /// The samples by their number of units, which differs for sequences of unequal lengths.
    samples: BTreeMap<usize, Samples>,
    /// Whether a unit is not 0 for a sample; lists of different lengths are of different samples.
    alive: BTreeMap<usize, Vec<bool>>,
}

/// Samples with equally many units.
#[derive(Clone, Debug, Default, PartialEq)]
struct Samples {
    count: usize,
    /// The mean of each unit over the samples.
    means: Vec<f64>,
    /// The root of the mean, over the units, of the variance over the samples.
    spread: f64,
}

wire! {
    Units { samples, alive }
    Samples { count, means, spread }
}

impl Units {
    /// Computes the statistics. `axis` is that of the units for `dead`, such as the channels.
    pub fn of(tensor: &Tensor, axis: Option<usize>) -> Self {
        let count = tensor.shape().first().copied().unwrap_or(1);
        let units = tensor.len().checked_div(count).unwrap_or(0);
        let over_samples = |of: fn(&Tensor) -> Result<Tensor>| {
            let values = tensor.detach().to_dtype(DType::F64);
            let of_units = values.reshape([count, units]);
            let of_units = of_units.and_then(|values| of(&values));
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
        let alive: Vec<bool> = largest.iter().map(|&largest| largest != 0.0).collect();
        let samples = Samples {
            count,
            means: over_samples(|x| x.mean_over(0)).to_f64_vec(),
            spread: rms(&over_samples(|x| x.std_over(0, 0.0))),
        };
        Self {
            samples: BTreeMap::from([(units, samples)]),
            alive: BTreeMap::from([(alive.len(), alive)]),
        }
    }

    /// Returns the number of samples.
    pub fn samples(&self) -> usize {
        self.samples.values().map(|samples| samples.count).sum()
    }

    /// Returns the share of units that are exactly 0 for every sample, and everywhere if the units
    /// are channels.
    pub fn dead(&self) -> f64 {
        let all = self.alive.values().flatten();
        let (count, dead) = all.fold((0usize, 0usize), |(count, dead), alive| {
            (count + 1, dead + usize::from(!alive))
        });
        dead as f64 / count.max(1) as f64
    }

    /// Returns how much the samples differ: the root of the mean, over the units, of the variance
    /// over the samples.
    pub fn spread(&self) -> f64 {
        let groups = self.samples.iter();
        let all = groups.fold((0, 0.0), |(len, spread), (units, samples)| {
            let more = units * samples.count;
            (
                len + more,
                pooled(shares(len, more), spread, samples.spread),
            )
        });
        all.1
    }
}

impl Merge for Units {
    fn merge(&mut self, other: Self) {
        for (units, right) in other.samples {
            let left = self.samples.entry(units).or_default();
            if left.count == 0 {
                *left = right;
            } else if right.count > 0 {
                left.merge(right);
            }
        }
        for (len, right) in other.alive {
            let left = self.alive.entry(len).or_insert_with(|| vec![false; len]);
            left.iter_mut()
                .zip(right)
                .for_each(|(left, right)| *left |= right);
        }
    }
}

impl Merge for Samples {
    fn merge(&mut self, other: Self) {
        let shares = shares(self.count, other.count);
        let mut apart = Vec::with_capacity(self.means.len());
        for (left, right) in self.means.iter_mut().zip(other.means) {
            apart.push(right - *left);
            *left = *left * shares[0] + right * shares[1];
        }
        let apart = rms(&Tensor::from(&apart[..])) * (shares[0] * shares[1]).sqrt();
        self.spread = pooled(shares, self.spread, other.spread).hypot(apart);
        self.count += other.count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_units_are_0_for_every_sample() -> Result<()> {
        let x = Tensor::from([[0.0f32, 0.0, 1.0], [0.0, 2.0, 1.0]]);
        let units = Units::of(&x, None);
        assert_eq!(units.samples(), 2);
        assert!((units.dead() - 1.0 / 3.0).abs() < 1e-12);
        // The variances over the samples are 0, 1 and 0.
        assert!((units.spread() - (1.0f64 / 3.0).sqrt()).abs() < 1e-12);
        let none = Units::of(&Tensor::from_vec(Vec::<f32>::new(), [0, 3])?, None);
        assert_eq!((none.dead(), none.spread()), (0.0, 0.0));
        // One of two channels is 0 at all places; three of four elements are 0 for every sample.
        let maps = Tensor::from([0.0f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0]).reshape([2, 2, 2])?;
        assert_eq!(Units::of(&maps, Some(1)).dead(), 0.5);
        assert_eq!(Units::of(&maps, None).dead(), 0.75);
        Ok(())
    }

    #[test]
    fn parts_have_the_statistics_of_the_whole() -> Result<()> {
        let value = |i: usize| (i as f64 * 0.618_033_988_749_895).fract() - 0.5;
        let values = (0..60).map(|i| value(i).max(0.0) * f64::from(u8::from(i % 6 > 1)));
        let whole = Tensor::from_vec(values.collect::<Vec<f64>>(), [10, 6])?;
        let expected = Units::of(&whole, None);
        let mut parts = Units::of(&whole.narrow(0, 0, 0)?, None);
        for (start, len) in [(0, 3), (3, 1), (4, 6)] {
            parts.merge(Units::of(&whole.narrow(0, start, len)?, None));
        }
        assert_eq!((parts.samples(), parts.dead()), (10, expected.dead()));
        assert!(expected.dead() >= 1.0 / 3.0);
        assert!((parts.spread() / expected.spread() - 1.0).abs() < 1e-12);
        // Samples with other numbers of units count by themselves.
        let longer = Tensor::from([[1.0f64; 7], [2.0; 7]]);
        parts.merge(Units::of(&longer, None));
        assert_eq!(parts.samples(), 12);
        let mean = (60.0 * expected.spread().powi(2) + 14.0 * 0.25) / 74.0;
        assert!((parts.spread() / mean.sqrt() - 1.0).abs() < 1e-12);
        Ok(())
    }
}
