//! A whole run: epochs, validation, early stopping, checkpoints, logs.

use crate::best::Best;
use crate::checkpoints::Checkpoints;
use crate::interrupt::Interrupt;
use crate::log::{End, Log, RunEnd, RunStart, StepRecord};
use crate::pairs::Pairs;
use crate::run::Run;
use crate::task::Task;
use cotangent_core::state::{StateDict, Stateful, load_parts};
use cotangent_core::{Error, Result};
use cotangent_data::{Epochs, Sample};
use std::cell::Cell;
use std::fmt::Display;
use std::ops::ControlFlow;

/// The settings of a run over epochs. [`run`](Self::run) starts it.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::train::{Best, Fit, Step, Supervised, metrics::Accuracy};
///
/// let (train, test) = digits()?.split_stratified(0.2, 1)?;
/// let net = Mlp::builder([64, 32, 10]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
/// let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
///     let logits = net.forward(images, step.pass())?;
///     step.score(Accuracy::new(), &logits, labels)?;
///     logits.cross_entropy(labels)
/// };
/// let mut task = Supervised::new(net, Adam::new(2e-3).build()?, loss);
/// let valid = Batches::new(&test, 500)?;
/// let run = Fit::new(5)
///     .seed(1)
///     .validate(&valid)
///     .best(Best::highest("validation_accuracy"))
///     .stop_early(2)
///     .keep_best()
///     .run(&mut task, &Batches::new(&train, 32)?.shuffle(1))?;
/// println!("{:?} after {} epochs, best {:?}", run.end(), run.epoch(), run.best());
/// # Ok::<(), Error>(())
/// ```
#[must_use]
pub struct Fit<'a, B> {
    epochs: u64,
    seed: u64,
    validation: Option<&'a dyn Epochs<Batch = B>>,
    best: Option<Best>,
    patience: Option<u64>,
    keep_best: bool,
    checkpoints: Option<Checkpoints>,
    resume: bool,
    interrupt: bool,
    signal: Option<u64>,
    logs: Logs<'a>,
    settings: Pairs,
}

impl<'a, B: Sample> Fit<'a, B> {
    /// Creates the settings of a run of so many epochs.
    pub fn new(epochs: u64) -> Self {
        Self {
            epochs,
            seed: 0,
            validation: None,
            best: None,
            patience: None,
            keep_best: false,
            checkpoints: None,
            resume: false,
            interrupt: false,
            signal: None,
            logs: Logs(Vec::new()),
            settings: Pairs::default(),
        }
    }

    /// Sets the seed of the random layers; 0 by default. The order of the batches has a seed of its
    /// own.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Validates on these batches after each epoch.
    pub fn validate(mut self, batches: &'a dyn Epochs<Batch = B>) -> Self {
        self.validation = Some(batches);
        self
    }

    /// Sets the value by which epochs are compared. By default the best epoch is that with the
    /// lowest `validation_loss`, or with the lowest `loss` if there is no validation; a task that
    /// records no such value has no best epoch then.
    pub fn best(mut self, best: Best) -> Self {
        self.best = Some(best);
        self
    }

    /// Ends the run after `patience` epochs in a row that were not the best, with `patience` at
    /// least 1.
    #[doc(alias = "EarlyStopping")]
    pub fn stop_early(mut self, patience: u64) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Restores the weights of the best epoch at the end, however the run ends.
    #[doc(alias = "restore_best_weights")]
    pub fn keep_best(mut self) -> Self {
        self.keep_best = true;
        self
    }

    /// Saves checkpoints. There is always one of the last step, unless an error ends the run.
    #[doc(alias = "ModelCheckpoint")]
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Continues from the newest checkpoint, or begins if there is none. The task, the batches and
    /// the settings must be those of the interrupted run, except for the number of epochs, which
    /// may be larger. The run then ends with the same bits as if it had not been interrupted.
    pub fn resume(mut self) -> Self {
        self.resume = true;
        self
    }

    /// Ends the run after the current step if Ctrl-C is pressed, with a checkpoint if the run has
    /// checkpoints, and with the best weights if it restores them. A second Ctrl-C ends the process
    /// at once.
    pub fn stop_on_interrupt(mut self) -> Self {
        self.interrupt = true;
        self
    }

    /// Makes a [signal report](cotangent_nn::signal) for the logs at every k-th step, with k at
    /// least 1.
    pub fn signal(mut self, every: u64) -> Self {
        self.signal = Some(every);
        self
    }

    /// Adds a log.
    #[doc(alias = "callbacks")]
    pub fn log(mut self, log: impl Log + 'a) -> Self {
        self.logs.0.push(Box::new(log));
        self
    }

    /// Adds a setting of the run, such as the name of the data set. Logs show it, and checkpoints
    /// have it: resuming with another value is an error.
    pub fn setting(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.settings.all.push((name.into(), value.to_string()));
        self
    }

    /// Adds every field of some settings, such as a struct that was read from a file, under names
    /// like `optimizer.learning_rate` (feature `settings`). A number of epochs is left out, which
    /// may be larger when the run is resumed.
    ///
    /// # Errors
    /// [`Error::Argument`] if JSON cannot represent the settings.
    #[cfg(feature = "settings")]
    pub fn settings(mut self, settings: &impl serde::Serialize) -> Result<Self> {
        let mut pairs = crate::settings::pairs(settings)?;
        pairs.retain(|(name, _)| name.rsplit('.').next() != Some("epochs"));
        self.settings.all.extend(pairs);
        Ok(self)
    }

    /// Allows to resume with other settings than those of the checkpoint.
    pub fn allow_other_settings(mut self) -> Self {
        self.settings.allow_others = true;
        self
    }

    /// Trains the task on the batches.
    ///
    /// # Errors
    /// [`Error::Argument`] if an option is out of range; the errors of the batches, the task, the
    /// logs and the checkpoints. A loss or a gradient that is not finite is
    /// [`Error::NonFinite`], which names the first operation with such a result if the task is
    /// [`Supervised`](crate::Supervised).
    pub fn run<T, E>(self, task: &mut T, batches: &E) -> Result<Run>
    where
        T: Task<Batch = B>,
        E: Epochs<Batch = B> + ?Sized,
    {
        let mut run = Run::new(self.seed);
        self.extend(&mut run, task, batches)?;
        Ok(run)
    }

    /// Continues a run up to the number of epochs, with its random numbers and history, after
    /// another call or after stages that the program called itself.
    ///
    /// # Errors
    /// Those of [`run`](Self::run). The run has the history up to the error then.
    pub fn extend<T, E>(self, run: &mut Run, task: &mut T, batches: &E) -> Result<()>
    where
        T: Task<Batch = B>,
        E: Epochs<Batch = B> + ?Sized,
    {
        self.check()?;
        let default = || match self.validation {
            Some(_) => Best::lowest("validation_loss"),
            None => Best::lowest("loss"),
        };
        let mut best = self.best.clone().unwrap_or_else(default);
        best.is_required = self.best.is_some() || self.keep_best || self.patience.is_some();
        best.keeps_weights = self.keep_best || self.checkpoints.is_some();
        let keep_best = self.keep_best;
        let mut fitting = Fitting {
            stop: Cell::new(false),
            interrupt: self.interrupt.then(Interrupt::listen).transpose()?,
            best,
            fit: self,
            run,
            task,
        };
        let end = fitting
            .begin(batches)
            .and_then(|()| fitting.epochs(batches));
        let restored = if keep_best {
            fitting.best.restore(fitting.task)
        } else {
            Ok(())
        };
        fitting.run.end = end.as_ref().ok().copied();
        fitting.run.unwatch();
        let logged = fitting.log_end(&end);
        end.and(restored).and(logged)
    }

    fn check(&self) -> Result<()> {
        let at_least_1 = |name: &str, number: Option<u64>| match number {
            Some(0) => {
                let reason = format!("{name} must be at least 1, found 0");
                Err(Error::argument("Fit", reason))
            }
            _ => Ok(()),
        };
        at_least_1("the patience of `stop_early`", self.patience)?;
        at_least_1("the interval of `signal`", self.signal)?;
        match &self.checkpoints {
            Some(checkpoints) => checkpoints.check(),
            None if self.resume => {
                let reason = "`resume` needs `checkpoints`";
                Err(Error::argument("Fit", reason))
            }
            None => Ok(()),
        }
    }
}

/// A run with everything that takes part in it.
struct Fitting<'r, 'a, T: Task> {
    fit: Fit<'a, T::Batch>,
    run: &'r mut Run,
    task: &'r mut T,
    best: Best,
    interrupt: Option<Interrupt>,
    /// Set by a log that ends the run.
    stop: Cell<bool>,
}

impl<T: Task> Fitting<'_, '_, T> {
    /// Loads the checkpoint, and begins the logs.
    fn begin<E: Epochs<Batch = T::Batch> + ?Sized>(&mut self, batches: &E) -> Result<()> {
        let seed = ("seed".to_owned(), self.fit.seed.to_string());
        self.fit.settings.all.insert(0, seed);
        let mut resumed = false;
        if let Some(checkpoints) = &self.fit.checkpoints {
            if self.fit.resume {
                resumed = checkpoints.load(&mut [
                    ("settings", &mut self.fit.settings),
                    ("task", self.task),
                    ("run", self.run),
                    ("best", &mut self.best),
                    ("logs", &mut self.fit.logs),
                ])?;
            } else if self.run.steps() == 0 {
                checkpoints.expect_none()?;
            }
        }
        let done = self.run.epoch() + u64::from(self.run.batch() > 0);
        if done > self.fit.epochs {
            let found = self.fit.epochs;
            let reason =
                format!("expected at least {done} epochs, which the run has begun, found {found}");
            return Err(Error::argument("Fit", reason));
        }
        if let Some(every) = self.fit.signal {
            self.run.watch(every, self.task.module())?;
        }
        let mut settings = vec![("epochs".to_owned(), self.fit.epochs.to_string())];
        settings.extend(self.fit.settings.all.iter().cloned());
        let start = RunStart {
            epochs: self.fit.epochs,
            steps_per_epoch: batches.batches_per_epoch().map(|batches| batches as u64),
            epoch: self.run.epoch(),
            step: self.run.steps(),
            batch: self.run.batch(),
            resumed,
            history: self.run.history(),
            module: self.task.module(),
            settings: &settings,
        };
        self.fit.logs.each(|log| log.begin(&start))
    }

    /// Runs the epochs that are left.
    fn epochs<E: Epochs<Batch = T::Batch> + ?Sized>(&mut self, batches: &E) -> Result<End> {
        while self.run.epoch() < self.fit.epochs {
            if self.is_stopped_early() {
                return Ok(End::StoppedEarly);
            }
            if self.steps(batches)?.is_break() || !self.end_epoch()? {
                self.save()?;
                return Ok(End::Interrupted);
            }
        }
        Ok(End::Completed)
    }

    /// Trains on the batches of an epoch that are left.
    fn steps<E>(&mut self, batches: &E) -> Result<ControlFlow<()>>
    where
        E: Epochs<Batch = T::Batch> + ?Sized,
    {
        let Self {
            fit,
            run,
            task,
            best,
            interrupt,
            stop,
        } = self;
        let interrupted = || stop.get() || interrupt.as_ref().is_some_and(Interrupt::is_pressed);
        run.train_until(*task, batches, |run, task| {
            if !fit.logs.0.is_empty() {
                let record = StepRecord {
                    epoch: run.epoch() + 1,
                    step: run.steps(),
                    batch: run.batch(),
                    samples: run.samples(),
                    meters: run.training(),
                    module: task.module(),
                    signal: run.new_report(),
                    stop,
                };
                fit.logs.each(|log| log.step(&record))?;
            }
            if interrupted() {
                return Ok(ControlFlow::Break(()));
            }
            if let Some(checkpoints) = &mut fit.checkpoints
                && checkpoints.are_due(run.steps())
            {
                checkpoints.save(
                    run.steps(),
                    &parts(&fit.settings, task, run, best, &fit.logs),
                )?;
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Validates, and ends the epoch. Returns whether the run goes on.
    fn end_epoch(&mut self) -> Result<bool> {
        let pressed = || self.interrupt.as_ref().is_some_and(Interrupt::is_pressed);
        if let Some(batches) = self.fit.validation
            && !self.run.validate_until(self.task, batches, pressed)?
        {
            return Ok(false);
        }
        let ended = self.run.close_epoch(self.task, &mut self.best)?;
        let record = self
            .run
            .epoch_record(&ended, self.task.module(), &self.stop);
        self.fit.logs.each(|log| log.epoch(&record))?;
        if let Some(checkpoints) = &self.fit.checkpoints
            && ended.is_best
        {
            checkpoints.save_best(&self.best)?;
        }
        self.save()?;
        Ok(!self.stop.get())
    }

    fn save(&mut self) -> Result<()> {
        let Some(checkpoints) = &mut self.fit.checkpoints else {
            return Ok(());
        };
        let parts = parts(
            &self.fit.settings,
            self.task,
            self.run,
            &self.best,
            &self.fit.logs,
        );
        checkpoints.save(self.run.steps(), &parts)
    }

    fn is_stopped_early(&self) -> bool {
        let since = self.best.epochs_since(self.run.history());
        self.fit.patience.is_some_and(|patience| since >= patience)
    }

    fn log_end(&mut self, end: &Result<End>) -> Result<()> {
        let end = RunEnd {
            end: end.as_ref().copied(),
            epoch: self.run.epoch(),
            step: self.run.steps(),
            history: self.run.history(),
            best: self.best.epoch(),
            module: self.task.module(),
        };
        self.fit.logs.each(|log| log.end(&end))
    }
}

/// Returns the parts of a checkpoint.
fn parts<'p>(
    settings: &'p Pairs,
    task: &'p dyn Stateful,
    run: &'p Run,
    best: &'p Best,
    logs: &'p Logs<'_>,
) -> [(&'static str, &'p dyn Stateful); 5] {
    [
        ("settings", settings),
        ("task", task),
        ("run", run),
        ("best", best),
        ("logs", logs),
    ]
}

/// The logs of a run.
struct Logs<'a>(Vec<Box<dyn Log + 'a>>);

impl Logs<'_> {
    /// Calls all logs, also after an error, and returns the first error.
    fn each(&mut self, mut call: impl FnMut(&mut dyn Log) -> Result<()>) -> Result<()> {
        let mut result = Ok(());
        for log in &mut self.0 {
            result = result.and(call(&mut **log));
        }
        result
    }
}

/// The state of each log, under its number.
impl Stateful for Logs<'_> {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        for (number, log) in self.0.iter().enumerate() {
            state.insert_part(&number.to_string(), log.state()?);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let names: Vec<String> = (0..self.0.len()).map(|number| number.to_string()).collect();
        let mut logs: Vec<_> = self.0.iter_mut().map(|log| OneLog(&mut **log)).collect();
        let logs = logs.iter_mut().map(|log| log as &mut dyn Stateful);
        let mut parts: Vec<_> = names.iter().map(|name| &**name).zip(logs).collect();
        load_parts(state, &mut parts)
    }
}

/// A log as a part of a checkpoint.
struct OneLog<'l, 'a>(&'l mut (dyn Log + 'a));

impl Stateful for OneLog<'_, '_> {
    fn state(&self) -> Result<StateDict> {
        self.0.state()
    }
    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        self.0.load_state(state)
    }
}
