//! A value of an option that takes none.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(skip = true)]
    hidden: Linear,
}

fn main() {}
