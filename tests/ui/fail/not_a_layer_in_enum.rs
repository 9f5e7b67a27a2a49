//! A field that is a module and no layer cannot be part of a pipeline.

use cotangent::prelude::*;

#[derive(Module, Layer)]
enum Block {
    Dense(Linear),
    Wide(Linear, std::marker::PhantomData<f32>),
}

fn main() {}
