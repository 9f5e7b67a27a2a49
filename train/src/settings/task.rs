//! The settings of a supervised task: the optimizer, and what a step does besides.

use super::range::{self, Check, Fault, options};
use super::{OptimizerSettings, ScheduleSettings};
use crate::{Step, Supervised};
use cotangent_core::module::Module;
use cotangent_core::{Result, Tensor};
use cotangent_optim::WeightAverage;
use cotangent_optim::clip::{self, Clip};
use serde::{Deserialize, Serialize};

/// The way to clip gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClipKind {
    /// [`clip::global_norm`]; the bound is the largest norm of all gradients together.
    GlobalNorm,
    /// [`clip::norm`]; the bound is the largest norm of each gradient.
    Norm,
    /// [`clip::value`]; the bound is the largest absolute value of an element.
    Value,
    /// [`clip::adaptive`]; the bound is the ratio of a unit's norms, about 0.01.
    Adaptive,
}

options! {
    /// The settings of gradient clipping.
    ClipSettings {
        /// The kind, such as `global_norm`.
        kind: ClipKind,
        /// The bound, finite and above 0.
        bound: f64 => range::above_0,
        --
        /// The pattern of the parameters whose gradients are clipped; all by default.
        of: String => range::pattern,
        /// Whether gradients that are not finite are clipped like others. By default they are an
        /// error.
        allow_nonfinite: bool,
    }
}

impl ClipSettings {
    /// Builds the clipping.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if an option is out of range.
    pub fn build(&self) -> Result<Clip> {
        self.checked().map_err(|fault| fault.error("clip"))?;
        let mut clip = match self.kind {
            ClipKind::GlobalNorm => clip::global_norm(self.bound),
            ClipKind::Norm => clip::norm(self.bound),
            ClipKind::Value => clip::value(self.bound),
            ClipKind::Adaptive => clip::adaptive(self.bound),
        };
        if let Some(pattern) = &self.of {
            clip = clip.of(&**pattern)?;
        }
        if self.allow_nonfinite == Some(true) {
            clip = clip.allow_nonfinite();
        }
        Ok(clip)
    }
}

impl Check for ClipSettings {}

/// The weights of an average of a model's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AverageKind {
    /// [`WeightAverage::exponential`] needs `decay`.
    Exponential,
    /// [`WeightAverage::equal`].
    Equal,
}

options! {
    /// The settings of an average of a model's weights over training.
    AverageSettings {
        /// The kind, `exponential` or `equal`.
        kind: AverageKind,
        --
        /// The decay of an exponential average, in [0, 1); 0.999 is usual.
        decay: f64 => range::below_1,
    }
}

impl AverageSettings {
    /// Creates the average of the model's weights, without an update.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if the decay is missing, is not an
    /// option of the kind, or is out of range.
    pub fn build<M: Module + Clone>(&self, model: &M) -> Result<WeightAverage<M>> {
        self.checked().map_err(|fault| fault.error("average"))?;
        match self.decay {
            Some(decay) => WeightAverage::exponential(model, decay),
            None => Ok(WeightAverage::equal(model)),
        }
    }
}

impl Check for AverageSettings {
    fn check(&self, set: &[&'static str]) -> Result<(), Fault> {
        let needed: &[&str] = match self.kind {
            AverageKind::Exponential => &["decay"],
            AverageKind::Equal => &[],
        };
        range::check_options(set, needed, &[], &[])
    }
}

options! {
    /// The settings of a [`Supervised`] task: everything but its model and its loss.
    TaskSettings {
        /// The optimizer.
        optimizer: OptimizerSettings,
        --
        /// The schedule of the learning rate, whose steps are those of the optimizer.
        schedule: ScheduleSettings,
        /// Gradient clipping.
        clip: ClipSettings,
        /// The number of batches whose gradients are accumulated for each step of the optimizer, at
        /// least 1.
        accumulate: u64 => range::at_least_1,
        /// An average of the weights over training, which is validated and kept.
        average: AverageSettings,
    }
}

impl TaskSettings {
    /// Builds the task of a model and its loss.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// use cotangent::train::settings::{self, TaskSettings};
    /// let settings: TaskSettings = settings::from_toml(
    ///     "
    ///     accumulate = 4
    ///     clip = { kind = 'global_norm', bound = 5.0 }
    ///     average = { kind = 'exponential', decay = 0.999 }
    ///     schedule = { kind = 'cosine', total = 1000, warm_up = 100 }
    ///
    ///     [optimizer]
    ///     kind = 'adamw'
    ///     learning_rate = 1e-3
    ///     groups = [{ pattern = '.*bias', weight_decay = 0.0 }]
    ///     ",
    /// )?;
    /// let net = Linear::new(2, 1, &mut ChaCha8Rng::seed_from_u64(1))?;
    /// let loss = |net: &Linear, (x, y): &(Tensor, Tensor), step: &mut Step<'_>| {
    ///     net.forward(x, step.pass())?.mse_loss(y)
    /// };
    /// let task = settings.build(net, loss)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if an option is out of range.
    pub fn build<M, B, F>(&self, model: M, loss: F) -> Result<Supervised<M, B, F>>
    where
        M: Module + Clone,
        F: FnMut(&M, &B, &mut Step<'_>) -> Result<Tensor>,
    {
        self.checked().map_err(|fault| fault.error("task"))?;
        let mut task = Supervised::new(model, self.optimizer.build()?, loss);
        if let Some(schedule) = &self.schedule {
            task = task.schedule(schedule.build()?);
        }
        if let Some(clip) = &self.clip {
            task = task.clip(clip.build()?);
        }
        if let Some(batches) = self.accumulate {
            task = task.accumulate(batches);
        }
        if let Some(average) = &self.average {
            task = task.average(|model| average.build(model))?;
        }
        Ok(task)
    }
}

impl Check for TaskSettings {}
