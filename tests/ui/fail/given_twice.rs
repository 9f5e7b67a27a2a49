//! An option is given once, over all attributes.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(rename = "a")]
    #[module(rename = "b")]
    hidden: Linear,
}

fn main() {}
