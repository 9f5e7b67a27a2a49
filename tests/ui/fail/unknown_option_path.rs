//! An option that is a path.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(module::skip)]
    hidden: Linear,
}

fn main() {}
