//! Settings read from good and bad texts, and compared when a run is resumed.

mod json;
mod kinds;
mod mistakes;
mod optimizers;
mod resume;
mod schedules;
mod values;

use super::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct All {
    net: MlpSettings,
    task: TaskSettings,
    fit: FitSettings,
}

const TEXT: &str = r"
[net]
sizes = [3, 8, 1]
activation = 'leaky_relu(0.2)'
norm = 'layer'

[task]
accumulate = 2
clip = { kind = 'global_norm', bound = 5.0 }
average = { kind = 'exponential', decay = 0.9 }

[task.optimizer]
kind = 'adamw'
learning_rate = 1e-3
betas = [0.9, 0.99]
lookahead = { period = 5, alpha = 0.5 }

[[task.optimizer.groups]]
pattern = '.*bias'
weight_decay = 0.0

[task.schedule]
kind = 'cosine'
total = 100
warm_up = 10
then = [{ at = 100, schedule = { kind = 'constant' } }]

[fit]
epochs = 4
keep_best = true
best = { kind = 'lowest', value = 'loss' }
";

/// Reads a text in TOML, and checks that TOML and JSON give the same settings back.
#[track_caller]
fn round_trip<T: DeserializeOwned + Serialize + PartialEq + Debug>(text: &str) -> T {
    let settings: T = from_toml(text).unwrap();
    let (toml, json) = (to_toml(&settings).unwrap(), to_json(&settings).unwrap());
    assert_eq!(from_toml::<T>(&toml).unwrap(), settings, "{toml}");
    assert_eq!(from_json::<T>(&json).unwrap(), settings, "{json}");
    settings
}
