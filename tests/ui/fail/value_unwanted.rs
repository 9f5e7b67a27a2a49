//! An option that takes no value.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(skip = true)]
    hidden: Linear,
}

fn main() {}
