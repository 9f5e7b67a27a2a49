//! A path component has no dots.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(rename = "hidden.layer")]
    hidden: Linear,
}

fn main() {}
