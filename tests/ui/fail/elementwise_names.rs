use cotangent::prelude::*;

fn plain(x: f64) -> f64 {
    x
}

#[elementwise]
fn swish(x: Tensor, beta: f64) -> Tensor {
    x * sigmoid(beta * x)
}

const COUNT: usize = 3;

#[elementwise]
fn calls_a_plain_function(x: Tensor) -> Tensor {
    plain(x)
}

#[elementwise]
fn calls_an_unknown_function(x: Tensor) -> Tensor {
    log(x)
}

#[elementwise]
fn passes_an_operand_for_a_number(x: Tensor, y: Tensor) -> Tensor {
    swish(x, y)
}

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
