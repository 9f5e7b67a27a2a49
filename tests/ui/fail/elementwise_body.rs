use cotangent::prelude::*;

#[elementwise]
fn statements(x: Tensor, y: Tensor) -> Tensor {
    let mut total = x;
    let typed: f64 = y;
    let (p, q) = (x, y);
    let unused = x.log();
    total += 1.0;
    total = 2.0;
    x * y;
    println!("{x}");
    for i in 0..3 {
        total += x;
    }
    return x;
}

#[elementwise]
fn expressions(x: Tensor, y: Tensor) -> Tensor {
    let a = &x + *y;
    let b = x[0] + x.shape;
    let c = (|v| v)(x);
    let d = match x {
        _ => y,
    };
    let e = vec![x];
    let f = y?;
    let g = x as f32;
    if let x = y { x } else { y }
}

#[elementwise]
fn conditions(x: Tensor, y: Tensor) -> Tensor {
    let positive = x > 0.0;
    let a = if x { 1.0 } else { positive };
    let b = if positive { x };
    let c = positive & (y > 0.0);
    positive + y
}

#[elementwise]
fn without_value(x: Tensor) -> Tensor {
    x + 1.0;
}

#[elementwise]
fn empty(x: Tensor) -> Tensor {}

#[elementwise]
fn condition(x: Tensor) -> Tensor {
    x > 0.0
}

fn main() {}
