//! The gradients of a batch whose shards are on several ranks.

use crate::buckets::Exchange;
use crate::frames::{framed, frames};
use crate::meeting::{Meeting, Member, first_error};
use crate::ranks::Ranks;
use crate::tree::Tree;
use cotangent_core::module::{Buffer, Counter, LeafRef, Module, Pass, Walk};
use cotangent_core::{Backward, Error, Gradients, Result, Tensor};
use cotangent_data::{Sample, Shards};
use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The loss of a shard: the mean over its samples, or over something else that is counted.
///
/// A tensor is the mean over the samples of the shard. `(loss, count)` is the mean over `count`
/// things, such as the words of sequences of different lengths. Then the gradients are those of the
/// mean over the things of the whole batch.
#[derive(Debug)]
pub struct Loss {
    value: Tensor,
    count: Option<f64>,
}

impl From<Tensor> for Loss {
    fn from(value: Tensor) -> Self {
        Self { value, count: None }
    }
}

impl From<(Tensor, f64)> for Loss {
    fn from((value, count): (Tensor, f64)) -> Self {
        let count = Some(count);
        Self { value, count }
    }
}

/// The result of [`Ranks::gradients`]: the same on all ranks, except for the times.
#[derive(Debug)]
#[non_exhaustive]
pub struct Summed {
    /// The gradients of the loss of the whole batch.
    pub gradients: Gradients,
    /// The loss of the whole batch.
    pub loss: f64,
    /// The number of samples, or of other things that the loss is the mean over.
    pub count: f64,
    /// How long this rank has exchanged gradients, from the first bucket to the last sum.
    pub exchange: Duration,
    /// How much of that came after its own backward. The rest was hidden behind backward.
    pub waited: Duration,
}

/// The work of [`Ranks::gradients_of`] on each shard.
#[doc(hidden)]
pub trait Shardwise<B> {
    /// Computes the loss of the shard of this number among those of this rank, and what it is the
    /// mean over.
    fn loss(&self, number: usize, shard: &B, pass: &Pass) -> Result<Loss>;

    /// Explains an error of the loss, or of its backward.
    fn explain(&self, error: Error, shard: &B, pass: &Pass) -> Error {
        let _ = (shard, pass);
        error
    }

    /// Returns a note to the other ranks, after all losses.
    fn note(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// A function that computes the loss of a shard.
struct Function<F>(F);

impl<B, F: Fn(&B, &Pass) -> Result<Loss>> Shardwise<B> for Function<F> {
    fn loss(&self, _: usize, shard: &B, pass: &Pass) -> Result<Loss> {
        (self.0)(shard, pass)
    }
}

impl Ranks {
    /// Computes the gradients of a batch of which this rank has some shards. All ranks call it with
    /// the same model.
    ///
    /// `loss` is called for each shard of this rank that has samples, with a pass whose random
    /// numbers depend on the seed and on the shard. Backward runs after each call, and the
    /// gradients are exchanged while it runs for the last one. The result has the same bits for any
    /// number of ranks with the same number of shards.
    ///
    /// - A parameter without a gradient on any shard has none. Where only some shards lack it, it
    ///   counts as 0 there.
    /// - Running statistics are those of each shard, averaged over all samples. Counters are
    ///   those of one shard.
    /// - At the first call for a model, the ranks check that they have the same parameters, and
    ///   again after every [100 calls](crate::RanksBuilder::check_every).
    ///
    /// Gradients of several batches are added up with
    /// [`Accumulator`](https://docs.rs/cotangent), as without ranks.
    ///
    /// ```
    /// use cotangent::parallel::Ranks;
    /// use cotangent::prelude::*;
    ///
    /// let data = digits()?;
    /// let batches = Batches::new(data, 64)?.shuffle(1);
    /// let ranks = Ranks::builder().shards(4).single()?;
    /// let mut net = Mlp::builder([64, 32, 10]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
    /// let mut optimizer = Adam::new(2e-3).build()?;
    /// let pass = Pass::train(1);
    /// for batch in batches.shards(0, ranks.own_shards(), ranks.shards())? {
    ///     let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), pass: &Pass| {
    ///         net.forward(images, pass)?.cross_entropy(labels)
    ///     };
    ///     let summed = ranks.gradients(&net, &batch?, &pass, loss)?;
    ///     optimizer.step(&mut net, summed.gradients)?;
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of `loss` and of backward; [`Error::Argument`] if the batch has no samples, or not the
    /// shards of this rank; [`Error::Rank`] if another rank has failed, or if its parameters
    /// differ. Any error ends the job.
    pub fn gradients<M, B, L>(
        &self,
        model: &M,
        batch: &Shards<B>,
        pass: &Pass,
        loss: impl FnMut(&M, &B, &Pass) -> Result<L>,
    ) -> Result<Summed>
    where
        M: Module + ?Sized,
        B: Sample,
        L: Into<Loss>,
    {
        let loss = RefCell::new(loss);
        let loss = |batch: &B, pass: &Pass| (loss.borrow_mut())(model, batch, pass).map(Into::into);
        let summed = self.gradients_of(model, batch, pass, &Function(loss));
        summed.map(|(summed, _)| summed)
    }

    /// Does the same as [`gradients`](Self::gradients), with the shards of this rank on threads of
    /// their own. Layers that sum over all shards need it where a rank has several, such as a
    /// [synchronized](https://docs.rs/cotangent) batch normalization.
    ///
    /// Running statistics are those of the synchronized layers. Others must not change in forward,
    /// since the shards share the model: batch normalization that is not synchronized is an error.
    ///
    /// # Errors
    /// Those of [`gradients`](Self::gradients).
    pub fn gradients_at_once<M, B, L>(
        &self,
        model: &M,
        batch: &Shards<B>,
        pass: &Pass,
        loss: impl Fn(&M, &B, &Pass) -> Result<L> + Sync,
    ) -> Result<Summed>
    where
        M: Module + Sync + ?Sized,
        B: Sample,
        L: Into<Loss>,
    {
        let loss = |batch: &B, pass: &Pass| loss(model, batch, pass).map(Into::into);
        let summed = self.gradients_of_all(model, batch, pass, &Function(loss));
        summed.map(|(summed, _)| summed)
    }

    /// Does the same as [`gradients`](Self::gradients), and returns the notes of all ranks too.
    #[doc(hidden)]
    pub fn gradients_of<M: Module + ?Sized, B: Sample>(
        &self,
        model: &M,
        batch: &Shards<B>,
        pass: &Pass,
        work: &dyn Shardwise<B>,
    ) -> Result<(Summed, Vec<Vec<u8>>)> {
        let one_by_one = |batch: &Summing<'_>, shards: &Shards<B>| {
            let parts = shards.parts.iter().enumerate();
            let tallies = parts.map(|(number, part)| {
                if number > 0 {
                    batch.leaves.set(&batch.start)?;
                }
                batch.shard(number, part.as_ref(), pass, work)
            });
            tallies.collect()
        };
        self.summed(model, batch, pass, &|| work.note(), false, one_by_one)
            .map_err(|error| self.fail(error))
    }

    /// Does the same as [`gradients_at_once`](Self::gradients_at_once), and returns the notes of
    /// all ranks too.
    #[doc(hidden)]
    pub fn gradients_of_all<M: Module + Sync + ?Sized, B: Sample>(
        &self,
        model: &M,
        batch: &Shards<B>,
        pass: &Pass,
        work: &(dyn Shardwise<B> + Sync),
    ) -> Result<(Summed, Vec<Vec<u8>>)> {
        let all = |batch: &Summing<'_>, shards: &Shards<B>| {
            std::thread::scope(|scope| {
                let threads = shards.parts.iter().enumerate().map(|(number, part)| {
                    scope.spawn(move || {
                        // Of all shards one moves the running statistics, which are the same.
                        let pass = match number {
                            0 => pass.record(),
                            _ => pass.hold_statistics(),
                        };
                        let _end = batch.meeting.end_on_panic();
                        let tally = batch.shard(number, part.as_ref(), &pass, work);
                        match tally {
                            Ok(_) => batch.meeting.end(number),
                            Err(_) => batch.meeting.fail(),
                        }
                        tally
                    })
                });
                let threads: Vec<_> = threads.collect();
                let results = threads.into_iter().map(|thread| match thread.join() {
                    Ok(result) => result,
                    Err(panic) => std::panic::resume_unwind(panic),
                });
                let results: Vec<Result<Tally>> = results.collect();
                first_error(results)
            })
        };
        self.summed(model, batch, pass, &|| work.note(), true, all)
            .map_err(|error| self.fail(error))
    }

    fn summed<M: Module + ?Sized, B: Sample>(
        &self,
        model: &M,
        batch: &Shards<B>,
        pass: &Pass,
        note: &dyn Fn() -> Result<Vec<u8>>,
        at_once: bool,
        compute: impl Fn(&Summing<'_>, &Shards<B>) -> Result<Vec<Tally>>,
    ) -> Result<(Summed, Vec<Vec<u8>>)> {
        let own = self.own_shards();
        if batch.parts.len() != own.len() {
            let (expected, found) = (own.len(), batch.parts.len());
            let reason = format!("expected the {expected} shards of this rank, found {found}");
            return Err(Error::argument("Ranks::gradients", reason));
        }
        if batch.rows == 0 {
            let reason = "expected a batch with samples, found none";
            return Err(Error::argument("Ranks::gradients", reason));
        }
        let plan = self.plan(model)?;
        let leaves = Untrained::of(model);
        let present = batch.parts.iter().map(Option::is_some).collect();
        let summing = Summing {
            start: leaves.values(),
            leaves,
            exchange: Mutex::new(Exchange::new(self, Arc::clone(&plan))),
            first_shard: own.start,
            rows: batch.rows as f64,
            meeting: Meeting::new(self, present, at_once, batch.rows),
        };
        let tallies = compute(&summing, batch)?;
        let computed = Instant::now();
        let mut tree = Tree::new();
        let add = |left, right| Ok::<_, Infallible>(Tally::add(left, right));
        for tally in tallies {
            let Ok(()) = tree.push(tally, add);
        }
        let Ok(tally) = tree.sum(add);
        let mut tally = tally.unwrap_or_default();
        let leaves = summing.leaves;
        let exchange = summing
            .exchange
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        tally.notes = framed(&note()?);
        tally.present = exchange
            .present
            .iter()
            .map(|&present| u64::from(present))
            .collect();
        let combine = |left: Vec<u8>, right: Vec<u8>| {
            let (left, right) = (Tally::from_bytes(&left)?, Tally::from_bytes(&right)?);
            Ok(Tally::add(left, right).to_bytes())
        };
        let tally = self.merge(tally.to_bytes(), Box::new(combine)).wait()?;
        let tally = Tally::from_bytes(&tally)?;
        let present: Vec<bool> = tally.present.iter().map(|&present| present > 0).collect();
        let (completed, begun) = (exchange.completed.clone(), exchange.begun);
        let mut gradients = exchange.finish(&present)?;
        let waited = computed.elapsed();
        self.reorder(&plan, &completed)?;
        if tally.count.is_nan() || tally.count <= 0.0 {
            let found = tally.count;
            let reason = format!("the loss must be a mean over at least one thing, found {found}");
            return Err(Error::argument("Ranks::gradients", reason));
        }
        if tally.count != batch.rows as f64 {
            let factor = batch.rows as f64 / tally.count;
            gradients.map_in_place(|gradient| gradient.scaled_in_place(factor));
        }
        if self.shards() > 1 && !at_once {
            leaves.set_means(&tally)?;
        }
        pass.advance_to(tally.draws);
        let summed = Summed {
            gradients,
            loss: tally.loss / tally.count,
            count: tally.count,
            exchange: begun.map_or(Duration::ZERO, |begun| (computed + waited) - begun),
            waited,
        };
        Ok((summed, frames(&tally.notes)?))
    }
}

/// The gradients of a batch, while they are computed.
struct Summing<'s> {
    leaves: Untrained<'s>,
    /// The leaves that forward changes, before the batch.
    start: (Vec<Tensor>, Vec<u64>),
    exchange: Mutex<Exchange<'s>>,
    first_shard: usize,
    rows: f64,
    meeting: Arc<Meeting>,
}

impl<'s> Summing<'s> {
    /// Computes loss and gradients of one of this rank's shards.
    fn shard<B: Sample>(
        &self,
        number: usize,
        part: Option<&B>,
        pass: &Pass,
        work: &(impl Shardwise<B> + ?Sized),
    ) -> Result<Tally> {
        let tally = match part {
            Some(part) => {
                let alone = pass.for_shard((self.first_shard + number) as u64);
                let begun = alone.draws();
                let pass = alone.with_all_reduce(Arc::new(Member {
                    meeting: Arc::clone(&self.meeting),
                    number,
                }));
                // The explanation takes part in no sums of other shards.
                self.try_shard(number, part, &pass, work)
                    .map_err(|error| work.explain(error, part, &alone.resume_at(begun)))?
            }
            None => Tally::default(),
        };
        self.exchange().end_shard(number)?;
        Ok(tally)
    }

    fn try_shard<B: Sample>(
        &self,
        number: usize,
        part: &B,
        pass: &Pass,
        work: &(impl Shardwise<B> + ?Sized),
    ) -> Result<Tally> {
        let Loss { value, count } = work.loss(number, part, pass)?;
        let count = count.map_or_else(|| part.rows().map(|rows| rows as f64), Ok)?;
        let seed = Tensor::full(value.shape(), count / self.rows, value.dtype())?;
        let loss = value.item()?;
        Backward::new().run_each(&value, &seed, |leaf, gradient| {
            self.exchange().add(number, leaf, gradient)
        })?;
        Ok(self.leaves.tally(count, loss, pass.draws()))
    }

    fn exchange(&self) -> MutexGuard<'_, Exchange<'s>> {
        // After a panic of another shard the exchange is not used any more.
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The leaves of a model that forward changes.
struct Untrained<'m> {
    buffers: Vec<&'m Buffer>,
    counters: Vec<&'m Counter>,
}

/// The share of a part of a batch in the result, besides gradients. The numbers of all shards are
/// added up in the order of the tree.
#[derive(Default)]
struct Tally {
    count: f64,
    /// The sum of the losses.
    loss: f64,
    /// The elements of the buffers, times the count.
    buffers: Vec<f64>,
    /// The largest of all shards.
    draws: u64,
    counters: Vec<u64>,
    /// Whether a shard has a gradient, by parameter: 0 or 1.
    present: Vec<u64>,
    /// The notes of the ranks, in frames.
    notes: Vec<u8>,
}

impl<'m> Untrained<'m> {
    fn of(model: &'m (impl Module + ?Sized)) -> Self {
        let (mut buffers, mut counters) = (Vec::new(), Vec::new());
        Walk::over(model, |_, leaf| match leaf {
            LeafRef::Buffer(buffer) => buffers.push(buffer),
            LeafRef::Counter(counter) => counters.push(counter),
            _ => {}
        });
        Self { buffers, counters }
    }

    fn values(&self) -> (Vec<Tensor>, Vec<u64>) {
        (
            self.buffers.iter().map(|buffer| buffer.value()).collect(),
            self.counters.iter().map(|counter| counter.get()).collect(),
        )
    }

    fn set(&self, (buffers, counters): &(Vec<Tensor>, Vec<u64>)) -> Result<()> {
        for (buffer, value) in self.buffers.iter().zip(buffers) {
            buffer.set(value)?;
        }
        for (counter, &value) in self.counters.iter().zip(counters) {
            counter.set(value);
        }
        Ok(())
    }

    fn tally(&self, count: f64, loss: f64, draws: u64) -> Tally {
        let buffers = self
            .buffers
            .iter()
            .flat_map(|buffer| buffer.value().to_f64_vec());
        Tally {
            count,
            loss: loss * count,
            buffers: buffers.map(|value| value * count).collect(),
            draws,
            counters: self.counters.iter().map(|counter| counter.get()).collect(),
            present: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Sets the buffers to their means over all shards.
    fn set_means(&self, tally: &Tally) -> Result<()> {
        let mut sums = tally.buffers.iter();
        for buffer in &self.buffers {
            let value = buffer.value();
            let means: Vec<f64> = sums
                .by_ref()
                .take(value.len())
                .map(|sum| sum / tally.count)
                .collect();
            let means = Tensor::from_vec(means, value.shape())?.to_dtype(value.dtype());
            buffer.set(&means)?;
        }
        for (counter, &value) in self.counters.iter().zip(&tally.counters) {
            counter.set(value);
        }
        Ok(())
    }
}

/// Sets each of `left` to the larger of both. The shorter list is filled up with 0.
fn largest(left: &mut Vec<u64>, mut right: Vec<u64>) {
    let len = left.len().max(right.len());
    left.resize(len, 0);
    right.resize(len, 0);
    for (left, right) in left.iter_mut().zip(right) {
        *left = (*left).max(right);
    }
}

impl Tally {
    fn add(mut left: Self, mut right: Self) -> Self {
        left.count += right.count;
        left.loss += right.loss;
        left.draws = left.draws.max(right.draws);
        // Those of a shard without samples are empty.
        let len = left.buffers.len().max(right.buffers.len());
        left.buffers.resize(len, 0.0);
        right.buffers.resize(len, 0.0);
        for (left, right) in left.buffers.iter_mut().zip(right.buffers) {
            *left += right;
        }
        largest(&mut left.counters, right.counters);
        largest(&mut left.present, right.present);
        left.notes.extend(right.notes);
        left
    }

    fn to_bytes(&self) -> Vec<u8> {
        let header = [self.count.to_bits(), self.loss.to_bits(), self.draws];
        let lengths = [self.buffers.len(), self.counters.len(), self.present.len()];
        let buffers = self.buffers.iter().map(|value| value.to_bits());
        let numbers = header.into_iter().chain(lengths.map(|len| len as u64));
        let numbers = numbers.chain(buffers).chain(self.counters.iter().copied());
        let numbers = numbers.chain(self.present.iter().copied());
        let mut bytes: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
        bytes.extend(&self.notes);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut rest = bytes;
        let mut next = || -> Result<u64> {
            let Some((number, after)) = rest.split_first_chunk() else {
                let reason = "a message of another rank is too short";
                return Err(Error::argument("Ranks::gradients", reason));
            };
            rest = after;
            Ok(u64::from_le_bytes(*number))
        };
        let (count, loss, draws) = (next()?, next()?, next()?);
        let (buffers, counters, present) = (next()?, next()?, next()?);
        let buffers = (0..buffers).map(|_| next().map(f64::from_bits));
        let buffers = buffers.collect::<Result<_>>()?;
        let counters = (0..counters).map(|_| next()).collect::<Result<_>>()?;
        let present = (0..present).map(|_| next()).collect::<Result<_>>()?;
        Ok(Self {
            count: f64::from_bits(count),
            loss: f64::from_bits(loss),
            buffers,
            draws,
            counters,
            present,
            notes: rest.to_vec(),
        })
    }
}
