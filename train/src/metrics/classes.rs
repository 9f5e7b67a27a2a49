//! Metrics of classes: the confusion matrix, precision, recall and F1.

use super::{check_classes, ratio};
use crate::metric::{Metric, Table};
use cotangent_core::state::Stateful;
use cotangent_core::{Error, Indices, Result, Tensor};
use std::borrow::Cow;

/// How often each class was predicted for each true class. It is a [table](Metric::table) with a
/// row for each true class and a column for each predicted one, and has no value. Its name is
/// `confusion_matrix`.
#[doc(alias = "confusion_matrix")]
#[derive(Clone, Debug, Default, Stateful)]
#[state(crate = "cotangent_core")]
pub struct ConfusionMatrix {
    #[state(skip)]
    names: Vec<String>,
    counts: Counts,
}

impl ConfusionMatrix {
    /// Creates the metric. The names of the classes are their numbers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the names of the classes in the table.
    pub fn names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Returns how often class `predicted` was predicted for samples of class `label`.
    pub fn count(&self, label: usize, predicted: usize) -> u64 {
        let classes = self.counts.classes as usize;
        if label < classes && predicted < classes {
            self.counts.counts[label * classes + predicted]
        } else {
            0
        }
    }
}

impl Metric for ConfusionMatrix {
    type Target = Indices;

    fn name(&self) -> Cow<'static, str> {
        "confusion_matrix".into()
    }

    fn update(&mut self, outputs: &Tensor, targets: &Indices) -> Result<()> {
        let classes = outputs.shape().last().copied().unwrap_or(0);
        if !self.names.is_empty() && self.names.len() != classes {
            let reason = format!(
                "expected {classes} names of classes, found {}",
                self.names.len()
            );
            return Err(Error::argument("ConfusionMatrix", reason));
        }
        self.counts.update("ConfusionMatrix", outputs, targets)
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.counts.merge("ConfusionMatrix", &other.counts)
    }

    fn value(&self) -> Option<f64> {
        None
    }

    fn table(&self) -> Option<Table> {
        let classes = self.counts.classes as usize;
        let counts: Vec<f64> = self
            .counts
            .counts
            .iter()
            .map(|&count| count as f64)
            .collect();
        let values = Tensor::from_vec(counts, [classes, classes]).ok()?;
        let names = if self.names.is_empty() {
            (0..classes).map(|class| class.to_string()).collect()
        } else {
            self.names.clone()
        };
        Table::square("true class", "predicted class", names, values).ok()
    }
}

/// How often each class was predicted for each true class, `(true, predicted)`.
#[derive(Clone, Debug, Default, Stateful)]
#[state(crate = "cotangent_core")]
struct Counts {
    classes: u64,
    counts: Vec<u64>,
}

/// The numbers of samples of a class.
struct Class {
    /// Samples of the class for which it was predicted.
    correct: f64,
    /// Samples for which the class was predicted.
    predicted: f64,
    /// Samples of the class.
    actual: f64,
}

impl Counts {
    fn update(&mut self, op: &'static str, outputs: &Tensor, labels: &Indices) -> Result<()> {
        let classes = check_classes(op, outputs, labels)?;
        if self.counts.is_empty() {
            self.classes = classes as u64;
            self.counts = vec![0; classes * classes];
        } else if self.classes != classes as u64 {
            let reason = format!(
                "expected {} classes as before, found {classes}",
                self.classes
            );
            return Err(Error::shape(op, reason, &[outputs.shape()]));
        }
        if labels.is_empty() {
            return Ok(());
        }
        let predicted = outputs.argmax(-1)?;
        for (label, predicted) in labels.as_slice().iter().zip(predicted.as_slice()) {
            self.counts[label * classes + predicted] += 1;
        }
        Ok(())
    }

    fn merge(&mut self, op: &'static str, other: &Self) -> Result<()> {
        if self.counts.is_empty() || other.counts.is_empty() {
            if self.counts.is_empty() {
                *self = other.clone();
            }
            return Ok(());
        }
        if self.classes != other.classes {
            let reason = format!("expected {} classes, found {}", self.classes, other.classes);
            return Err(Error::argument(op, reason));
        }
        for (count, other) in self.counts.iter_mut().zip(&other.counts) {
            *count += other;
        }
        Ok(())
    }

    fn classes(&self) -> impl Iterator<Item = Class> {
        let n = self.classes as usize;
        let sum = |cells: &mut dyn Iterator<Item = usize>| -> f64 {
            cells.map(|cell| self.counts[cell] as f64).sum()
        };
        (0..n).map(move |class| Class {
            correct: self.counts[class * n + class] as f64,
            predicted: sum(&mut (0..n).map(|label| label * n + class)),
            actual: sum(&mut (0..n).map(|predicted| class * n + predicted)),
        })
    }
}

/// The mean of a score over the classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClassMean {
    /// All classes have the same weight.
    #[default]
    Macro,
    /// The score of the sums over all classes. For samples with one label each, it equals the
    /// accuracy.
    Micro,
    /// A class has its number of samples as weight.
    Weighted,
}

macro_rules! scores {
    ($($(#[$doc:meta])* $name:ident $column:literal $score:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// Its value is the mean over the classes, in which classes without samples and predictions
        /// count as 0, as in scikit-learn with `zero_division=0`.
        #[derive(Clone, Debug, Default, Stateful)]
        #[state(crate = "cotangent_core")]
        pub struct $name {
            #[state(skip)]
            mean: ClassMean,
            #[state(skip)]
            by_class: bool,
            counts: Counts,
        }

        impl $name {
            /// Creates the metric, with the macro mean.
            pub fn new() -> Self {
                Self::default()
            }

            /// Sets the mean over the classes.
            pub fn mean(mut self, mean: ClassMean) -> Self {
                self.mean = mean;
                self
            }

            /// Adds the scores of the classes, with the number of the class after the name.
            pub fn by_class(mut self) -> Self {
                self.by_class = true;
                self
            }

            /// Returns the score of each class.
            pub fn scores(&self) -> Vec<f64> {
                self.counts.classes().map(|class| ($score)(&class)).collect()
            }
        }

        impl Metric for $name {
            type Target = Indices;

            fn name(&self) -> Cow<'static, str> {
                $column.into()
            }

            fn update(&mut self, outputs: &Tensor, targets: &Indices) -> Result<()> {
                self.counts.update(stringify!($name), outputs, targets)
            }

            fn merge(&mut self, other: &Self) -> Result<()> {
                self.counts.merge(stringify!($name), &other.counts)
            }

            fn value(&self) -> Option<f64> {
                mean(&self.counts, self.mean, $score)
            }

            fn parts(&self) -> Vec<(String, f64)> {
                let scores = if self.by_class { self.scores() } else { Vec::new() };
                let scores = scores.into_iter().enumerate();
                scores.map(|(class, score)| (class.to_string(), score)).collect()
            }
        }
    )*};
}

scores! {
    /// The precision: the share of the samples predicted as a class that are of it. Its name is
    /// `precision`.
    #[doc(alias = "precision_score")]
    Precision "precision" |class: &Class| ratio(class.correct, class.predicted).unwrap_or(0.0);
    /// The recall: the share of the samples of a class that are predicted as it. Its name is
    /// `recall`.
    #[doc(alias = "recall_score")]
    Recall "recall" |class: &Class| ratio(class.correct, class.actual).unwrap_or(0.0);
    /// The F1 score: the harmonic mean of precision and recall. Its name is `f1`.
    #[doc(alias = "f1_score")]
    F1 "f1" |class: &Class| {
        ratio(2.0 * class.correct, class.predicted + class.actual).unwrap_or(0.0)
    };
}

/// Returns the mean of a score over the classes; none before the first sample.
fn mean(counts: &Counts, mean: ClassMean, score: impl Fn(&Class) -> f64) -> Option<f64> {
    let mut all = Class {
        correct: 0.0,
        predicted: 0.0,
        actual: 0.0,
    };
    let (mut sum, mut weighted) = (0.0, 0.0);
    for class in counts.classes() {
        sum += score(&class);
        weighted += score(&class) * class.actual;
        all.correct += class.correct;
        all.predicted += class.predicted;
        all.actual += class.actual;
    }
    let value = match mean {
        ClassMean::Macro => sum / counts.classes as f64,
        ClassMean::Micro => score(&all),
        ClassMean::Weighted => weighted / all.actual,
    };
    (all.actual > 0.0).then_some(value)
}
