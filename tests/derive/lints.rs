//! The impls raise no warnings, and compile under `forbid`.

#![forbid(warnings)]

use cotangent::prelude::*;

/// A documented type.
#[derive(Module, Layer)]
pub struct Net {
    linear: Linear,
    #[module(skip)]
    name: String,
    #[module(skip)]
    width: usize,
}

/// A documented type.
#[derive(Module, Layer)]
pub enum Block {
    /// A documented variant.
    Dense(Linear),
}
