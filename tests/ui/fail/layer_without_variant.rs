//! An empty enum runs nothing.

use cotangent::prelude::*;

#[derive(Module, Layer)]
enum Block {}

fn main() {}
