//! Options are separated by commas.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(frozen rename = "a")]
    hidden: Linear,
}

fn main() {}
