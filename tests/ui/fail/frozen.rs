//! Freezing is a type and not an option.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(frozen)]
    hidden: Linear,
}

fn main() {}
