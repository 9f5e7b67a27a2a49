//! The running of a whole run: epochs, validation, early stopping, checkpoints, logs.

use super::Fit;
use super::logs::Logs;
use crate::best::Best;
use crate::interrupt::Interrupt;
use crate::log::{End, RunEnd, RunStart, StepRecord};
use crate::pairs::Pairs;
use crate::run::{Ended, Run, end_of};
use crate::task::Task;
use cotangent_core::state::Stateful;
use cotangent_core::{Error, Result};
use cotangent_data::Epochs;
use std::cell::Cell;
use std::ops::ControlFlow;

/// Continues a run up to the number of epochs of its settings.
pub(super) fn extend<T, E>(
    fit: Fit<'_, T::Batch>,
    run: &mut Run,
    task: &mut T,
    batches: &E,
) -> Result<()>
where
    T: Task,
    E: Epochs<Batch = T::Batch> + ?Sized,
{
    let keep_best = fit.keep_best;
    let mut fitting = Fitting {
        stop: Cell::new(false),
        before: run.epoch(),
        interrupt: fit.interrupt.then(Interrupt::listen).transpose()?,
        best: best(&fit),
        fit,
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

/// Returns the search for the best epoch.
fn best<B>(fit: &Fit<'_, B>) -> Best {
    let default = || match fit.validation {
        Some(_) => Best::lowest("validation_loss"),
        None => Best::lowest("loss"),
    };
    let mut best = fit.best.clone().unwrap_or_else(default);
    best.is_required = fit.best.is_some() || fit.keep_best || fit.patience.is_some();
    best.keeps_weights = fit.keep_best || fit.checkpoints.is_some();
    best
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
    /// The number of epochs of earlier calls, which are not compared with those of this one.
    before: u64,
}

impl<T: Task> Fitting<'_, '_, T> {
    /// Loads the checkpoint, and begins the logs.
    fn begin<E: Epochs<Batch = T::Batch> + ?Sized>(&mut self, batches: &E) -> Result<()> {
        let team = self.fit.team;
        let seed = ("seed".to_owned(), self.fit.seed.to_string());
        self.fit.settings.all.insert(0, seed);
        let mut settings = vec![("epochs".to_owned(), self.fit.epochs.to_string())];
        settings.extend(self.fit.settings.all.iter().cloned());
        let steps_per_epoch = batches.batches_per_epoch().map(|batches| batches as u64);
        let steps = (
            "batches of an epoch".to_owned(),
            format!("{steps_per_epoch:?}"),
        );
        let plan = self.plan();
        let [own, others] = team.settings(&[&settings[..], &[steps], &plan].concat())?;
        self.fit.settings.all.extend(own.iter().cloned());
        settings.extend(own.into_iter().chain(others));
        if !team.is_first() {
            self.fit.logs.0.clear();
        }
        let mut resumed = false;
        if let Some(checkpoints) = &self.fit.checkpoints {
            if self.fit.resume {
                let parts: &mut [(&str, &mut dyn Stateful)] = &mut [
                    ("settings", &mut self.fit.settings),
                    ("task", self.task),
                    ("run", self.run),
                    ("best", &mut self.best),
                    ("logs", &mut self.fit.logs),
                ];
                resumed = team.load(checkpoints, parts)?;
                if resumed {
                    self.before = 0;
                }
            } else if self.run.steps() == 0 && team.is_first() {
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
        let start = RunStart {
            epochs: self.fit.epochs,
            steps_per_epoch,
            epoch: self.run.epoch(),
            step: self.run.steps(),
            batch: self.run.batch(),
            resumed,
            history: self.run.history(),
            module: self.task.module(),
            settings: &settings,
        };
        let logs = &mut self.fit.logs;
        team.busy(|| logs.each(|log| log.begin(&start)))
    }

    /// Returns the options that decide when the ranks of a run exchange messages.
    fn plan(&self) -> [(String, String); 6] {
        let fit = &self.fit;
        let validation = fit.validation.map(Epochs::batches_per_epoch);
        let pair = |name: &str, value: String| (name.to_owned(), value);
        [
            pair("batches of the validation", format!("{validation:?}")),
            pair("checkpoints", fit.checkpoints.is_some().to_string()),
            pair("resume", fit.resume.to_string()),
            pair("signal", format!("{:?}", fit.signal)),
            pair("patience", format!("{:?}", fit.patience)),
            pair("keep_best", fit.keep_best.to_string()),
        ]
    }

    /// Runs the epochs that are left.
    fn epochs<E: Epochs<Batch = T::Batch> + ?Sized>(&mut self, batches: &E) -> Result<End> {
        while self.run.epoch() < self.fit.epochs {
            if self.is_stopped_early() {
                return Ok(End::StoppedEarly);
            }
            if self.steps(batches)?.is_break() || !self.end_epoch()? {
                let saved = self.save();
                saved.map_err(|error| error.at(last_step(self.run)))?;
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
            ..
        } = self;
        let team = fit.team;
        let interrupted = || stop.get() || interrupt.as_ref().is_some_and(Interrupt::is_pressed);
        let mut after = |run: &Run, task: &T| {
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
                let logs = &mut fit.logs;
                team.busy(|| logs.each(|log| log.step(&record)))?;
            }
            if let Some(checkpoints) = &mut fit.checkpoints
                && team.is_first()
                && checkpoints.are_due(run.steps(), run.waits)
            {
                let parts = parts(&fit.settings, task, run, best, &fit.logs);
                team.busy(|| checkpoints.save(run.steps(), &parts))?;
            }
            Ok(())
        };
        team.train(run, *task, batches, interrupted, |run, task| {
            after(run, task).map_err(|error: Error| error.at(last_step(run)))
        })
    }

    /// Validates, and ends the epoch. Returns whether the run goes on.
    fn end_epoch(&mut self) -> Result<bool> {
        let pressed = || self.interrupt.as_ref().is_some_and(Interrupt::is_pressed);
        if let Some(batches) = self.fit.validation
            && !self
                .fit
                .team
                .validate(self.run, self.task, batches, pressed)?
        {
            return Ok(false);
        }
        let ended = self.run.close_epoch(self.task, &mut self.best)?;
        let logged = self.log_epoch(&ended);
        logged.map_err(|error| error.at(end_of(self.run.epoch())))?;
        Ok(!self.fit.team.any(self.stop.get())?)
    }

    /// Logs an epoch that has ended, and saves it.
    fn log_epoch(&mut self, ended: &Ended) -> Result<()> {
        let record = self.run.epoch_record(ended, self.task.module(), &self.stop);
        let logs = &mut self.fit.logs;
        self.fit.team.busy(|| logs.each(|log| log.epoch(&record)))?;
        if let Some(checkpoints) = &self.fit.checkpoints
            && ended.is_best
            && self.fit.team.is_first()
        {
            self.fit.team.busy(|| checkpoints.save_best(&self.best))?;
        }
        self.save()
    }

    fn save(&mut self) -> Result<()> {
        let team = self.fit.team;
        let Some(checkpoints) = self.fit.checkpoints.as_mut().filter(|_| team.is_first()) else {
            return Ok(());
        };
        let parts = parts(
            &self.fit.settings,
            self.task,
            self.run,
            &self.best,
            &self.fit.logs,
        );
        team.busy(|| checkpoints.save(self.run.steps(), &parts))
    }

    fn is_stopped_early(&self) -> bool {
        let since = self.best.epochs_since(self.run.history());
        let since = since.min(self.run.epoch() - self.before);
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
        let (team, logs) = (self.fit.team, &mut self.fit.logs);
        team.busy(|| logs.each(|log| log.end(&end)))
    }
}

/// Returns the place of an error after a step.
fn last_step(run: &Run) -> String {
    let epoch = run.epoch() + u64::from(run.batch() > 0);
    format!("epoch {epoch}, step {}", run.steps())
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
