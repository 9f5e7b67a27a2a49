//! A field of a variant that is a module but not a layer.

use cotangent::prelude::*;

#[derive(Module, Layer)]
enum Block {
    Dense(Linear),
    Wide(Linear, std::marker::PhantomData<f32>),
}

fn main() {}
