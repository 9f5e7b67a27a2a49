//! Splits of labeled samples.

use crate::error::Result;
use crate::labeled::Labeled;
use crate::shuffle::{Purpose, generator, shuffle};

use super::{k_fold_stratified, members, stratified};

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
    /// [`Error::Fraction`](crate::Error::Fraction) unless `0 < test_fraction < 1`,
    /// [`Error::EmptyDataset`](crate::Error::EmptyDataset),
    /// [`Error::ClassTooSmall`](crate::Error::ClassTooSmall) for a class with one sample only.
    #[doc(alias = "train_test_split")]
    pub fn split_stratified(&self, test_fraction: f64, seed: u64) -> Result<(Self, Self)> {
        let (train, test) = stratified(self.labels().as_slice(), test_fraction, seed)?;
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
    /// [`Error::FoldCount`](crate::Error::FoldCount) unless `folds` is at least 2 and at most the
    /// number of samples.
    #[doc(alias = "cross_validation")]
    #[doc(alias = "StratifiedKFold")]
    pub fn k_fold(&self, folds: usize, seed: u64) -> Result<Vec<(Self, Self)>> {
        let folds = k_fold_stratified(self.labels().as_slice(), folds, seed)?;
        let select = |(train, test): (Vec<usize>, Vec<usize>)| {
            Ok((self.select(&train)?, self.select(&test)?))
        };
        folds.into_iter().map(select).collect()
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
    /// [`Error::ClassTooSmall`](crate::Error::ClassTooSmall) for a class that occurs with fewer
    /// than `count` samples.
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
        for (class, mut samples) in members(self.labels().as_slice(), operation, count)? {
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
}
