//! A word that is no option.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(colour = "red")]
    hidden: Linear,
}

fn main() {}
