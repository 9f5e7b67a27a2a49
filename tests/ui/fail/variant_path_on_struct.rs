//! `variant_path` on a struct.

use cotangent::prelude::*;

#[derive(Module)]
#[module(variant_path)]
struct Net {
    hidden: Linear,
}

fn main() {}
