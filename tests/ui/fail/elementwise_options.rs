use cotangent::prelude::*;

#[elementwise(chekc(x = 0.0..1.0), kind = 3, name = faulty, kind = Loss, kind = Loss)]
fn options(x: Tensor) -> Tensor {
    x.log()
}

#[elementwise(check)]
fn without_ranges(x: Tensor) -> Tensor {
    x
}

#[elementwise(check(x = 0..1, beta = ..1.0, n = 1..=3, z = 0.0..1.0, axes = 0.0..1.0))]
fn ranges(x: Tensor, y: Tensor, beta: f64, n: i32, axes: Axes) -> Sum {
    beta * powi(x, n) + y
}

#[elementwise]
#[derivative(x = result)]
fn unchecked(x: Tensor) -> Tensor {
    exp(x)
}

#[elementwise(check(x = -1.0..1.0, a = 0.0..1.0))]
#[derivative(x = 2, a = x, z = x.log())]
#[derivative(x = result)]
#[derivative]
fn derivatives(x: Tensor, a: f64) -> Tensor {
    a * x.log()
}

fn main() {}
