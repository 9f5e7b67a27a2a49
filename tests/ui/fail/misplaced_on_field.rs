//! An option of the struct, on a field.

use cotangent::prelude::*;

#[derive(Module)]
struct Net<T> {
    #[module(bound = "T: Module")]
    hidden: T,
}

fn main() {}
