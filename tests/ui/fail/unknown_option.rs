//! A word that is not an option.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(colour = "red")]
    hidden: Linear,
}

fn main() {}
