//! A misspelt option of another place.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(bounds = "T: Module")]
    hidden: Linear,
}

fn main() {}
