//! Options without a comma between them.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(flatten rename = "a")]
    hidden: Linear,
}

fn main() {}
