//! A variant whose fields are all skipped.

use cotangent::prelude::*;

#[derive(Module, Layer)]
enum Block {
    Dense(Linear),
    Scaled(#[module(skip)] f64),
}

fn main() {}
