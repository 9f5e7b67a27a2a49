//! A container whose elements are not modules.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    hidden: Linear,
    names: Vec<String>,
}

fn main() {}
