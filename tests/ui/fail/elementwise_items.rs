use cotangent::prelude::*;

#[elementwise]
struct NotAFunction;

trait Activation {
    #[elementwise]
    fn without_body(x: Tensor) -> Tensor;
}

struct Swish;

impl Swish {
    #[elementwise]
    fn method(&self, x: Tensor) -> Tensor {
        x
    }
}

fn main() {}
