//! A field that is no sample.

use cotangent::prelude::*;

#[derive(Clone, Sample)]
struct Named {
    image: Tensor,
    name: String,
}

fn main() {}
