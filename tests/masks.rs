//! Comparisons and logic of masks, compared with loops over multi-indices: broadcasting,
//! reductions, every memory layout, lengths of 0 and 1, NaN.

use cotangent::{Axes, DType, Error, Indices, Mask, Result, Tensor};
use proptest::prelude::*;
use support::reference::{Naive, broadcast, indices, number, source};

mod support {
    #[allow(dead_code)] // Only a part of it is needed here.
    pub mod reference;
}

const DTYPES: [DType; 2] = [DType::F32, DType::F64];

fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn shape() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![1 => Just(0usize), 3 => Just(1usize), 8 => 2usize..5];
    prop::collection::vec(length, 0..=4)
}

/// Whole numbers from a small range, so that many are equal, and some NaN.
fn numbers(shape: &[usize], seed: u64) -> Naive {
    let mut naive = Naive::whole(shape, seed);
    for x in &mut naive.values {
        *x = if *x < -5.0 {
            f64::NAN
        } else {
            (*x / 3.0).trunc()
        };
    }
    naive
}

fn truths(shape: &[usize], seed: u64) -> Naive {
    Naive::build(shape, {
        let numbers = Naive::whole(shape, seed);
        move |index| f64::from(u8::from(numbers.at(index) > 2.0))
    })
}

fn mask(naive: &Naive) -> Mask {
    let values = naive.values.iter().map(|&x| x != 0.0).collect();
    Mask::from_vec(values, &naive.shape[..]).expect("as many values as the shape has")
}

fn matches(found: &Mask, expected: &Naive) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.shape(), &expected.shape[..]);
    prop_assert_eq!(found, &mask(expected));
    Ok(())
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

#[allow(clippy::needless_pass_by_value)] // For `map_err`.
fn fail(error: Error) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

/// A comparison of tensors, with a number, and of numbers.
type Comparison = (
    fn(&Tensor, &Tensor) -> Result<Mask>,
    fn(&Tensor, f64) -> Mask,
    fn(&f64, &f64) -> bool,
);

const COMPARISONS: [Comparison; 6] = [
    (Tensor::lt, Tensor::lt_scalar, f64::lt),
    (Tensor::le, Tensor::le_scalar, f64::le),
    (Tensor::gt, Tensor::gt_scalar, f64::gt),
    (Tensor::ge, Tensor::ge_scalar, f64::ge),
    (Tensor::eq, Tensor::eq_scalar, f64::eq),
    (Tensor::ne, Tensor::ne_scalar, f64::ne),
];

/// A connective of masks, as method, as operator, and of truth values.
type Connective = (
    fn(&Mask, &Mask) -> Result<Mask>,
    fn(&Mask, &Mask) -> Mask,
    fn(bool, bool) -> bool,
);

const CONNECTIVES: [Connective; 3] = [
    (Mask::and, |a, b| a & b, |a, b| a && b),
    (Mask::or, |a, b| a | b, |a, b| a || b),
    (Mask::xor, |a, b| a ^ b, |a, b| a != b),
];

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn comparisons_broadcast(
        shape in shape(), ones in prop::array::uniform4(any::<[bool; 2]>()), dropped in 0usize..3,
        storage in prop::array::uniform2(0u8..4), seed in 0u64..1000, number in -2i8..3,
    ) {
        let operand = |which: usize| -> Vec<usize> {
            shape.iter().zip(ones).map(|(&len, ones)| if ones[which] { 1 } else { len }).collect()
        };
        let (a_shape, b_shape) = (operand(0), operand(1));
        let b_shape = &b_shape[dropped.min(b_shape.len())..];
        let (a, b) = (numbers(&a_shape, seed), numbers(b_shape, seed + 1));
        let shape = broadcast(&a_shape, b_shape).expect("they broadcast by construction");
        for dtype in DTYPES {
            let x = a.tensor(dtype, storage[0]).map_err(fail)?;
            let y = b.tensor(dtype, storage[1]).map_err(fail)?;
            for (compare, compare_scalar, holds) in COMPARISONS {
                let expected = Naive::build(&shape, |i| {
                    truth(holds(&a.stretched_at(i), &b.stretched_at(i)))
                });
                matches(&compare(&x, &y).map_err(fail)?, &expected)?;
                let number = f64::from(number);
                let expected = Naive::build(&a_shape, |i| truth(holds(&a.at(i), &number)));
                matches(&compare_scalar(&x, number), &expected)?;
            }
        }
    }

    #[test]
    fn connectives_broadcast(a_shape in shape(), b_shape in shape(), seed in 0u64..1000) {
        let (a, b) = (truths(&a_shape, seed), truths(&b_shape, seed + 1));
        let (x, y) = (mask(&a), mask(&b));
        matches(&x.not(), &Naive::build(&a_shape, |i| 1.0 - a.at(i)))?;
        prop_assert_eq!(&!!&x, &x);
        for (method, operator, holds) in CONNECTIVES {
            let Some(shape) = broadcast(&a_shape, &b_shape) else {
                let refused = matches!(method(&x, &y), Err(Error::Shape { .. }));
                prop_assert!(refused);
                continue;
            };
            let of = |i: &[usize]| holds(a.stretched_at(i) != 0.0, b.stretched_at(i) != 0.0);
            let expected = Naive::build(&shape, |i| truth(of(i)));
            matches(&method(&x, &y).map_err(fail)?, &expected)?;
            matches(&operator(&x, &y), &expected)?;
        }
    }

    #[test]
    fn reductions_over_any_axes(
        shape in shape(), chosen in prop::array::uniform4(any::<bool>()),
        negative in any::<bool>(), seed in 0u64..1000,
    ) {
        let naive = truths(&shape, seed);
        let x = mask(&naive);
        let reduced: Vec<usize> = (0..shape.len()).filter(|&axis| chosen[axis]).collect();
        let back = if negative { shape.len() as isize } else { 0 };
        let axes: Vec<isize> = reduced.iter().rev().map(|&axis| axis as isize - back).collect();
        let kept: Vec<usize> =
            shape.iter().enumerate()
                .map(|(axis, &len)| if reduced.contains(&axis) { 1 } else { len })
                .collect();
        let dropped: Vec<usize> =
            (0..shape.len())
                .filter(|axis| !reduced.contains(axis))
                .map(|axis| shape[axis])
                .collect();
        let (mut any, mut all) = (Naive::build(&kept, |_| 0.0), Naive::build(&kept, |_| 1.0));
        let mut counts = vec![0; kept.iter().product()];
        for index in indices(&shape) {
            let place = number(&kept, &source(&kept, &index));
            any.values[place] = any.values[place].max(naive.at(&index));
            all.values[place] = all.values[place].min(naive.at(&index));
            counts[place] += usize::from(naive.at(&index) == 1.0);
        }
        matches(&x.any_over(Axes::keep(&axes[..])).map_err(fail)?, &any)?;
        matches(&x.all_over(Axes::keep(&axes[..])).map_err(fail)?, &all)?;
        matches(&x.any_over(&axes[..]).map_err(fail)?, &any.reshape(&dropped))?;
        matches(&x.all_over(&axes[..]).map_err(fail)?, &all.reshape(&dropped))?;
        let counts = Indices::from_vec(counts, &kept[..]).map_err(fail)?;
        prop_assert_eq!(x.count_over(Axes::keep(&axes[..])).map_err(fail)?, counts.clone());
        let dropped = counts.reshape(&dropped[..]).map_err(fail)?;
        prop_assert_eq!(x.count_over(&axes[..]).map_err(fail)?, dropped);
        prop_assert_eq!(x.any(), naive.values.contains(&1.0));
        prop_assert_eq!(x.all(), !naive.values.contains(&0.0));
        prop_assert_eq!(x.any_over(..).map_err(fail)?, Mask::from(x.any()));
        prop_assert_eq!(x.all_over(..).map_err(fail)?, Mask::from(x.all()));
    }

    #[test]
    fn masks_as_tensors(shape in shape(), seed in 0u64..1000) {
        let naive = truths(&shape, seed);
        for dtype in DTYPES {
            naive.matches(&mask(&naive).to_tensor(dtype)).map_err(TestCaseError::fail)?;
        }
    }
}

/// The masks are longer than the piece of one task and than a stage, and a multiple of neither.
#[test]
fn kinds_of_numbers_are_found_in_every_storage() -> Result<()> {
    type Kind = (fn(&Tensor) -> Mask, fn(f64) -> bool);
    let odd = [
        1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        1e30,
        -5.5,
    ];
    let numbers: Vec<f64> = (0..600).map(|i| odd[i * 5 % 11 % 7]).collect();
    let kinds: [Kind; 3] = [
        (Tensor::is_nan, f64::is_nan),
        (Tensor::is_infinite, f64::is_infinite),
        (Tensor::is_finite, f64::is_finite),
    ];
    for dtype in DTYPES {
        let x = Tensor::from_vec(numbers.clone(), [20, 30])?.to_dtype(dtype);
        for x in [
            x.clone(),
            x.transpose(0, 1)?,
            x.slice(1, None, None, 3)?,
            x.narrow(0, 2, 0)?,
        ] {
            for (find, is) in kinds {
                let expected: Vec<bool> = x.to_f64_vec().into_iter().map(is).collect();
                assert_eq!(find(&x), Mask::from_vec(expected, x.shape())?);
            }
        }
    }
    Ok(())
}

#[test]
fn long_masks_are_computed_in_pieces() -> Result<()> {
    let (rows, columns) = (517, 211);
    let at = |i: usize, j: usize| (i * 7 + j * 13) % 1009 < 3;
    let values = (0..rows * columns).map(|place| at(place / columns, place % columns));
    let mask = values.collect::<Mask>().reshape([rows, columns])?;
    let of_rows: Mask = (0..rows).map(|i| (0..columns).any(|j| at(i, j))).collect();
    let of_columns: Mask = (0..columns).map(|j| (0..rows).any(|i| at(i, j))).collect();
    assert_eq!(mask.any_over(1)?, of_rows);
    assert_eq!(mask.any_over(0)?, of_columns);
    assert_eq!(mask.not().all_over(1)?, of_rows.not());
    assert_eq!(mask.not().all_over(0)?, of_columns.not());
    assert_eq!(mask.any_over(..)?, Mask::from(true));
    let counts: Vec<usize> = (0..rows)
        .map(|i| (0..columns).filter(|&j| at(i, j)).count())
        .collect();
    assert_eq!(mask.count_over(1)?, Indices::from(counts));
    assert_eq!(mask.count_over(..)?.as_slice(), [mask.count()]);

    let crossed = of_rows.reshape([rows, 1])?.and(&of_columns)?;
    assert_eq!(crossed.count(), of_rows.count() * of_columns.count());
    assert_eq!(mask.and(&crossed)?, mask);

    let x = mask.to_tensor(DType::F32);
    assert_eq!(x.eq_scalar(1.0), mask);
    let transposed = x.transpose(0, 1)?;
    assert_eq!(transposed.gt_scalar(0.5).any_over(0)?, of_rows);
    let row_sums = x.sum_over(Axes::keep(1))?;
    assert_eq!(
        x.le(&row_sums)?,
        Mask::from_vec(vec![true; rows * columns], [rows, columns])?
    );
    Ok(())
}

#[test]
fn shapes_and_axes_that_do_not_fit_are_errors() {
    let says = |result: Result<Mask>, parts: &[&str]| {
        let text = result.expect_err("bad input must be refused").to_string();
        for part in parts {
            assert!(text.contains(part), "`{part}` is missing in: {text}");
        }
    };
    let mask = Mask::from([[true, false, true], [false, false, true]]);
    says(
        mask.or(&Mask::from([true, false])),
        &["or", "(2, 3)", "(2,)"],
    );
    says(mask.any_over(2), &["any_over", "axis 2", "2 axes"]);
    says(mask.all_over([0, -2]), &["all_over", "twice"]);
    says(mask.reshape([4]), &["reshape", "6 values", "(4,)"]);
    says(mask.reshape([usize::MAX - 1, 2]), &["too many elements"]);
    says(
        Mask::from_vec(vec![true; 3], [2, 2]),
        &["3 values", "(2, 2)"],
    );
    says(
        Tensor::from([1.0f32]).ne(&Tensor::from([1.0f64])),
        &["ne", "f32", "f64"],
    );
}
