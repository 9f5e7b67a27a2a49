//! A field that is a module and no layer cannot be part of a pipeline.

use cotangent::prelude::*;

#[derive(Module, Layer)]
struct Net {
    hidden: Linear,
    width: usize,
}

fn main() {}
