//! The fields of variants are checked as those of structs are.

use cotangent::prelude::*;

#[derive(Module)]
enum Block {
    Dense(Linear),
    Named { linear: Linear, name: String },
}

fn main() {}
