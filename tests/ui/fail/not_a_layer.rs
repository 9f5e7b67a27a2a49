//! A field that is a module but not a layer.

use cotangent::prelude::*;

#[derive(Module, Layer)]
struct Net {
    hidden: Linear,
    width: usize,
}

fn main() {}
