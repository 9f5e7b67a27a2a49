//! A flattened field has no name in the path.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(flatten, rename = "a")]
    hidden: Linear,
}

fn main() {}
