//! One training step on several ranks.

use crate::meters::Meters;
use crate::step::Step;
use cotangent_core::module::{Module, Pass};
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Gradients, Result, Tensor};
use cotangent_data::{Sample, Shards};
use cotangent_parallel::{At, Loss, Ranks, Shardwise, Summed};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One training step on several ranks, which the loop gives to
/// [`Task::train_shards`](crate::Task::train_shards).
#[derive(Debug)]
pub struct ShardedStep<'a> {
    pub(super) ranks: &'a Ranks,
    pub(super) pass: &'a Pass,
    pub(super) meters: &'a mut Meters,
    pub(super) samples: usize,
    pub(super) number: u64,
    pub(super) epoch: u64,
    /// The number of batches that the loop has given to the task, with that of this step.
    pub(super) given: u64,
    /// Whether this rank wants to end the run, and then whether a rank does.
    pub(super) stop: bool,
    pub(super) exchange: Exchange,
    /// Of each loss that this rank has computed, how many random layers had drawn numbers before.
    pub(super) begun: Begun,
}

/// Messages that the ranks have exchanged in a step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Exchange {
    /// Nothing yet.
    Open,
    /// Their gradients, and whether one of them wants to end the run.
    Done,
    /// Nothing, since the batch waits for later ones.
    Waits,
}

/// The numbers of random layers before each loss, by the numbers of its batch and its shard.
pub(super) type Begun = BTreeMap<(usize, usize), u64>;

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

    /// Says that this batch is computed later, together with others. The task keeps it until then.
    /// After this step the run is not saved and does not end. All ranks call it in the same steps.
    pub fn wait(&mut self) {
        self.exchange = Exchange::Waits;
    }

    /// Computes the gradients of a batch, or of this and earlier ones together, as
    /// [`Ranks::gradients`] does. `loss` gets a [`Step`] for each shard of each batch, where it
    /// records values and scores metrics, as the loss of [`Supervised`](crate::Supervised) does.
    /// The records of all shards are added up on every rank. [`Step::weigh`] says what the loss is
    /// the mean over, unless it is the samples.
    ///
    /// # Errors
    /// Those of [`Ranks::gradients`]; an error of a metric without
    /// [`Metric::merge`](crate::Metric::merge). A loss that is not finite is explained as
    /// [`Step::explain`] does.
    pub fn gradients<M: Module + ?Sized, B: Sample>(
        &mut self,
        model: &M,
        batches: &(impl AsRef<[Shards<B>]> + ?Sized),
        loss: impl FnMut(&M, &B, &mut Step<'_>) -> Result<Tensor>,
    ) -> Result<Gradients> {
        let batches = batches.as_ref();
        let work = Work {
            model,
            loss: RefCell::new(loss),
            own: RefCell::default(),
            begun: RefCell::default(),
            places: self.places(batches.len()),
            stop: self.stop,
        };
        let (summed, notes) = self.ranks.gradients_of(model, batches, self.pass, &work)?;
        self.begun = work.begun.into_inner();
        self.absorb(summed, &notes, work.own.into_inner())
    }

    /// Does the same as [`gradients`](Self::gradients), with the shards of this rank on threads of
    /// their own: see [`Ranks::gradients_at_once`].
    ///
    /// # Errors
    /// Those of [`gradients`](Self::gradients), without explanations.
    pub fn gradients_at_once<M: Module + Sync + ?Sized, B: Sample>(
        &mut self,
        model: &M,
        batches: &(impl AsRef<[Shards<B>]> + ?Sized),
        loss: impl Fn(&M, &B, &mut Step<'_>) -> Result<Tensor> + Sync,
    ) -> Result<Gradients> {
        let batches = batches.as_ref();
        let work = WorkAtOnce {
            model,
            loss,
            own: Mutex::default(),
            begun: Mutex::default(),
            places: self.places(batches.len()),
            stop: self.stop,
        };
        let (summed, notes) = self
            .ranks
            .gradients_of_all(model, batches, self.pass, &work)?;
        self.begun = locked(&work.begun).clone();
        let own = std::mem::take(&mut *locked(&work.own));
        self.absorb(summed, &notes, own)
    }

    /// Explains an error of gradients that are not finite, as [`Step::explain`] does: each rank
    /// computes the losses of its shards again, and the error is that of the first shard in which a
    /// value is not finite. If there is none, the sum over the shards has overflowed. All ranks
    /// call it, with the batches of the last [`gradients`](Self::gradients). Other errors, and
    /// those that name a rank, are returned as they are.
    #[must_use]
    pub fn explain<M: Module + ?Sized, B: Sample>(
        &self,
        error: Error,
        model: &M,
        batches: &(impl AsRef<[Shards<B>]> + ?Sized),
        mut loss: impl FnMut(&M, &B, &mut Step<'_>) -> Result<Tensor>,
    ) -> Error {
        if !matches!(error.root(), Error::NonFinite { .. }) || error.rank().is_some() {
            return error;
        }
        let (batches, own) = (batches.as_ref(), self.ranks.own_shards());
        let places = self.places(batches.len());
        let mut causes = self.begun.iter().filter_map(|(&(batch, shard), &draws)| {
            let part = batches.get(batch)?.parts.get(shard)?.as_ref()?;
            let pass = self.pass.for_shard((own.start + shard) as u64);
            let mut meters = Meters::new();
            let at = At { batch, shard };
            let step = places.step(at, part.rows().ok()?, &pass, &mut meters);
            let step = Step { draws, ..step };
            let cause = step.cause(model, |step| loss(model, part, step))?;
            let (shard, count) = (own.start + shard, batches.len());
            Some(cause.at(if count == 1 {
                format!("shard {shard}")
            } else {
                format!("batch {} of {count}, shard {shard}", batch + 1)
            }))
        });
        let cause = causes.next();
        let text = cause.as_ref().map(Error::to_string).unwrap_or_default();
        let texts = match self.ranks.gather(text.as_bytes()) {
            Ok(texts) => texts,
            // A rank that has all the texts already may have ended the job, with its explanation.
            Err(failed) => return failed,
        };
        let first = texts.iter().position(|text| !text.is_empty());
        let (Some(rank), count) = (first, self.ranks.count()) else {
            return error.at("sum over the shards");
        };
        match cause.filter(|_| rank == self.ranks.rank()) {
            Some(cause) if count == 1 => cause,
            Some(cause) => cause.of_rank(rank, count),
            None => {
                let text = String::from_utf8_lossy(&texts[rank]);
                Error::other(text.into_owned()).of_rank(rank, count)
            }
        }
    }

    /// Returns the step at which this one ends the steps of an epoch.
    pub(crate) fn end(&mut self) -> Step<'_> {
        Step {
            pass: self.pass,
            draws: self.pass.draws(),
            meters: self.meters,
            samples: 0,
            weight: 0.0,
            number: self.number,
            epoch: self.epoch,
        }
    }

    /// Returns the places of the last batches that were given to the task.
    fn places(&self, batches: usize) -> Places {
        Places {
            first: self.given.saturating_sub(batches as u64),
            epoch: self.epoch,
        }
    }

    /// Adds what the shards of all ranks have recorded, and returns the gradients.
    fn absorb(
        &mut self,
        summed: Summed,
        notes: &[Vec<u8>],
        own: BTreeMap<usize, Meters>,
    ) -> Result<Gradients> {
        let own: Vec<_> = own.into_values().collect();
        let absorbed = read_notes(notes).and_then(|(states, stop)| {
            self.stop |= stop;
            self.exchange = Exchange::Done;
            self.meters.absorb(&states, &own)
        });
        absorbed.map_err(|error| self.ranks.fail(error))?;
        Ok(summed.gradients)
    }
}

/// The places of the batches of a step in the run.
#[derive(Clone, Copy)]
struct Places {
    /// The number of the first batch.
    first: u64,
    epoch: u64,
}

impl Places {
    /// Returns the step of a shard.
    fn step<'s>(self, at: At, samples: usize, pass: &'s Pass, meters: &'s mut Meters) -> Step<'s> {
        Step {
            pass,
            draws: pass.draws(),
            meters,
            samples,
            weight: samples as f64,
            number: self.first + at.batch as u64,
            epoch: self.epoch,
        }
    }
}

/// The losses of the shards of this rank, and what they record, by shard.
struct Work<'m, M: ?Sized, F> {
    model: &'m M,
    loss: RefCell<F>,
    own: RefCell<BTreeMap<usize, Meters>>,
    begun: RefCell<Begun>,
    places: Places,
    stop: bool,
}

/// The same for shards that are computed at the same time.
struct WorkAtOnce<'m, M: ?Sized, F> {
    model: &'m M,
    loss: F,
    own: Mutex<BTreeMap<usize, Meters>>,
    begun: Mutex<Begun>,
    places: Places,
    stop: bool,
}

impl<M, B, F> Shardwise<B> for Work<'_, M, F>
where
    M: Module + ?Sized,
    B: Sample,
    F: FnMut(&M, &B, &mut Step<'_>) -> Result<Tensor>,
{
    fn loss(&self, at: At, shard: &B, pass: &Pass) -> Result<Loss> {
        let key = (at.batch, at.shard);
        self.begun.borrow_mut().insert(key, pass.draws());
        let mut own = self.own.borrow_mut();
        let meters = own.entry(at.shard).or_default();
        let mut step = self.places.step(at, shard.rows()?, pass, meters);
        let loss = (self.loss.borrow_mut())(self.model, shard, &mut step)?;
        let weight = step.weight;
        Ok((loss, weight).into())
    }

    fn explain(&self, error: Error, at: At, shard: &B, pass: &Pass) -> Error {
        let Ok(samples) = shard.rows() else {
            return error;
        };
        let mut meters = Meters::new();
        let step = self.places.step(at, samples, pass, &mut meters);
        let loss = &mut *self.loss.borrow_mut();
        step.explain(error, self.model, |step| loss(self.model, shard, step))
    }

    fn note(&self) -> Result<Vec<u8>> {
        note(self.own.borrow().values(), self.stop)
    }
}

impl<M, B, F> Shardwise<B> for WorkAtOnce<'_, M, F>
where
    M: Module + Sync + ?Sized,
    B: Sample,
    F: Fn(&M, &B, &mut Step<'_>) -> Result<Tensor> + Sync,
{
    fn loss(&self, at: At, shard: &B, pass: &Pass) -> Result<Loss> {
        locked(&self.begun).insert((at.batch, at.shard), pass.draws());
        let meters = locked(&self.own).remove(&at.shard);
        let mut meters = meters.unwrap_or_default();
        let mut step = self.places.step(at, shard.rows()?, pass, &mut meters);
        let loss = (self.loss)(self.model, shard, &mut step)?;
        let weight = step.weight;
        locked(&self.own).insert(at.shard, meters);
        Ok((loss, weight).into())
    }

    fn note(&self) -> Result<Vec<u8>> {
        note(locked(&self.own).values(), self.stop)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the meters of the shards of a rank, and whether it wants to end the run, as bytes.
pub(super) fn note<'m>(
    meters: impl ExactSizeIterator<Item = &'m Meters>,
    stop: bool,
) -> Result<Vec<u8>> {
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
pub(super) fn read_notes(notes: &[Vec<u8>]) -> Result<(Vec<StateDict>, bool)> {
    let (mut states, mut stop) = (Vec::new(), false);
    for note in notes {
        let note = StateDict::from_bytes(note)?;
        stop |= note.count("stop")? > 0;
        states.extend((0..note.count("shards")?).map(|number| note.part(&number.to_string())));
    }
    Ok((states, stop))
}
