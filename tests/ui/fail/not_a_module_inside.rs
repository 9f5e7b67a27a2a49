//! A container of what is no module is none either.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    hidden: Linear,
    names: Vec<String>,
}

fn main() {}
