//! A union.

use cotangent::prelude::*;

#[derive(Module, Layer)]
union Net {
    width: u32,
    scale: f32,
}

fn main() {}
