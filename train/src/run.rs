//! The state of a run and its stages: a step, the steps of an epoch, validation, the end of an
//! epoch.

use crate::best::Best;
use crate::history::History;
use crate::log::{End, EpochRecord};
use crate::meters::Meters;
use crate::step::Step;
use crate::task::Task;
use cotangent_core::module::{Module, Pass};
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Result};
use cotangent_data::{Epochs, Sample};
use cotangent_nn::signal::{Report, Signal};
use std::cell::Cell;
use std::fmt::{self, Debug, Formatter};
use std::ops::ControlFlow;

#[cfg(feature = "parallel")]
mod sharded;
#[cfg(feature = "parallel")]
mod sharded_step;
#[cfg(feature = "parallel")]
pub use sharded_step::ShardedStep;

/// A training run: its place, random numbers, running metrics and history.
///
/// [`Fit`](crate::Fit) returns it. Its stages are methods, so that a loop can be written out:
///
/// ```
/// # use cotangent::prelude::*;
/// use cotangent::train::{Best, Run, Step, Supervised};
/// # let (train, test) = digits()?.split_stratified(0.2, 1)?;
/// # let net = Mlp::builder([64, 16, 10]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
/// # let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
/// #     net.forward(images, step.pass())?.cross_entropy(labels)
/// # };
/// # let mut task = Supervised::new(net, Adam::new(2e-3).build()?, loss);
/// # let (batches, valid) = (Batches::new(&train, 64)?, Batches::new(&test, 500)?);
/// let mut run = Run::new(1);
/// let mut best = Best::lowest("validation_loss");
/// while run.epoch() < 3 && best.epochs_since(run.history()) < 2 {
///     run.train_epoch(&mut task, &batches)?;
///     run.validate(&mut task, &valid)?;
///     run.end_epoch(&mut task, &mut best)?;
/// }
/// best.restore(&mut task)?;
/// # Ok::<(), Error>(())
/// ```
///
/// Its state is in checkpoints. It has all of the above except the values of a validation that has
/// not been [added](Self::end_epoch) to the history.
pub struct Run {
    pass: Pass,
    /// The number of complete epochs.
    epoch: u64,
    /// The number of steps in the present epoch.
    batch: u64,
    steps: u64,
    /// The number of samples in the last batch.
    samples: usize,
    training: Meters,
    validation: Meters,
    history: History,
    watch: Option<Watch>,
    /// Whether the last batch waits for later ones, so that the run cannot be saved or end.
    pub(crate) waits: bool,
    /// Whether the ranks have compared their batches of training, and of the validation.
    #[cfg(feature = "parallel")]
    compared: [bool; 2],
    pub(crate) end: Option<End>,
    pub(crate) best: Option<(u64, f64)>,
}

/// Signal reports of every k-th step.
struct Watch {
    every: u64,
    signal: Signal,
    pass: Pass,
    /// The report of the last observed step, and whether that was the last step.
    report: Option<Report>,
    is_new: bool,
    /// Whether the next step that runs the model is observed.
    is_due: bool,
}

/// The values of an epoch that has ended.
pub(crate) struct Ended {
    pub training: Meters,
    pub validation: Meters,
    pub is_best: bool,
    pub monitored: Option<f64>,
}

impl Run {
    /// Creates a run at its beginning. Its random numbers depend on the seed.
    pub fn new(seed: u64) -> Self {
        Self {
            pass: Pass::train(seed),
            epoch: 0,
            batch: 0,
            steps: 0,
            samples: 0,
            training: Meters::new(),
            validation: Meters::new(),
            history: History::new(),
            watch: None,
            waits: false,
            #[cfg(feature = "parallel")]
            compared: [false; 2],
            end: None,
            best: None,
        }
    }

    /// Returns the number of complete epochs.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the number of steps in the present epoch.
    pub fn batch(&self) -> u64 {
        self.batch
    }

    /// Returns the number of steps.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns the values of the complete epochs.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Returns the values recorded in the present epoch.
    pub fn training(&self) -> &Meters {
        &self.training
    }

    /// Returns the values of the last validation in the present epoch.
    pub fn validation(&self) -> &Meters {
        &self.validation
    }

    /// Returns the number of samples in the last batch.
    pub(crate) fn samples(&self) -> usize {
        self.samples
    }

    /// Returns how the run ended; none if it has not ended, or ended with an error.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Returns the number of the best epoch, counted from 1, and the value by which it is the best.
    pub fn best(&self) -> Option<(u64, f64)> {
        self.best
    }

    /// Trains on one batch.
    ///
    /// # Errors
    /// Those of the task, placed at the epoch and the step. The run is as before then, except for
    /// its random numbers and for values that the step has recorded.
    pub fn train_step<T: Task + ?Sized>(&mut self, task: &mut T, batch: &T::Batch) -> Result<()> {
        let trained = self.try_step(task, batch);
        trained.map_err(|error| error.at(self.place_of_next_step()))
    }

    fn try_step<T: Task + ?Sized>(&mut self, task: &mut T, batch: &T::Batch) -> Result<()> {
        let samples = batch.rows()?;
        if let Some(watch) = &mut self.watch {
            watch.is_due |= self.steps.is_multiple_of(watch.every);
        }
        let watch = self.watch.as_ref().filter(|watch| watch.is_due);
        let pass = watch.map_or(&self.pass, |watch| &watch.pass);
        self.training.begin_batch();
        let mut step = Step {
            pass,
            draws: pass.draws(),
            meters: &mut self.training,
            samples,
            weight: samples as f64,
            number: self.steps,
            epoch: self.epoch,
        };
        task.train_step(batch, &mut step)?;
        self.after_step(task, samples, false, |signal, module| signal.step(module))
    }

    /// Counts a step, and makes its signal report by `report` if it was observed, unless its batch
    /// waits for later ones.
    fn after_step<T: Task + ?Sized>(
        &mut self,
        task: &T,
        samples: usize,
        waits: bool,
        report: impl FnOnce(&Signal, &dyn Module) -> Result<Option<Report>>,
    ) -> Result<()> {
        if let Some(watch) = &mut self.watch {
            watch.is_new = !waits && watch.is_due;
            if watch.is_new {
                watch.is_due = false;
                let module = task.module().ok_or_else(no_module)?;
                watch.report = report(&watch.signal, module)?.map(|mut report| {
                    report.step = self.steps + 1;
                    report
                });
            }
        }
        self.batch += 1;
        self.steps += 1;
        self.samples = samples;
        Ok(())
    }

    fn place_of_next_step(&self) -> String {
        format!("epoch {}, step {}", self.epoch + 1, self.steps + 1)
    }

    /// Trains on the batches of the present epoch that are left.
    ///
    /// # Errors
    /// Those of the batches and of the task, placed at the epoch and the step;
    /// [`Error::Argument`] if the epoch has no batches.
    pub fn train_epoch<T, E>(&mut self, task: &mut T, batches: &E) -> Result<()>
    where
        T: Task + ?Sized,
        E: Epochs<Batch = T::Batch> + ?Sized,
    {
        self.train_until(task, batches, |_, _| Ok(ControlFlow::Continue(())))
            .map(drop)
    }

    /// Trains on the batches that are left, and calls `after` after each step, which may end it.
    pub(crate) fn train_until<T, E>(
        &mut self,
        task: &mut T,
        batches: &E,
        mut after: impl FnMut(&mut Self, &mut T) -> Result<ControlFlow<()>>,
    ) -> Result<ControlFlow<()>>
    where
        T: Task + ?Sized,
        E: Epochs<Batch = T::Batch> + ?Sized,
    {
        if self.batch == 0 {
            self.training = Meters::new();
        }
        for batch in batches.epoch(self.epoch).skip(self.batch as usize) {
            let batch = batch.map_err(|error| error.at(self.place_of_next_step()))?;
            self.train_step(task, &batch)?;
            if after(self, task)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.end_steps(task)?;
        Ok(ControlFlow::Continue(()))
    }

    /// Ends the steps of an epoch.
    fn end_steps<T: Task + ?Sized>(&mut self, task: &mut T) -> Result<()> {
        self.expect_batches()?;
        let mut step = Step {
            pass: &self.pass,
            draws: self.pass.draws(),
            meters: &mut self.training,
            samples: 0,
            weight: 0.0,
            number: self.steps,
            epoch: self.epoch,
        };
        let ended = task.end_steps(&mut step);
        ended.map_err(|error| error.at(end_of(self.epoch + 1)))
    }

    /// Returns an error if the present epoch has had no batches.
    fn expect_batches(&self) -> Result<()> {
        if self.batch > 0 {
            return Ok(());
        }
        let reason = format!("epoch {} has no batches", self.epoch + 1);
        Err(Error::argument("train_epoch", reason))
    }

    /// Runs the task's validation on all batches of epoch 0, under an inference pass.
    ///
    /// # Errors
    /// Those of the batches and of the task, placed at the epoch and the batch.
    pub fn validate<T, E>(&mut self, task: &mut T, batches: &E) -> Result<()>
    where
        T: Task + ?Sized,
        E: Epochs<Batch = T::Batch> + ?Sized,
    {
        self.validate_until(task, batches, || false).map(drop)
    }

    /// Runs the validation unless `stop` becomes true, and returns whether it is complete.
    pub(crate) fn validate_until<T, E>(
        &mut self,
        task: &mut T,
        batches: &E,
        stop: impl Fn() -> bool,
    ) -> Result<bool>
    where
        T: Task + ?Sized,
        E: Epochs<Batch = T::Batch> + ?Sized,
    {
        self.validation = Meters::new();
        for (number, batch) in batches.epoch(0).enumerate() {
            if stop() {
                return Ok(false);
            }
            let validated = batch.and_then(|batch| self.validate_step(task, &batch));
            validated.map_err(|error| {
                let (epoch, batch) = (self.epoch + 1, number + 1);
                error.at(format!("epoch {epoch}, validation batch {batch}"))
            })?;
        }
        Ok(true)
    }

    fn validate_step<T: Task + ?Sized>(&mut self, task: &mut T, batch: &T::Batch) -> Result<()> {
        let samples = batch.rows()?;
        self.validation.begin_batch();
        let mut step = Step {
            pass: &Pass::inference(),
            draws: 0,
            meters: &mut self.validation,
            samples,
            weight: samples as f64,
            number: self.steps,
            epoch: self.epoch,
        };
        task.validate_step(batch, &mut step)
    }

    /// Ends an epoch: adds its values to the history, with `validation_` before the names of those
    /// of [`validate`](Self::validate), and compares it with the best one.
    ///
    /// # Errors
    /// Those of the task and of [`Best::observe`], placed at the end of the epoch.
    pub fn end_epoch<T: Task>(&mut self, task: &mut T, best: &mut Best) -> Result<()> {
        self.close_epoch(task, best).map(drop)
    }

    pub(crate) fn close_epoch<T: Task>(&mut self, task: &mut T, best: &mut Best) -> Result<Ended> {
        let place = end_of(self.epoch + 1);
        let ended = self.try_close(task, best);
        ended.map_err(|error| error.at(place))
    }

    fn try_close<T: Task>(&mut self, task: &mut T, best: &mut Best) -> Result<Ended> {
        let mut values = self.training.values();
        let validation = self.validation.values().into_iter();
        values.extend(validation.map(|(name, value)| (format!("validation_{name}"), value)));
        self.history.push(self.epoch + 1, self.steps, values);
        self.epoch += 1;
        self.batch = 0;
        let is_best = best.observe(&self.history, task)?;
        self.best = best.epoch();
        let ended = Ended {
            training: std::mem::take(&mut self.training),
            validation: std::mem::take(&mut self.validation),
            is_best,
            monitored: best.value_in(&self.history)?,
        };
        task.end_epoch(&self.epoch_record(&ended, None, &Cell::new(false)))?;
        Ok(ended)
    }

    /// Returns the record of an epoch that has just ended.
    pub(crate) fn epoch_record<'a>(
        &'a self,
        ended: &'a Ended,
        module: Option<&'a dyn Module>,
        stop: &'a Cell<bool>,
    ) -> EpochRecord<'a> {
        EpochRecord {
            epoch: self.epoch,
            step: self.steps,
            history: &self.history,
            training: &ended.training,
            validation: &ended.validation,
            monitored: ended.monitored,
            is_best: ended.is_best,
            module,
            signal: self.watch.as_ref().and_then(|watch| watch.report.as_ref()),
            stop,
        }
    }

    /// Makes a signal report of every k-th step from here on.
    pub(crate) fn watch(&mut self, every: u64, module: Option<&dyn Module>) -> Result<()> {
        let signal = Signal::of(module.ok_or_else(no_module)?);
        self.watch = Some(Watch {
            every,
            pass: self.pass.observed(signal.clone()),
            signal,
            report: None,
            is_new: false,
            is_due: false,
        });
        Ok(())
    }

    /// Makes no more signal reports.
    pub(crate) fn unwatch(&mut self) {
        self.watch = None;
    }

    /// Returns the signal report of the last step, if it was observed.
    pub(crate) fn new_report(&self) -> Option<&Report> {
        let watch = self.watch.as_ref().filter(|watch| watch.is_new)?;
        watch.report.as_ref()
    }
}

/// Returns the place of an error at the end of an epoch, which is counted from 1.
pub(crate) fn end_of(epoch: u64) -> String {
    format!("end of epoch {epoch}")
}

fn no_module() -> Error {
    let reason = "a signal report needs a task whose `module` returns its model";
    Error::argument("Fit::signal", reason)
}

/// The entries are `epoch`, `batch`, `steps`, and the states of `pass`, `training` and `history`.
impl Stateful for Run {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        state.insert("epoch", Entry::Count(self.epoch));
        state.insert("batch", Entry::Count(self.batch));
        state.insert("steps", Entry::Count(self.steps));
        state.insert_part("pass", self.pass.state()?);
        state.insert_part("training", self.training.state()?);
        state.insert_part("history", self.history.state()?);
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let mut loaded = Self::new(0);
        loaded.epoch = state.count("epoch")?;
        loaded.batch = state.count("batch")?;
        loaded.steps = state.count("steps")?;
        let part = |name: &str, part: &mut dyn Stateful| {
            let loaded = part.load_state(&state.part(name));
            loaded.map_err(|error| error.within(name))
        };
        part("pass", &mut loaded.pass)?;
        part("training", &mut loaded.training)?;
        part("history", &mut loaded.history)?;
        let known = loaded.state()?;
        if let Some((name, _)) = state.iter().find(|(name, _)| known.get(name).is_none()) {
            let reason = format!("`{name}`: not expected in the state of a run");
            return Err(Error::state("", vec![reason]));
        }
        *self = loaded;
        Ok(())
    }
}

impl Debug for Run {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("epoch", &self.epoch)
            .field("batch", &self.batch)
            .field("steps", &self.steps)
            .field("training", &self.training)
            .field("validation", &self.validation)
            .field("history", &self.history)
            .field("end", &self.end)
            .field("best", &self.best)
            .finish_non_exhaustive()
    }
}
