//! An option that is a string.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module("skip")]
    hidden: Linear,
}

fn main() {}
