//! Skipped fields that hold parameters, which would be neither trained nor saved.

use cotangent::prelude::*;

#[derive(Module)]
struct Net<L> {
    #[module(skip)]
    scale: Param,
    #[module(skip)]
    hidden: Option<L>,
    out: L,
    #[module(skip(params))]
    fixed: Linear,
    #[module(skip)]
    width: usize,
    #[module(skip)]
    name: String,
}

fn main() {}
