//! Boxed layers that cannot be cloned.

use cotangent::prelude::*;

#[derive(Clone, Module, Layer)]
struct Net {
    hidden: Vec<Box<dyn Layer>>,
}

fn main() {}
