//! `skip` with something else in parentheses.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    hidden: Linear,
    #[module(skip(parameters))]
    fixed: Linear,
}

fn main() {}
