//! A frozen field has a name in the path.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(flatten, frozen)]
    hidden: Linear,
}

fn main() {}
