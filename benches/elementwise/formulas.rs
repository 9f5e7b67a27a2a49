//! The formulas of the bench, for `#[elementwise]` and composed of tensor operations.

use cotangent::prelude::*;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

const SQRT_2_OVER_PI: f64 = FRAC_1_SQRT_2 * FRAC_2_SQRT_PI;

/// GELU in its tanh form (Hendrycks, Gimpel 2016, Gaussian Error Linear Units).
#[elementwise(kind = Activation)]
pub fn gelu(x: Tensor) -> Tensor {
    0.5 * x * (1.0 + tanh(SQRT_2_OVER_PI * (x + 0.044715 * powi(x, 3))))
}

/// Swish with a slope (Ramachandran, Zoph, Le 2017, Searching for Activation Functions).
#[elementwise(kind = Activation)]
pub fn swish(x: Tensor, beta: f64) -> Tensor {
    x * sigmoid(beta * x)
}

/// The mean focal loss (Lin, Goyal, Girshick, He, Dollár 2017, Focal Loss for Dense Object
/// Detection) of logits x and targets 0 or 1.
#[elementwise]
pub fn focal(x: Tensor, target: Tensor, gamma: f64) -> Mean {
    // The logit of the right class.
    let x = if target > 0.5 { x } else { -x };
    powf(sigmoid(-x), gamma) * softplus(-x)
}

/// SwiGLU's gated unit (Shazeer 2020, GLU Variants Improve Transformer).
#[elementwise]
pub fn gated(value: Tensor, gate: Tensor) -> Tensor {
    value * gate * sigmoid(gate)
}

#[elementwise]
pub fn own_silu(x: Tensor) -> Tensor {
    x * sigmoid(x)
}

#[elementwise]
pub fn own_relu(x: Tensor) -> Tensor {
    if x > 0.0 { x } else { 0.0 }
}

#[elementwise]
pub fn own_tanh(x: Tensor) -> Tensor {
    tanh(x)
}

#[elementwise]
pub fn own_product(a: Tensor, b: Tensor) -> Tensor {
    a * b
}

#[elementwise]
pub fn own_squared_error(a: Tensor, b: Tensor) -> Mean {
    square(a - b)
}

/// As a user writes them with the operations of tensors.
pub mod composed {
    use super::SQRT_2_OVER_PI;
    use cotangent::prelude::*;

    pub fn gelu(x: &Tensor) -> Tensor {
        let inner = (x + x.powi(3) * 0.044715) * SQRT_2_OVER_PI;
        x * 0.5 * (inner.tanh() + 1.0)
    }

    pub fn swish(x: &Tensor, beta: f64) -> Tensor {
        x * (x * beta).sigmoid()
    }

    pub fn focal(x: &Tensor, target: &Tensor, gamma: f64) -> Result<Tensor> {
        let x = target.gt_scalar(0.5).select(x, &x.neg())?;
        Ok(x.neg()
            .sigmoid()
            .powf(gamma)
            .mul(&x.neg().softplus())?
            .mean())
    }

    pub fn gated(value: &Tensor, gate: &Tensor) -> Result<Tensor> {
        value.mul(gate)?.mul(&gate.sigmoid())
    }
}
