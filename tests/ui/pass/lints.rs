//! The impls raise no warnings of their own, and compile where nothing may be allowed.

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

fn main() {}
