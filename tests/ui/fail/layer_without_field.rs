//! A layer without a field to run.

use cotangent::prelude::*;

#[derive(Module, Layer)]
struct Net {
    #[module(skip)]
    name: String,
}

fn main() {}
