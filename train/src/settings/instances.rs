//! Instances of the parts of settings that programs share.
//!
//! `deserialize` and `serialize` of the parts are `#[inline(never)]`. The compiler takes an
//! instance of such a function from the crate that has it already. A program then compiles its own
//! struct of settings, but not the parts.

use super::text::{from_toml, pairs, to_json, to_toml};
use super::{FitSettings, MlpSettings, TaskSettings};
use cotangent_core::Result;
use serde::{Deserialize, Serialize};

/// Contains all parts.
#[derive(Serialize, Deserialize)]
struct All {
    net: MlpSettings,
    task: TaskSettings,
    fit: FitSettings,
}

type Read = fn(&str) -> Result<All>;
type Write = fn(&All) -> Result<String>;
type Pairs = fn(&All) -> Result<Vec<(String, String)>>;

/// Makes the compiler create the instances. The linker removes those that a program does not use.
#[expect(
    dead_code,
    reason = "the functions of a static are compiled if it is not used, too"
)]
static INSTANCES: (Read, Write, Write, Pairs) = (from_toml, to_toml, to_json, pairs);
