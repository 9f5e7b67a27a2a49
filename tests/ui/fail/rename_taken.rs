//! Fields have names of their own.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(rename = "out")]
    hidden: Linear,
    out: Linear,
}

fn main() {}
