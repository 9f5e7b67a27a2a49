//! Logs: the parts of a run that write down or show its values.

use crate::history::History;
use crate::meters::Meters;
use crate::metric::Table;
use cotangent_core::module::Module;
use cotangent_core::state::StateDict;
use cotangent_core::{Error, Result};
use cotangent_nn::signal;
use std::cell::Cell;

/// A part of a run that writes down or shows its values.
///
/// All methods have defaults that do nothing. A log is called at every step, and decides itself how
/// often it writes. Its [`state`](Self::state) is in the run's checkpoints: a log that writes to a
/// file saves the file's length there, and cuts off what is beyond when a run is resumed, so that
/// no line is missing or written twice.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::train::{EpochRecord, Log};
///
/// /// Prints the loss of each epoch.
/// struct Print;
///
/// impl Log for Print {
///     fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
///         println!("epoch {}: loss {:.4}", epoch.epoch, epoch.get("loss").unwrap_or(f64::NAN));
///         Ok(())
///     }
/// }
/// ```
#[allow(unused_variables)]
pub trait Log {
    /// Begins a run. A log that does not resume begins its files anew.
    fn begin(&mut self, start: &RunStart<'_>) -> Result<()> {
        Ok(())
    }

    /// Logs a training step.
    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        Ok(())
    }

    /// Logs an epoch, after its validation.
    fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        Ok(())
    }

    /// Ends a run, which may have failed.
    fn end(&mut self, end: &RunEnd<'_>) -> Result<()> {
        Ok(())
    }

    /// Returns the state for a checkpoint. Everything logged so far must have been written.
    fn state(&self) -> Result<StateDict> {
        Ok(StateDict::new())
    }

    /// Loads the state of a checkpoint, before [`begin`](Self::begin).
    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        Ok(())
    }
}

/// A log that is used after the run, or by several runs.
impl<L: Log + ?Sized> Log for &mut L {
    fn begin(&mut self, start: &RunStart<'_>) -> Result<()> {
        (**self).begin(start)
    }
    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        (**self).step(step)
    }
    fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        (**self).epoch(epoch)
    }
    fn end(&mut self, end: &RunEnd<'_>) -> Result<()> {
        (**self).end(end)
    }
    fn state(&self) -> Result<StateDict> {
        (**self).state()
    }
    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        (**self).load_state(state)
    }
}

/// The beginning of a run.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RunStart<'a> {
    /// The number of epochs after which the run is complete.
    pub epochs: u64,
    /// The number of steps of an epoch, if it is known.
    pub steps_per_epoch: Option<u64>,
    /// The number of epochs done before.
    pub epoch: u64,
    /// The number of steps done before.
    pub step: u64,
    /// The number of steps done before in the epoch that has begun.
    pub batch: u64,
    /// Whether the run continues one from a checkpoint.
    pub resumed: bool,
    /// The values of the epochs done before.
    pub history: &'a History,
    /// The model, if the task has one.
    pub module: Option<&'a dyn Module>,
    /// The settings of the run, as names and values.
    pub settings: &'a [(String, String)],
}

/// A training step.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct StepRecord<'a> {
    /// The number of the epoch, counted from 1.
    pub epoch: u64,
    /// The number of steps so far, this one included.
    pub step: u64,
    /// The number of steps so far in this epoch, this one included.
    pub batch: u64,
    /// The number of samples in the batch.
    pub samples: usize,
    /// The values recorded in this epoch.
    pub meters: &'a Meters,
    /// The model, if the task has one.
    pub module: Option<&'a dyn Module>,
    /// The signal report of this step, if one was asked for. Its `step` is that of this record.
    pub signal: Option<&'a signal::Report>,
    pub(crate) stop: &'a Cell<bool>,
}

impl<'a> StepRecord<'a> {
    /// Returns the values that this step recorded, such as `loss` and `learning_rate`.
    pub fn values(&self) -> impl Iterator<Item = (&'a str, f64)> + use<'a> {
        self.meters.latest()
    }

    /// Returns the means over the epoch so far, and the metrics. This computes the metrics.
    pub fn means(&self) -> Vec<(String, f64)> {
        self.meters.values()
    }

    /// Ends the run after this step, as Ctrl-C does.
    pub fn stop(&self) {
        self.stop.set(true);
    }
}

/// An epoch, after its validation.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct EpochRecord<'a> {
    /// The number of the epoch, counted from 1.
    pub epoch: u64,
    /// The number of steps so far.
    pub step: u64,
    /// The history of the run. Its last row is this epoch.
    pub history: &'a History,
    /// The values recorded in training.
    pub training: &'a Meters,
    /// The values recorded in validation.
    pub validation: &'a Meters,
    /// The value by which epochs are compared; none if it is NaN.
    pub monitored: Option<f64>,
    /// Whether this epoch is the best so far.
    pub is_best: bool,
    /// The model, if the task has one.
    pub module: Option<&'a dyn Module>,
    /// The last signal report, if one was asked for.
    pub signal: Option<&'a signal::Report>,
    pub(crate) stop: &'a Cell<bool>,
}

impl<'a> EpochRecord<'a> {
    /// Returns the values of this epoch: those of training, and those of validation with
    /// `validation_` before their names.
    pub fn values(&self) -> impl Iterator<Item = (&'a str, f64)> + use<'a> {
        let row = self.history.rows().next_back();
        let values = row.into_iter().flat_map(|row| row.values());
        values.filter(|(_, value)| !value.is_nan())
    }

    /// Returns a value of this epoch; none if it has none of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.history.last(name)
    }

    /// Returns the tables of the metrics, such as confusion matrices. Those of validation have
    /// `validation_` before their names.
    pub fn tables(&self) -> Vec<(String, Table)> {
        let validation = self.validation.tables().into_iter();
        let validation = validation.map(|(name, table)| (format!("validation_{name}"), table));
        self.training
            .tables()
            .into_iter()
            .chain(validation)
            .collect()
    }

    /// Ends the run after this epoch.
    pub fn stop(&self) {
        self.stop.set(true);
    }
}

/// The end of a run.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RunEnd<'a> {
    /// How the run ended, or the error that ended it.
    pub end: Result<End, &'a Error>,
    /// The number of complete epochs.
    pub epoch: u64,
    /// The number of steps.
    pub step: u64,
    /// The values of all epochs.
    pub history: &'a History,
    /// The number of the best epoch, counted from 1, and the value by which it is the best.
    pub best: Option<(u64, f64)>,
    /// The model, if the task has one. Its weights are the best ones, if the run restores them.
    pub module: Option<&'a dyn Module>,
}

/// How a run without errors ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// All epochs are done.
    Completed,
    /// There was no improvement for too many epochs.
    StoppedEarly,
    /// Ctrl-C was pressed, or a log ended the run.
    Interrupted,
}
