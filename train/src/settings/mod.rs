//! Settings of nets, optimizers, schedules and runs in TOML or JSON files (feature `settings`).
//!
//! The parts below are structs with public fields, which a program puts together into a struct of
//! its own. Options that are left out have the defaults of the builders.
//!
//! ```
//! use cotangent::prelude::*;
//! use cotangent::train::settings::{self, FitSettings, MlpSettings, OptimizerSettings};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     batch_size: usize,
//!     net: MlpSettings,
//!     optimizer: OptimizerSettings,
//!     fit: FitSettings,
//! }
//!
//! let text = r#"
//! batch_size = 32
//!
//! [net]
//! sizes = [64, 100, 10]
//! activation = "elu"
//! norm = "batch"
//!
//! [optimizer]
//! kind = "adam_w"
//! learning_rate = 1e-3
//! weight_decay = 0.01
//!
//! [fit]
//! epochs = 20
//! stop_early = 3
//! "#;
//! let all: Settings = settings::from_toml(text)?;
//! let net = all.net.build(&mut ChaCha8Rng::seed_from_u64(all.fit.seed.unwrap_or(0)))?;
//! let optimizer = all.optimizer.build()?;
//! assert_eq!((net.hidden.len(), optimizer.learning_rate()), (1, 1e-3));
//!
//! let wrong = text.replace("weight_decay", "weigth_decay");
//! let error = settings::from_toml::<Settings>(&wrong).err().unwrap();
//! assert_eq!(
//!     error.to_string(),
//!     "bytes in memory: line 12, `optimizer.weigth_decay`: unknown field `weigth_decay`, \
//!      did you mean `weight_decay`?"
//! );
//! # Ok::<(), Error>(())
//! ```

mod fit;
mod net;
mod optimizer;
mod range;
mod schedule;
#[cfg(test)]
mod tests;
mod text;

pub use fit::FitSettings;
pub use net::{MlpSettings, NormKind};
pub use optimizer::{OptimizerKind, OptimizerSettings};
pub use schedule::{ScheduleKind, ScheduleSettings};
pub(crate) use text::pairs;
pub use text::{from_json, from_toml, read, to_json, to_toml, write};
