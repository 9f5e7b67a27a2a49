//! All mistakes are reported together, once for both derives. Uses of the type add none.

use cotangent::prelude::*;

#[derive(Module, Layer)]
#[module(crat = "cotangent", skip)]
struct Net<'a> {
    #[module(skp)]
    first: &'a Linear,
    #[module(rename = "", flatten)]
    second: Linear,
    #[module(rename = "fourth", flatten = true)]
    third: Linear,
    fourth: Linear,
}

fn forward(net: &Net<'_>, x: &Tensor, pass: &Pass) -> Result<Tensor> {
    net.forward(x, pass)
}

fn main() {}
