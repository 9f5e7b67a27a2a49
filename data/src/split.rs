//! Random subsets that keep the proportions of the classes.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::labeled::Labeled;
use crate::shuffle::{Purpose, generator, shuffle};

impl Labeled {
    /// Splits into a training and a test set, `(train, test)`, both shuffled.
    ///
    /// Of `n` samples of a class, `n · test_fraction` go to the test set, rounded up or down so
    /// that the whole test set has the requested size. Each class that occurs has at least one
    /// sample in both parts, even if that changes the size of the test set. The same seed gives the
    /// same split.
    ///
    /// ```
    /// let digits = cotangent::data::digits()?;
    /// let (train, test) = digits.split_stratified(0.25, 7)?;
    /// assert_eq!((train.len(), test.len()), (1348, 449));
    /// assert_eq!(digits.class_counts()[8], 174);
    /// assert!((43..=44).contains(&test.class_counts()[8])); // 43.5 of 174
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Fraction`] unless `0 < test_fraction < 1`, [`Error::EmptyDataset`],
    /// [`Error::ClassTooSmall`] for a class with one sample only.
    #[doc(alias = "train_test_split")]
    pub fn split_stratified(&self, test_fraction: f64, seed: u64) -> Result<(Self, Self)> {
        const OPERATION: &str = "split_stratified";
        if !(test_fraction > 0.0 && test_fraction < 1.0) {
            return Err(Error::Fraction {
                operation: OPERATION,
                found: test_fraction,
            });
        }
        if self.is_empty() {
            return Err(Error::EmptyDataset {
                operation: OPERATION,
            });
        }
        let members = self.members_with_at_least(OPERATION, 2)?;
        let counts: Vec<usize> = members.values().map(Vec::len).collect();

        let mut train = Vec::with_capacity(self.len());
        let mut test = Vec::new();
        let mut generator = generator(Purpose::Split, seed, 0);
        for (mut samples, in_test) in members
            .into_values()
            .zip(test_counts(&counts, test_fraction))
        {
            shuffle(&mut samples, &mut generator);
            train.extend(samples.split_off(in_test));
            test.append(&mut samples);
        }
        shuffle(&mut train, &mut generator);
        shuffle(&mut test, &mut generator);
        Ok((self.select(&train)?, self.select(&test)?))
    }

    /// Splits into `folds` pairs `(train, test)` for cross-validation. All sets are shuffled.
    ///
    /// Each sample is in one test set, and in the training sets of all other pairs. The sizes of
    /// the test sets differ by one sample at most, and so do their numbers of samples of a class.
    /// The same seed gives the same folds.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let folds = digits()?.k_fold(5, 42)?;
    /// let sizes: Vec<usize> = folds.iter().map(|(_, test)| test.len()).collect();
    /// assert_eq!(sizes, [360, 360, 359, 359, 359]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::FoldCount`] unless `folds` is at least 2 and at most the number of samples.
    #[doc(alias = "cross_validation")]
    #[doc(alias = "StratifiedKFold")]
    pub fn k_fold(&self, folds: usize, seed: u64) -> Result<Vec<(Self, Self)>> {
        if folds < 2 || folds > self.len() {
            return Err(Error::FoldCount {
                found: folds,
                samples: self.len(),
            });
        }
        let mut generator = generator(Purpose::Fold, seed, 0);
        let mut order = Vec::with_capacity(self.len());
        for mut samples in self.members_with_at_least("k_fold", 0)?.into_values() {
            shuffle(&mut samples, &mut generator);
            order.append(&mut samples);
        }
        // The classes follow each other, so that each fold gets its share of every class.
        let fold = |number: usize| {
            let (mut train, mut test) = (Vec::new(), Vec::new());
            for (i, &sample) in order.iter().enumerate() {
                let set = if i % folds == number {
                    &mut test
                } else {
                    &mut train
                };
                set.push(sample);
            }
            shuffle(&mut train, &mut generator);
            shuffle(&mut test, &mut generator);
            Ok((self.select(&train)?, self.select(&test)?))
        };
        (0..folds).map(fold).collect()
    }

    /// Returns `count` random samples of every class that occurs, shuffled: a small training set,
    /// for example to show the effect of transfer learning. The same seed gives the same samples,
    /// and a larger `count` a superset of them.
    ///
    /// ```
    /// let few = cotangent::data::digits()?.take_per_class(20, 7)?;
    /// assert_eq!(few.class_counts(), [20; 10]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ClassTooSmall`] for a class that occurs with fewer than `count` samples.
    pub fn take_per_class(&self, count: usize, seed: u64) -> Result<Self> {
        self.select(&self.positions_per_class("take_per_class", count, seed)?)
    }

    /// Returns the samples of [`take_per_class`](Self::take_per_class) and all other samples in
    /// their order, `(few, rest)`: for training on a few samples and testing on the others.
    ///
    /// ```
    /// let digits = cotangent::data::digits()?.only_classes(5..10)?;
    /// let (train, test) = digits.split_per_class(20, 7)?;
    /// assert_eq!((train.class_counts(), test.len()), (vec![20; 5], 896 - 100));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`take_per_class`](Self::take_per_class).
    pub fn split_per_class(&self, count: usize, seed: u64) -> Result<(Self, Self)> {
        let taken = self.positions_per_class("split_per_class", count, seed)?;
        let mut left = vec![true; self.len()];
        for &sample in &taken {
            left[sample] = false;
        }
        let rest: Vec<usize> = (0..self.len()).filter(|&sample| left[sample]).collect();
        Ok((self.select(&taken)?, self.select(&rest)?))
    }

    /// Returns the positions of `count` random samples of each class that occurs, shuffled.
    fn positions_per_class(
        &self,
        operation: &'static str,
        count: usize,
        seed: u64,
    ) -> Result<Vec<usize>> {
        let mut taken = Vec::new();
        for (class, mut samples) in self.members_with_at_least(operation, count)? {
            // Each class has its own stream, so that its samples do not depend on the size of the
            // others.
            shuffle(
                &mut samples,
                &mut generator(Purpose::TakePerClass, seed, class as u64),
            );
            samples.truncate(count);
            taken.append(&mut samples);
        }
        let order = Labeled::MAX_CLASSES as u64;
        shuffle(
            &mut taken,
            &mut generator(Purpose::TakePerClass, seed, order),
        );
        Ok(taken)
    }

    /// Returns the positions of the samples of each class that occurs.
    fn members_with_at_least(
        &self,
        operation: &'static str,
        needed: usize,
    ) -> Result<BTreeMap<usize, Vec<usize>>> {
        let mut members = BTreeMap::<usize, Vec<usize>>::new();
        for (sample, &label) in self.labels().as_slice().iter().enumerate() {
            members.entry(label).or_default().push(sample);
        }
        for (&class, samples) in &members {
            let found = samples.len();
            if found < needed {
                return Err(Error::ClassTooSmall {
                    operation,
                    class,
                    found,
                    needed,
                });
            }
        }
        Ok(members)
    }
}

/// Returns how many samples of each class go to the test set. Each class has at least two samples.
/// Each share is rounded up or down, up where the largest remainder would be lost.
fn test_counts(counts: &[usize], fraction: f64) -> Vec<usize> {
    let share = |count: usize| count as f64 * fraction;
    let mut result: Vec<usize> = counts
        .iter()
        .map(|&count| (share(count).floor() as usize).max(1))
        .collect();

    let total: usize = counts.iter().sum();
    let wanted = share(total).round() as usize;
    let missing = wanted.saturating_sub(result.iter().sum());

    let mut by_remainder: Vec<usize> = (0..counts.len())
        .filter(|&class| {
            let room = (share(counts[class]).ceil() as usize).min(counts[class] - 1);
            result[class] < room
        })
        .collect();
    let remainder = |class: usize| share(counts[class]).fract();
    by_remainder.sort_by(|&a, &b| remainder(b).total_cmp(&remainder(a)));
    for class in by_remainder.into_iter().take(missing) {
        result[class] += 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_stay_within_one_sample_of_the_share() {
        assert_eq!(test_counts(&[10, 10], 0.25), [3, 2]);
        assert_eq!(test_counts(&[13, 17], 0.1), [1, 2]);
        assert_eq!(test_counts(&[17, 13], 0.1), [2, 1]);
        assert_eq!(test_counts(&[100; 10], 0.29), [29; 10]);
        assert_eq!(test_counts(&[2, 2, 2], 0.01), [1, 1, 1]);
        assert_eq!(test_counts(&[2, 2, 2], 0.99), [1, 1, 1]);
        for fraction in [0.001, 0.1, 1.0 / 3.0, 0.5, 0.8, 0.999] {
            let counts = [2, 3, 17, 174, 183, 1000];
            let result = test_counts(&counts, fraction);
            for (&count, &taken) in counts.iter().zip(&result) {
                assert!(
                    (taken as f64 - count as f64 * fraction).abs() < 1.0,
                    "{fraction}: {result:?}"
                );
                assert!(taken > 0 && taken < count, "{fraction}: {result:?}");
            }
        }
        let counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180];
        assert_eq!(test_counts(&counts, 0.2).iter().sum::<usize>(), 359);
    }
}
