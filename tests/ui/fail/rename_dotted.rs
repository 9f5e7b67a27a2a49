//! A name with a dot.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(rename = "hidden.layer")]
    hidden: Linear,
}

fn main() {}
