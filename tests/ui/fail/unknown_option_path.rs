//! An option has no path.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(module::skip)]
    hidden: Linear,
}

fn main() {}
