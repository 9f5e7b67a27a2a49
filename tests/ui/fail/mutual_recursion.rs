//! Generic types that contain each other, without `bound`.

use cotangent::prelude::*;

#[derive(Module)]
struct Even<L> {
    layer: L,
    next: Option<Box<Odd<L>>>,
}

#[derive(Module)]
struct Odd<L> {
    next: Option<Box<Even<L>>>,
}

fn is_module<M: Module>() {}

fn main() {
    is_module::<Even<Linear>>();
}
