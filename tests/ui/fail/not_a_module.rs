//! A field that is not a module is reported once, at its type.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    hidden: Linear,
    name: String,
}

fn main() {}
