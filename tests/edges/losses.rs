//! Losses, log-sum-exp and products where elements are infinite, NaN or far apart.

use cotangent::Backward;
use cotangent::prelude::*;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Both dtypes.
const DTYPES: [DType; 2] = [DType::F32, DType::F64];

fn vector(xs: &[f64], dtype: DType) -> Tensor {
    Tensor::from(xs).to_dtype(dtype)
}

/// The number, rounded to the dtype.
fn rounded(x: f64, dtype: DType) -> f64 {
    if dtype == DType::F32 {
        f64::from(x as f32)
    } else {
        x
    }
}

/// Equal within a relative error, or to the last digit of the smallest numbers; infinite where infinite, NaN where NaN.
#[track_caller]
fn assert_near(what: &str, found: &Tensor, expected: &[f64]) {
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

type Function<'a> = &'a dyn Fn(&Tensor) -> Result<Tensor>;

/// The gradient of the sum of `f`, by a plain and by a recorded backward.
#[track_caller]
fn assert_gradient(what: &str, x: &Tensor, f: Function, expected: &[f64]) -> Result<()> {
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

/// The gradient of the sum of the gradient of the sum of `f`, both ways.
#[track_caller]
fn assert_second(what: &str, x: &Tensor, f: Function, expected: &[f64]) -> Result<()> {
    let first = |x: &Tensor| -> Result<Tensor> {
        let gradients = Backward::new().create_graph().grad(&f(x)?.sum(), &[x])?;
        Ok(gradients[0].clone())
    };
    assert_gradient(&format!("{what}: second"), x, &first, expected)
}

#[test]
fn products_are_right_where_partial_products_leave_the_range() -> Result<()> {
    for (xs, product, gradient) in [
        (vec![0.0, 1.0, 1e20, 1e20], 0.0, vec![1e40, 0.0, 0.0, 0.0]),
        (vec![1e30, 1e30, 0.0], 0.0, vec![0.0, 0.0, 1e60]),
        (
            vec![1e30, 1e30, 1e-30, 1e-30],
            1.0,
            vec![1e-30, 1e-30, 1e30, 1e30],
        ),
        (
            vec![1e-30, 1e-30, 1e30, 1e30],
            1.0,
            vec![1e30, 1e30, 1e-30, 1e-30],
        ),
        // The first two come to a number with few digits.
        (vec![1e-30, 1e-12, 1e20], 1e-22, vec![1e8, 1e-10, 1e-42]),
        (vec![0.0, 0.0, 1e30, 1e30], 0.0, vec![0.0; 4]),
        (vec![-0.0, 1e30, -1e30], 0.0, vec![-1e60, 0.0, 0.0]),
        (vec![INF, 2.0], INF, vec![2.0, INF]),
        (vec![INF, 0.0], NAN, vec![0.0, INF]),
        (vec![1e30, INF, 0.0], NAN, vec![NAN, 0.0, INF]),
        (vec![NAN, 0.0, 1e30], NAN, vec![0.0, NAN, NAN]),
        (vec![3.0], 3.0, vec![1.0]),
        (vec![], 1.0, vec![]),
    ] {
        for dtype in DTYPES {
            let (x, what) = (vector(&xs, dtype), format!("{xs:?} {dtype:?}"));
            assert_near(&what, &x.prod(), &[product]);
            assert_gradient(&what, &x, &|x| Ok(x.prod()), &gradient)?;
            // Many of them, with rows of ones between.
            let rows = x.reshape([xs.len(), 1])?.broadcast_to([xs.len(), 3])?;
            assert_near(&what, &rows.prod_over(0)?, &[product; 3]);
            let thrice: Vec<f64> = gradient.iter().flat_map(|&g| [g; 3]).collect();
            assert_gradient(&what, &rows, &|x| x.prod_over(0), &thrice)?;
        }
    }
    // The same in the range of f64.
    for (xs, product, gradient) in [
        ([1e200, 1e200, 0.0], 0.0, [0.0, 0.0, INF]),
        ([1e200, 1e200, 1e-200], 1e200, [1.0, 1.0, INF]),
        ([1e-200, 1e-200, 1e300], 1e-100, [1e100, 1e100, 0.0]),
        ([1e-160, 1e-160, 1e160], 1e-160, [1.0, 1.0, 1e-320]),
    ] {
        let (x, what) = (Tensor::from(&xs[..]), format!("{xs:?}"));
        assert_near(&what, &x.prod(), &[product]);
        assert_gradient(&what, &x, &|x| Ok(x.prod()), &gradient)?;
    }
    Ok(())
}

#[test]
fn products_of_many_numbers_far_apart_are_right() -> Result<()> {
    // Far beyond the range of f64 in between, on several threads.
    for (len, dtype) in [
        (1000, DType::F32),
        (100_000, DType::F32),
        (100_000, DType::F64),
    ] {
        let far = |i: usize| {
            if i < len / 2 {
                2f64.powi(100)
            } else {
                2f64.powi(-100)
            }
        };
        let x = vector(&(0..len).map(far).collect::<Vec<f64>>(), dtype);
        assert_eq!(x.prod().item()?, 1.0);
        let running = x.cumprod(0)?.to_f64_vec();
        assert_eq!((running[0], running[len - 1]), (2f64.powi(100), 1.0));
        assert_eq!(running[len / 2], INF);
        let inverse: Vec<f64> = (0..len).map(|i| 1.0 / far(i)).collect();
        assert_gradient("many", &x, &|x| Ok(x.prod()), &inverse)?;
    }
    Ok(())
}

#[test]
fn running_products_are_right_where_they_leave_the_range() -> Result<()> {
    for (xs, products, gradient) in [
        (
            vec![1e30, 1e30, 0.0],
            vec![1e30, 1e60, 0.0],
            vec![1.0 + 1e30, 1e30, 1e60],
        ),
        (
            vec![0.0, 1.0, 1e20, 1e20],
            vec![0.0; 4],
            vec![1.0 + 1.0 + 1e20 + 1e40, 0.0, 0.0, 0.0],
        ),
        (
            vec![1e30, 1e30, 1e-30, 1e-30],
            vec![1e30, 1e60, 1e30, 1.0],
            vec![1e30, 1e30, 1e60, 1e30],
        ),
        (
            vec![1e-30, 1e-30, 1e30, 1e30],
            vec![1e-30, 1e-60, 1e-30, 1.0],
            vec![1e30, 1e30, 1e-30, 1e-30],
        ),
        (vec![0.0, 0.0, 1e30], vec![0.0; 3], vec![1.0, 0.0, 0.0]),
        (vec![INF, 0.0], vec![INF, NAN], vec![1.0, INF]),
        (vec![2.0, INF], vec![2.0, INF], vec![INF, 2.0]),
        (vec![NAN, 0.0], vec![NAN, NAN], vec![1.0, NAN]),
    ] {
        for dtype in DTYPES {
            let (x, what) = (vector(&xs, dtype), format!("{xs:?} {dtype:?}"));
            assert_near(&what, &x.cumprod(0)?, &products);
            assert_gradient(&what, &x, &|x| x.cumprod(0), &gradient)?;
            let columns = x.reshape([xs.len(), 1])?.broadcast_to([xs.len(), 3])?;
            let thrice: Vec<f64> = products.iter().flat_map(|&y| [y; 3]).collect();
            assert_near(&what, &columns.cumprod(0)?, &thrice);
        }
    }
    let x = Tensor::from([1e200f64, 1e200, 0.0]);
    assert_near("f64", &x.cumprod(0)?, &[1e200, INF, 0.0]);
    assert_gradient("f64", &x, &|x| x.cumprod(0), &[1e200, 1e200, INF])
}

#[test]
fn second_derivatives_of_products_are_right_where_parts_leave_the_range() -> Result<()> {
    for dtype in DTYPES {
        // The sum of the gradient is that of all products of three of the four.
        let x = vector(&[0.0, 1.0, 1e20, 1e20], dtype);
        let expected = [1e40 + 2e20, 1e40, 1e20, 1e20];
        assert_second("prod", &x, &|x| Ok(x.prod()), &expected)?;
        let x = vector(&[1e30, 1e30, 1e-30, 0.0], dtype);
        let expected = [1.0, 1.0, 1e60, 1e60];
        assert_second("prod", &x, &|x| Ok(x.prod()), &expected)?;
        // 1 + b + bc + a + ac + ab, after a, b and c.
        let x = vector(&[1e30, 1e30, 0.0], dtype);
        let expected = [1.0 + 1e30, 1.0 + 1e30, 2e30];
        assert_second("cumprod", &x, &|x| x.cumprod(0), &expected)?;
        // An infinite element is only multiplied by what it stands beside.
        let x = vector(&[INF, 2.0, 3.0], dtype);
        assert_second("prod", &x, &|x| Ok(x.prod()), &[5.0, INF, INF])?;
    }
    Ok(())
}

/// The sum of the gradient, as a function.
fn derivative(f: Function) -> impl Fn(&Tensor) -> Result<Tensor> {
    move |x| {
        let gradients = Backward::new().create_graph().grad(&f(x)?.sum(), &[x])?;
        Ok(gradients[0].sum())
    }
}

#[test]
fn products_have_derivatives_of_every_order() -> Result<()> {
    let product = |x: &Tensor| Ok(x.prod());
    let last = |x: &Tensor| x.cumprod(0)?.narrow(0, 3, 1);
    for f in [&product as Function, &last] {
        let x = Tensor::from([2.0f64, 3.0, 5.0, 7.0]).tracked();
        let first = derivative(f);
        let second = derivative(&first);
        let third = derivative(&second);
        let fourth = derivative(&third);
        let fifth = derivative(&fourth);
        assert_eq!(first(&x)?.item()?, 247.0);
        assert_eq!(second(&x)?.item()?, 2.0 * 101.0);
        assert_eq!(third(&x)?.item()?, 6.0 * 17.0);
        assert_eq!(fourth(&x)?.item()?, 24.0);
        assert_eq!(fifth(&x)?.item()?, 0.0);
    }
    Ok(())
}
