//! A misspelt option.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(skp)]
    hidden: Linear,
}

fn main() {}
