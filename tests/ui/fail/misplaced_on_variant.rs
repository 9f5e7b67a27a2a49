//! An option of a field, on a variant.

use cotangent::prelude::*;

#[derive(Module)]
enum Block {
    #[module(skip)]
    Dense(Linear),
}

fn main() {}
