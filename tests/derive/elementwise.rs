//! Formulas in modules and function bodies, from `macro_rules`, and with attributes.

#![deny(warnings, missing_docs)]

use cotangent::prelude::*;
use std::f64::consts::PI;

/// Functions of another module.
pub mod math {
    use cotangent::Tensor;

    /// Documented, public and generated in a module that does not import the macro.
    #[cotangent::elementwise(kind = Activation)]
    pub fn swish(x: Tensor, beta: f64) -> Tensor {
        x * sigmoid(beta * x)
    }
}

/// The imports of functions with reductions are used.
pub mod sums {
    use cotangent::{Axes, Tensor, elementwise};

    /// Returns the sum of squares.
    #[elementwise]
    pub fn energy(x: Tensor, axes: Axes) -> Sum {
        x * x
    }

    /// Returns the cube. The types are written with their paths.
    #[elementwise]
    pub fn cube(x: &cotangent::Tensor) -> cotangent::Tensor {
        powi(x, 3)
    }
}

use math::swish;

#[elementwise]
fn calls(x: &Tensor, gate: Tensor) -> Tensor {
    x * swish(gate, 1.5) + crate::elementwise::math::swish(x, PI)
}

macro_rules! scaled {
    ($(#[$attr:meta])* $vis:vis $name:ident, $scale:expr, $ty:ty) => {
        $(#[$attr])*
        #[elementwise]
        $vis fn $name(x: $ty, a: f64) -> Tensor {
            let y = $scale * x;
            a * y
        }
    };
}

scaled!(
    /// Twice `x`.
    pub twice, 1.0 + 1.0, Tensor
);

#[elementwise]
fn sigmoid(x: Tensor) -> Tensor {
    sigmoid(x)
}

const TWO: i32 = 2;

#[elementwise]
fn power(x: Tensor, n: i32, scale: f64) -> Tensor {
    scale * powi(x, n)
}

#[elementwise]
fn powers(x: Tensor, n: i32, p: f64) -> Tensor {
    power(x, n, PI) + power(x, -1, power(p, TWO, tan(p))) + self::power(PI, 2, n as f64) * x
}

#[elementwise]
fn own_sigmoid(x: Tensor) -> Tensor {
    self::sigmoid(x) - sigmoid(x)
}

#[elementwise]
fn total(x: Tensor, axes: Axes) -> Sum {
    x
}

#[elementwise]
fn distance(prediction: Tensor, target: Tensor, n: i32) -> Mean {
    let r#type = abs(prediction - target);
    powi(r#type, n) * (n as f64)
}

#[cfg(any())]
#[elementwise]
fn left_out(x: Tensor) -> Tensor {
    there_is_no_such_function(x)
}

#[allow(unused)]
#[inline]
#[elementwise]
fn attributes(x: Tensor) -> Tensor {
    let not_used = exp(x);
    { x }
}

#[test]
fn runs() -> Result<()> {
    #[elementwise]
    fn local(x: Tensor) -> Tensor {
        if x > 0.0 && x < 10.0 { sqrt(x) } else { 0.0 }
    }
    let x = Tensor::from([4.0f64, -1.0]);
    assert_eq!(local(&x).to_vec::<f64>()?, [2.0, 0.0]);
    assert_eq!(twice(&x, 3.0).to_vec::<f64>()?, [24.0, -6.0]);
    assert_eq!(own_sigmoid(&x).to_vec::<f64>()?, [0.0, 0.0]);
    assert_eq!(total(&x, 0)?.to_vec::<f64>()?, [3.0]);
    assert_eq!(distance(&x, &x, 2)?.to_vec::<f64>()?, [0.0]);
    assert_eq!(calls(&x, &x)?.shape(), [2]);
    let _ = (attributes(&x), powers(&x, 2, 0.5), sums::cube(&x));
    assert_eq!(sums::energy(&x, 0)?.to_f64_vec(), [17.0]);
    Ok(())
}
