//! An option that is given in two attributes.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(rename = "a")]
    #[module(rename = "b")]
    hidden: Linear,
}

fn main() {}
