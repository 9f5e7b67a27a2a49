//! An option that takes a value.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(rename)]
    hidden: Linear,
}

fn main() {}
