use cotangent::prelude::*;

#[elementwise]
fn methods(x: Tensor, y: Tensor) -> Tensor {
    x.log() + x.clip(0.0, 1.0) + x.sigmoyd() + x.sum() + x.add(y) + x.clone() + x.swish(y.foo())
}

#[elementwise]
fn arguments(x: Tensor, y: Tensor) -> Tensor {
    exp(x, y) + x.max() + max(x) + y.clamp(0.0) + x(y) + f64::sqrt(x) + exp::<f64>(y)
}

#[elementwise]
fn recursive(x: Tensor) -> Tensor {
    if x > 1.0 { recursive(x - 1.0) } else { self::recursive(x) }
}

#[elementwise]
fn operands_for_numbers(x: Tensor, y: Tensor) -> Tensor {
    clamp(x, y, 1.0 + y) + x.elu(y)
}

fn main() {}
