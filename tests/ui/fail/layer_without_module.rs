//! A layer is a module, which is derived by itself.

use cotangent::prelude::*;

#[derive(Layer)]
struct Net {
    hidden: Linear,
}

fn main() {}
