//! A path component is not empty.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(rename = "")]
    hidden: Linear,
}

fn main() {}
