//! What stands still is said by the field's type.

use cotangent::prelude::*;

#[derive(Module)]
struct Net {
    #[module(frozen)]
    hidden: Linear,
}

fn main() {}
