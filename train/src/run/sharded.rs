//! Training and validation on several ranks.

use super::sharded_step::{Begun, Exchange, ShardedStep, note, read_notes};
use crate::meters::Meters;
use crate::run::{Run, end_of};
use crate::step::Step;
use crate::task::Task;
use cotangent_core::Result;
use cotangent_core::module::Pass;
use cotangent_data::{Epochs, Sample, Shards};
use cotangent_parallel::Ranks;
use std::ops::ControlFlow;

/// Returns an error unless all ranks have the same batches.
fn compare<E: Epochs + ?Sized>(ranks: &Ranks, what: &str, batches: &E, epoch: u64) -> Result<()> {
    if ranks.count() == 1 {
        return Ok(());
    }
    let lines = batches.fingerprint(epoch);
    let lines = lines.map_err(|error| ranks.fail(error.at(what)))?;
    ranks.agree(what, || lines)
}

/// # Several ranks
///
/// All ranks call these methods, with tasks in the same state.
impl Run {
    /// Trains on one batch, of which this rank has some shards.
    ///
    /// # Errors
    /// Those of the task, placed at the epoch and the step, which end the job.
    pub fn train_shards<T: Task + ?Sized>(
        &mut self,
        ranks: &Ranks,
        task: &mut T,
        batch: &Shards<T::Batch>,
    ) -> Result<()> {
        self.step_on(ranks, task, batch, false).map(drop)
    }

    /// Trains on a batch, and returns whether a rank wants to end the run.
    fn step_on<T: Task + ?Sized>(
        &mut self,
        ranks: &Ranks,
        task: &mut T,
        batch: &Shards<T::Batch>,
        stop: bool,
    ) -> Result<bool> {
        if let Some(watch) = &mut self.watch {
            watch.is_due |= self.steps.is_multiple_of(watch.every);
        }
        let watch = self.watch.as_ref().filter(|watch| watch.is_due);
        self.training.begin_batch();
        let mut step = ShardedStep {
            ranks,
            pass: watch.map_or(&self.pass, |watch| &watch.pass),
            meters: &mut self.training,
            samples: batch.rows,
            number: self.steps,
            epoch: self.epoch,
            given: self.steps + 1,
            stop,
            exchange: Exchange::Open,
            begun: Begun::new(),
        };
        let trained = task.train_shards(batch, &mut step).and_then(|()| {
            if step.exchange == Exchange::Open {
                let all = ranks.gather(&[u8::from(stop)])?;
                step.stop = all.concat().contains(&1);
            }
            Ok(())
        });
        let waits = step.exchange == Exchange::Waits;
        let ends = step.stop && !waits;
        let ended = trained.and_then(|()| {
            self.after_step(task, batch.rows, waits, |signal, module| {
                signal.step_on(module, |own, add| ranks.combine(own, add))
            })
        });
        self.waits = waits;
        match ended {
            Ok(()) => Ok(ends),
            Err(error) => Err(ranks.fail(error.at(self.place_of_next_step()))),
        }
    }

    /// Trains on the batches of the present epoch that are left.
    ///
    /// # Errors
    /// Those of [`train_epoch`](Self::train_epoch), which end the job.
    pub fn train_epoch_on<T, E>(&mut self, ranks: &Ranks, task: &mut T, batches: &E) -> Result<()>
    where
        T: Task + ?Sized,
        E: Epochs<Batch = T::Batch> + ?Sized,
    {
        self.train_on(ranks, task, batches, || false, |_, _| Ok(()))
            .map(drop)
    }

    /// Trains on the batches that are left, and calls `after` after each step. It ends if `stop`
    /// is true after a step on one of the ranks.
    pub(crate) fn train_on<T, E>(
        &mut self,
        ranks: &Ranks,
        task: &mut T,
        batches: &E,
        stop: impl Fn() -> bool,
        mut after: impl FnMut(&mut Self, &mut T) -> Result<()>,
    ) -> Result<ControlFlow<()>>
    where
        T: Task + ?Sized,
        E: Epochs<Batch = T::Batch> + ?Sized,
    {
        if self.batch == 0 {
            self.training = Meters::new();
        }
        if !std::mem::replace(&mut self.compared[0], true) {
            compare(ranks, "the training data", batches, self.epoch)?;
        }
        let epoch = batches.shards(self.epoch, ranks.own_shards(), ranks.shards());
        let epoch = epoch.map_err(|error| ranks.fail(error))?;
        for batch in epoch.skip(self.batch as usize) {
            let batch = batch.map_err(|error| ranks.fail(error.at(self.place_of_next_step())))?;
            let ends = self.step_on(ranks, task, &batch, stop())?;
            after(self, task)?;
            if ends {
                return Ok(ControlFlow::Break(()));
            }
        }
        let ended = self.end_steps_on(ranks, task);
        ended.map_err(|error| ranks.fail(error))?;
        Ok(ControlFlow::Continue(()))
    }

    /// Ends the steps of an epoch.
    fn end_steps_on<T: Task + ?Sized>(&mut self, ranks: &Ranks, task: &mut T) -> Result<()> {
        self.expect_batches()?;
        let mut step = ShardedStep {
            ranks,
            pass: &self.pass,
            meters: &mut self.training,
            samples: 0,
            number: self.steps,
            epoch: self.epoch,
            given: self.steps,
            stop: false,
            exchange: Exchange::Open,
            begun: Begun::new(),
        };
        let ended = task.end_shards(&mut step);
        self.waits = false;
        let ended = ended.and_then(|()| self.training.complete(ranks));
        ended.map_err(|error| error.at(end_of(self.epoch + 1)))
    }

    /// Runs the task's validation on all batches of epoch 0, each of which the ranks share.
    ///
    /// # Errors
    /// Those of [`validate`](Self::validate), which end the job.
    pub fn validate_on<T, E>(&mut self, ranks: &Ranks, task: &mut T, batches: &E) -> Result<()>
    where
        T: Task + ?Sized,
        E: Epochs<Batch = T::Batch> + ?Sized,
    {
        self.validate_until_on(ranks, task, batches, || false)
            .map(drop)
    }

    /// Runs the validation unless `stop` becomes true on a rank, and returns whether it is
    /// complete.
    pub(crate) fn validate_until_on<T, E>(
        &mut self,
        ranks: &Ranks,
        task: &mut T,
        batches: &E,
        stop: impl Fn() -> bool,
    ) -> Result<bool>
    where
        T: Task + ?Sized,
        E: Epochs<Batch = T::Batch> + ?Sized,
    {
        self.validation = Meters::new();
        if !std::mem::replace(&mut self.compared[1], true) {
            compare(ranks, "the validation data", batches, 0)?;
        }
        let epoch = batches.shards(0, ranks.own_shards(), ranks.shards());
        let epoch = epoch.map_err(|error| ranks.fail(error))?;
        for (number, batch) in epoch.enumerate() {
            let validated =
                batch.and_then(|batch| self.validate_shards(ranks, task, &batch, stop()));
            let ends = validated.map_err(|error| {
                let (epoch, batch) = (self.epoch + 1, number + 1);
                ranks.fail(error.at(format!("epoch {epoch}, validation batch {batch}")))
            })?;
            if ends {
                return Ok(false);
            }
        }
        let ended = self.validation.complete(ranks);
        ended.map_err(|error| ranks.fail(error.at(end_of(self.epoch + 1))))?;
        Ok(true)
    }

    fn validate_shards<T: Task + ?Sized>(
        &mut self,
        ranks: &Ranks,
        task: &mut T,
        batch: &Shards<T::Batch>,
        stop: bool,
    ) -> Result<bool> {
        let mut own = Vec::new();
        for shard in batch.parts.iter().flatten() {
            let mut meters = Meters::new();
            let samples = shard.rows()?;
            let mut step = Step {
                pass: &Pass::inference(),
                draws: 0,
                meters: &mut meters,
                samples,
                weight: samples as f64,
                number: self.steps,
                epoch: self.epoch,
            };
            task.validate_step(shard, &mut step)?;
            own.push(meters);
        }
        let (states, stop) = read_notes(&ranks.gather(&note(own.iter(), stop)?)?)?;
        self.validation.begin_batch();
        self.validation.absorb(&states, &own)?;
        Ok(stop)
    }
}
