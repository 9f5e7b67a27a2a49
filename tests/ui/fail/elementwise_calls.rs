use cotangent::prelude::*;

fn plain(x: f64) -> f64 {
    x
}

fn of_tensors(x: &Tensor) -> Tensor {
    x.clone()
}

const COUNT: usize = 3;

#[elementwise]
fn swish(x: Tensor, beta: f64) -> Tensor {
    x * sigmoid(beta * x)
}

#[elementwise]
fn power(x: Tensor, n: i32) -> Tensor {
    powi(x, n)
}

#[elementwise]
fn energy(x: Tensor) -> Sum {
    x * x
}

#[elementwise]
fn calls_a_plain_function(x: Tensor) -> Tensor {
    plain(x)
}

#[elementwise]
fn calls_a_function_of_tensors(x: Tensor) -> Tensor {
    2.0 * of_tensors(x + 1.0)
}

#[elementwise]
fn calls_a_plain_function_of_numbers(x: Tensor, a: f64) -> Tensor {
    x * plain(a)
}

#[elementwise]
fn calls_an_unknown_function(x: Tensor) -> Tensor {
    log(x)
}

#[elementwise]
fn calls_a_reduction(x: Tensor) -> Tensor {
    x / energy(x)
}

#[elementwise]
fn passes_an_operand_for_a_number(x: Tensor, y: Tensor) -> Tensor {
    exp(x) + swish(x, 2.0 * y)
}

#[elementwise]
fn passes_an_integer_for_a_number(x: Tensor, n: i32) -> Tensor {
    swish(x, n) + swish(x, 2) + swish(x, COUNT)
}

#[elementwise]
fn passes_an_integer_for_an_operand(x: Tensor) -> Tensor {
    x + swish(2, 1.0)
}

#[elementwise]
fn passes_a_number_for_an_integer(x: Tensor, a: f64) -> Tensor {
    power(x, 2.0) + power(x, x) + power(x, a)
}

#[elementwise]
fn forgets_an_argument(x: Tensor) -> Tensor {
    swish(x)
}

/// Types are imported, as those of every function.
mod imports {
    #[cotangent::elementwise]
    fn without_import(x: Tensor) -> cotangent::Tensor {
        exp(x)
    }
}

fn main() {}
