//! The crate is given by its path.

use cotangent::prelude::*;

#[derive(Module)]
#[module(crate = "my-crate")]
struct Net {
    hidden: Linear,
}

fn main() {}
