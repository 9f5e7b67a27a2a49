//! A skipped field with another option.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(skip, rename = "a", flatten)]
    hidden: Linear,
}

fn main() {}
