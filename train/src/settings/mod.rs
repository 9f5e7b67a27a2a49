//! Settings of nets, tasks and runs in TOML or JSON files (feature `settings`).
//!
//! The parts below are structs with public fields, which a program puts together into a struct of
//! its own; `deny_unknown_fields` there makes a misspelled part an error, as in the parts. Options
//! that are left out have the defaults of the builders. `build` of a part calls its builder. A part
//! with a field out of its range is neither read nor built nor written.
//!
//! | part | builds |
//! |---|---|
//! | [`MlpSettings`] | [`Mlp`](cotangent_nn::Mlp) |
//! | [`TaskSettings`] | [`Supervised`](crate::Supervised), from the four parts below |
//! | [`OptimizerSettings`], [`GroupSettings`], [`LookaheadSettings`] | any optimizer |
//! | [`ScheduleSettings`], [`NextSettings`] | [`Schedule`](cotangent_optim::Schedule) |
//! | [`ClipSettings`] | [`Clip`](cotangent_optim::clip::Clip) |
//! | [`AverageSettings`] | [`WeightAverage`](cotangent_optim::WeightAverage) |
//! | [`FitSettings`], [`BestSettings`], [`CheckpointSettings`] | [`Fit`](crate::Fit) |
//!
//! ```
//! use cotangent::prelude::*;
//! use cotangent::train::settings::{self, FitSettings, MlpSettings, TaskSettings};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     batch_size: usize,
//!     net: MlpSettings,
//!     task: TaskSettings,
//!     fit: FitSettings,
//! }
//!
//! let text = r#"
//! batch_size = 128
//!
//! [net]
//! sizes = [64, 32, 10]
//! activation = "elu"
//! norm = "batch"
//!
//! [task]
//! clip = { kind = "global_norm", bound = 5.0 }
//! schedule = { kind = "cosine", total = 24, warm_up = 4 }
//!
//! [task.optimizer]
//! kind = "adamw"
//! learning_rate = 1e-2
//! groups = [{ pattern = ".*bias", weight_decay = 0.0 }]
//!
//! [fit]
//! epochs = 2
//! stop_early = 3
//! "#;
//! let all: Settings = settings::from_toml(text)?;
//!
//! let (train, test) = digits()?.split_stratified(0.2, 1)?;
//! let net = all.net.build(&mut ChaCha8Rng::seed_from_u64(0))?;
//! let loss = |net: &Mlp, (x, y): &(Tensor, Indices), step: &mut Step<'_>| {
//!     net.forward(x, step.pass())?.cross_entropy(y)
//! };
//! let mut task = all.task.build(net, loss)?;
//! let valid = Batches::new(&test, 500)?;
//! // `settings` puts the values into the checkpoints and the logs.
//! let fit = all.fit.build()?.settings(&all)?.validate(&valid);
//! fit.run(&mut task, &Batches::new(&train, all.batch_size)?.shuffle(0))?;
//!
//! let wrong = text.replace("weight_decay", "weigth_decay");
//! let error = settings::from_toml::<Settings>(&wrong).err().unwrap();
//! assert_eq!(
//!     error.to_string(),
//!     "bytes in memory: line 16, column 33, `task.optimizer.groups[0].weigth_decay`: \
//!      unknown field `weigth_decay`, did you mean `weight_decay`?"
//! );
//! # Ok::<(), Error>(())
//! ```

#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "`options!` passes all fields by reference"
)]

mod fit;
mod instances;
mod net;
mod optimizer;
mod place;
mod range;
mod reader;
mod schedule;
mod task;
#[cfg(test)]
mod tests;
mod text;
mod value;
mod variant;

pub use fit::{BestKind, BestSettings, CheckpointSettings, FitSettings};
pub use net::{InitKind, MlpSettings, NormKind};
pub use optimizer::{
    GroupSettings, LookaheadSettings, MuonScaleKind, OptimizerKind, OptimizerSettings,
};
pub use schedule::{NextSettings, ScheduleKind, ScheduleSettings};
pub use task::{AverageKind, AverageSettings, ClipKind, ClipSettings, TaskSettings};
pub(crate) use text::pairs;
pub use text::{from_json, from_toml, read, to_json, to_toml, write};
