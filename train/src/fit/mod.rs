//! The settings of a whole run.

mod logs;
mod running;
mod team;

use crate::best::Best;
use crate::checkpoints::Checkpoints;
use crate::log::Log;
use crate::pairs::Pairs;
use crate::run::Run;
use crate::task::Task;
use cotangent_core::{Error, Result};
use cotangent_data::{Epochs, Sample};
use logs::Logs;
use std::fmt::{self, Debug, Display, Formatter};
use team::Team;

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
    team: Team<'a>,
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
            team: Team::default(),
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

    /// Restores the weights of the best epoch at the end, however the run ends: also after an error
    /// in a step, in the validation or in a log, after Ctrl-C and after an early stop.
    #[doc(alias = "restore_best_weights")]
    pub fn keep_best(mut self) -> Self {
        self.keep_best = true;
        self
    }

    /// Saves checkpoints. There is always one of the last step, unless an error ends the run. Then
    /// the newest one is that of an earlier step, and is whole. After an error such as a full disk,
    /// [`resume`](Self::resume) continues from there. After a loss that is not finite, start
    /// another run from the weights in `best.safetensors`, for example with a smaller learning
    /// rate.
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
    /// like `optimizer.learning_rate` (feature `settings`). Left out are fields named `epochs`,
    /// `resume`, `allow_other_settings`, `stop_on_interrupt` and `checkpoints`, which may differ
    /// when the run is resumed.
    ///
    /// # Errors
    /// [`Error::Argument`] if JSON cannot represent the settings, or one is out of its range.
    #[cfg(feature = "settings")]
    pub fn settings(mut self, settings: &impl serde::Serialize) -> Result<Self> {
        let may_differ = [
            "epochs",
            "resume",
            "allow_other_settings",
            "stop_on_interrupt",
            "checkpoints",
        ];
        let mut pairs = crate::settings::pairs(settings)?;
        pairs.retain(|(name, _)| !name.split('.').any(|part| may_differ.contains(&part)));
        self.settings.all.extend(pairs);
        Ok(self)
    }

    /// Allows to resume with other settings than those of the checkpoint.
    pub fn allow_other_settings(mut self) -> Self {
        self.settings.allow_others = true;
        self
    }

    /// Trains on several ranks, each of which calls this with the same task, batches and settings.
    /// Each batch is split into [shards](cotangent_parallel::RanksBuilder::shards), as are those of
    /// the validation. The weights, the history and the metrics are the same on all ranks, and have
    /// the same bits for any number of ranks with the same number of shards.
    ///
    /// Logs and checkpoints are written by rank 0 alone, which also reads the checkpoint of a run
    /// that is resumed, on any number of ranks. A [signal report](Self::signal) is of the whole
    /// batch. A log that ends the run, or Ctrl-C, takes effect after the next step.
    ///
    /// ```
    /// # use cotangent::prelude::*;
    /// # use cotangent::train::{Fit, Step, Supervised};
    /// use cotangent::parallel::Ranks;
    /// # let (train, test) = digits()?.split_stratified(0.2, 1)?;
    /// # let net = Mlp::builder([64, 32, 10]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
    /// # let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
    /// #     net.forward(images, step.pass())?.cross_entropy(labels)
    /// # };
    /// # let mut task = Supervised::new(net, Adam::new(2e-3).build()?, loss);
    /// # let batches = Batches::new(&train, 64)?.shuffle(1);
    /// // On several machines: `Ranks::builder().shards(8).mpi()?`.
    /// let ranks = Ranks::builder().shards(8).single()?;
    /// let run = Fit::new(10).ranks(&ranks).run(&mut task, &batches)?;
    /// assert!(run.history().last("loss") < Some(1.0));
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "parallel")]
    #[doc(alias = "DistributedDataParallel")]
    pub fn ranks(mut self, ranks: &'a cotangent_parallel::Ranks) -> Self {
        self.team.ranks = Some(ranks);
        self
    }

    /// Trains the task on the batches.
    ///
    /// # Errors
    /// [`Error::Argument`] if an option is out of range; the errors of the batches, the task, the
    /// logs and the checkpoints. The text of an error says where in the run it was raised, such as
    /// `epoch 3, step 120`; [`Error::root`] is the error without this. A loss or a gradient that is
    /// not finite is [`Error::NonFinite`], which names the first operation with such a result if
    /// the task is [`Supervised`](crate::Supervised).
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
    /// another call or after stages that the program called itself. The best epoch is one of this
    /// call, and early stopping counts the epochs of this call.
    ///
    /// # Errors
    /// Those of [`run`](Self::run). The run has the history up to the error then.
    pub fn extend<T, E>(self, run: &mut Run, task: &mut T, batches: &E) -> Result<()>
    where
        T: Task<Batch = B>,
        E: Epochs<Batch = B> + ?Sized,
    {
        let team = self.team;
        let result = self.check();
        team.end(result.and_then(|()| running::extend(self, run, task, batches)))
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

impl<B> Debug for Fit<'_, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fit")
            .field("epochs", &self.epochs)
            .field("seed", &self.seed)
            .field("best", &self.best)
            .field("patience", &self.patience)
            .field("keep_best", &self.keep_best)
            .field("checkpoints", &self.checkpoints)
            .field("resume", &self.resume)
            .field("interrupt", &self.interrupt)
            .field("signal", &self.signal)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
