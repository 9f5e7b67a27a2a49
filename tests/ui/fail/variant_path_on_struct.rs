//! A struct has no variants.

use cotangent::prelude::*;

#[derive(Module)]
#[module(variant_path)]
struct Net {
    hidden: Linear,
}

fn main() {}
