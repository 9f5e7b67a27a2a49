use cotangent::prelude::*;

const COUNT: usize = 3;

#[elementwise]
fn misspells_a_parameter(x: Tensor, beta: f64) -> Tensor {
    x * betta + beta
}

#[elementwise]
fn uses_a_constant_of_another_type(x: Tensor) -> Tensor {
    x * COUNT
}

#[elementwise(kind = Activatoin)]
fn has_an_unknown_kind(x: Tensor) -> Tensor {
    exp(x)
}

fn main() {}
