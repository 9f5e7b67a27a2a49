use cotangent::prelude::*;

#[elementwise]
fn literals(x: Tensor) -> Tensor {
    2 * x + 2.0f32 * x + x ^ 2 + x % 2.0 + if x > 0 { 1 } else { 0 }
}

#[elementwise]
fn powers(x: Tensor, y: Tensor, n: i32) -> Tensor {
    powi(x, 2.0) + powi(x, y) + powf(x, 2) + n * y
}

#[elementwise]
fn axes_are_no_number(x: Tensor, axes: Axes) -> Sum {
    x * axes
}

fn main() {}
