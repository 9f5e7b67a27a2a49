//! A forgotten `?`: the compiler proposes it.
use cotangent::prelude::*;

fn loss(net: &Linear, x: &Tensor, labels: &Indices) -> Result<Tensor> {
    net.predict(x).cross_entropy(labels)
}

fn main() {}
