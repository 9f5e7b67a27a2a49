//! A name that another field has.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(rename = "out")]
    hidden: Linear,
    out: Linear,
}

fn main() {}
