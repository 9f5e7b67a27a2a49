//! Every kind of struct, with every option of a field.

#![deny(warnings)]
#![allow(dead_code)]

use cotangent::prelude::*;

#[derive(Module)]
struct Unit;

#[derive(Module)]
struct Empty {}

#[derive(Module)]
struct EmptyTuple();

#[derive(Module)]
struct OnlySkipped {
    #[module(skip)]
    name: String,
}

#[derive(Module)]
struct Tuple(Linear, #[module(skip)] String, (Linear, [Linear; 2]));

#[derive(Module)]
struct Named {
    first: Linear,
    #[module(skip)]
    name: String,
    #[module(rename = "head")]
    second: Option<Linear>,
    #[module(flatten)]
    third: Tuple,
    boxed: Box<dyn Module>,
    #[module(skip)]
    activation: for<'a> fn(&'a Tensor) -> Tensor,
}
