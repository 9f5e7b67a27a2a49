//! A field of a variant that is not a module.

use cotangent::prelude::*;

#[derive(Module)]
enum Block {
    Dense(Linear),
    Named { linear: Linear, name: String },
}

fn main() {}
