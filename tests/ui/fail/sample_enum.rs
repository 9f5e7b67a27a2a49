//! Samples that cannot be derived: an enum, a struct without fields, a borrow, a skipped field.

use cotangent::prelude::*;

#[derive(Clone, Sample)]
enum Kind {
    Image(Tensor),
    Text(Indices),
}

#[derive(Clone, Sample)]
struct Nothing;

#[derive(Clone, Sample)]
struct Borrowed<'a> {
    image: &'a Tensor,
}

#[derive(Clone, Sample)]
struct Skipped {
    image: Tensor,
    #[module(skip)]
    name: Indices,
}

fn main() {}
