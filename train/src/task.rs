//! The trait of everything that can be trained by the loop.

use crate::log::EpochRecord;
use crate::step::Step;
use cotangent_core::module::Module;
use cotangent_core::state::{StateDict, Stateful};
use cotangent_core::{Error, Result};
use cotangent_data::Sample;

/// Something that learns from batches: a model with its optimizer and loss.
///
/// [`Supervised`](crate::Supervised) is the usual one. Implement the trait for training with
/// several optimizers, or with a step of another form. Its state must be all that changes in
/// training, which `#[derive(Stateful)]` collects:
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::train::{Fit, Step, Task};
///
/// /// A generator and a discriminator (Goodfellow et al. 2014, Generative Adversarial Nets).
/// #[derive(Stateful)]
/// struct Gan {
///     generator: Mlp,
///     discriminator: Mlp,
///     generator_optimizer: Box<dyn Optimizer>,
///     discriminator_optimizer: Box<dyn Optimizer>,
/// }
///
/// impl Task for Gan {
///     type Batch = Tensor;
///
///     fn train_step(&mut self, real: &Tensor, step: &mut Step<'_>) -> Result<()> {
///         let mut rng = ChaCha8Rng::seed_from_u64(step.pass().next_seed());
///         let noise = Tensor::normal([step.samples(), 2], 0.0, 1.0, DType::F32, &mut rng)?;
///         let fake = self.generator.forward(&noise, step.pass())?;
///
///         let judge = |x: &Tensor| self.discriminator.forward(x, step.pass());
///         let loss = judge(real)?.neg().softplus().mean()
///             .add(&judge(&fake.detach())?.softplus().mean())?;
///         step.record("discriminator_loss", loss.item()?);
///         self.discriminator_optimizer.step(&mut self.discriminator, loss.backward()?)?;
///
///         let loss = self.discriminator.forward(&fake, step.pass())?.neg().softplus().mean();
///         step.record("generator_loss", loss.item()?);
///         self.generator_optimizer.step(&mut self.generator, loss.backward()?)
///     }
/// }
/// # let mut rng = ChaCha8Rng::seed_from_u64(1);
/// # let mut gan = Gan {
/// #     generator: Mlp::builder([2, 8, 2]).build(&mut rng)?,
/// #     discriminator: Mlp::builder([2, 8, 1]).build(&mut rng)?,
/// #     generator_optimizer: Adam::new(1e-3).build()?,
/// #     discriminator_optimizer: Adam::new(1e-3).build()?,
/// # };
/// # let points = Tensor::normal([64, 2], 0.0, 1.0, DType::F32, &mut rng)?;
/// # let batches = Batches::new(cotangent::data::Table::new(points)?, 32)?.shuffle(0);
/// # let run = Fit::new(2).run(&mut gan, &batches)?;
/// # assert_eq!(run.history().names().count(), 2);
/// # Ok::<(), Error>(())
/// ```
pub trait Task: Stateful {
    /// A batch.
    type Batch: Sample;

    /// Trains on one batch.
    ///
    /// # Errors
    /// Any error ends the run.
    fn train_step(&mut self, batch: &Self::Batch, step: &mut Step<'_>) -> Result<()>;

    /// Trains on a batch of which this rank has some shards. The default is an error: the task
    /// trains in one process only.
    ///
    /// It is [`train_step`](Self::train_step) for several ranks: call
    /// [`ShardedStep::gradients`](crate::ShardedStep::gradients) in place of `backward`, and do the
    /// rest as there. Afterwards the task must be in the same state on all ranks.
    ///
    /// # Errors
    /// Any error ends the run.
    #[cfg(feature = "parallel")]
    fn train_shards(
        &mut self,
        batch: &cotangent_data::Shards<Self::Batch>,
        step: &mut crate::ShardedStep<'_>,
    ) -> Result<()> {
        let _ = (batch, step);
        let reason = "this task trains in one process only: implement `train_shards`";
        Err(Error::argument("Task::train_shards", reason))
    }

    /// Records loss and metrics of a batch of the validation set, under the inference pass of
    /// `step`. The default is an error: the task has no validation.
    ///
    /// # Errors
    /// Any error ends the run.
    fn validate_step(&mut self, batch: &Self::Batch, step: &mut Step<'_>) -> Result<()> {
        let _ = (batch, step);
        let reason = "this task has no validation: implement `validate_step`";
        Err(Error::argument("Task::validate_step", reason))
    }

    /// Ends the training steps of an epoch, before its validation. A task that collects gradients
    /// of several batches applies those that are left here. The step has no samples; a value is
    /// recorded by [`Step::set`].
    ///
    /// It is called again if the run was stopped in the validation and is resumed.
    ///
    /// # Errors
    /// Any error ends the run.
    fn end_steps(&mut self, step: &mut Step<'_>) -> Result<()> {
        let _ = step;
        Ok(())
    }

    /// Ends the training steps of an epoch on several ranks, as [`end_steps`](Self::end_steps)
    /// does, which the default calls. A task that lets batches
    /// [wait](crate::ShardedStep::wait) computes those that are left here.
    ///
    /// # Errors
    /// Any error ends the run.
    #[cfg(feature = "parallel")]
    fn end_shards(&mut self, step: &mut crate::ShardedStep<'_>) -> Result<()> {
        self.end_steps(&mut step.end())
    }

    /// Ends an epoch, after its validation.
    ///
    /// # Errors
    /// Any error ends the run.
    fn end_epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        let _ = epoch;
        Ok(())
    }

    /// Returns the model whose weights the logs may show; none by default.
    fn module(&self) -> Option<&dyn Module> {
        None
    }

    /// Returns the weights that are kept of the best epoch; the whole state by default.
    ///
    /// # Errors
    /// [`Error::Format`] if they cannot be saved.
    fn weights(&self) -> Result<StateDict> {
        self.state()
    }

    /// Replaces the weights by those of [`weights`](Self::weights).
    ///
    /// # Errors
    /// [`Error::State`] with all mismatches. Nothing has changed then.
    fn load_weights(&mut self, weights: &StateDict) -> Result<()> {
        self.load_state(weights)
    }
}
