//! Losses, log-sum-exp and products of elements that are infinite, NaN or of very different sizes.

use cotangent::Backward;
use cotangent::prelude::*;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

const DTYPES: [DType; 2] = [DType::F32, DType::F64];

fn vector(xs: &[f64], dtype: DType) -> Tensor {
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

/// Compares the gradient of the sum of `f`, from a plain and from a recorded backward pass.
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

/// Compares the gradient of the sum of the gradient of the sum of `f`, both ways.
#[track_caller]
fn assert_second(what: &str, x: &Tensor, f: Function, expected: &[f64]) -> Result<()> {
    let first = |x: &Tensor| -> Result<Tensor> {
        let gradients = Backward::new().create_graph().grad(&f(x)?.sum(), &[x])?;
        Ok(gradients[0].clone())
    };
    assert_gradient(&format!("{what}: second"), x, &first, expected)
}

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

/// Returns the same loss with the sum as reduction.
fn summed(loss: &CrossEntropyLoss) -> CrossEntropyLoss {
    loss.clone().reduction(Reduction::Sum)
}

#[test]
fn rows_with_an_ignored_label_may_be_infinite_or_nan() -> Result<()> {
    // The softmax of 1, 2, 3, minus 1 at the label.
    let row = [0.090_030_573_170_380_46, 0.244_728_471_054_797_64];
    let row = [row[0], row[1], -(row[0] + row[1])];
    for dtype in DTYPES {
        for garbage in [
            [-INF; 3],
            [INF; 3],
            [NAN; 3],
            [INF, -INF, NAN],
            [1.0, -INF, 3e38],
        ] {
            let xs = [&garbage[..], &[1.0, 2.0, 3.0]].concat();
            let logits = vector(&xs, dtype).reshape([2, 3])?;
            let gradient = [&[0.0; 3][..], &row].concat();
            // The ignored label may be one of the classes.
            for (ignored, labels) in [(255, [255, 2]), (0, [0, 2])] {
                let labels = Indices::from(labels);
                let what = format!("{garbage:?} {dtype:?} {ignored}");
                let mean = CrossEntropyLoss::new().ignore_label(ignored);
                for loss in [mean.clone(), summed(&mean)] {
                    let f = |x: &Tensor| loss.loss(x, &labels);
                    assert_near(&what, &f(&logits)?, &[0.407_605_964_444_380_3]);
                    assert_gradient(&what, &logits, &f, &gradient)?;
                }
                // With smoothing, to second order: equal to the other row alone.
                let smooth = CrossEntropyLoss::new().label_smoothing(0.5);
                let with = smooth.clone().ignore_label(ignored);
                let both = |x: &Tensor| with.loss(x, &labels);
                let alone = |x: &Tensor| smooth.loss(&x.narrow(0, 1, 1)?, &Indices::from([2]));
                assert_near(&what, &both(&logits)?, &alone(&logits)?.to_f64_vec());
                let x = logits.tracked();
                for backward in [Backward::new(), Backward::new().create_graph()] {
                    let derivatives = |f: Function| -> Result<Vec<f64>> {
                        let loss = f(&x)?.square();
                        let first = Backward::new().create_graph().grad(&loss, &[&x])?;
                        let second = first[0].mul(&vector(&[1.0, 2.0, 3.0], dtype))?.sum();
                        let second = backward.grad(&second, &[&x])?;
                        Ok([first[0].to_f64_vec(), second[0].to_f64_vec()].concat())
                    };
                    let (found, expected) = (derivatives(&both)?, derivatives(&alone)?);
                    let mut pairs = found.iter().zip(&expected);
                    let close = pairs.all(|(a, b)| (a - b).abs() < 1e-5);
                    assert!(close, "{what}: found {found:?}, expected {expected:?}");
                }
                let none = CrossEntropyLoss::new()
                    .ignore_label(ignored)
                    .reduction(Reduction::None);
                assert_near(
                    &what,
                    &none.loss(&logits, &labels)?,
                    &[0.0, 0.407_605_964_444_380_3],
                );
                // Log-probabilities.
                let likelihood = NllLoss::new().ignore_label(ignored);
                let f = |x: &Tensor| likelihood.loss(x, &labels);
                assert_near(&what, &f(&logits)?, &[-3.0]);
                assert_gradient(&what, &logits, &f, &[0.0, 0.0, 0.0, 0.0, 0.0, -1.0])?;
            }
        }
    }
    Ok(())
}

#[test]
fn no_row_need_be_counted() -> Result<()> {
    for row in [[-INF, -INF], [1.0, NAN], [0.0, 2.0]] {
        let (x, labels) = (Tensor::from([row, row]), Indices::from([7, 7]));
        let mean = CrossEntropyLoss::new().ignore_label(7);
        assert_near("mean", &mean.loss(&x, &labels)?, &[NAN]);
        assert_near("sum", &summed(&mean).loss(&x, &labels)?, &[0.0]);
        let likelihood = NllLoss::new().ignore_label(7);
        let weights = CrossEntropyLoss::new().class_weights(&Tensor::from([0.0f64, 0.0]));
        for f in [
            &(|x: &Tensor| mean.loss(x, &labels)) as Function,
            &|x| summed(&mean).loss(x, &labels),
            &|x| likelihood.loss(x, &labels),
            &|x| weights.loss(x, &Indices::from([0, 1])),
        ] {
            assert_gradient("no row", &x, f, &[0.0; 4])?;
        }
    }
    Ok(())
}

#[test]
fn a_target_of_zero_contributes_nothing_whatever_its_logit() -> Result<()> {
    for dtype in DTYPES {
        let row = |xs: &[f64]| vector(xs, dtype).reshape([1, xs.len()]);
        let plain = CrossEntropyLoss::new();
        let weighted = CrossEntropyLoss::new().class_weights(&vector(&[0.0, 2.0], dtype));
        let smooth = CrossEntropyLoss::new().label_smoothing(0.5);
        let both = weighted.clone().label_smoothing(0.5);
        let ln2 = std::f64::consts::LN_2;
        for (loss, logits, target, value, gradient) in [
            (&plain, [-INF, 0.0], [0.0, 1.0], 0.0, [0.0, 0.0]),
            (&plain, [0.0, -INF], [1.0, 0.0], 0.0, [0.0, 0.0]),
            (&plain, [-INF, 0.0], [-0.0, 0.5], 0.0, [0.0, 0.0]),
            (&plain, [-INF, 0.0], [1.0, 0.0], INF, [-1.0, 1.0]),
            (&plain, [-INF, 0.0], [0.5, 0.5], INF, [-0.5, 0.5]),
            (&plain, [0.0, 0.0], [0.0, 1.0], ln2, [0.5, -0.5]),
            // No softmax: nothing, if nothing is asked.
            (&plain, [-INF, -INF], [0.0, 0.0], 0.0, [0.0, 0.0]),
            (&plain, [-INF, -INF], [0.0, 1.0], NAN, [NAN, NAN]),
            (&plain, [INF, 0.0], [1.0, 0.0], NAN, [NAN, NAN]),
            (&plain, [NAN, 0.0], [0.0, 1.0], NAN, [NAN, NAN]),
            (&plain, [-INF, 0.0], [NAN, 1.0], NAN, [NAN, NAN]),
            (&weighted, [-INF, 0.0], [0.5, 0.5], 0.0, [0.0, 0.0]),
            (&weighted, [0.0, 0.0], [0.5, 0.5], ln2, [0.5, -0.5]),
            (&weighted, [-INF, 0.0], [1.0, 0.0], 0.0, [0.0, 0.0]),
            // A share of the smoothing is more than nothing, unless the class weighs nothing.
            (&smooth, [-INF, 0.0], [0.0, 1.0], INF, [-0.25, 0.25]),
            (&both, [-INF, 0.0], [0.0, 1.0], 0.0, [0.0, 0.0]),
        ] {
            let what = format!("{loss:?} {logits:?} {target:?}");
            let (logits, target) = (row(&logits)?, row(&target)?);
            let f = |x: &Tensor| loss.loss(x, &target);
            assert_near(&what, &f(&logits)?, &[value]);
            assert_gradient(&what, &logits, &f, &gradient)?;
        }
        // A class that weighs nothing takes nothing back to its probability either.
        let (logits, target) = (row(&[-INF, 0.0])?, row(&[0.5, 0.5])?);
        assert_gradient(
            "target",
            &target,
            &|t| weighted.loss(&logits, t),
            &[0.0, 0.0],
        )?;
        // Rows do not see each other.
        let logits = vector(&[-INF, 0.0, -INF, -INF, 0.0, 0.0], dtype).reshape([3, 2])?;
        let target = vector(&[0.0, 1.0, 0.5, 0.5, 0.0, 1.0], dtype).reshape([3, 2])?;
        let each = CrossEntropyLoss::new().reduction(Reduction::None);
        assert_near("rows", &each.loss(&logits, &target)?, &[0.0, NAN, ln2]);
        let gradient = [0.0, 0.0, NAN, NAN, 0.5, -0.5];
        assert_gradient("rows", &logits, &|x| each.loss(x, &target), &gradient)?;
    }
    Ok(())
}

/// The square root of a loss of 0 has an infinite slope; the gradient of the loss stays 0.
#[test]
fn rows_without_weight_have_no_gradient_through_a_square_root() -> Result<()> {
    for dtype in DTYPES {
        let each = CrossEntropyLoss::new().reduction(Reduction::None);
        let x = vector(&[0.0, 0.0, 0.0, 0.0], dtype).reshape([2, 2])?;
        let root = (0.5 / std::f64::consts::LN_2.sqrt()) * 0.5;
        let gradient = [0.0, 0.0, root, -root];
        let target = vector(&[0.0, 0.0, 0.0, 1.0], dtype).reshape([2, 2])?;
        let f = |x: &Tensor| Ok(each.loss(x, &target)?.sqrt());
        assert_gradient("probabilities", &x, &f, &gradient)?;
        let ignoring = each.clone().ignore_label(5);
        let f = |x: &Tensor| Ok(ignoring.loss(x, &Indices::from([5, 1]))?.sqrt());
        assert_gradient("labels", &x, &f, &gradient)?;
        let weighted = each.class_weights(&vector(&[0.0, 1.0], dtype));
        let f = |x: &Tensor| Ok(weighted.loss(x, &Indices::from([0, 1]))?.sqrt());
        assert_gradient("weights", &x, &f, &gradient)?;
        let weighted = BceWithLogitsLoss::new()
            .class_weights(&vector(&[0.0], dtype))
            .reduction(Reduction::None);
        let f = |x: &Tensor| Ok(weighted.loss(x, &target)?.sqrt());
        assert_gradient("binary", &x, &f, &[0.0; 4])?;
    }
    Ok(())
}

#[test]
fn a_class_weight_of_0_drops_infinite_terms() -> Result<()> {
    for dtype in DTYPES {
        let weights = vector(&[0.0, 1.0], dtype);
        let loss = CrossEntropyLoss::new().class_weights(&weights);
        let likelihood = NllLoss::new().class_weights(&weights);
        let smooth = loss.clone().label_smoothing(0.5);
        let ln = (1.0 + (-1f64).exp()).ln();
        for row in [[-INF, 0.0], [-INF, -INF], [INF, 0.0]] {
            let logits = vector(&[row[0], row[1], 1.0, 2.0], dtype).reshape([2, 2])?;
            let labels = Indices::from([0, 1]);
            let f = |x: &Tensor| loss.loss(x, &labels);
            assert_near("loss", &f(&logits)?, &[ln]);
            let p = 1.0 / (1.0 + 1f64.exp());
            assert_gradient("loss", &logits, &f, &[0.0, 0.0, p, -p])?;
            let f = |x: &Tensor| likelihood.loss(x, &labels);
            assert_near("likelihood", &f(&logits)?, &[-2.0]);
            assert_gradient("likelihood", &logits, &f, &[0.0, 0.0, 0.0, -1.0])?;
        }
        // With smoothing, such a sample has a quarter of the other class's loss, which is ln 1.
        let logits = vector(&[-INF, 0.0], dtype).reshape([1, 2])?;
        let none = smooth.reduction(Reduction::None);
        let f = |x: &Tensor| none.loss(x, &Indices::from([0]));
        assert_near("smooth", &f(&logits)?, &[0.0]);
        assert_gradient("smooth", &logits, &f, &[0.0, 0.0])?;
        let logits = vector(&[0.0, -INF], dtype).reshape([1, 2])?;
        assert_near("smooth", &f(&logits)?, &[INF]);
        assert_gradient("smooth", &logits, &f, &[0.25, -0.25])?;
        // A label whose logit is -∞ has an infinite loss, as in PyTorch.
        let f = |x: &Tensor| x.cross_entropy(&Indices::from([1]));
        assert_near("label", &f(&logits)?, &[INF]);
        assert_gradient("label", &logits, &f, &[1.0, -1.0])?;
        let smooth = CrossEntropyLoss::new().label_smoothing(0.1);
        let f = |x: &Tensor| smooth.loss(x, &Indices::from([0]));
        assert_near("share", &f(&logits)?, &[INF]);
        assert_gradient("share", &logits, &f, &[0.05, -0.05])?;
    }
    Ok(())
}

#[test]
fn the_binary_loss_at_infinite_logits_is_the_limit() -> Result<()> {
    for dtype in DTYPES {
        let logits = vector(&[INF, INF, INF, -INF, -INF, -INF], dtype);
        let targets = vector(&[0.0, 1.0, 0.5, 0.0, 1.0, 0.5], dtype);
        let limits = [INF, 0.0, INF, 0.0, INF, INF];
        let slopes = [1.0, 0.0, 0.5, 0.0, -1.0, -0.5];
        let plain = BceWithLogitsLoss::new().reduction(Reduction::None);
        let ones = plain.clone().positive_weight(&vector(&[1.0], dtype));
        for loss in [
            &plain,
            &ones,
            &plain.clone().class_weights(&vector(&[1.0], dtype)),
        ] {
            let f = |x: &Tensor| loss.loss(x, &targets);
            assert_near("loss", &f(&logits)?, &limits);
            assert_gradient("loss", &logits, &f, &slopes)?;
            assert_second("loss", &logits, &f, &[0.0; 6])?;
        }
        // A weight of 0: of the positive part, then of the whole element.
        let negative = plain.clone().positive_weight(&vector(&[0.0], dtype));
        let f = |x: &Tensor| negative.loss(x, &targets);
        assert_near("negative", &f(&logits)?, &[INF, 0.0, INF, 0.0, 0.0, 0.0]);
        assert_gradient("negative", &logits, &f, &[1.0, 0.0, 0.5, 0.0, 0.0, 0.0])?;
        let of_targets = |t: &Tensor| negative.loss(&logits, t);
        let expected = [-INF, -INF, -INF, 0.0, 0.0, 0.0];
        assert_gradient("negative, targets", &targets, &of_targets, &expected)?;
        for loss in [&plain, &negative] {
            let nothing = loss.clone().class_weights(&vector(&[0.0], dtype));
            let f = |x: &Tensor| nothing.loss(x, &targets);
            assert_near("nothing", &f(&logits)?, &[0.0; 6]);
            assert_gradient("nothing", &logits, &f, &[0.0; 6])?;
            assert_gradient(
                "nothing",
                &targets,
                &|t| nothing.loss(&logits, t),
                &[0.0; 6],
            )?;
        }
        let nans = vector(&[NAN; 3], dtype);
        let targets = vector(&[0.0, 1.0, 0.5], dtype);
        for loss in [&plain, &ones] {
            assert_near("NaN", &loss.loss(&nans, &targets)?, &[NAN; 3]);
            assert_near("NaN", &loss.loss(&targets, &nans)?, &[NAN; 3]);
        }
    }
    Ok(())
}

#[test]
fn divergences_at_zeros_and_infinities() -> Result<()> {
    let each = KlDivLoss::new().reduction(Reduction::None);
    let of_logs = each.log_target();
    for dtype in DTYPES {
        let x = vector(&[-INF, 0.0, -INF, NAN, -1.0, INF], dtype);
        let t = vector(&[0.0, 0.0, 0.5, 0.0, NAN, 0.0], dtype);
        let f = |x: &Tensor| each.loss(x, &t);
        assert_near("kl", &f(&x)?, &[0.0, 0.0, INF, NAN, NAN, 0.0]);
        assert_gradient("kl", &x, &f, &[0.0, 0.0, -0.5, 0.0, NAN, 0.0])?;
        let f = |t: &Tensor| each.loss(&x, t);
        assert_gradient("kl, targets", &t, &f, &[0.0, 0.0, INF, NAN, NAN, 0.0])?;
        let t = vector(&[-INF, -INF, -1.0, -INF, NAN, -INF], dtype);
        let f = |x: &Tensor| of_logs.loss(x, &t);
        assert_near("kl of logs", &f(&x)?, &[0.0, 0.0, INF, NAN, NAN, 0.0]);
        let p = (-1f64).exp();
        assert_gradient("kl of logs", &x, &f, &[0.0, 0.0, -p, 0.0, NAN, 0.0])?;
        let (far, small) = (vector(&[3e38], dtype), vector(&[-3e38], dtype));
        let rounded = of_logs.loss(&far, &small)?;
        assert_near("kl of a log that is rounded to 0", &rounded, &[0.0]);
        let f = |t: &Tensor| of_logs.loss(&x, t);
        assert_gradient(
            "kl of logs, targets",
            &t,
            &f,
            &[0.0, 0.0, INF, NAN, NAN, 0.0],
        )?;
    }
    Ok(())
}

#[test]
fn losses_of_infinite_differences() -> Result<()> {
    let each = HuberLoss::new().reduction(Reduction::None);
    let absolute = L1Loss::new().reduction(Reduction::None);
    let squared = MseLoss::new().reduction(Reduction::None);
    for dtype in DTYPES {
        let x = vector(&[INF, -INF, INF, 1.0, NAN, 0.0, 2e19], dtype);
        let t = vector(&[INF, INF, 0.0, INF, 0.0, NAN, 0.0], dtype);
        let huber = |delta| each.delta(delta).loss(&x, &t);
        let expected = [NAN, INF, INF, INF, NAN, NAN, 2e19 - 0.5];
        assert_near("huber", &huber(1.0)?, &expected);
        // Half of a square is in range, although the square is not.
        let expected = [NAN, INF, INF, INF, NAN, NAN, 2e38];
        assert_near("huber", &huber(1e30)?, &expected);
        assert_near("huber", &huber(INF)?, &expected);
        let (far, opposite) = (vector(&[3e38], dtype), vector(&[-3e38], dtype));
        assert_near("huber", &each.delta(0.1).loss(&far, &opposite)?, &[6e37]);
        let f = |x: &Tensor| each.loss(x, &t);
        assert_gradient("huber", &x, &f, &[NAN, -1.0, 1.0, -1.0, NAN, NAN, 1.0])?;
        let expected = [NAN, INF, INF, INF, NAN, NAN, 2e19];
        assert_near("l1", &absolute.loss(&x, &t)?, &expected);
        let expected = [NAN, INF, INF, INF, NAN, NAN, 4e38];
        assert_near("mse", &squared.loss(&x, &t)?, &expected);
    }
    Ok(())
}

#[test]
fn log_sum_exp_propagates_nan() -> Result<()> {
    for dtype in DTYPES {
        for len in [1, 2, 3, 40, 2000] {
            for other in [0.0, -INF, INF] {
                for place in [0, len / 2, len - 1] {
                    let mut xs = vec![other; len];
                    xs[place] = NAN;
                    let (x, what) = (vector(&xs, dtype), format!("{other} {place} of {len}"));
                    assert_near(&what, &x.logsumexp(), &[NAN]);
                    assert_near(&what, &x.softmax(0)?, &vec![NAN; len]);
                    assert_near(&what, &x.log_softmax(0)?, &vec![NAN; len]);
                    assert_gradient(&what, &x, &|x| Ok(x.logsumexp()), &vec![NAN; len])?;
                    let column = x.reshape([len, 1])?;
                    assert_near(&what, &column.logsumexp_over(0)?, &[NAN]);
                    for label in [0, len / 2, len - 1] {
                        let row = x.reshape([1, len])?;
                        let f = |x: &Tensor| x.cross_entropy(&Indices::from([label]));
                        assert_near(&what, &f(&row)?, &[NAN]);
                        assert_gradient(&what, &row, &f, &vec![NAN; len])?;
                    }
                }
            }
        }
        for (xs, y) in [
            (vec![], -INF),
            (vec![-INF; 5], -INF),
            (vec![INF, -INF, 3.0], INF),
        ] {
            assert_near("infinite", &vector(&xs, dtype).logsumexp(), &[y]);
        }
    }
    Ok(())
}

#[test]
fn log_sum_exp_of_a_row_does_not_depend_on_other_rows() -> Result<()> {
    for dtype in DTYPES {
        let x = vector(&[1e8, 1e8, -INF, -INF, INF, 0.0, NAN, 0.0, 1.0, 1.0], dtype);
        let x = x.reshape([5, 2])?;
        let f = |x: &Tensor| x.logsumexp_over(1);
        // The gradient of an infinite row is NaN, as in PyTorch.
        let gradient = [0.5, 0.5, NAN, NAN, NAN, 0.0, NAN, NAN, 0.5, 0.5];
        assert_gradient("rows", &x, &f, &gradient)?;
        for i in 0..5 {
            let row = x.narrow(0, i, 1)?;
            let at = i * 2;
            assert_gradient("alone", &row, &f, &gradient[at..at + 2])?;
        }
        let two = x.narrow(0, 0, 2)?.tracked();
        for backward in [Backward::new(), Backward::new().create_graph()] {
            let cotangent = vector(&[1.0, 0.0], dtype);
            let found = &backward.grad_with(&f(&two)?, &cotangent, &[&two])?[0];
            assert_near("one of two", &found.narrow(0, 0, 1)?, &[0.5, 0.5]);
        }
        // Second derivatives, through the softmax, do not depend on the other rows either.
        let squares = |x: &Tensor| f(x)?.square().mul(&vector(&[0.5], dtype));
        let alone = x.narrow(0, 4, 1)?.tracked();
        let x = x.tracked();
        let second = |x: &Tensor| -> Result<Vec<f64>> {
            let first = &Backward::new()
                .create_graph()
                .grad(&squares(x)?.sum(), &[x])?[0];
            let weighted = first.mul(&vector(&[1.0, 2.0], dtype))?.sum();
            Ok(Backward::new().grad(&weighted, &[x])?[0].to_f64_vec())
        };
        assert_eq!(second(&x)?[8..], second(&alone)?);
    }
    Ok(())
}

type Named = (&'static str, Box<dyn Fn(&Tensor) -> Result<Tensor>>);

/// Returns functions that map each row of a `(rows, n)` tensor independently.
fn row_functions(dtype: DType) -> Vec<Named> {
    let each = || CrossEntropyLoss::new().reduction(Reduction::None);
    let label = |x: &Tensor| Indices::from_vec(vec![1; x.shape()[0]], [x.shape()[0]]);
    let half = move |x: &Tensor| Tensor::full(x.shape(), 0.5, dtype);
    vec![
        ("sum", Box::new(|x: &Tensor| x.sum_over(1))),
        ("mean", Box::new(|x: &Tensor| x.mean_over(1))),
        ("prod", Box::new(|x: &Tensor| x.prod_over(1))),
        (
            "cumsum",
            Box::new(|x: &Tensor| x.cumsum(1)?.narrow(1, 2, 1)),
        ),
        (
            "cumprod",
            Box::new(|x: &Tensor| x.cumprod(1)?.narrow(1, 2, 1)),
        ),
        ("max", Box::new(|x: &Tensor| x.max_over(1))),
        ("min", Box::new(|x: &Tensor| x.min_over(1))),
        ("top 1", Box::new(|x: &Tensor| Ok(x.top_k(1, 1)?.0))),
        ("var", Box::new(|x: &Tensor| x.var_over(1, 1.0))),
        ("std", Box::new(|x: &Tensor| x.std_over(1, 1.0))),
        ("l1", Box::new(|x: &Tensor| x.norm_over(1, Norm::L1))),
        ("l2", Box::new(|x: &Tensor| x.norm_over(1, Norm::L2))),
        ("l∞", Box::new(|x: &Tensor| x.norm_over(1, Norm::LInf))),
        ("logsumexp", Box::new(|x: &Tensor| x.logsumexp_over(1))),
        ("softmax", Box::new(|x: &Tensor| x.softmax(1))),
        ("log_softmax", Box::new(|x: &Tensor| x.log_softmax(1))),
        (
            "layer_norm",
            Box::new(|x: &Tensor| x.layer_norm([3], None, None, 1e-5)),
        ),
        (
            "cross_entropy",
            Box::new(move |x: &Tensor| each().loss(x, &label(x)?)),
        ),
        (
            "smoothed",
            Box::new(move |x: &Tensor| each().label_smoothing(0.1).loss(x, &label(x)?)),
        ),
        (
            "probabilities",
            Box::new(move |x: &Tensor| each().loss(x, &half(x)?)),
        ),
        (
            "cosine",
            Box::new(move |x: &Tensor| x.cosine_similarity(&half(x)?, 1, 1e-8)),
        ),
        (
            "mse",
            Box::new(move |x: &Tensor| {
                MseLoss::new()
                    .reduction(Reduction::None)
                    .loss(x, &half(x)?)?
                    .sum_over(1)
            }),
        ),
        (
            "l1_loss",
            Box::new(move |x: &Tensor| {
                L1Loss::new()
                    .reduction(Reduction::None)
                    .loss(x, &half(x)?)?
                    .sum_over(1)
            }),
        ),
        (
            "huber",
            Box::new(move |x: &Tensor| {
                HuberLoss::new()
                    .delta(1.0)
                    .reduction(Reduction::None)
                    .loss(x, &half(x)?)?
                    .sum_over(1)
            }),
        ),
        (
            "bce",
            Box::new(move |x: &Tensor| {
                let each = BceWithLogitsLoss::new().reduction(Reduction::None);
                each.loss(x, &half(x)?)?.sum_over(1)
            }),
        ),
        (
            "kl_div",
            Box::new(move |x: &Tensor| {
                KlDivLoss::new()
                    .reduction(Reduction::None)
                    .loss(x, &half(x)?)?
                    .sum_over(1)
            }),
        ),
        (
            "kl of logs",
            Box::new(move |x: &Tensor| {
                KlDivLoss::new()
                    .log_target()
                    .reduction(Reduction::None)
                    .loss(x, &half(x)?)?
                    .sum_over(1)
            }),
        ),
    ]
}

#[test]
fn nan_at_any_position_makes_the_result_nan() -> Result<()> {
    for dtype in DTYPES {
        for (name, f) in row_functions(dtype) {
            for other in [1.0, INF, -INF, 0.0] {
                for place in 0..3 {
                    let mut xs = [other; 3];
                    xs[place] = NAN;
                    let row = vector(&xs, dtype).reshape([1, 3])?;
                    let y = f(&row)?.to_f64_vec();
                    let what = format!("{name} {dtype:?} of {xs:?}: {y:?}");
                    assert!(y.iter().all(|y| y.is_nan()), "{what}");
                    // The same with rows that are strided columns.
                    let columns = vector(&xs, dtype).reshape([3, 1])?.broadcast_to([3, 70])?;
                    let columns = Tensor::from_vec(columns.to_f64_vec(), [3, 70])?.to_dtype(dtype);
                    let y = f(&columns.transpose(0, 1)?)?.to_f64_vec();
                    assert!(y.iter().all(|y| y.is_nan()), "{what}, columns");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_row_does_not_change_the_result_of_another() -> Result<()> {
    let plain = [0.5, -1.0, 3.0];
    for dtype in DTYPES {
        for (name, f) in row_functions(dtype) {
            for other in [
                [INF, 1.0, 2.0],
                [-INF; 3],
                [NAN; 3],
                [0.0; 3],
                [1e30, -1e30, 3e30],
                [1e-30, 1e-30, 3e-30],
                [1e8, 1e8, 1e8],
            ] {
                let alone = vector(&plain, dtype).reshape([1, 3])?.tracked();
                let rows = [&plain[..], &other, &plain].concat();
                let rows = vector(&rows, dtype).reshape([3, 3])?.tracked();
                let what = format!("{name} {dtype:?} beside {other:?}");
                let value = f(&alone)?.to_f64_vec();
                let values = f(&rows)?.reshape([3, value.len()])?;
                for i in [0, 2] {
                    assert_near(&what, &values.narrow(0, i, 1)?, &value);
                }
                for backward in [Backward::new(), Backward::new().create_graph()] {
                    let of = |x: &Tensor| -> Result<Tensor> {
                        let y = f(x)?;
                        let weight = |i| (i % value.len()) as f64 - 0.75;
                        let weights: Vec<f64> = (0..y.len()).map(weight).collect();
                        let weights = vector(&weights, dtype).reshape(y.shape())?;
                        Ok(backward.grad_with(&y, &weights, &[x])?[0].clone())
                    };
                    let gradients = of(&rows)?;
                    for i in [0, 2] {
                        let expected = of(&alone)?.to_f64_vec();
                        assert_near(&what, &gradients.narrow(0, i, 1)?, &expected);
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn means_of_finite_elements_are_finite() -> Result<()> {
    for (dtype, large) in [(DType::F32, 3e38), (DType::F64, 1.5e308)] {
        let x = vector(&[large, large, 1.0, 3.0, -large, large], dtype).reshape([3, 2])?;
        assert_near("rows", &x.mean_over(1)?, &[large, 2.0, 0.0]);
        assert_gradient("rows", &x, &|x| x.mean_over(1), &[0.5; 6])?;
        let same = vector(&[large; 700], dtype);
        assert_near("all", &same.mean(), &[large]);
        assert_gradient("all", &same, &|x| Ok(x.mean()), &[1.0 / 700.0; 700])?;
        // Means of losses.
        let zeros = Tensor::zeros([700], dtype)?;
        assert_near("l1", &same.l1_loss(&zeros)?, &[large]);
        let rows = same.neg().reshape([350, 2])?;
        let labels = Indices::from_vec(vec![1; 350], [350])?;
        assert_near("nll", &rows.nll_loss(&labels)?, &[large]);
        // Infinite elements and NaN remain visible.
        for (xs, mean) in [([INF, large], INF), ([INF, -INF], NAN), ([NAN, large], NAN)] {
            assert_near("infinite", &vector(&xs, dtype).mean(), &[mean]);
        }
    }
    Ok(())
}
