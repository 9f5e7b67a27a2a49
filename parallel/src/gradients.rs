//! The gradients of a batch whose shards are on several ranks.

use crate::buckets::Exchange;
use crate::frames::{framed, frames};
use crate::leaves::Plan;
use crate::meeting::{Meeting, Member, first_error};
use crate::ranks::Ranks;
use crate::tally::Tally;
use crate::tree::Tree;
use crate::untrained::Untrained;
use cotangent_core::module::{Module, Pass};
use cotangent_core::{Backward, Error, Gradients, LeafId, Result, Tensor};
use cotangent_data::{Sample, Shards};
use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
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
    /// Computes the loss of a shard, and what it is the mean over.
    fn loss(&self, at: At, shard: &B, pass: &Pass) -> Result<Loss>;

    /// Explains an error of the loss, or of its backward.
    fn explain(&self, error: Error, at: At, shard: &B, pass: &Pass) -> Error {
        let _ = (at, shard, pass);
        error
    }

    /// Returns a note to the other ranks, after all losses.
    fn note(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// The place of a shard: the number of its batch among those of a step, and its own among those of
/// this rank.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct At {
    pub batch: usize,
    pub shard: usize,
}

/// A function that computes the loss of a shard.
struct Function<F>(F);

impl<B, F: Fn(&B, &Pass) -> Result<Loss>> Shardwise<B> for Function<F> {
    fn loss(&self, _: At, shard: &B, pass: &Pass) -> Result<Loss> {
        (self.0)(shard, pass)
    }
}

impl Ranks {
    /// Computes the gradients of a batch of which this rank has some shards, or of several batches
    /// together. All ranks call it with the same model.
    ///
    /// `loss` is called for each shard of this rank that has samples, with a pass whose random
    /// numbers depend on the seed and on the shard. Backward runs after each call, and the
    /// gradients are exchanged while it runs for the last one. The result has the same bits for any
    /// number of ranks with the same number of shards.
    ///
    /// - A parameter without a gradient on any shard has none. Where only some shards lack it, it
    ///   counts as 0 there.
    /// - Buffers that forward changes, such as running statistics, become the mean of those of all
    ///   shards, by their numbers of samples. The others keep their bits. Counters are those of one
    ///   shard.
    /// - At the first call for a model, the ranks check that they have the same parameters, and
    ///   again after every [100 calls](crate::RanksBuilder::check_every).
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
    /// # Several batches
    ///
    /// Given several batches, it returns the gradients of the mean over the samples of all of them,
    /// as of one large batch that does not fit into memory. Each rank adds up the gradients of its
    /// shards, batch by batch, and they are exchanged once, during the last backward. A shard runs
    /// over its parts of all batches before the next shard begins.
    ///
    /// ```
    /// # use cotangent::parallel::Ranks;
    /// # use cotangent::prelude::*;
    /// # let batches = Batches::new(digits()?, 64)?.shuffle(1);
    /// # let ranks = Ranks::builder().shards(4).single()?;
    /// # let mut net = Mlp::builder([64, 32, 10]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
    /// # let mut optimizer = Adam::new(2e-3).build()?;
    /// # let pass = Pass::train(1);
    /// # let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), pass: &Pass| {
    /// #     net.forward(images, pass)?.cross_entropy(labels)
    /// # };
    /// let mut epoch = batches.shards(0, ranks.own_shards(), ranks.shards())?;
    /// loop {
    ///     // The last step of the epoch has the batches that are left.
    ///     let four: Vec<_> = epoch.by_ref().take(4).collect::<Result<_>>()?;
    ///     if four.is_empty() {
    ///         break;
    ///     }
    ///     let summed = ranks.gradients(&net, &four, &pass, loss)?;
    ///     optimizer.step(&mut net, summed.gradients)?;
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of `loss` and of backward; [`Error::Argument`] if there is no batch, if one has no
    /// samples, or not the shards of this rank; [`Error::Rank`] if another rank has failed, or if
    /// its parameters or numbers of samples differ. Any error ends the job.
    #[doc(alias = "no_sync")]
    pub fn gradients<M, B, L>(
        &self,
        model: &M,
        batches: &(impl AsRef<[Shards<B>]> + ?Sized),
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
        let summed = self.gradients_of(model, batches.as_ref(), pass, &Function(loss));
        summed.map(|(summed, _)| summed)
    }

    /// Does the same as [`gradients`](Self::gradients), with the shards of this rank on threads of
    /// their own. Layers that sum over all shards need it where a rank has several, such as a
    /// [synchronized](https://docs.rs/cotangent) batch normalization.
    ///
    /// Forward must not change other buffers than the running statistics of the synchronized
    /// layers, since the shards share the model: batch normalization that is not synchronized is an
    /// error. A layer of your own calls
    /// [`AllReduce::sets_alike`](cotangent_core::module::AllReduce::sets_alike).
    ///
    /// # Errors
    /// Those of [`gradients`](Self::gradients).
    pub fn gradients_at_once<M, B, L>(
        &self,
        model: &M,
        batches: &(impl AsRef<[Shards<B>]> + ?Sized),
        pass: &Pass,
        loss: impl Fn(&M, &B, &Pass) -> Result<L> + Sync,
    ) -> Result<Summed>
    where
        M: Module + Sync + ?Sized,
        B: Sample,
        L: Into<Loss>,
    {
        let loss = |batch: &B, pass: &Pass| loss(model, batch, pass).map(Into::into);
        let summed = self.gradients_of_all(model, batches.as_ref(), pass, &Function(loss));
        summed.map(|(summed, _)| summed)
    }

    /// Does the same as [`gradients`](Self::gradients), and returns the notes of all ranks too.
    #[doc(hidden)]
    pub fn gradients_of<M: Module + ?Sized, B: Sample>(
        &self,
        model: &M,
        batches: &[Shards<B>],
        pass: &Pass,
        work: &dyn Shardwise<B>,
    ) -> Result<(Summed, Vec<Vec<u8>>)> {
        let one_by_one = |step: &Summing<'_>| {
            let tallies = self.own_shards().enumerate().map(|(number, _)| {
                if number > 0 {
                    step.leaves.reset()?;
                }
                step.shard(number, batches, pass, work)
            });
            tallies.collect()
        };
        self.summed(model, batches, pass, &|| work.note(), false, one_by_one)
            .map_err(|error| self.fail(error))
    }

    /// Does the same as [`gradients_at_once`](Self::gradients_at_once), and returns the notes of
    /// all ranks too.
    #[doc(hidden)]
    pub fn gradients_of_all<M: Module + Sync + ?Sized, B: Sample>(
        &self,
        model: &M,
        batches: &[Shards<B>],
        pass: &Pass,
        work: &(dyn Shardwise<B> + Sync),
    ) -> Result<(Summed, Vec<Vec<u8>>)> {
        let all = |step: &Summing<'_>| {
            let fail = || step.meetings.iter().for_each(|meeting| meeting.fail());
            thread::scope(|scope| {
                let threads = self.own_shards().enumerate().map(|(number, _)| {
                    let spawned = thread::Builder::new().spawn_scoped(scope, move || {
                        // Of all shards one moves the running statistics, which are the same.
                        let pass = match number {
                            0 => pass.record(),
                            _ => pass.hold_statistics(),
                        };
                        let meetings = step.meetings.iter();
                        let _ends: Vec<_> =
                            meetings.map(|meeting| meeting.end_on_panic()).collect();
                        let tally = step.shard(number, batches, &pass, work);
                        if tally.is_err() {
                            fail();
                        }
                        tally
                    });
                    // The shards before this one must not wait for it.
                    spawned.inspect_err(|_| fail())
                });
                let threads: Vec<_> = threads.collect();
                let results = threads.into_iter().map(|thread| match thread?.join() {
                    Ok(result) => result,
                    Err(panic) => std::panic::resume_unwind(panic),
                });
                let results: Vec<Result<Tally>> = results.collect();
                first_error(results)
            })
        };
        self.summed(model, batches, pass, &|| work.note(), true, all)
            .map_err(|error| self.fail(error))
    }

    fn summed<M: Module + ?Sized, B: Sample>(
        &self,
        model: &M,
        batches: &[Shards<B>],
        pass: &Pass,
        note: &dyn Fn() -> Result<Vec<u8>>,
        at_once: bool,
        compute: impl Fn(&Summing<'_>) -> Result<Vec<Tally>>,
    ) -> Result<(Summed, Vec<Vec<u8>>)> {
        let step = Summing::new(self, model, batches, at_once)?;
        self.exchanges.fetch_add(1, Relaxed);
        let tallies = compute(&step)?;
        let computed = Instant::now();
        if at_once && self.shards() > 1 {
            let alike: Vec<_> = step
                .meetings
                .iter()
                .map(|meeting| meeting.alike())
                .collect();
            step.leaves
                .check_shared(model, &alike.concat().into_iter().collect())?;
        }
        let mut tree = Tree::new();
        let add = |left, right| Ok::<_, Infallible>(Tally::add(left, right));
        for tally in tallies {
            let Ok(()) = tree.push(tally, add);
        }
        let Ok(tally) = tree.sum(add);
        let mut tally = tally.unwrap_or_default();
        let Summing {
            plan,
            leaves,
            exchange,
            unit,
            ..
        } = step;
        let exchange = exchange
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        tally.rows = batches.iter().map(|batch| batch.rows as u64).collect();
        tally.notes = framed(&note()?);
        let present = exchange.present.iter();
        tally.present = present.map(|&present| u64::from(present)).collect();
        let combine = |left: Vec<u8>, right: Vec<u8>| Tally::add_bytes(&left, &right);
        let tally = self.merge(tally.to_bytes(), Box::new(combine)).wait()?;
        let mut tally = Tally::from_bytes(&tally)?;
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
        let factor = unit / tally.count;
        if factor != 1.0 {
            gradients.map_in_place(|gradient| gradient.scaled_in_place(factor));
        }
        pass.observe_sum(&gradients, factor);
        if self.shards() > 1 && !at_once {
            leaves.set_means(&mut tally)?;
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

/// The gradients of the batches of a step, while they are computed.
struct Summing<'s> {
    plan: Arc<Plan>,
    leaves: Untrained<'s>,
    exchange: Mutex<Exchange<'s>>,
    first_shard: usize,
    /// The losses of the shards are multiplied by their counts and divided by this number.
    unit: f64,
    /// The meetings of the shards, by batch.
    meetings: Vec<Arc<Meeting>>,
    /// The sums of the gradients of the batches before the last one, by shard.
    sums: Vec<Mutex<Gradients>>,
}

impl<'s> Summing<'s> {
    /// Checks the batches and begins.
    fn new<M: Module + ?Sized, B: Sample>(
        ranks: &'s Ranks,
        model: &'s M,
        batches: &[Shards<B>],
        at_once: bool,
    ) -> Result<Self> {
        let own = ranks.own_shards();
        let wrong = |reason: String| Err(Error::argument("Ranks::gradients", reason));
        if batches.is_empty() {
            return wrong("expected at least one batch, found none".to_owned());
        }
        for batch in batches {
            if batch.parts.len() != own.len() {
                let (expected, found) = (own.len(), batch.parts.len());
                return wrong(format!(
                    "expected the {expected} shards of this rank, found {found}"
                ));
            }
            if batch.rows == 0 {
                return wrong("expected a batch with samples, found none".to_owned());
            }
        }
        let plan = ranks.plan(model)?;
        let meetings = batches.iter().map(|batch| {
            let present = batch.parts.iter().map(Option::is_some).collect();
            Meeting::new(ranks, present, at_once, batch.rows)
        });
        Ok(Self {
            leaves: Untrained::of(model),
            exchange: Mutex::new(Exchange::new(ranks, Arc::clone(&plan))),
            first_shard: own.start,
            unit: batches.iter().map(|batch| batch.rows as f64).sum(),
            meetings: meetings.collect(),
            sums: own.map(|_| Mutex::default()).collect(),
            plan,
        })
    }

    /// Computes losses and gradients of one of this rank's shards, batch by batch.
    fn shard<B: Sample>(
        &self,
        number: usize,
        batches: &[Shards<B>],
        pass: &Pass,
        work: &(impl Shardwise<B> + ?Sized),
    ) -> Result<Tally> {
        let alone = pass.for_shard((self.first_shard + number) as u64);
        let mut tally = Tally::default();
        for (batch, (shards, meeting)) in batches.iter().zip(&self.meetings).enumerate() {
            if let Some(part) = &shards.parts[number] {
                let begun = alone.draws();
                let pass = alone.with_all_reduce(Arc::new(Member {
                    meeting: Arc::clone(meeting),
                    number,
                }));
                let at = At {
                    batch,
                    shard: number,
                };
                // The explanation takes part in no sums of other shards.
                let (count, loss) = self.part(at, part, &pass, work).map_err(|error| {
                    let error = work.explain(error, at, part, &alone.resume_at(begun));
                    match batches.len() {
                        1 => error,
                        count => error.at(format!("batch {} of {count}", batch + 1)),
                    }
                })?;
                tally.count += count;
                tally.loss += loss * count;
            }
            meeting.end(number);
        }
        // Those of which the last batch has none.
        let left = std::mem::take(&mut *lock(&self.sums[number]));
        for (leaf, gradient) in left.iter() {
            lock(&self.exchange).add(number, leaf, gradient.clone())?;
        }
        lock(&self.exchange).end_shard(number)?;
        if batches.iter().any(|batch| batch.parts[number].is_some()) {
            tally.draws = alone.draws();
            tally.counters = self.leaves.counts();
            tally.buffers = self.leaves.changes(tally.count);
        }
        Ok(tally)
    }

    /// Computes loss and gradients of a shard of one batch. Returns what the loss is the mean over,
    /// and the loss.
    fn part<B: Sample>(
        &self,
        at: At,
        part: &B,
        pass: &Pass,
        work: &(impl Shardwise<B> + ?Sized),
    ) -> Result<(f64, f64)> {
        let Loss { value, count } = work.loss(at, part, pass)?;
        let count = count.map_or_else(|| part.rows().map(|rows| rows as f64), Ok)?;
        let seed = Tensor::full(value.shape(), count / self.unit, value.dtype())?;
        let loss = value.item()?;
        Backward::new().run_each(&value, &seed, |leaf, gradient| self.add(at, leaf, gradient))?;
        Ok((count, loss))
    }

    /// Adds a gradient of a shard to those of the batches before. The sum is exchanged if there is
    /// no other batch.
    fn add(&self, at: At, leaf: LeafId, gradient: Tensor) -> Result<()> {
        if !self.plan.by_id.contains_key(&leaf) {
            return Ok(());
        }
        let mut sums = lock(&self.sums[at.shard]);
        let before = sums.remove(&leaf);
        let sum = match before {
            None => gradient,
            Some(before) => sum_of(leaf, before, gradient)?,
        };
        if at.batch + 1 < self.meetings.len() {
            sums.insert(&leaf, sum);
            return Ok(());
        }
        drop(sums);
        lock(&self.exchange).add(at.shard, leaf, sum)
    }
}

/// Returns the sum of two gradients of one leaf, in the form that they have.
fn sum_of(leaf: LeafId, before: Tensor, gradient: Tensor) -> Result<Tensor> {
    let [mut sum, mut other] = [Gradients::default(), Gradients::default()];
    sum.insert(&leaf, before);
    other.insert(&leaf, gradient);
    sum.add(other)?;
    sum.remove(&leaf)
        .ok_or_else(|| Error::argument("Ranks::gradients", "a gradient is missing"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // After a panic of another shard neither is used any more.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
