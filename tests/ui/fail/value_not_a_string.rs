//! A value that is not a string.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(rename = dense)]
    hidden: Linear,
}

fn main() {}
