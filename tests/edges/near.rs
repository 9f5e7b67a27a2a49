//! Comparisons of values and derivatives with expected numbers, infinities and NaN.

use cotangent::Backward;
use cotangent::prelude::*;

pub const INF: f64 = f64::INFINITY;
pub const NAN: f64 = f64::NAN;

/// Both dtypes.
pub const DTYPES: [DType; 2] = [DType::F32, DType::F64];

/// Creates a vector of this dtype.
pub fn vector(xs: &[f64], dtype: DType) -> Tensor {
    Tensor::from(xs).to_dtype(dtype)
}

/// Returns the number rounded to the dtype.
fn rounded(x: f64, dtype: DType) -> f64 {
    if dtype == DType::F32 {
        f64::from(x as f32)
    } else {
        x
    }
}

/// Panics unless the values are equal up to a relative error or one step of the subnormal numbers.
/// Infinities and NaN must be at the same places.
#[track_caller]
pub fn assert_near(what: &str, found: &Tensor, expected: &[f64]) {
    let (tolerance, smallest) = if found.dtype() == DType::F32 {
        (3e-7, 1.5e-45)
    } else {
        (1e-14, 5e-324)
    };
    let found_values = found.to_f64_vec();
    let near = |a: f64, b: f64| {
        let b = rounded(b, found.dtype());
        a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= (tolerance * b.abs()).max(smallest)
    };
    let all = found_values.iter().zip(expected).all(|(&a, &b)| near(a, b));
    assert!(
        found_values.len() == expected.len() && all,
        "{what}: found {found_values:?}, expected {expected:?}"
    );
}

/// A function of one tensor.
pub type Function<'a> = &'a dyn Fn(&Tensor) -> Result<Tensor>;

/// Compares the gradient of the sum of `f`, from a plain and from a recorded backward pass.
#[track_caller]
pub fn assert_gradient(what: &str, x: &Tensor, f: Function, expected: &[f64]) -> Result<()> {
    for (name, backward) in [
        ("gradient", Backward::new()),
        ("recorded gradient", Backward::new().create_graph()),
    ] {
        let x = x.tracked();
        let gradient = &backward.grad(&f(&x)?.sum(), &[&x])?[0];
        assert_near(&format!("{what}: {name}"), gradient, expected);
    }
    Ok(())
}

/// Compares the gradient of the sum of the gradient of the sum of `f`, both ways.
#[track_caller]
pub fn assert_second(what: &str, x: &Tensor, f: Function, expected: &[f64]) -> Result<()> {
    let first = |x: &Tensor| -> Result<Tensor> {
        let gradients = Backward::new().create_graph().grad(&f(x)?.sum(), &[x])?;
        Ok(gradients[0].clone())
    };
    assert_gradient(&format!("{what}: second"), x, &first, expected)
}
