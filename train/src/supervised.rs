//! The usual task: one model, one optimizer, and a loss.

use crate::log::EpochRecord;
use crate::step::Step;
use crate::task::Task;
use accumulation::Accumulation;
use cotangent_core::module::Module;
use cotangent_core::state::{Entry, StateDict, Stateful, load_parts};
use cotangent_core::{Gradients, Result, Tensor};
use cotangent_data::Sample;
use cotangent_optim::clip::{self, Clip};
use cotangent_optim::{Optimizer, Schedule, WeightAverage};
use std::fmt::{self, Debug, Formatter};
use std::marker::PhantomData;

mod accumulation;
#[cfg(feature = "parallel")]
mod sharded;

/// A model that an optimizer trains to a low loss.
///
/// The loss is a closure of the model, a batch and the [`Step`], under whose pass it runs the
/// model. The loop records its value as `loss`, in training and in validation, and the closure may
/// record others:
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::train::{Fit, Step, Supervised, metrics::Accuracy};
///
/// let (train, test) = digits()?.split_stratified(0.2, 1)?;
/// let net = Mlp::builder([64, 32, 10]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
/// let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
///     let logits = net.forward(images, step.pass())?;
///     step.score(Accuracy::new(), &logits, labels)?;
///     logits.cross_entropy(labels)
/// };
/// let optimizer = Adam::new(2e-3).build()?;
/// let mut task = Supervised::new(net, optimizer, loss).clip(clip::global_norm(5.0));
/// let valid = Batches::new(&test, 500)?;
/// let run = Fit::new(5).validate(&valid).run(&mut task, &Batches::new(&train, 32)?.shuffle(1))?;
/// assert!(run.history().last("validation_accuracy") > Some(0.8));
/// let net = task.into_model();
/// # let _ = net;
/// # Ok::<(), Error>(())
/// ```
///
/// A step computes the loss and its gradients, adds these to the accumulator if there is one, clips
/// them, sets the learning rate by the schedule, and calls the optimizer. It records `loss`,
/// `gradient_norm` before clipping if the gradients are clipped, and `learning_rate`. A loss or a
/// gradient that is not finite is an error, and the weights do not change;
/// [`Clip::allow_nonfinite`] allows such gradients.
#[must_use]
pub struct Supervised<M, B, F> {
    model: M,
    optimizer: Box<dyn Optimizer>,
    loss: F,
    clip: Option<Clip>,
    schedule: Option<Schedule>,
    accumulation: Option<Accumulation>,
    average: Option<Average<M>>,
    #[cfg(feature = "parallel")]
    shards_at_once: Option<AtOnce<M, B, F>>,
    /// The batches whose gradients are computed together with those of a later one.
    #[cfg(feature = "parallel")]
    waiting: Vec<cotangent_data::Shards<B>>,
    batch: PhantomData<fn(&B)>,
}

/// Computes the gradients of batches, with all shards of this rank at the same time.
#[cfg(feature = "parallel")]
type AtOnce<M, B, F> =
    fn(&M, &F, &[cotangent_data::Shards<B>], &mut crate::ShardedStep<'_>) -> Result<Gradients>;

/// Averaged weights.
struct Average<M> {
    weights: WeightAverage<M>,
    /// Clones are needed to create an average only, but the method asks for them too.
    update: fn(&mut WeightAverage<M>, &M) -> Result<()>,
}

impl<M, B, F> Supervised<M, B, F>
where
    M: Module,
    F: FnMut(&M, &B, &mut Step<'_>) -> Result<Tensor>,
{
    /// Creates a task from a model, an optimizer and a loss: the mean over the samples of a batch.
    pub fn new(model: M, optimizer: Box<dyn Optimizer>, loss: F) -> Self {
        Self {
            model,
            optimizer,
            loss,
            clip: None,
            schedule: None,
            accumulation: None,
            average: None,
            #[cfg(feature = "parallel")]
            shards_at_once: None,
            #[cfg(feature = "parallel")]
            waiting: Vec::new(),
            batch: PhantomData,
        }
    }

    /// Clips the gradients before each step of the optimizer.
    pub fn clip(mut self, clip: Clip) -> Self {
        self.clip = Some(clip);
        self
    }

    /// Changes the learning rate before each step of the optimizer. A schedule that depends on a
    /// metric, such as [`Schedule::reduce_on_plateau`], observes the value by which the run
    /// compares epochs (see [`Fit::best`](crate::Fit::best)), after each epoch.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = Some(schedule);
        self
    }

    /// Calls the optimizer once in `batches` steps, with the mean of their gradients over all
    /// samples, or over what [`Step::weigh`] counts, with `batches` at least 1. The steps that are
    /// left at the end of an epoch have a call of their own: with 7 batches in an epoch and
    /// `accumulate(3)` there are 3 calls in each epoch, the last with the gradients of one batch. A
    /// schedule counts these calls.
    ///
    /// The end of an epoch is that of [`Fit`](crate::Fit) and
    /// [`Run::train_epoch`](crate::Run::train_epoch). In a loop of
    /// [`Run::train_step`](crate::Run::train_step) alone, gradients wait for the batches of the
    /// next epoch.
    ///
    /// On several ranks the batches wait for the last one of the step. Then each rank computes its
    /// shards of all of them, and the gradients are exchanged once. So losses and metrics are
    /// recorded at the steps that call the optimizer. Checkpoints are saved after these steps, and
    /// the run ends after one of them.
    #[doc(alias = "no_sync")]
    pub fn accumulate(mut self, batches: u64) -> Self {
        self.accumulation = Some(Accumulation::new(batches));
        self
    }

    /// Averages the weights over the steps of the optimizer. The averaged model is the one that is
    /// validated and that [`model`](Self::model) returns.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// # use cotangent::train::{Step, Supervised};
    /// # let net = Linear::new(2, 1, &mut ChaCha8Rng::seed_from_u64(1))?;
    /// # let loss = |net: &Linear, x: &Tensor, step: &mut Step<'_>| {
    /// #     Ok(net.forward(x, step.pass())?.square().mean())
    /// # };
    /// let task = Supervised::new(net, Sgd::new(0.1).build()?, loss)
    ///     .average(|net| WeightAverage::exponential(net, 0.999))?;
    /// # let _ = task;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of the closure.
    pub fn average(mut self, average: impl FnOnce(&M) -> Result<WeightAverage<M>>) -> Result<Self>
    where
        M: Clone,
    {
        self.average = Some(Average {
            weights: average(&self.model)?,
            update: WeightAverage::update,
        });
        Ok(self)
    }

    /// Computes the shards of a rank at the same time, on threads of their own. Layers that sum
    /// over all shards need it, such as a
    /// [synchronized](cotangent_nn::BatchNormBuilder::synchronized) batch normalization, unless
    /// each rank has one shard.
    #[cfg(feature = "parallel")]
    pub fn shards_at_once(mut self) -> Self
    where
        M: Sync,
        B: Sample,
        F: Fn(&M, &B, &mut Step<'_>) -> Result<Tensor> + Sync,
    {
        self.shards_at_once = Some(|model, loss, batches, step| {
            step.gradients_at_once(model, batches, |model, shard, step| {
                let loss = loss(model, shard, step)?;
                step.record("loss", loss.item()?);
                Ok(loss)
            })
        });
        self
    }

    /// Returns the model that predicts: the averaged one if the weights are averaged, else the
    /// trained one.
    pub fn model(&self) -> &M {
        match &self.average {
            Some(average) => average.weights.model(),
            None => &self.model,
        }
    }

    /// Returns the model that the optimizer trains.
    pub fn trained_model(&self) -> &M {
        &self.model
    }

    /// Returns the model that predicts, as [`model`](Self::model) does.
    pub fn into_model(self) -> M
    where
        M: Clone,
    {
        match self.average {
            Some(average) => average.weights.model().clone(),
            None => self.model,
        }
    }

    /// Returns the model that the optimizer trains, and the optimizer, to change their settings
    /// between two runs.
    pub fn parts_mut(&mut self) -> (&mut M, &mut dyn Optimizer) {
        (&mut self.model, &mut *self.optimizer)
    }

    /// Returns an error if a gradient is not finite. If there is clipping, it decides.
    fn check(&self, gradients: &mut Gradients) -> Result<()> {
        let is_finite = |gradient: &Tensor| gradient.sum_of_squares().is_finite();
        if self.clip.is_some() || gradients.iter().all(|(_, gradient)| is_finite(gradient)) {
            return Ok(());
        }
        // It clips nothing, and its error names the parameter.
        let clip = clip::global_norm(f64::INFINITY);
        clip.apply(&self.model, gradients).map(drop)
    }

    /// Adds the gradients of a batch, and returns the mean if it is complete.
    fn accumulated(&mut self, mut gradients: Gradients, weight: f64) -> Result<Option<Gradients>> {
        self.check(&mut gradients)?;
        match &mut self.accumulation {
            Some(accumulation) => accumulation.add(&self.model, gradients, weight),
            None => Ok(Some(gradients)),
        }
    }

    /// Returns the mean of the gradients that no step of the optimizer has used.
    fn left(&mut self) -> Result<Option<Gradients>> {
        match &mut self.accumulation {
            Some(accumulation) => accumulation.take(&self.model),
            None => Ok(None),
        }
    }

    /// Changes the weights by a step along the gradients. `set` records values of the step.
    fn update(&mut self, mut gradients: Gradients, mut set: impl FnMut(&str, f64)) -> Result<()> {
        if let Some(clip) = &self.clip {
            let norm = clip.apply(&self.model, &mut gradients)?;
            set("gradient_norm", norm);
        }
        if let Some(schedule) = &mut self.schedule {
            schedule.step(&mut self.optimizer)?;
        }
        set("learning_rate", self.optimizer.learning_rate());
        self.optimizer.step(&mut self.model, gradients)?;
        if let Some(average) = &mut self.average {
            (average.update)(&mut average.weights, &self.model)?;
        }
        Ok(())
    }

    fn try_step(&mut self, batch: &B, step: &mut Step<'_>) -> Result<()> {
        let loss = (self.loss)(&self.model, batch, step)?;
        step.record("loss", loss.item()?);
        let gradients = loss.backward()?;
        match self.accumulated(gradients, step.weight)? {
            Some(gradients) => self.update(gradients, |name, value| step.set(name, value)),
            None => Ok(()),
        }
    }
}

impl<M, B, F> Task for Supervised<M, B, F>
where
    M: Module,
    B: Sample,
    F: FnMut(&M, &B, &mut Step<'_>) -> Result<Tensor>,
{
    type Batch = B;

    fn train_step(&mut self, batch: &B, step: &mut Step<'_>) -> Result<()> {
        self.try_step(batch, step).map_err(|error| {
            step.explain(error, &self.model, |step| {
                (self.loss)(&self.model, batch, step)
            })
        })
    }

    #[cfg(feature = "parallel")]
    fn train_shards(
        &mut self,
        batch: &cotangent_data::Shards<B>,
        step: &mut crate::ShardedStep<'_>,
    ) -> Result<()> {
        self.try_shards(batch, step)
    }

    fn validate_step(&mut self, batch: &B, step: &mut Step<'_>) -> Result<()> {
        let model = match &self.average {
            Some(average) => average.weights.model(),
            None => &self.model,
        };
        let loss = (self.loss)(model, batch, step)?;
        step.record("loss", loss.item()?);
        Ok(())
    }

    /// Calls the optimizer with the accumulated gradients that are left.
    fn end_steps(&mut self, step: &mut Step<'_>) -> Result<()> {
        match self.left()? {
            Some(gradients) => self.update(gradients, |name, value| step.set(name, value)),
            None => Ok(()),
        }
    }

    #[cfg(feature = "parallel")]
    fn end_shards(&mut self, step: &mut crate::ShardedStep<'_>) -> Result<()> {
        if self.waiting.is_empty() {
            return self.end_steps(&mut step.end());
        }
        self.step_on(step)
    }

    fn end_epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        if let (Some(schedule), Some(value)) = (&mut self.schedule, epoch.monitored) {
            schedule.observe(value);
        }
        Ok(())
    }

    fn module(&self) -> Option<&dyn Module> {
        Some(&self.model)
    }

    /// Returns the state of the model that predicts.
    fn weights(&self) -> Result<StateDict> {
        self.model().state()
    }

    /// Replaces the weights of the model that predicts.
    fn load_weights(&mut self, weights: &StateDict) -> Result<()> {
        let Some(average) = &mut self.average else {
            return self.model.load_state(weights);
        };
        let mut state = StateDict::new();
        state.insert("updates", Entry::Count(average.weights.updates()));
        state.insert_part("model", weights.clone());
        average.weights.load_state(&state)
    }
}

/// The entries are those of `model`, `optimizer`, and of `schedule`, `gradients` and `average` if
/// the task has them.
impl<M: Module, B, F> Stateful for Supervised<M, B, F> {
    fn state(&self) -> Result<StateDict> {
        #[cfg(feature = "parallel")]
        sharded::expect_none(self.waiting.len())?;
        let mut state = StateDict::new();
        state.insert_part("model", self.model.state()?);
        state.insert_part("optimizer", self.optimizer.state()?);
        if let Some(schedule) = &self.schedule {
            state.insert_part("schedule", schedule.state()?);
        }
        if let Some(accumulation) = &self.accumulation {
            state.insert_part("gradients", accumulation.state()?);
        }
        if let Some(average) = &self.average {
            state.insert_part("average", average.weights.state()?);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let mut parts: Vec<(&str, &mut dyn Stateful)> = vec![
            ("model", &mut self.model),
            ("optimizer", &mut self.optimizer),
        ];
        if let Some(schedule) = &mut self.schedule {
            parts.push(("schedule", schedule));
        }
        if let Some(accumulation) = &mut self.accumulation {
            parts.push(("gradients", accumulation));
        }
        if let Some(average) = &mut self.average {
            parts.push(("average", &mut average.weights));
        }
        load_parts(state, &mut parts)
    }
}

impl<M: Debug, B, F> Debug for Supervised<M, B, F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervised")
            .field("model", &self.model)
            .field("optimizer", &self.optimizer)
            .field("clip", &self.clip)
            .field("schedule", &self.schedule)
            .field("accumulation", &self.accumulation)
            .field("average", &self.average.as_ref().map(|a| a.weights.model()))
            .finish_non_exhaustive()
    }
}
