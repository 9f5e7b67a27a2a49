//! A bound that is not a where-predicate.

use cotangent::prelude::*;

#[derive(Module)]
#[module(bound = "T Module")]
struct Net<T> {
    hidden: T,
}

fn main() {}
