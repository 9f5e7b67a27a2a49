//! Positions of training and test sets: random, by class, by group, once or in folds.
//!
//! The functions choose positions, and [`Dataset::split`](crate::Dataset::split) makes two views of
//! them. All sets are shuffled, and the same seed gives the same sets.
//!
//! | function | the test set |
//! |---|---|
//! | [`random`] | random samples |
//! | [`stratified`] | the same share of every class |
//! | [`grouped`] | whole groups, such as all images of a patient |
//! | [`k_fold`], [`k_fold_stratified`], [`k_fold_grouped`] | each fold in turn |
//!
//! ```
//! use cotangent::data::split;
//! use cotangent::prelude::*;
//!
//! let patients = ["ann", "ann", "bob", "bob", "cem", "cem", "dee", "dee"];
//! let table = Table::new(Tensor::zeros([8, 3], DType::F32)?)?;
//! for fold in split::k_fold_grouped(&patients, 4, 42)? {
//!     let (train, test) = table.split(fold)?;
//!     assert_eq!((train.len(), test.len()), (6, 2));
//! }
//! # Ok::<(), Error>(())
//! ```

use std::cmp::Reverse;
use std::collections::BTreeMap;

use cotangent_core::random::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::shuffle::{Purpose, generator, shuffle};

mod labeled;

/// The positions of a training and a test set.
type Pair = (Vec<usize>, Vec<usize>);

/// Splits the positions of `samples` samples at random into `(train, test)`. The test set has
/// `samples · test_fraction` of them, rounded, but each set has at least one.
///
/// # Errors
/// [`Error::Fraction`] unless `0 < test_fraction < 1`, [`Error::SampleCount`] below 2 samples.
#[doc(alias = "train_test_split")]
pub fn random(samples: usize, test_fraction: f64, seed: u64) -> Result<Pair> {
    const OPERATION: &str = "split::random";
    check_fraction(OPERATION, test_fraction)?;
    if samples < 2 {
        return Err(Error::SampleCount {
            operation: OPERATION,
            needed: 2,
            found: samples,
        });
    }
    let wanted = (samples as f64 * test_fraction).round() as usize;
    let mut train: Vec<usize> = (0..samples).collect();
    shuffle(&mut train, &mut generator(Purpose::Split, seed, 0));
    let test = train.split_off(samples - wanted.clamp(1, samples - 1));
    Ok((train, test))
}

/// Splits samples into `(train, test)`, with the same share of every class. `classes` has the class
/// of each sample.
///
/// Of `n` samples of a class, `n · test_fraction` go to the test set, rounded up or down so that
/// the whole test set has the requested size. Each class has at least one sample in both sets, even
/// if that changes the size of the test set.
///
/// # Errors
/// [`Error::Fraction`] unless `0 < test_fraction < 1`, [`Error::EmptyDataset`],
/// [`Error::ClassTooSmall`] for a class with one sample only.
#[doc(alias = "StratifiedShuffleSplit")]
pub fn stratified(classes: &[usize], test_fraction: f64, seed: u64) -> Result<Pair> {
    const OPERATION: &str = "split_stratified";
    check_fraction(OPERATION, test_fraction)?;
    if classes.is_empty() {
        return Err(Error::EmptyDataset {
            operation: OPERATION,
        });
    }
    let members = members(classes, OPERATION, 2)?;
    let counts: Vec<usize> = members.values().map(Vec::len).collect();
    let (mut train, mut test) = (Vec::with_capacity(classes.len()), Vec::new());
    let mut generator = generator(Purpose::Split, seed, 0);
    let counts = test_counts(&counts, test_fraction);
    for (mut samples, in_test) in members.into_values().zip(counts) {
        shuffle(&mut samples, &mut generator);
        train.extend(samples.split_off(in_test));
        test.append(&mut samples);
    }
    shuffle(&mut train, &mut generator);
    shuffle(&mut test, &mut generator);
    Ok((train, test))
}

/// Splits samples into `(train, test)`, so that no group is in both. `groups` has the group of each
/// sample: a number, a name.
///
/// Groups go to the test set in random order, if that brings its size closer to the requested one.
/// Each set has at least one group.
///
/// # Errors
/// [`Error::Fraction`] unless `0 < test_fraction < 1`, [`Error::GroupCount`] below 2 groups.
#[doc(alias = "GroupShuffleSplit")]
pub fn grouped<G: Ord>(groups: &[G], test_fraction: f64, seed: u64) -> Result<Pair> {
    const OPERATION: &str = "split::grouped";
    check_fraction(OPERATION, test_fraction)?;
    let mut generator = generator(Purpose::Split, seed, 0);
    let members = shuffled_groups(groups, &mut generator);
    if members.len() < 2 {
        return Err(Error::GroupCount {
            operation: OPERATION,
            needed: 2,
            found: members.len(),
        });
    }
    let wanted = groups.len() as f64 * test_fraction;
    let (mut chosen, mut others, mut size) = (Vec::new(), Vec::new(), 0);
    for group in members {
        let distance = |size: usize| (size as f64 - wanted).abs();
        if distance(size + group.len()) < distance(size) {
            size += group.len();
            chosen.push(group);
        } else {
            others.push(group);
        }
    }
    if others.is_empty() {
        others.extend(smallest(&mut chosen));
    }
    if chosen.is_empty() {
        chosen.extend(smallest(&mut others));
    }
    let (mut train, mut test) = (others.concat(), chosen.concat());
    shuffle(&mut train, &mut generator);
    shuffle(&mut test, &mut generator);
    Ok((train, test))
}

/// Splits the positions of `samples` samples at random into `folds` pairs `(train, test)`, for
/// cross-validation. Each sample is in one test set, and in the training sets of all other pairs.
/// The sizes of the test sets differ by one sample at most.
///
/// # Errors
/// [`Error::FoldCount`] unless `folds` is at least 2 and at most the number of samples.
#[doc(alias = "KFold")]
pub fn k_fold(samples: usize, folds: usize, seed: u64) -> Result<Vec<Pair>> {
    check_folds(folds, samples, "samples")?;
    let mut generator = generator(Purpose::Fold, seed, 0);
    let mut order: Vec<usize> = (0..samples).collect();
    shuffle(&mut order, &mut generator);
    Ok(pairs(&dealt(order, folds), folds, &mut generator))
}

/// Does the same as [`k_fold`], and the test sets' numbers of samples of a class differ by one at
/// most. `classes` has the class of each sample.
///
/// # Errors
/// As [`k_fold`].
#[doc(alias = "StratifiedKFold")]
pub fn k_fold_stratified(classes: &[usize], folds: usize, seed: u64) -> Result<Vec<Pair>> {
    check_folds(folds, classes.len(), "samples")?;
    let mut generator = generator(Purpose::Fold, seed, 0);
    let mut order = Vec::with_capacity(classes.len());
    for mut samples in members(classes, "k_fold", 0)?.into_values() {
        shuffle(&mut samples, &mut generator);
        order.append(&mut samples);
    }
    // The classes follow each other, so that each fold gets its share of every class.
    Ok(pairs(&dealt(order, folds), folds, &mut generator))
}

/// Does the same as [`k_fold`], but each group is in one test set as a whole. `groups` has the
/// group of each sample.
///
/// The groups are dealt out from the largest on, each to the fold with the fewest samples.
///
/// # Errors
/// [`Error::FoldCount`] unless `folds` is at least 2 and at most the number of groups.
#[doc(alias = "GroupKFold")]
pub fn k_fold_grouped<G: Ord>(groups: &[G], folds: usize, seed: u64) -> Result<Vec<Pair>> {
    let mut generator = generator(Purpose::Fold, seed, 0);
    let mut members = shuffled_groups(groups, &mut generator);
    check_folds(folds, members.len(), "groups")?;
    members.sort_by_key(|group| Reverse(group.len()));
    let mut sizes = vec![0; folds];
    let mut dealt = Vec::with_capacity(groups.len());
    for group in members {
        let fold = (0..folds).min_by_key(|&fold| sizes[fold]).unwrap_or(0);
        sizes[fold] += group.len();
        dealt.extend(group.into_iter().map(|sample| (fold, sample)));
    }
    Ok(pairs(&dealt, folds, &mut generator))
}

/// Returns a fold for each sample: 0, 1, 2 and so on, and again from 0.
fn dealt(order: Vec<usize>, folds: usize) -> Vec<(usize, usize)> {
    let numbered = order.into_iter().enumerate();
    numbered.map(|(i, sample)| (i % folds, sample)).collect()
}

/// Returns the training and the test set of each fold, from the fold of each sample.
fn pairs(dealt: &[(usize, usize)], folds: usize, generator: &mut ChaCha8Rng) -> Vec<Pair> {
    let pair = |number: usize| {
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for &(fold, sample) in dealt {
            let set = if fold == number {
                &mut test
            } else {
                &mut train
            };
            set.push(sample);
        }
        shuffle(&mut train, generator);
        shuffle(&mut test, generator);
        (train, test)
    };
    (0..folds).map(pair).collect()
}

/// Returns the positions of the samples of each class that occurs.
fn members(
    classes: &[usize],
    operation: &'static str,
    needed: usize,
) -> Result<BTreeMap<usize, Vec<usize>>> {
    let members = positions_by(classes);
    for (&&class, samples) in &members {
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
    let owned = members.into_iter();
    Ok(owned.map(|(&class, samples)| (class, samples)).collect())
}

/// Removes the smallest group and returns it.
fn smallest(groups: &mut Vec<Vec<usize>>) -> Option<Vec<usize>> {
    groups.sort_by_key(|group| Reverse(group.len()));
    groups.pop()
}

/// Returns the positions of each group, the groups in random order.
fn shuffled_groups<G: Ord>(groups: &[G], generator: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    let members: Vec<Vec<usize>> = positions_by(groups).into_values().collect();
    let mut order: Vec<usize> = (0..members.len()).collect();
    shuffle(&mut order, generator);
    order
        .into_iter()
        .map(|group| members[group].clone())
        .collect()
}

fn positions_by<K: Ord>(keys: &[K]) -> BTreeMap<&K, Vec<usize>> {
    let mut members = BTreeMap::<&K, Vec<usize>>::new();
    for (sample, key) in keys.iter().enumerate() {
        members.entry(key).or_default().push(sample);
    }
    members
}

fn check_fraction(operation: &'static str, found: f64) -> Result<()> {
    if found > 0.0 && found < 1.0 {
        return Ok(());
    }
    Err(Error::Fraction { operation, found })
}

fn check_folds(found: usize, limit: usize, of: &'static str) -> Result<()> {
    if (2..=limit).contains(&found) {
        return Ok(());
    }
    Err(Error::FoldCount { found, limit, of })
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
