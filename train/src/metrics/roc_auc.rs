//! The area under the ROC curve.

use super::check_classes;
use crate::metric::Metric;
use cotangent_core::state::Stateful;
use cotangent_core::{Error, Indices, Result, Tensor};
use std::borrow::Cow;

/// The area under the curve of the true positive rate over the false positive rate (ROC): the share
/// of pairs of a positive and a negative sample in which the positive one has the larger score.
/// Equal scores count as half. It is exact, and therefore stores the scores of all samples. Its
/// name is `roc_auc`.
///
/// Of two classes the scores are `(samples)`, the labels 0 and 1. Scores `(samples, classes)` are
/// compared class by class, each against all others, and the value is the mean over the classes.
/// Classes that no sample or all samples have are left out. Apply `softmax` before, so that scores
/// of different samples can be compared.
#[doc(alias = "roc_auc_score")]
#[derive(Clone, Debug, Default, Stateful)]
#[state(crate = "cotangent_core")]
pub struct RocAuc {
    /// 1 for scores of two classes.
    columns: u64,
    scores: Vec<f64>,
    labels: Vec<u64>,
}

impl RocAuc {
    /// Creates the metric.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the area for the score of one column, whose class is `class`; none without two kinds
    /// of samples.
    fn area(&self, column: usize, class: u64) -> Option<f64> {
        let scores = self
            .scores
            .iter()
            .skip(column)
            .step_by(self.columns as usize);
        let positive = self.labels.iter().map(|&label| label == class);
        let mut samples: Vec<(f64, bool)> = scores.copied().zip(positive).collect();
        samples.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut negatives, mut positives, mut pairs) = (0.0, 0.0, 0.0);
        for equal in samples.chunk_by(|a, b| a.0 == b.0) {
            let here = equal.iter().filter(|sample| sample.1).count() as f64;
            let others = equal.len() as f64 - here;
            pairs += here * (negatives + others / 2.0);
            (positives, negatives) = (positives + here, negatives + others);
        }
        super::ratio(pairs, positives * negatives)
    }
}

impl Metric for RocAuc {
    type Target = Indices;

    fn name(&self) -> Cow<'static, str> {
        "roc_auc".into()
    }

    fn update(&mut self, outputs: &Tensor, targets: &Indices) -> Result<()> {
        const OP: &str = "RocAuc";
        let columns = match outputs.shape() {
            [_] => {
                if outputs.shape() != targets.shape() {
                    let reason = "expected one label for each score";
                    let shapes = [outputs.shape(), targets.shape()];
                    return Err(Error::shape(OP, reason, &shapes));
                }
                if let Some(&label) = targets.as_slice().iter().find(|&&label| label > 1) {
                    return Err(Error::index(OP, "label", label as i64, 2, "classes"));
                }
                1
            }
            [_, _] => check_classes(OP, outputs, targets)?,
            other => {
                let reason = "expected scores (samples) or (samples, classes)";
                return Err(Error::shape(OP, reason, &[other]));
            }
        };
        if !self.labels.is_empty() && self.columns != columns as u64 {
            let reason = format!("expected {} scores for each sample as before", self.columns);
            return Err(Error::shape(OP, reason, &[outputs.shape()]));
        }
        let scores = outputs.to_f64_vec();
        if let Some(&score) = scores.iter().find(|score| score.is_nan()) {
            return Err(Error::non_finite(OP, "a score", score));
        }
        self.columns = columns as u64;
        self.scores.extend(scores);
        self.labels
            .extend(targets.as_slice().iter().map(|&label| label as u64));
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        if self.labels.is_empty() {
            self.columns = other.columns;
        } else if !other.labels.is_empty() && self.columns != other.columns {
            let (expected, found) = (self.columns, other.columns);
            let reason = format!("expected {expected} scores for each sample, found {found}");
            return Err(Error::argument("RocAuc", reason));
        }
        self.scores.extend(&other.scores);
        self.labels.extend(&other.labels);
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        if self.columns == 1 {
            return self.area(0, 1);
        }
        let columns = 0..self.columns as usize;
        let areas: Vec<f64> = columns.filter_map(|c| self.area(c, c as u64)).collect();
        super::ratio(areas.iter().sum(), areas.len() as f64)
    }
}
