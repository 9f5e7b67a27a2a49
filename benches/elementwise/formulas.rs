//! Formulas from papers: as `#[elementwise]` functions, and composed of operations on tensors.

use cotangent::prelude::*;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

const SQRT_2_OVER_PI: f64 = FRAC_1_SQRT_2 * FRAC_2_SQRT_PI;
const CUBIC: f64 = 0.044715;
/// The slope of swish and of the gate of SwiGLU.
pub const BETA: f64 = 1.5;
/// The weight of positive targets in the focal loss.
pub const ALPHA: f64 = 0.25;

/// The hyperbolic-tangent form of GELU (Hendrycks, Gimpel 2016).
#[elementwise]
pub fn gelu_tanh(x: Tensor) -> Tensor {
    0.5 * x * (1.0 + tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x)))
}

/// Swish with a slope (Ramachandran, Zoph, Le 2017).
#[elementwise]
pub fn swish(x: Tensor, beta: f64) -> Tensor {
    x * sigmoid(beta * x)
}

/// The mean of the focal loss of logits (Lin et al. 2017) with the exponent 2 of the paper.
#[elementwise]
pub fn focal(x: Tensor, target: Tensor, alpha: f64) -> Mean {
    let p = sigmoid(x);
    let cross_entropy = softplus(x) - x * target;
    let missed = p + target - 2.0 * p * target;
    let weight = alpha * target + (1.0 - alpha) * (1.0 - target);
    weight * square(missed) * cross_entropy
}

/// The gated linear unit (Dauphin et al. 2017).
#[elementwise]
pub fn glu(a: Tensor, b: Tensor) -> Tensor {
    a * sigmoid(b)
}

/// A linear unit gated by swish (Shazeer 2020, GLU Variants Improve Transformer).
#[elementwise]
pub fn swiglu(a: Tensor, b: Tensor, beta: f64) -> Tensor {
    a * sigmoid(beta * a) * b
}

/// Operations of the library, written again.
pub mod again {
    use cotangent::prelude::*;

    #[elementwise]
    pub fn silu(x: Tensor) -> Tensor {
        x * sigmoid(x)
    }

    #[elementwise]
    pub fn relu(x: Tensor) -> Tensor {
        max(x, 0.0)
    }

    #[elementwise]
    pub fn mul(a: Tensor, b: Tensor) -> Tensor {
        a * b
    }
}

/// The same formulas as a user of tensors writes them.
pub mod composed {
    use super::{ALPHA, BETA, CUBIC, SQRT_2_OVER_PI};
    use cotangent::prelude::*;

    pub fn gelu_tanh(x: &Tensor) -> Tensor {
        let u = (x + x.powi(3) * CUBIC) * SQRT_2_OVER_PI;
        0.5 * x * (1.0 + u.tanh())
    }

    pub fn swish(x: &Tensor) -> Tensor {
        x * (x * BETA).sigmoid()
    }

    pub fn focal(x: &Tensor, target: &Tensor) -> Result<Tensor> {
        let p = x.sigmoid();
        let each = BceWithLogitsLoss::new().reduction(Reduction::None);
        let cross_entropy = each.loss(x, target)?;
        let missed = &p + target - 2.0 * p * target;
        let weight = ALPHA * target + (1.0 - ALPHA) * (1.0 - target);
        Ok((weight * missed.square() * cross_entropy).mean())
    }

    pub fn glu(a: &Tensor, b: &Tensor) -> Tensor {
        a * b.sigmoid()
    }

    pub fn swiglu(a: &Tensor, b: &Tensor) -> Tensor {
        a * (a * BETA).sigmoid() * b
    }
}
