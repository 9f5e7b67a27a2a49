//! One training or validation step: its pass, and the values that it records.

use crate::meters::Meters;
use crate::metric::Metric;
use cotangent_core::module::{Module, Pass};
use cotangent_core::{Error, Result, Tensor};

/// A training or validation step, which the loop gives to a [`Task`](crate::Task): the pass to run
/// the model under, and the place to record values.
#[derive(Debug)]
pub struct Step<'a> {
    pub(crate) pass: &'a Pass,
    /// The random layers of the pass before this step.
    pub(crate) draws: u64,
    pub(crate) meters: &'a mut Meters,
    pub(crate) samples: usize,
    pub(crate) weight: f64,
    pub(crate) number: u64,
    pub(crate) epoch: u64,
}

impl<'a> Step<'a> {
    /// Returns the pass: a training pass, or an inference pass in validation.
    pub fn pass(&self) -> &'a Pass {
        self.pass
    }

    /// Returns whether this is a training step, and no step of the validation.
    pub fn is_training(&self) -> bool {
        self.pass.is_training()
    }

    /// Returns the number of samples in the batch.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Returns the number of training steps before this one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the number of epochs before this one.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Records the mean over the samples of this batch, such as the loss. The epoch's value is the
    /// mean over all samples.
    pub fn record(&mut self, name: &str, mean: f64) {
        self.meters.record(name, mean, self.weight);
    }

    /// Sets what the values recorded after it are means over, instead of the number of samples.
    /// With sequences of different lengths it is the number of their steps.
    pub fn weigh(&mut self, count: usize) {
        self.weight = count as f64;
    }

    /// Records a value that is not averaged, such as the learning rate. The epoch's value is the
    /// last one.
    pub fn set(&mut self, name: &str, value: f64) {
        self.meters.set(name, value);
    }

    /// Adds the batch to the running metric that has the same name as `metric`.
    ///
    /// # Errors
    /// Those of [`Meters::score`].
    pub fn score<M: Metric>(
        &mut self,
        metric: M,
        outputs: &Tensor,
        targets: &M::Target,
    ) -> Result<()> {
        self.meters.score(metric, outputs, targets)
    }

    /// Explains the error of a step whose loss or gradients are not finite: computes the loss again
    /// with the same random numbers, under a [checked](Pass::checked) pass, and returns the error
    /// that names the first operation whose result is not finite. Other errors are returned as they
    /// are. The model does not change, and nothing is recorded.
    ///
    /// [`Supervised`](crate::Supervised) calls it. A custom task may do the same.
    pub fn explain(
        &self,
        error: Error,
        model: &(impl Module + ?Sized),
        loss: impl FnOnce(&mut Step<'_>) -> Result<Tensor>,
    ) -> Error {
        if !matches!(error.root(), Error::NonFinite { .. }) {
            return error;
        }
        self.cause(model, loss).unwrap_or(error)
    }

    /// Computes the loss again, and returns the error of the first value that is not finite.
    pub(crate) fn cause(
        &self,
        model: &(impl Module + ?Sized),
        loss: impl FnOnce(&mut Step<'_>) -> Result<Tensor>,
    ) -> Option<Error> {
        let pass = self.pass.hold_statistics().allow_nonfinite();
        let pass = pass.resume_at(self.draws).checked(model);
        let mut again = Step {
            pass: &pass,
            meters: &mut Meters::new(),
            ..*self
        };
        let loss = loss(&mut again);
        let backward = loss.and_then(|loss| loss.backward());
        match (pass.check(), backward) {
            (Err(first), _) => Some(first),
            (Ok(()), Err(first)) if matches!(first.root(), Error::NonFinite { .. }) => Some(first),
            _ => None,
        }
    }
}
