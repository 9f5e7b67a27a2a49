use cotangent::prelude::*;

#[elementwise]
async fn generic<'a, T: Copy>(x: &'a mut Tensor, mut y: Tensor, (z, w): Tensor) -> Tensor
where
    T: Copy,
{
    x + y
}

#[elementwise]
fn types(x: Tensor, a: f32, n: usize, v: Vec<f64>, t: impl Into<Tensor>, axes: Axes) -> Tensor {
    a * powi(x, n) + v + t
}

#[elementwise]
fn without_operand(a: f64) -> Tensor {
    a
}

#[elementwise]
fn without_type(x: Tensor) {
    x
}

#[elementwise]
fn result(x: Tensor) -> Result<Tensor> {
    x
}

#[elementwise]
fn pair(x: Tensor, y: Tensor) -> (Tensor, Tensor) {
    (x, y)
}

#[elementwise]
fn unused(x: Tensor, y: Tensor) -> Tensor {
    exp(x)
}

#[elementwise]
fn nine(
    a: Tensor,
    b: Tensor,
    c: Tensor,
    d: Tensor,
    e: Tensor,
    f: Tensor,
    g: Tensor,
    h: Tensor,
    i: Tensor,
) -> Mean {
    a + b + c + d + e + f + g + h + i
}

// Calls of faulty functions have no errors of their own.
fn main() {
    let x = Tensor::from([1.0f32]);
    types(&x, 1.0, 2, vec![1.0], &x, 0);
}
