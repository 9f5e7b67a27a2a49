//! Options are separated by commas.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(flatten rename = "a")]
    hidden: Linear,
}

fn main() {}
