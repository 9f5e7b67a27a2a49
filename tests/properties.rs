//! Operations on any shapes, compared with loops over multi-indices: views, broadcasting,
//! reductions, selection, products; lengths of 0 and 1 included, in both precisions.

use cotangent::{Axes, DType, Error, Gradients, Result, Tensor};
use proptest::prelude::*;
use support::random::{DTYPES, fail, length, matches, pull, settings, shape};
use support::reference::{Naive, broadcast, indices, number, source};
use support::views::view;

mod support {
    pub mod accuracy;
    pub mod random;
    pub mod reference;
    pub mod views;
}

/// Two shapes that broadcast: a third shape with some axes of length 1 and leading ones dropped.
fn broadcastable(max_rank: usize) -> impl Strategy<Value = [Vec<usize>; 2]> {
    let operand = || {
        (
            prop::collection::vec(prop::bool::weighted(0.3), max_rank),
            0..=max_rank,
        )
    };
    (shape(max_rank), operand(), operand()).prop_map(|(shape, a, b)| {
        [a, b].map(|(ones, dropped)| {
            let made: Vec<usize> = shape
                .iter()
                .zip(ones)
                .map(|(&len, one)| if one { 1 } else { len })
                .collect();
            made[(dropped / 2).min(made.len())..].to_vec()
        })
    })
}

/// An operation, its function of numbers, and the partial derivatives of that.
type Elementwise = (
    fn(&Tensor, &Tensor) -> Result<Tensor>,
    fn(f64, f64) -> f64,
    [fn(f64, f64) -> f64; 2],
);

fn found<'a>(gradients: &'a Gradients, leaf: &Tensor) -> Result<&'a Tensor, TestCaseError> {
    let gradient = gradients.get(leaf);
    gradient.ok_or_else(|| TestCaseError::fail("no gradient"))
}

/// 1 if `wins`, a half if tied.
fn share(wins: bool, tied: bool) -> f64 {
    f64::from(u8::from(wins)) + 0.5 * f64::from(u8::from(tied))
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn views_select_the_right_elements(
        shape in shape(4),
        storage in 0u8..4,
        steps in prop::collection::vec(prop::array::uniform4(0u32..4096), 0..8),
    ) {
        for dtype in DTYPES {
            let mut naive = Naive::numbered(&shape);
            let x = naive.tensor(dtype, storage).map_err(fail)?.tracked();
            let mut y = x.clone();
            for &step in &steps {
                (y, naive) = view(step, &y, &naive).map_err(fail)?;
                matches(&naive, &y)?;
            }
            // The view as one operand, and as both.
            let values = naive.values.iter().map(|v| 2.0 * v).collect();
            let doubled = Naive { shape: naive.shape.clone(), values };
            matches(&doubled, &y.mul_scalar(2.0))?;
            matches(&doubled, &y.add(&y).map_err(fail)?)?;
            prop_assert_eq!(y.sum().to_f64_vec(), [naive.values.iter().sum::<f64>()]);
            // The gradient of each element is the sum of its weights in the view.
            let weights = Naive::whole(&naive.shape, 3);
            let mut expected = Naive::build(&shape, |_| 0.0);
            for (&from, w) in naive.values.iter().zip(&weights.values) {
                expected.values[from as usize] += w;
            }
            matches(&expected, &pull(&y, &weights, &x)?)?;
        }
    }

    #[test]
    fn elementwise_operations_broadcast(
        [a_shape, b_shape] in broadcastable(4), storage in prop::array::uniform2(0u8..4),
        seed in 0u64..1000,
    ) {
        let shape = broadcast(&a_shape, &b_shape).expect("they broadcast by construction");
        let (a, b) = (Naive::whole(&a_shape, seed), Naive::whole(&b_shape, seed + 1));
        let weights = Naive::whole(&shape, 5);
        let cases: [Elementwise; 5] = [
            (Tensor::add, |a, b| a + b, [|_, _| 1.0, |_, _| 1.0]),
            (Tensor::sub, |a, b| a - b, [|_, _| 1.0, |_, _| -1.0]),
            (Tensor::mul, |a, b| a * b, [|_, b| b, |a, _| a]),
            (Tensor::maximum, f64::max, [|a, b| share(a > b, a == b), |a, b| share(b > a, a == b)]),
            (Tensor::minimum, f64::min, [|a, b| share(a < b, a == b), |a, b| share(b < a, a == b)]),
        ];
        for dtype in DTYPES {
            let x = a.tensor(dtype, storage[0]).map_err(fail)?.tracked();
            let y = b.tensor(dtype, storage[1]).map_err(fail)?.tracked();
            for (f, value, partials) in cases {
                let result = f(&x, &y).map_err(fail)?;
                let expected =
                    Naive::build(&shape, |i| value(a.stretched_at(i), b.stretched_at(i)));
                matches(&expected, &result)?;
                let cotangent = weights.tensor(dtype, 0).map_err(fail)?;
                let gradients = result.backward_with(&cotangent).map_err(fail)?;
                for (operand, partial, tensor) in [(&a, partials[0], &x), (&b, partials[1], &y)] {
                    let mut expected = Naive::build(&operand.shape, |_| 0.0);
                    for index in indices(&shape) {
                        let place = number(&operand.shape, &source(&operand.shape, &index));
                        let slope = partial(a.stretched_at(&index), b.stretched_at(&index));
                        expected.values[place] += weights.at(&index) * slope;
                    }
                    let gradient = found(&gradients, tensor)?;
                    matches(&expected, gradient)?;
                }
            }
            let quotient = x.div(&y).map_err(fail)?;
            let expected = Naive::build(&shape, |i| a.stretched_at(i) / b.stretched_at(i));
            matches(&expected, &quotient)?;
        }
    }

    #[test]
    fn shapes_broadcast_or_are_errors(a in shape(4), b in shape(4)) {
        let [x, y] = [&a, &b].map(|shape| Tensor::zeros(&shape[..], DType::F32));
        let sum = x.map_err(fail)?.add(&y.map_err(fail)?);
        if let Some(shape) = broadcast(&a, &b) {
            prop_assert_eq!(sum.map_err(fail)?.shape().to_vec(), shape);
        } else {
            let refused = matches!(sum, Err(Error::Shape { .. }));
            prop_assert!(refused);
        }
    }

    #[test]
    fn reductions_over_any_axes(
        shape in shape(4), chosen in prop::array::uniform4(any::<bool>()), storage in 0u8..4,
        negative in any::<bool>(),
    ) {
        let naive = Naive::whole(&shape, 7);
        let reduced: Vec<usize> = (0..shape.len()).filter(|&axis| chosen[axis]).collect();
        let axes: Vec<isize> =
            reduced.iter().rev()
                .map(|&axis| axis as isize - if negative { shape.len() as isize } else { 0 })
                .collect();
        let kept: Vec<usize> =
            shape.iter().enumerate()
                .map(|(axis, &len)| if reduced.contains(&axis) { 1 } else { len })
                .collect();
        let dropped: Vec<usize> = (0..shape.len())
            .filter(|axis| !reduced.contains(axis))
            .map(|axis| shape[axis])
            .collect();
        let count: usize = reduced.iter().map(|&axis| shape[axis]).product();
        let mut sums = Naive::build(&kept, |_| 0.0);
        for index in indices(&shape) {
            let place = number(&kept, &source(&kept, &index));
            sums.values[place] += naive.at(&index);
        }
        let values = sums.values.iter().map(|sum| sum / count as f64).collect();
        let means = Naive { shape: kept.clone(), values };
        let weights = Naive::whole(&kept, 8);
        for dtype in DTYPES {
            let x = naive.tensor(dtype, storage).map_err(fail)?.tracked();
            let axes_kept = Axes::keep(&axes);
            let sum = x.sum_over(axes_kept.clone()).map_err(fail)?;
            let mean = x.mean_over(axes_kept).map_err(fail)?;
            matches(&sums, &sum)?;
            matches(&means, &mean)?;
            matches(&sums.reshape(&dropped), &x.sum_over(&axes[..]).map_err(fail)?)?;
            matches(&means.reshape(&dropped), &x.mean_over(&axes[..]).map_err(fail)?)?;
            matches(&Naive { shape: vec![], values: vec![naive.values.iter().sum()] }, &x.sum())?;
            prop_assert_eq!(x.sum_of_squares(), naive.values.iter().map(|v| v * v).sum::<f64>());
            matches(&weights.broadcast_to(&shape), &pull(&sum, &weights, &x)?)?;
            let divided = Naive::build(&shape, |index| weights.stretched_at(index) / count as f64);
            // Multiplication by 1 / count rounds once more than division.
            let rounding = if dtype == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
            let found = pull(&mean, &weights, &x)?;
            divided.differs_by(&found, |size| rounding * size.abs()).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn matrix_products_broadcast(
        [m, k, n] in prop::array::uniform3(length()), [a_batch, b_batch] in broadcastable(2),
        storage in prop::array::uniform2(0u8..4),
        vectors in prop::array::uniform2(prop::bool::weighted(0.2)),
    ) {
        // A vector is a matrix of one row or column whose axis is removed from the result.
        let a_shape = if vectors[0] { vec![k] } else { [&a_batch[..], &[m, k]].concat() };
        let b_shape = if vectors[1] { vec![k] } else { [&b_batch[..], &[k, n]].concat() };
        let (a, b) = (Naive::whole(&a_shape, 11), Naive::whole(&b_shape, 12));
        let a_matrix = if vectors[0] { vec![1, k] } else { a_shape.clone() };
        let b_matrix = if vectors[1] { vec![k, 1] } else { b_shape.clone() };
        let [a_batch, b_batch] = [&a_matrix, &b_matrix].map(|shape| &shape[..shape.len() - 2]);
        let batch = broadcast(a_batch, b_batch).expect("they broadcast");
        let rows = if vectors[0] { vec![] } else { vec![m] };
        let columns = if vectors[1] { vec![] } else { vec![n] };
        let shape = [&batch[..], &rows, &columns].concat();
        let (rows, columns) = (if vectors[0] { 1 } else { m }, if vectors[1] { 1 } else { n });
        let full = [&batch[..], &[rows, columns]].concat();
        // Each product of two elements, with the places of both and of the result.
        let mut terms = Vec::new();
        for (place, index) in indices(&full).iter().enumerate() {
            let outer = &index[..batch.len()];
            let [i, j] = [index[batch.len()], index[batch.len() + 1]];
            for l in 0..k {
                let operand = |matrix: &[usize], row: usize, column: usize| {
                    let own = source(&matrix[..matrix.len() - 2], outer);
                    number(matrix, &[&own[..], &[row, column]].concat())
                };
                terms.push([place, operand(&a_matrix, i, l), operand(&b_matrix, l, j)]);
            }
        }
        let weights = Naive::whole(&shape, 13);
        let mut expected = Naive::build(&shape, |_| 0.0);
        let (mut da, mut db) = (Naive::build(&a_shape, |_| 0.0), Naive::build(&b_shape, |_| 0.0));
        for [y, i, j] in terms {
            expected.values[y] += a.values[i] * b.values[j];
            da.values[i] += weights.values[y] * b.values[j];
            db.values[j] += weights.values[y] * a.values[i];
        }
        for dtype in DTYPES {
            let x = a.tensor(dtype, storage[0]).map_err(fail)?.tracked();
            let y = b.tensor(dtype, storage[1]).map_err(fail)?.tracked();
            let product = x.matmul(&y).map_err(fail)?;
            matches(&expected, &product)?;
            let cotangent = weights.tensor(dtype, 0).map_err(fail)?;
            let gradients = product.backward_with(&cotangent).map_err(fail)?;
            for (expected, tensor) in [(&da, &x), (&db, &y)] {
                matches(expected, found(&gradients, tensor)?)?;
            }
        }
    }

    #[test]
    fn linear_is_a_product_with_the_transpose(
        front in shape(2), [features, out] in prop::array::uniform2(length()),
        storage in prop::array::uniform3(0u8..4),
        with_bias in any::<bool>(),
    ) {
        let shape = [&front[..], &[features]].concat();
        let (x, weight) = (Naive::whole(&shape, 14), Naive::whole(&[out, features], 15));
        let bias = Naive::whole(&[out], 16);
        let expected = Naive::build(&[&front[..], &[out]].concat(), |index| {
            let (outer, o) = (&index[..front.len()], index[front.len()]);
            let product = |f| x.at(&[outer, &[f]].concat()) * weight.at(&[o, f]);
            let sum: f64 = (0..features).map(product).sum();
            sum + if with_bias { bias.at(&[o]) } else { 0.0 }
        });
        for dtype in DTYPES {
            let tensors = [(&x, 0), (&weight, 1), (&bias, 2)]
                .map(|(naive, i)| naive.tensor(dtype, storage[i]));
            let [x, weight, bias] = tensors;
            let (x, weight, bias) = (x.map_err(fail)?, weight.map_err(fail)?, bias.map_err(fail)?);
            matches(&expected, &x.linear(&weight, with_bias.then_some(&bias)).map_err(fail)?)?;
        }
    }

    #[test]
    fn softmax_along_any_axis(
        front in length(), back in shape(3), axis in 0usize..4, storage in 0u8..4,
        shift in -10_000i32..10_000,
    ) {
        let shape = [&[front], &back[..]].concat();
        let axis = axis % shape.len();
        let naive = Naive::whole(&shape, 17);
        let sums = |index: &[usize]| -> f64 {
            let at = |i: usize| { let mut at = index.to_vec(); at[axis] = i; naive.at(&at) };
            (0..shape[axis]).map(|i| at(i).exp()).sum()
        };
        let softmax = Naive::build(&shape, |index| naive.at(index).exp() / sums(index));
        let logarithm = Naive::build(&shape, |index| naive.at(index) - sums(index).ln());
        // Softmax does not change if all elements are shifted; whole numbers are shifted exactly.
        let x = naive.tensor(DType::F64, storage).map_err(fail)?.add_scalar(f64::from(shift));
        for dtype in DTYPES {
            let x = x.to_dtype(dtype);
            let roundings = if dtype == DType::F32 { 4e-7 } else { 1e-15 };
            let tolerance = |size: f64| roundings * (4.0 * size.abs() + 1.0);
            let found = x.softmax(axis as isize).map_err(fail)?;
            softmax.differs_by(&found, tolerance).map_err(TestCaseError::fail)?;
            let found = x.log_softmax(axis as isize).map_err(fail)?;
            logarithm.differs_by(&found, tolerance).map_err(TestCaseError::fail)?;
        }
    }
}
