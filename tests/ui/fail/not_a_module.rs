//! A field that is no module is reported once, at its type.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    hidden: Linear,
    name: String,
}

fn main() {}
