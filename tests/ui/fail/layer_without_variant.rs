//! A layer without a variant.

use cotangent::prelude::*;

#[derive(Module, Layer)]
enum Block {}

fn main() {}
