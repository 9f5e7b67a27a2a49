//! Every kind of variant.

#![deny(warnings)]
#![allow(dead_code)]

use cotangent::prelude::*;

#[derive(Module)]
enum Never {}

#[derive(Module)]
enum Block {
    Unit,
    Empty {},
    EmptyTuple(),
    Tuple(
        Linear,
        #[module(skip)] String,
        #[module(rename = "last")] Linear,
    ),
    Named {
        first: Linear,
        #[module(skip)]
        name: String,
    },
    Skipped {
        #[module(skip)]
        name: String,
    },
}

#[derive(Module, Layer)]
#[module(variant_path)]
enum Activation<L> {
    One(#[module(flatten)] L),
    Two { first: L, second: Linear },
}
