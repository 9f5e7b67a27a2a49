//! Products and running products of elements that are infinite, NaN or of very different sizes.

use super::near::{
    DTYPES, Function, INF, NAN, assert_gradient, assert_near, assert_second, vector,
};
use cotangent::Backward;
use cotangent::prelude::*;

#[test]
fn products_are_right_if_partial_products_leave_the_range() -> Result<()> {
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
        // The product of the first two is subnormal, with few digits.
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
            // Three columns, reduced over the rows.
            let rows = x.reshape([xs.len(), 1])?.broadcast_to([xs.len(), 3])?;
            assert_near(&what, &rows.prod_over(0)?, &[product; 3]);
            let repeated: Vec<f64> = gradient.iter().flat_map(|&g| [g; 3]).collect();
            assert_gradient(&what, &rows, &|x| x.prod_over(0), &repeated)?;
        }
    }
    // The same at the ends of the range of `f64`.
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
fn products_of_many_numbers_of_very_different_sizes_are_right() -> Result<()> {
    // Partial products far beyond the range of `f64`, on several threads.
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
fn running_products_are_right_if_they_leave_the_range() -> Result<()> {
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
            let repeated: Vec<f64> = products.iter().flat_map(|&y| [y; 3]).collect();
            assert_near(&what, &columns.cumprod(0)?, &repeated);
        }
    }
    let x = Tensor::from([1e200f64, 1e200, 0.0]);
    assert_near("f64", &x.cumprod(0)?, &[1e200, INF, 0.0]);
    assert_gradient("f64", &x, &|x| x.cumprod(0), &[1e200, 1e200, INF])
}

#[test]
fn second_derivatives_of_products_are_right_if_parts_leave_the_range() -> Result<()> {
    for dtype in DTYPES {
        // The sum of the gradient is the sum of all products of three of the four elements.
        let x = vector(&[0.0, 1.0, 1e20, 1e20], dtype);
        let expected = [1e40 + 2e20, 1e40, 1e20, 1e20];
        assert_second("prod", &x, &|x| Ok(x.prod()), &expected)?;
        let x = vector(&[1e30, 1e30, 1e-30, 0.0], dtype);
        let expected = [1.0, 1.0, 1e60, 1e60];
        assert_second("prod", &x, &|x| Ok(x.prod()), &expected)?;
        // The gradient of 1 + b + bc + a + ac + ab with respect to a, b and c.
        let x = vector(&[1e30, 1e30, 0.0], dtype);
        let expected = [1.0 + 1e30, 1.0 + 1e30, 2e30];
        assert_second("cumprod", &x, &|x| x.cumprod(0), &expected)?;
        // Only products that contain the infinite element are infinite.
        let x = vector(&[INF, 2.0, 3.0], dtype);
        assert_second("prod", &x, &|x| Ok(x.prod()), &[5.0, INF, INF])?;
    }
    Ok(())
}

/// Returns a function that computes the sum of the gradient of `f`.
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
