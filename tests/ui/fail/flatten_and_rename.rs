//! A flattened field with a name.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(flatten, rename = "a")]
    hidden: Linear,
}

fn main() {}
