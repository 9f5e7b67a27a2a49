//! An option of a field, on the struct.

use cotangent::prelude::*;

#[derive(Module)]
#[module(skip)]
struct Net {
    hidden: Linear,
}

fn main() {}
