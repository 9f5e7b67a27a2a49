//! Accuracy, and accuracy among the k most likely classes.

use super::{check_classes, ratio};
use crate::metric::Metric;
use cotangent_core::state::Stateful;
use cotangent_core::{Error, Indices, Result, Tensor};
use std::borrow::Cow;

/// The share of samples whose largest output is that of their label. Of equal outputs the first
/// counts. A row with NaN is wrong. Its name is `accuracy`.
#[derive(Clone, Debug, Default, Stateful)]
#[state(crate = "cotangent_core")]
pub struct Accuracy {
    correct: u64,
    samples: u64,
}

impl Accuracy {
    /// Creates the metric.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Metric for Accuracy {
    type Target = Indices;

    fn name(&self) -> Cow<'static, str> {
        "accuracy".into()
    }

    fn update(&mut self, outputs: &Tensor, targets: &Indices) -> Result<()> {
        let samples = targets.len();
        if samples > 0 {
            let share = outputs.accuracy(targets)?;
            self.correct += (share * samples as f64).round() as u64;
            self.samples += samples as u64;
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.correct += other.correct;
        self.samples += other.samples;
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        ratio(self.correct as f64, self.samples as f64)
    }
}

/// The share of samples whose label is among the k largest outputs. Of equal outputs the first
/// count. A row with NaN is wrong. Its name is `top_K_accuracy`, such as `top_5_accuracy`.
#[doc(alias = "top_k_accuracy_score")]
#[derive(Clone, Debug, Stateful)]
#[state(crate = "cotangent_core")]
pub struct TopK {
    #[state(skip)]
    k: usize,
    correct: u64,
    samples: u64,
}

impl TopK {
    /// Creates the metric of the k largest outputs, with k at least 1.
    pub fn new(k: usize) -> Self {
        Self {
            k,
            correct: 0,
            samples: 0,
        }
    }
}

impl Metric for TopK {
    type Target = Indices;

    fn name(&self) -> Cow<'static, str> {
        format!("top_{}_accuracy", self.k).into()
    }

    fn update(&mut self, outputs: &Tensor, targets: &Indices) -> Result<()> {
        if self.k == 0 {
            return Err(Error::argument("TopK", "k must be at least 1, found 0"));
        }
        let classes = check_classes("TopK", outputs, targets)?;
        let values = outputs.to_f64_vec();
        let rows = values.chunks(classes.max(1)).zip(targets.as_slice());
        let is_correct = |(row, label): &(&[f64], &usize)| {
            let (label, score) = (**label, row[**label]);
            let larger = row.iter().filter(|&&x| x > score).count();
            let equal = row[..label].iter().filter(|&&x| x == score).count();
            larger + equal < self.k && !row.iter().any(|x| x.is_nan())
        };
        self.correct += rows.filter(is_correct).count() as u64;
        self.samples += targets.len() as u64;
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.correct += other.correct;
        self.samples += other.samples;
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        ratio(self.correct as f64, self.samples as f64)
    }
}
