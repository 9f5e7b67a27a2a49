//! Bounds are where-predicates.

use cotangent::prelude::*;

#[derive(Module)]
#[module(bound = "T Module")]
struct Net<T> {
    hidden: T,
}

fn main() {}
