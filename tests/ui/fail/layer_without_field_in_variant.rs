//! Every variant is a pipeline.

use cotangent::prelude::*;

#[derive(Module, Layer)]
enum Block {
    Identity,
    Dense(Linear),
}

fn main() {}
