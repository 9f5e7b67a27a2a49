//! A value is a string.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(rename = dense)]
    hidden: Linear,
}

fn main() {}
