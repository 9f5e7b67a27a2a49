//! A crate that is not a path.

use cotangent::prelude::*;

#[derive(Module)]
#[module(crate = "my-crate")]
struct Net {
    hidden: Linear,
}

fn main() {}
