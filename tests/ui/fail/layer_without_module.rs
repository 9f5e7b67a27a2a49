//! A derive of `Layer` without that of `Module`.

use cotangent::prelude::*;

#[derive(Layer)]
struct Net {
    hidden: Linear,
}

fn main() {}
