//! The perplexity of a language model.

use super::{check_classes, ratio};
use crate::metric::Metric;
use cotangent_core::state::Stateful;
use cotangent_core::{CrossEntropyLoss, Indices, Reduction, Result, Tensor};
use std::borrow::Cow;

/// The perplexity: the exponential of the mean cross-entropy, in which each label counts once. Its
/// name is `perplexity`.
#[derive(Clone, Debug, Default, Stateful)]
#[state(crate = "cotangent_core")]
pub struct Perplexity {
    #[state(skip)]
    ignored: Option<usize>,
    sum: f64,
    count: u64,
}

impl Perplexity {
    /// Creates the metric.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves out the targets with this label, such as padding.
    pub fn ignore_label(mut self, label: usize) -> Self {
        self.ignored = Some(label);
        self
    }
}

impl Metric for Perplexity {
    type Target = Indices;

    fn name(&self) -> Cow<'static, str> {
        "perplexity".into()
    }

    fn update(&mut self, outputs: &Tensor, targets: &Indices) -> Result<()> {
        let labels = targets.as_slice().iter();
        let counted = labels.filter(|&&label| Some(label) != self.ignored).count();
        let mut loss = CrossEntropyLoss::new().reduction(Reduction::Sum);
        match self.ignored {
            Some(label) => loss = loss.ignore_label(label),
            None => _ = check_classes("Perplexity", outputs, targets)?,
        }
        if counted > 0 {
            self.sum += loss.loss(&outputs.detach(), targets)?.item()?;
            self.count += counted as u64;
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        self.sum += other.sum;
        self.count += other.count;
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        ratio(self.sum, self.count as f64).map(f64::exp)
    }
}
