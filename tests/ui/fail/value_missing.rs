//! A value that is missing.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(rename)]
    hidden: Linear,
}

fn main() {}
