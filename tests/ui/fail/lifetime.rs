//! A module that borrows its parameters.

use cotangent::prelude::*;

#[derive(Module)]
struct Net<'a> {
    hidden: &'a Linear,
}

fn main() {}
