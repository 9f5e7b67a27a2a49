//! Training and validation on several ranks.

use crate::meters::Meters;
use crate::run::Run;
use crate::step::Step;
use crate::task::Task;
use cotangent_core::module::{Module, Pass};
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Gradients, Result, Tensor};
use cotangent_data::{Epochs, Sample, Shards};
use cotangent_parallel::{Loss, Ranks, Shardwise};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

/// One training step on several ranks, which the loop gives to
/// [`Task::train_shards`](crate::Task::train_shards).
#[derive(Debug)]
pub struct ShardedStep<'a> {
    ranks: &'a Ranks,
    pass: &'a Pass,
    meters: &'a mut Meters,
    samples: usize,
    number: u64,
    epoch: u64,
    /// Whether this rank wants to end the run, and then whether a rank does.
    stop: bool,
    /// Whether the ranks have told each other whether they want to.
    has_agreed: bool,
}

impl<'a> ShardedStep<'a> {
    /// Returns the ranks.
    pub fn ranks(&self) -> &'a Ranks {
        self.ranks
    }

    /// Returns the number of samples in the batch, over all ranks.
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

    /// Sets a value that is not averaged and is the same on all ranks, such as the learning rate.
    pub fn set(&mut self, name: &str, value: f64) {
        self.meters.set(name, value);
    }

    /// Computes the gradients of the whole batch, as [`Ranks::gradients`] does. `loss` gets a
    /// [`Step`] for each shard, where it records values and scores metrics, as the loss of
    /// [`Supervised`](crate::Supervised) does. The records of all shards are added up on every
    /// rank. [`Step::weigh`] says what the loss is the mean over, unless it is the samples.
    ///
    /// # Errors
    /// Those of [`Ranks::gradients`]; an error of a metric without
    /// [`Metric::merge`](crate::Metric::merge). A loss that is not finite is explained as
    /// [`Step::explain`] does.
    pub fn gradients<M: Module + ?Sized, B: Sample>(
        &mut self,
        model: &M,
        batch: &Shards<B>,
        loss: impl FnMut(&M, &B, &mut Step<'_>) -> Result<Tensor>,
    ) -> Result<Gradients> {
        let work = Work {
            model,
            loss: RefCell::new(loss),
            own: RefCell::new(Vec::new()),
            number: self.number,
            epoch: self.epoch,
            stop: self.stop,
        };
        let (summed, notes) = self.ranks.gradients_of(model, batch, self.pass, &work)?;
        self.absorb(&notes, &work.own.into_inner())?;
        Ok(summed.gradients)
    }

    /// Does the same as [`gradients`](Self::gradients), with the shards of this rank on threads of
    /// their own: see [`Ranks::gradients_at_once`].
    ///
    /// # Errors
    /// Those of [`gradients`](Self::gradients), without explanations.
    pub fn gradients_at_once<M: Module + Sync + ?Sized, B: Sample>(
        &mut self,
        model: &M,
        batch: &Shards<B>,
        loss: impl Fn(&M, &B, &mut Step<'_>) -> Result<Tensor> + Sync,
    ) -> Result<Gradients> {
        let work = WorkAtOnce {
            model,
            loss,
            own: Mutex::new(BTreeMap::new()),
            number: self.number,
            epoch: self.epoch,
            stop: self.stop,
        };
        let (summed, notes) = self
            .ranks
            .gradients_of_all(model, batch, self.pass, &work)?;
        let own = work
            .own
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        self.absorb(&notes, &own.into_values().collect::<Vec<_>>())?;
        Ok(summed.gradients)
    }

    /// Adds what the shards of all ranks have recorded.
    fn absorb(&mut self, notes: &[Vec<u8>], own: &[Meters]) -> Result<()> {
        let absorbed = read_notes(notes).and_then(|(states, stop)| {
            self.stop |= stop;
            self.has_agreed = true;
            self.meters.absorb(&states, own)
        });
        absorbed.map_err(|error| self.ranks.fail(error))
    }
}

/// The losses of the shards of this rank, and what they record.
struct Work<'m, M: ?Sized, F> {
    model: &'m M,
    loss: RefCell<F>,
    own: RefCell<Vec<Meters>>,
    number: u64,
    epoch: u64,
    stop: bool,
}

/// The same for shards that are computed at the same time, which record by number.
struct WorkAtOnce<'m, M: ?Sized, F> {
    model: &'m M,
    loss: F,
    own: Mutex<BTreeMap<usize, Meters>>,
    number: u64,
    epoch: u64,
    stop: bool,
}

/// Returns the step of a shard.
fn step<'s>(
    (number, epoch): (u64, u64),
    samples: usize,
    pass: &'s Pass,
    meters: &'s mut Meters,
) -> Step<'s> {
    Step {
        pass,
        draws: pass.draws(),
        meters,
        samples,
        weight: samples as f64,
        number,
        epoch,
    }
}

impl<M, B, F> Shardwise<B> for Work<'_, M, F>
where
    M: Module + ?Sized,
    B: Sample,
    F: FnMut(&M, &B, &mut Step<'_>) -> Result<Tensor>,
{
    fn loss(&self, _: usize, shard: &B, pass: &Pass) -> Result<Loss> {
        let mut meters = Meters::new();
        let mut step = step((self.number, self.epoch), shard.rows()?, pass, &mut meters);
        let loss = (self.loss.borrow_mut())(self.model, shard, &mut step)?;
        let weight = step.weight;
        self.own.borrow_mut().push(meters);
        Ok((loss, weight).into())
    }

    fn explain(&self, error: Error, shard: &B, pass: &Pass) -> Error {
        let loss = &mut *self.loss.borrow_mut();
        explain(
            error,
            shard,
            pass,
            self.model,
            (self.number, self.epoch),
            loss,
        )
    }

    fn note(&self) -> Result<Vec<u8>> {
        note(self.own.borrow().iter(), self.stop)
    }
}

impl<M, B, F> Shardwise<B> for WorkAtOnce<'_, M, F>
where
    M: Module + Sync + ?Sized,
    B: Sample,
    F: Fn(&M, &B, &mut Step<'_>) -> Result<Tensor> + Sync,
{
    fn loss(&self, number: usize, shard: &B, pass: &Pass) -> Result<Loss> {
        let mut meters = Meters::new();
        let mut step = step((self.number, self.epoch), shard.rows()?, pass, &mut meters);
        let loss = (self.loss)(self.model, shard, &mut step)?;
        let weight = step.weight;
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.insert(number, meters);
        Ok((loss, weight).into())
    }

    fn note(&self) -> Result<Vec<u8>> {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        note(own.values(), self.stop)
    }
}

/// Explains an error of a shard, as [`Step::explain`] does.
fn explain<M: Module + ?Sized, B: Sample>(
    error: Error,
    shard: &B,
    pass: &Pass,
    model: &M,
    place: (u64, u64),
    mut loss: impl FnMut(&M, &B, &mut Step<'_>) -> Result<Tensor>,
) -> Error {
    let Ok(samples) = shard.rows() else {
        return error;
    };
    let mut meters = Meters::new();
    let step = step(place, samples, pass, &mut meters);
    step.explain(error, model, |step| loss(model, shard, step))
}

/// Returns the meters of the shards of a rank, and whether it wants to end the run, as bytes.
fn note<'m>(meters: impl ExactSizeIterator<Item = &'m Meters>, stop: bool) -> Result<Vec<u8>> {
    let mut state = StateDict::new();
    state.insert("stop", Entry::Count(u64::from(stop)));
    state.insert("shards", Entry::Count(meters.len() as u64));
    for (number, meters) in meters.enumerate() {
        state.insert_part(&number.to_string(), meters.state()?);
    }
    state.to_bytes()
}

/// Returns the states of the meters of all shards in the notes of the ranks, and whether a rank
/// wants to end the run.
fn read_notes(notes: &[Vec<u8>]) -> Result<(Vec<StateDict>, bool)> {
    let (mut states, mut stop) = (Vec::new(), false);
    for note in notes {
        let note = StateDict::from_bytes(note)?;
        stop |= note.count("stop")? > 0;
        states.extend((0..note.count("shards")?).map(|number| note.part(&number.to_string())));
    }
    Ok((states, stop))
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
        let watch = self.watch.as_ref();
        let watch = watch.filter(|watch| self.steps.is_multiple_of(watch.every));
        self.training.begin_batch();
        let mut step = ShardedStep {
            ranks,
            pass: watch.map_or(&self.pass, |watch| &watch.pass),
            meters: &mut self.training,
            samples: batch.rows,
            number: self.steps,
            epoch: self.epoch,
            stop,
            has_agreed: false,
        };
        let trained = task.train_shards(batch, &mut step).and_then(|()| {
            if !step.has_agreed {
                let all = ranks.gather(&[u8::from(stop)])?;
                step.stop = all.concat().contains(&1);
            }
            Ok(())
        });
        let stop = step.stop;
        let has_run = batch.parts.iter().any(Option::is_some);
        let ended = trained.and_then(|()| self.after_step(task, batch.rows, has_run));
        match ended {
            Ok(()) => Ok(stop),
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
        let ended = self.end_steps(task);
        ended.map_err(|error| ranks.fail(error))?;
        Ok(ControlFlow::Continue(()))
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
