//! Writing by index, compared with loops: of several values for one place, the last stays, and it
//! alone has a gradient.

use cotangent::gradcheck::Gradcheck;
use cotangent::{DType, Error, Indices, Mask, Result, ScatterReduction, Tensor};
use proptest::prelude::*;
use support::random::{DTYPES, fail, length, matches, pull, settings, shape};
use support::reference::{Naive, indices, number};

mod support {
    pub mod random;
    #[allow(dead_code)] // Shared with other tests.
    pub mod reference;
}

/// Checks an operation that writes elements of `source` into `x`, forward and backward.
/// `places` has the place in `x` of each element of `source`, in the order of writing.
fn writes(
    [x, source]: [&Naive; 2],
    storage: u8,
    places: &[(usize, usize)],
    adds: bool,
    run: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<(), TestCaseError> {
    let mut expected = Naive::build(&x.shape, |index| x.at(index));
    let mut writer = vec![None; expected.values.len()];
    for &(place, from) in places {
        let value = source.values[from];
        if adds {
            expected.values[place] += value;
        } else {
            expected.values[place] = value;
            writer[place] = Some(from);
        }
    }
    let weights = Naive::whole(&x.shape, 10);
    let mut gradients = [&x.shape, &source.shape].map(|shape| Naive::build(shape, |_| 0.0));
    for (place, &weight) in weights.values.iter().enumerate() {
        match writer[place] {
            Some(from) => gradients[1].values[from] += weight,
            None => gradients[0].values[place] += weight,
        }
    }
    if adds {
        for &(place, from) in places {
            gradients[1].values[from] += weights.values[place];
        }
    }
    for dtype in DTYPES {
        let tensors = [x, source].map(|naive| naive.tensor(dtype, storage));
        let [x, source] = tensors.map(|x| x.map(|x| x.tracked()));
        let (x, source) = (x.map_err(fail)?, source.map_err(fail)?);
        let y = run(&x, &source).map_err(fail)?;
        matches(&expected, &y)?;
        matches(&gradients[0], &pull(&y, &weights, &x)?)?;
        let y = run(&x, &source).map_err(fail)?;
        matches(&gradients[1], &pull(&y, &weights, &source)?)?;
    }
    Ok(())
}

fn drawn(len: usize, count: usize, seed: usize) -> Vec<usize> {
    (0..count)
        .map(|i| (i * (seed + 3) + i / 3 + seed) % len)
        .collect()
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn slices_are_copied_and_added(
        front in length(), rest in shape(2), count in length(), axis in 0usize..3,
        seed in 0usize..50, storage in 0u8..4,
    ) {
        let shape = [&[front], &rest[..]].concat();
        let axis = axis % shape.len();
        let count = if shape[axis] == 0 { 0 } else { count };
        let chosen = drawn(shape[axis], count, seed);
        let mut part = shape.clone();
        part[axis] = count;
        let (x, source) = (Naive::whole(&shape, seed as u64), Naive::whole(&part, seed as u64 + 1));
        let places: Vec<_> = indices(&part)
            .into_iter()
            .map(|mut index| {
                let from = number(&part, &index);
                index[axis] = chosen[index[axis]];
                (number(&shape, &index), from)
            })
            .collect();
        let list = Indices::from(chosen);
        writes([&x, &source], storage, &places, false,
            |x, source| x.index_copy(axis as isize, &list, source))?;
        writes([&x, &source], storage, &places, true,
            |x, source| x.index_add(axis as isize, &list, source))?;
    }

    #[test]
    fn elements_are_scattered(
        front in length(), rest in shape(2), count in length(), axis in 0usize..3,
        seed in 0usize..50, storage in 0u8..4,
    ) {
        let shape = [&[front], &rest[..]].concat();
        let axis = axis % shape.len();
        let mut part = shape.clone();
        part[axis] = if shape[axis] == 0 { 0 } else { count };
        let chosen = drawn(shape[axis], part.iter().product(), seed);
        let (x, source) = (Naive::whole(&shape, seed as u64), Naive::whole(&part, seed as u64 + 1));
        let places: Vec<_> = indices(&part)
            .into_iter()
            .map(|mut index| {
                let from = number(&part, &index);
                index[axis] = chosen[from];
                (number(&shape, &index), from)
            })
            .collect();
        let list = Indices::from_vec(chosen, &part[..]).map_err(fail)?;
        writes([&x, &source], storage, &places, false,
            |x, source| x.scatter(axis as isize, &list, source))?;
        writes([&x, &source], storage, &places, true,
            |x, source| x.scatter_add(axis as isize, &list, source))?;
    }

    #[test]
    fn values_are_put_at_several_indices(
        first in length(), second in length(), rest in shape(1), count in length(),
        seed in 0usize..50, storage in 0u8..4,
    ) {
        let shape = [&[first, second], &rest[..]].concat();
        let count = if shape[0] * shape[1] == 0 { 0 } else { count };
        let lists = [0, 1].map(|axis| drawn(shape[axis], count, seed + axis));
        let part: Vec<usize> = [count].iter().chain(&shape[2..]).copied().collect();
        let (x, source) = (Naive::whole(&shape, seed as u64), Naive::whole(&part, seed as u64 + 1));
        let places: Vec<_> = indices(&part)
            .into_iter()
            .map(|index| {
                let own = [&[lists[0][index[0]], lists[1][index[0]]], &index[1..]].concat();
                (number(&shape, &own), number(&part, &index))
            })
            .collect();
        let lists = lists.map(Indices::from);
        for adds in [false, true] {
            writes([&x, &source], storage, &places, adds,
                |x, source| x.index_put(&lists, source, adds))?;
        }
        let taken = Naive::build(&part, |index| {
            let place = places[number(&part, index)].0;
            x.values[place]
        });
        matches(&taken, &x.tensor(DType::F64, storage).and_then(|x| x.index(&lists))
            .map_err(fail)?)?;
    }

    #[test]
    fn masks_select_and_scatter(shape in shape(3), seed in 0usize..50, storage in 0u8..4) {
        let x = Naive::whole(&shape, seed as u64);
        let truths: Vec<bool> = (0..x.values.len()).map(|i| (i * i + seed) % 3 == 0).collect();
        let mask = Mask::from_vec(truths.clone(), &shape[..]).map_err(fail)?;
        let chosen: Vec<usize> = (0..truths.len()).filter(|&i| truths[i]).collect();
        let source = Naive::whole(&[chosen.len() + 1], seed as u64 + 1);
        let places: Vec<_> = chosen.iter().copied().zip(0..).collect();
        writes([&x, &source], storage, &places, false,
            |x, source| x.masked_scatter(&mask, source))?;
        let taken = Naive::build(&[chosen.len()], |index| x.values[chosen[index[0]]]);
        let tensor = x.tensor(DType::F32, storage).map_err(fail)?;
        matches(&taken, &tensor.masked_select(&mask).map_err(fail)?)?;
        let rows = mask.nonzero().map_err(fail)?;
        prop_assert_eq!(rows.shape(), [chosen.len(), shape.len()]);
        for (row, &place) in chosen.iter().enumerate() {
            let index = &rows.as_slice()[row * shape.len()..(row + 1) * shape.len()];
            prop_assert_eq!(number(&shape, index), place);
        }
    }
}

/// The elements that lose have a gradient of 0, also where the cotangent is infinite.
#[test]
fn lost_elements_have_no_gradient() -> Result<()> {
    let (x, source) = (
        Tensor::from([1.0f32]).tracked(),
        Tensor::from([2.0f32, 3.0]).tracked(),
    );
    let y = x.scatter(0, &Indices::from([0, 0]), &source)?;
    assert_eq!(y.to_vec::<f32>()?, [3.0]);
    let gradients = y.backward_with(&Tensor::from([f32::INFINITY]))?;
    let of = |leaf: &Tensor| gradients.get(leaf).map(Tensor::to_f64_vec);
    assert_eq!(of(&x), Some(vec![0.0]));
    assert_eq!(of(&source), Some(vec![0.0, f64::INFINITY]));
    Ok(())
}

/// Products and their derivatives are right if several factors of one place are 0, to second order.
#[test]
fn products_of_zeros_are_differentiable_twice() -> Result<()> {
    let x = Tensor::from([0.0f64, 2.0, -1.5]);
    let source = Tensor::from([0.0f64, 3.0, 0.0, -2.0, 0.5, 0.0]);
    let indices = Indices::from([0, 0, 1, 1, 2, 1]);
    for own in [true, false] {
        let check = Gradcheck::new().second_order();
        check
            .function(&[x.clone(), source.clone()], |x| {
                x[0].scatter_reduce(0, &indices, &x[1], ScatterReduction::Prod, own)
            })?
            .assert_ok();
    }
    Ok(())
}

/// An element that is left out takes no share of the gradient, even if it equals the maximum.
#[test]
fn shares_of_a_maximum_are_of_those_that_take_part() -> Result<()> {
    let lowest = f32::NEG_INFINITY;
    for values in [[1.0f32, 1.0, 0.0], [lowest; 3], [f32::NAN, f32::NAN, 7.0]] {
        let x = Tensor::from([values[0], 2.0]).tracked();
        let source = Tensor::from(values).tracked();
        let indices = Indices::from([0, 0, 0]);
        let y = x.scatter_reduce(0, &indices, &source, ScatterReduction::Max, false)?;
        let gradients = y.backward_with(&Tensor::from([6.0f32, 5.0]))?;
        let count = if values == [lowest; 3] { 3.0 } else { 2.0 };
        let last = if values[2] == lowest { 2.0 } else { 0.0 };
        let of = |leaf: &Tensor| gradients.get(leaf).map(Tensor::to_f64_vec);
        assert_eq!(of(&x), Some(vec![0.0, 5.0]));
        assert_eq!(of(&source), Some(vec![6.0 / count, 6.0 / count, last]));
    }
    Ok(())
}

#[test]
fn errors_name_lists_sources_and_positions() -> Result<()> {
    #[track_caller]
    fn says(result: Result<Tensor>, text: &str) {
        assert_eq!(result.expect_err("an error").to_string(), text);
    }
    let x = Tensor::zeros([2, 3], DType::F32)?;
    let one = Indices::from([1]);
    says(
        x.at([1]),
        "at: expected an index for each of 2 axes, found 1",
    );
    says(x.at([1, 3]), "at: index 3 is out of range for 3 elements");
    says(x.at([-3, 0]), "at: index -3 is out of range for 2 elements");
    says(
        x.take(&Indices::from([0, 6])),
        "take: place 6 at position 1 is out of range for 6 elements",
    );
    says(
        x.index(&[] as &[Indices]),
        "index: expected 1 to 2 lists of indices, found 0",
    );
    says(
        x.index(&[&one, &one, &one]),
        "index: expected 1 to 2 lists of indices, found 3",
    );
    says(
        x.index(&[&one, &Indices::from([0, 3])]),
        "index: index 3 at position 1 is out of range for 3 elements of the axis",
    );
    says(
        x.index(&[&Indices::from([0, 1]), &Indices::from([0, 1, 2])]),
        "index: cannot broadcast lengths 2 and 3 of axis 0 (shapes (2,) and (3,))",
    );
    says(
        x.index_put(&[&one], &Tensor::zeros([2, 3], DType::F32)?, false),
        "index_put: expected values that broadcast to the shape (1, 3) (shapes (2, 3) and (2, 3))",
    );
    says(
        x.index_copy(0, &one, &x),
        "index_copy: expected a source of the shape (1, 3), one slice per index (shapes (2, 3) and \
         (2, 3))",
    );
    says(
        x.masked_scatter(&x.eq_scalar(0.0), &Tensor::from([1.0f32])),
        "masked_scatter: expected a source of at least 6 elements (shapes (2, 3) and (1,))",
    );
    says(
        x.select_scatter(&x, 0, 0),
        "select_scatter: expected a source of the shape (3,) (shapes (2, 3) and (2, 3))",
    );
    let doubles = Tensor::from([1.0f64]);
    let refused = x.index_put(&[&one], &doubles, true);
    assert!(matches!(refused, Err(Error::DType { .. })));
    Ok(())
}

/// Long lists for tensors without elements take neither memory nor time.
#[test]
fn tensors_without_elements_need_no_lists() -> Result<()> {
    let empty = Tensor::zeros([0, 1 << 20], DType::F32)?.tracked();
    let windows = empty.sliding_window(1, 1 << 10, 1)?;
    assert_eq!(windows.shape(), [0, (1 << 20) - (1 << 10) + 1, 1 << 10]);
    let gradients = windows.sum().backward()?;
    assert_eq!(gradients.get(&empty).map(Tensor::len), Some(0));
    let narrow = Tensor::zeros([3, 0], DType::F32)?;
    let column = Indices::from(vec![1; 1 << 12]).reshape([1 << 12, 1])?;
    let refused = narrow.index(&[&column, &column.transpose(0, 1)?]);
    assert!(matches!(refused, Err(Error::Index { .. })));
    let rows = narrow.index(&[&column])?;
    assert_eq!(rows.shape(), [1 << 12, 1, 0]);
    Ok(())
}
