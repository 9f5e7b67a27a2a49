//! Reductions, running results and Einstein sums, compared with loops over multi-indices: any axes,
//! lengths of 0 and 1, ties and zeros among the elements, any layout in memory, both dtypes.

use cotangent::{
    Axes, Backward, Bins, DType, Error, Gradients, Interpolation, Norm, Result, Tensor,
};
use proptest::prelude::*;
use reference::{Naive, indices, number, source};

#[path = "reductions/counts.rs"]
mod counts;
#[path = "reductions/norms.rs"]
mod norms;
#[path = "reductions/order.rs"]
mod order;
#[allow(dead_code)] // Shared with other tests.
#[path = "support/reference.rs"]
mod reference;

const DTYPES: [DType; 2] = [DType::F32, DType::F64];

fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn shape(max_rank: usize) -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![1 => Just(0usize), 3 => Just(1usize), 8 => 2usize..5];
    prop::collection::vec(length, 0..=max_rank)
}

#[allow(clippy::needless_pass_by_value)] // For `map_err`.
fn fail(error: Error) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

/// Returns small numbers with many ties and zeros. Products of some dozens are finite in `f32`.
fn numbers(shape: &[usize], seed: u64) -> Naive {
    let mut naive = Naive::whole(shape, seed);
    for value in &mut naive.values {
        *value = [-3.0, -1.0, 0.0, 1.0, 2.0, -0.5, 1.0][(*value + 7.0) as usize % 7];
    }
    naive
}

/// Checks that the tensor is `expected` within a tolerance for the rounding of sums.
fn near(expected: &Naive, found: &Tensor) -> Result<(), TestCaseError> {
    let (relative, absolute) = if found.dtype() == DType::F32 {
        (2e-5, 2e-6)
    } else {
        (1e-13, 1e-14)
    };
    let tolerance = |size: f64| relative * size.abs() + absolute;
    expected
        .differs_by(found, tolerance)
        .map_err(TestCaseError::fail)
}

/// A reduction, with its value and its derivatives for the elements of one group.
struct Case {
    name: &'static str,
    f: fn(&Tensor, Axes) -> Result<Tensor>,
    all: Option<fn(&Tensor) -> Result<Tensor>>,
    value: fn(&[f64]) -> f64,
    slopes: fn(&[f64]) -> Vec<f64>,
    /// Whether a group without elements is an error.
    needs_elements: bool,
}

fn largest(xs: &[f64]) -> f64 {
    xs.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Returns equal shares for the elements that are `extreme`, else 0.
fn shares(xs: &[f64], extreme: f64) -> Vec<f64> {
    let ties = xs.iter().filter(|&&x| x == extreme).count() as f64;
    let share = |&x: &f64| if x == extreme { 1.0 / ties } else { 0.0 };
    xs.iter().map(share).collect()
}

fn variance(xs: &[f64], correction: f64) -> f64 {
    let n = xs.len() as f64;
    let mean = xs.iter().sum::<f64>() / n;
    let squares: f64 = xs.iter().map(|x| (x - mean).powi(2)).sum();
    squares / (n - correction).max(0.0) + 0.0 * mean
}

fn variance_slopes(xs: &[f64], correction: f64) -> Vec<f64> {
    let n = xs.len() as f64;
    let mean = xs.iter().sum::<f64>() / n;
    let divisor = (n - correction).max(0.0);
    xs.iter().map(|x| 2.0 / divisor * (x - mean)).collect()
}

fn deviation_slopes(xs: &[f64], correction: f64) -> Vec<f64> {
    let deviation = variance(xs, correction).sqrt();
    let slope = |slope: f64| {
        if deviation == 0.0 {
            0.0 * slope
        } else {
            slope / (2.0 * deviation)
        }
    };
    variance_slopes(xs, correction)
        .into_iter()
        .map(slope)
        .collect()
}

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

fn absolute(xs: &[f64]) -> Vec<f64> {
    xs.iter().map(|x| x.abs()).collect()
}

fn euclidean(xs: &[f64]) -> f64 {
    xs.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn log_sum(xs: &[f64]) -> f64 {
    xs.iter().map(|x| x.exp()).sum::<f64>().ln()
}

const CASES: [Case; 11] = [
    Case {
        name: "prod",
        f: |x, axes| x.prod_over(axes),
        all: Some(|x| Ok(x.prod())),
        value: |xs| xs.iter().product(),
        slopes: |xs| {
            let others = |i: usize| xs[..i].iter().chain(&xs[i + 1..]).product();
            (0..xs.len()).map(others).collect()
        },
        needs_elements: false,
    },
    Case {
        name: "max",
        f: |x, axes| x.max_over(axes),
        all: Some(Tensor::max),
        value: largest,
        slopes: |xs| shares(xs, largest(xs)),
        needs_elements: true,
    },
    Case {
        name: "min",
        f: |x, axes| x.min_over(axes),
        all: Some(Tensor::min),
        value: |xs| xs.iter().copied().fold(f64::INFINITY, f64::min),
        slopes: |xs| shares(xs, xs.iter().copied().fold(f64::INFINITY, f64::min)),
        needs_elements: true,
    },
    Case {
        name: "var",
        f: |x, axes| x.var_over(axes, 1.0),
        all: Some(|x| Ok(x.var())),
        value: |xs| variance(xs, 1.0),
        slopes: |xs| variance_slopes(xs, 1.0),
        needs_elements: false,
    },
    Case {
        name: "var - 0.5",
        f: |x, axes| x.var_over(axes, 0.5),
        all: None,
        value: |xs| variance(xs, 0.5),
        slopes: |xs| variance_slopes(xs, 0.5),
        needs_elements: false,
    },
    Case {
        name: "std",
        f: |x, axes| x.std_over(axes, 1.0),
        all: Some(|x| Ok(x.std())),
        value: |xs| variance(xs, 1.0).sqrt(),
        slopes: |xs| deviation_slopes(xs, 1.0),
        needs_elements: false,
    },
    Case {
        name: "std - 0",
        f: |x, axes| x.std_over(axes, 0.0),
        all: None,
        value: |xs| variance(xs, 0.0).sqrt(),
        slopes: |xs| deviation_slopes(xs, 0.0),
        needs_elements: false,
    },
    Case {
        name: "norm L1",
        f: |x, axes| x.norm_over(axes, Norm::L1),
        all: Some(|x| x.norm(Norm::L1)),
        value: |xs| absolute(xs).iter().sum(),
        slopes: |xs| xs.iter().map(|&x| sign(x)).collect(),
        needs_elements: false,
    },
    Case {
        name: "norm L2",
        f: |x, axes| x.norm_over(axes, Norm::L2),
        all: Some(|x| x.norm(Norm::L2)),
        value: euclidean,
        slopes: |xs| {
            let norm = euclidean(xs);
            xs.iter()
                .map(|x| if norm == 0.0 { 0.0 } else { x / norm })
                .collect()
        },
        needs_elements: false,
    },
    Case {
        name: "norm LInf",
        f: |x, axes| x.norm_over(axes, Norm::LInf),
        all: Some(|x| x.norm(Norm::LInf)),
        value: |xs| largest(&absolute(xs)),
        slopes: |xs| {
            let shares = shares(&absolute(xs), largest(&absolute(xs)));
            shares
                .iter()
                .zip(xs)
                .map(|(share, &x)| share * sign(x))
                .collect()
        },
        needs_elements: true,
    },
    Case {
        name: "logsumexp",
        f: |x, axes| x.logsumexp_over(axes),
        all: Some(|x| Ok(x.logsumexp())),
        value: log_sum,
        slopes: |xs| xs.iter().map(|x| (x - log_sum(xs)).exp()).collect(),
        needs_elements: false,
    },
];

/// Returns the numbers of the elements that are reduced to each element of the kept shape.
fn groups(shape: &[usize], kept: &[usize]) -> Vec<Vec<usize>> {
    let mut groups = vec![Vec::new(); kept.iter().product()];
    for (place, index) in indices(shape).iter().enumerate() {
        groups[number(kept, &source(kept, index))].push(place);
    }
    groups
}

/// Checks result and gradient of a case over some axes of `naive`.
fn check(
    case: &Case,
    naive: &Naive,
    reduced: &[bool],
    storage: u8,
    keep: bool,
) -> Result<(), TestCaseError> {
    let shape = &naive.shape;
    let lens = || shape.iter().zip(reduced);
    let kept: Vec<usize> = lens()
        .map(|(&len, &reduced)| if reduced { 1 } else { len })
        .collect();
    let dropped: Vec<usize> = lens()
        .filter(|(_, reduced)| !**reduced)
        .map(|(&len, _)| len)
        .collect();
    let result = if keep { &kept } else { &dropped };
    let axes: Vec<isize> = (0..shape.len())
        .rev()
        .filter(|&axis| reduced[axis])
        .map(|axis| axis as isize)
        .collect();
    let axes = if keep {
        Axes::keep(&axes[..])
    } else {
        Axes::from(&axes[..])
    };
    let groups = groups(shape, &kept);
    let values = |group: &Vec<usize>| group.iter().map(|&i| naive.values[i]).collect::<Vec<_>>();
    let refused = case.needs_elements && lens().any(|(&len, &reduced)| reduced && len == 0);

    let weights = Naive::whole(result, 3);
    let mut gradient = Naive::build(shape, |_| 0.0);
    for (group, weight) in groups.iter().zip(&weights.values) {
        for (&place, slope) in group.iter().zip((case.slopes)(&values(group))) {
            gradient.values[place] = weight * slope;
        }
    }
    for dtype in DTYPES {
        let x = naive.tensor(dtype, storage).map_err(fail)?.tracked();
        let y = (case.f)(&x, axes.clone());
        if refused {
            let right = matches!(y, Err(Error::Shape { .. }));
            prop_assert!(right, "{} of {shape:?} is not refused", case.name);
            continue;
        }
        let y = y.map_err(fail)?;
        let expected = Naive {
            shape: result.clone(),
            values: groups
                .iter()
                .map(|group| (case.value)(&values(group)))
                .collect(),
        };
        near(&expected, &y)?;
        let gradients = y
            .backward_with(&weights.tensor(dtype, 0).map_err(fail)?)
            .map_err(fail)?;
        near(
            &gradient,
            gradients
                .get(&x)
                .ok_or_else(|| TestCaseError::fail("no gradient"))?,
        )?;
        if let Some(all) = case.all.filter(|_| !(case.needs_elements && x.is_empty())) {
            let expected = Naive {
                shape: vec![],
                values: vec![(case.value)(&naive.values)],
            };
            near(&expected, &all(&x).map_err(fail)?)?;
        }
    }
    Ok(())
}

/// Draws an equation, the lengths of its letters, and the layout of the operands in memory.
fn equation() -> impl Strategy<Value = (Vec<Vec<usize>>, Vec<usize>, [usize; 4], u8)> {
    let length = || prop_oneof![1 => Just(0usize), 3 => Just(1usize), 12 => 2usize..4];
    let operand = prop::collection::vec(0usize..4, 0..=3);
    (
        prop::collection::vec(operand, 1..=3),
        Just(vec![0usize, 1, 2, 3]).prop_shuffle(),
        [length(), length(), length(), length()],
        0u8..4,
        0usize..=4,
    )
        .prop_map(|(operands, mut result, lengths, storage, len)| {
            result.retain(|letter| operands.iter().flatten().any(|other| other == letter));
            result.truncate(len);
            (operands, result, lengths, storage)
        })
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn reductions_over_any_axes(
        shape in shape(3),
        reduced in prop::array::uniform3(any::<bool>()),
        storage in 0u8..4,
        keep in any::<bool>(),
        seed in 0u64..1000,
    ) {
        let naive = numbers(&shape, seed);
        for case in &CASES {
            check(case, &naive, &reduced[..shape.len()], storage, keep)
                .map_err(|error| TestCaseError::fail(format!("{}: {error}", case.name)))?;
        }
    }

    #[test]
    fn places_of_extremes(
        front in shape(2),
        back in shape(2),
        len in 1usize..5,
        storage in 0u8..4,
        seed in 0u64..1000,
    ) {
        let (shape, axis) = ([&front[..], &[len], &back].concat(), front.len());
        let mut naive = numbers(&shape, seed);
        naive
            .values
            .iter_mut()
            .filter(|value| **value == -0.5)
            .for_each(|value| *value = f64::NAN);
        let rest = [&front[..], &back].concat();
        let at =
            |outer: &[usize], i: usize| naive.at(&[&outer[..axis], &[i], &outer[axis..]].concat());
        let first = |outer: &[usize], beats: fn(f64, f64) -> bool| {
            let wins = |i: usize| {
                let x = at(outer, i);
                (0..len).all(|j| !beats(at(outer, j), x)) && !x.is_nan()
            };
            (0..len)
                .find(|&i| at(outer, i).is_nan())
                .or_else(|| (0..len).find(|&i| wins(i)))
        };
        let places = |beats| {
            indices(&rest)
                .iter()
                .filter_map(|outer| first(outer, beats))
                .collect::<Vec<_>>()
        };
        for dtype in DTYPES {
            let x = naive.tensor(dtype, storage).map_err(fail)?;
            let (largest, smallest) = (
                x.argmax(axis as isize).map_err(fail)?,
                x.argmin(axis as isize).map_err(fail)?,
            );
            prop_assert_eq!(largest.shape(), &rest[..]);
            prop_assert_eq!(largest.as_slice(), places(|a, b| a > b));
            prop_assert_eq!(smallest.as_slice(), places(|a, b| a < b));
        }
    }

    #[test]
    fn running_results_along_any_axis(
        front in shape(2),
        back in shape(1),
        len in 0usize..6,
        storage in 0u8..4,
        seed in 0u64..1000,
    ) {
        let (shape, axis) = ([&front[..], &[len], &back].concat(), front.len());
        let (naive, weights) = (numbers(&shape, seed), Naive::whole(&shape, 4));
        let at = |naive: &Naive, index: &[usize], i: usize| {
            let mut index = index.to_vec();
            index[axis] = i;
            naive.at(&index)
        };
        // The product of the places up to i without k.
        let product = |index: &[usize], i: usize, k: Option<usize>| -> f64 {
            (0..=i)
                .filter(|&j| Some(j) != k)
                .map(|j| at(&naive, index, j))
                .product()
        };
        let sums = Naive::build(&shape, |index| {
            (0..=index[axis]).map(|j| at(&naive, index, j)).sum()
        });
        let products = Naive::build(&shape, |index| product(index, index[axis], None));
        let sum_gradient = Naive::build(&shape, |index| {
            (index[axis]..len).map(|i| at(&weights, index, i)).sum()
        });
        let product_gradient = Naive::build(&shape, |index| {
            let k = index[axis];
            (k..len)
                .map(|i| at(&weights, index, i) * product(index, i, Some(k)))
                .sum()
        });
        for dtype in DTYPES {
            let x = naive.tensor(dtype, storage).map_err(fail)?.tracked();
            let (sum, product) = (
                x.cumsum(axis as isize).map_err(fail)?,
                x.cumprod(axis as isize).map_err(fail)?,
            );
            for (y, expected, gradient) in [
                (sum, &sums, &sum_gradient),
                (product, &products, &product_gradient),
            ] {
                near(expected, &y)?;
                let gradients = y
                    .backward_with(&weights.tensor(dtype, 0).map_err(fail)?)
                    .map_err(fail)?;
                near(
                    gradient,
                    gradients
                        .get(&x)
                        .ok_or_else(|| TestCaseError::fail("no gradient"))?,
                )?;
            }
        }
    }

    #[test]
    fn einstein_sums((operands, result, lengths, storage) in equation()) {
        let text = |letters: &[usize]| {
            letters
                .iter()
                .map(|&letter| ['b', 'i', 'J', 'z'][letter])
                .collect::<String>()
        };
        let terms: Vec<String> = operands.iter().map(|letters| text(letters)).collect();
        let equation = format!("{}->{}", terms.join(","), text(&result));
        let shape = |letters: &[usize]| {
            letters
                .iter()
                .map(|&letter| lengths[letter])
                .collect::<Vec<_>>()
        };
        let naive: Vec<Naive> = (0u64..)
            .zip(&operands)
            .map(|(seed, letters)| Naive::whole(&shape(letters), seed))
            .collect();
        let weights = Naive::whole(&shape(&result), 9);
        // Letters that no operand has take one value.
        let used = |letter: usize| operands.iter().flatten().any(|&other| other == letter);
        let all: Vec<usize> = (0..4)
            .map(|letter| if used(letter) { lengths[letter] } else { 1 })
            .collect();
        let mut expected = Naive::build(&shape(&result), |_| 0.0);
        let mut gradients: Vec<Naive> = naive
            .iter()
            .map(|x| Naive::build(&x.shape, |_| 0.0))
            .collect();
        for index in indices(&all) {
            let place = |letters: &[usize]| {
                let own: Vec<usize> = letters.iter().map(|&letter| index[letter]).collect();
                number(&shape(letters), &own)
            };
            let factors: Vec<f64> = naive
                .iter()
                .zip(&operands)
                .map(|(x, letters)| x.values[place(letters)])
                .collect();
            expected.values[place(&result)] += factors.iter().product::<f64>();
            for (i, gradient) in gradients.iter_mut().enumerate() {
                let others: f64 = factors
                    .iter()
                    .enumerate()
                    .filter(|(j, _)| *j != i)
                    .map(|(_, x)| x)
                    .product();
                gradient.values[place(&operands[i])] += weights.values[place(&result)] * others;
            }
        }
        for dtype in DTYPES {
            let tensors: Vec<Tensor> = naive
                .iter()
                .map(|x| Ok(x.tensor(dtype, storage)?.tracked()))
                .collect::<Result<_>>()
                .map_err(fail)?;
            let y = Tensor::einsum(&equation, &tensors.iter().collect::<Vec<_>>()).map_err(fail)?;
            let named = |error: String| TestCaseError::fail(format!("{equation}: {error}"));
            expected.matches(&y).map_err(named)?;
            let found = y
                .backward_with(&weights.tensor(dtype, 0).map_err(fail)?)
                .map_err(fail)?;
            for (x, gradient) in tensors.iter().zip(&gradients) {
                gradient
                    .matches(
                        found
                            .get(x)
                            .ok_or_else(|| named("no gradient".to_owned()))?,
                    )
                    .map_err(named)?;
            }
        }
    }

    #[test]
    fn einsum_returns_a_result_or_an_error(
        equation in "[ij.,> -]{0,8}|[ij]{0,2}(->)?[ijk]{0,2}",
        ranks in prop::collection::vec(0usize..3, 0..3),
    ) {
        let operands: Vec<Tensor> = ranks
            .iter()
            .map(|&rank| Tensor::ones(vec![2; rank], DType::F32))
            .collect::<Result<_>>()
            .map_err(fail)?;
        let answer = Tensor::einsum(&equation, &operands.iter().collect::<Vec<_>>());
        let right = matches!(
            answer,
            Ok(_) | Err(Error::Argument { .. } | Error::Shape { .. })
        );
        prop_assert!(right, "{equation:?}: {answer:?}");
    }
}

#[test]
fn running_sums_of_many_ones_are_exact() -> Result<()> {
    let ones = Tensor::ones([100_000], DType::F32)?;
    let sums = ones.cumsum(0)?.to_vec::<f32>()?;
    assert!(sums.iter().zip(1u32..).all(|(&sum, n)| sum == n as f32));
    let tenths = ones.mul_scalar(0.1).cumsum(0)?.to_vec::<f32>()?;
    assert_eq!(tenths[99_999], (f64::from(0.1f32) * 1e5) as f32);
    Ok(())
}

/// The values are about 10 000 with a spread of 0.01, of which single precision has a few digits.
#[test]
fn variances_are_accurate_far_from_zero() -> Result<()> {
    let mut i = 0u32;
    let x = Tensor::from_fn([300, 1000], DType::F32, || {
        i += 1;
        1e4 + 0.01 * f64::from(i * 7919 % 1009 % 7)
    })?;
    for axes in [Axes::from(0), Axes::from(1), Axes::from(..)] {
        let exact = x
            .to_dtype(DType::F64)
            .var_over(axes.clone(), 1.0)?
            .to_f64_vec();
        let found = x.var_over(axes, 1.0)?.to_f64_vec();
        for (found, exact) in found.iter().zip(&exact) {
            assert!((found - exact).abs() < 1e-5 * exact, "{found} {exact}");
        }
    }
    Ok(())
}

/// Groups that several tasks share: rows and columns of odd lengths.
#[test]
fn reductions_of_several_tasks_are_accurate() -> Result<()> {
    for shape in [[3, 70_001], [70_001, 3], [701, 1009], [1, 200_001]] {
        let mut i = 0u64;
        let x = Tensor::from_fn(shape, DType::F32, || {
            i += 1;
            (i * 7919 % 100_003) as f64 / 64.0
        })?;
        let double = x.to_dtype(DType::F64);
        for axis in [0, 1] {
            let [rows, columns] = shape;
            let values = x.to_f64_vec();
            let (count, len) = if axis == 0 {
                (columns, rows)
            } else {
                (rows, columns)
            };
            let at = |group: usize, i: usize| {
                if axis == 0 {
                    values[i * columns + group]
                } else {
                    values[group * columns + i]
                }
            };
            let group = |g: usize| (0..len).map(move |i| at(g, i));
            let maxima: Vec<f64> = (0..count)
                .map(|g| group(g).fold(f64::MIN, f64::max))
                .collect();
            let minima: Vec<f64> = (0..count)
                .map(|g| group(g).fold(f64::MAX, f64::min))
                .collect();
            assert_eq!(x.max_over(axis)?.to_f64_vec(), maxima);
            assert_eq!(x.min_over(axis)?.to_f64_vec(), minima);
            // Multiples of 1/64: the sums are exact in `f64`.
            let sums: Vec<f64> = (0..count).map(|g| group(g).sum()).collect();
            assert_eq!(double.sum_over(axis)?.to_f64_vec(), sums);
            for (found, exact) in x.sum_over(axis)?.to_f64_vec().iter().zip(&sums) {
                assert!((found - exact).abs() <= 3e-7 * exact, "{found} {exact}");
            }
            let places = x.argmax(axis)?;
            let largest = places.as_slice().iter().enumerate().map(|(g, &i)| at(g, i));
            assert_eq!(largest.collect::<Vec<_>>(), maxima);
        }
    }
    Ok(())
}

/// Differentiates an output that may be infinite or NaN.
fn unchecked(y: &Tensor) -> Result<Gradients> {
    Backward::new().allow_nonfinite().run(y)
}

#[test]
fn nan_and_infinity_in_reductions() -> Result<()> {
    let nan = f64::NAN;
    let x = Tensor::from([[1.0, nan, 3.0, nan], [1.0, 2.0, 2.0, 0.0]]).tracked();
    for (y, wins) in [
        (x.max_over(1)?, [0.0, 0.5, 0.0, 0.5, 0.0, 0.5, 0.5, 0.0]),
        (x.min_over(1)?, [0.0, 0.5, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0]),
    ] {
        assert!(y.to_f64_vec()[0].is_nan());
        let gradients = unchecked(&y.sum())?;
        assert_eq!(
            gradients.get(&x).map(Tensor::to_f64_vec),
            Some(wins.to_vec())
        );
    }
    // The derivative is the product of the other elements, whatever the element is.
    let x = Tensor::from([2.0, f64::INFINITY, 3.0]).tracked();
    let gradient = unchecked(&x.prod())?;
    let expected = vec![f64::INFINITY, 6.0, f64::INFINITY];
    assert_eq!(gradient.get(&x).map(Tensor::to_f64_vec), Some(expected));
    Ok(())
}

#[test]
fn variances_without_degrees_of_freedom() -> Result<()> {
    let x = Tensor::from([1.0, 2.0, 3.0]).tracked();
    let y = x.var_over(0, 5.0)?;
    assert_eq!(y.item()?, f64::INFINITY);
    let gradients = unchecked(&y)?;
    let gradient = gradients
        .get(&x)
        .map(Tensor::to_f64_vec)
        .unwrap_or_default();
    assert_eq!(
        [gradient[0], gradient[2]],
        [f64::NEG_INFINITY, f64::INFINITY]
    );
    assert!(gradient[1].is_nan());
    Ok(())
}

fn gradient(x: &Tensor, y: &Tensor) -> Result<Vec<f64>> {
    let gradients = unchecked(&y.sum())?;
    Ok(gradients.get(x).map(Tensor::to_f64_vec).unwrap_or_default())
}
