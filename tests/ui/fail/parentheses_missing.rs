//! Options without parentheses.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module = "skip"]
    hidden: Linear,
}

fn main() {}
