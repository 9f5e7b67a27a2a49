//! Formulas with stated derivatives, which those that are drawn call. They are a library because
//! `#[derivative]` needs a check, whose test would find the fault.

use cotangent::elementwise;

/// x, with a wrong derivative.
#[elementwise(check(x = -1.0..1.0))]
#[derivative(x = 0.999)]
pub fn skewed(x: Tensor) -> Tensor {
    x + 0.0
}
