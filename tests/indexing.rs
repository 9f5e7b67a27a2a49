//! Indexing, joining, splitting, sorting and drawing, compared with loops over multi-indices for
//! any shape, with lengths of 0 and 1, in both dtypes.

use cotangent::prelude::{ChaCha8Rng, SeedableRng};
use cotangent::{DType, Error, Indices, Order, Result, Tensor};
use proptest::prelude::*;
use std::cmp::Ordering;
use support::random::{DTYPES, fail, length, matches, pull, settings, shape};
use support::reference::{Naive, indices, number};

mod support {
    pub mod random;
    #[allow(dead_code)] // Shared with other tests.
    pub mod reference;
}

/// Returns a multi-index with another index along one axis.
fn with(index: &[usize], axis: usize, value: usize) -> Vec<usize> {
    let mut index = index.to_vec();
    index[axis] = value;
    index
}

/// Checks an operation that moves elements, forward and backward. `from` returns the source of each
/// element of the result, or nothing if the element is `otherwise`.
fn moves(
    naive: &Naive,
    storage: u8,
    (shape, otherwise): (&[usize], f64),
    from: impl Fn(&[usize]) -> Option<Vec<usize>>,
    run: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<(), TestCaseError> {
    let expected = Naive::build(shape, |index| {
        from(index).map_or(otherwise, |from| naive.at(&from))
    });
    let weights = Naive::whole(shape, 10);
    let mut gradient = Naive::build(&naive.shape, |_| 0.0);
    for index in indices(shape) {
        if let Some(from) = from(&index) {
            gradient.values[number(&naive.shape, &from)] += weights.at(&index);
        }
    }
    for dtype in DTYPES {
        let x = naive.tensor(dtype, storage).map_err(fail)?.tracked();
        let y = run(&x).map_err(fail)?;
        matches(&expected, &y)?;
        matches(&gradient, &pull(&y, &weights, &x)?)?;
    }
    Ok(())
}

/// Returns the piece, and the index in it, of an element of pieces joined along an axis.
fn piece_at(lengths: &[usize], axis: usize, index: &[usize]) -> (usize, Vec<usize>) {
    let (mut piece, mut rest) = (0, index[axis]);
    while rest >= lengths[piece] {
        rest -= lengths[piece];
        piece += 1;
    }
    (piece, with(index, axis, rest))
}

fn direction(descending: bool) -> Order {
    if descending {
        Order::Descending
    } else {
        Order::Ascending
    }
}

/// Returns the `k` largest or smallest elements along an axis.
fn extremes(x: &Tensor, axis: isize, k: usize, largest: bool) -> Result<(Tensor, Indices)> {
    if largest {
        x.top_k(axis, k)
    } else {
        x.bottom_k(axis, k)
    }
}

/// Returns the places of a line in its sorted order: NaN is the largest, equal elements keep
/// theirs.
fn order(line: &[f64], descending: bool) -> Vec<usize> {
    let mut places: Vec<usize> = (0..line.len()).collect();
    // Insertion sort.
    for i in 1..places.len() {
        let mut at = i;
        while at > 0 {
            let (a, b) = (line[places[at - 1]], line[places[at]]);
            let order = match (a.is_nan(), b.is_nan()) {
                (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
                (a, b) => a.cmp(&b),
            };
            let wrong = if descending {
                Ordering::Less
            } else {
                Ordering::Greater
            };
            if order != wrong {
                break;
            }
            places.swap(at - 1, at);
            at -= 1;
        }
    }
    places
}

#[test]
fn views_of_no_indices_are_empty() {
    let none = Indices::from_vec(vec![], [2, 0]).unwrap();
    assert!(none.narrow(0, 1, 1).unwrap().as_slice().is_empty());
    assert!(none.rows().unwrap().all(|row| row.as_slice().is_empty()));
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn index_select_takes_slices(
        front in shape(2),
        len in 1usize..5,
        back in shape(1),
        storage in 0u8..4,
        picks in prop::collection::vec(0usize..1000, 0..7),
    ) {
        let shape = [&front[..], &[len], &back].concat();
        let (naive, axis) = (Naive::whole(&shape, 9), front.len());
        let picks: Vec<usize> = picks.iter().map(|pick| pick % len).collect();
        let selected_shape = [&front[..], &[picks.len()], &back].concat();
        let from = |index: &[usize]| {
            let mut from = index.to_vec();
            from[axis] = picks[index[axis]];
            from
        };
        let expected = Naive::build(&selected_shape, |index| naive.at(&from(index)));
        let weights = Naive::whole(&selected_shape, 10);
        let mut gradient = Naive::build(&shape, |_| 0.0);
        for index in indices(&selected_shape) {
            gradient.values[number(&shape, &from(&index))] += weights.at(&index);
        }
        for dtype in DTYPES {
            let x = naive.tensor(dtype, storage).map_err(fail)?.tracked();
            let selected = x
                .index_select(axis as isize, &Indices::from(&picks[..]))
                .map_err(fail)?;
            matches(&expected, &selected)?;
            matches(&gradient, &pull(&selected, &weights, &x)?)?;
        }
    }

    #[test]
    fn gather_and_scatter_add_move_elements(
        front in shape(2),
        len in 1usize..5,
        back in shape(1),
        count in 0usize..7,
        seed in 0usize..1000,
        storage in prop::array::uniform3(0u8..4),
        shorter in any::<bool>(),
    ) {
        let full = [&front[..], &[len], &back].concat();
        let axis = front.len();
        let mut picked_shape = with(&full, axis, count);
        if shorter {
            // Fewer lines than the tensor has.
            for (i, n) in picked_shape.iter_mut().enumerate() {
                *n = if i == axis { *n } else { n.div_ceil(2) };
            }
        }
        let total = picked_shape.iter().product();
        let picks: Vec<usize> = (0..total)
            .map(|i| (i * 7919 + i * i * seed + seed) % len)
            .collect();
        let places = Indices::from_vec(picks.clone(), &picked_shape[..]).map_err(fail)?;
        let target = |index: &[usize]| with(index, axis, picks[number(&picked_shape, index)]);
        let x = Naive::whole(&full, 9);
        moves(
            &x,
            storage[0],
            (&picked_shape, 0.0),
            |index| Some(target(index)),
            |x| x.gather(axis as isize, &places),
        )?;

        // The source may be longer than the indices.
        let source_shape: Vec<usize> = picked_shape
            .iter()
            .map(|n| n + usize::from(shorter))
            .collect();
        let source = Naive::whole(&source_shape, 11);
        let mut expected = x.clone();
        let weights = Naive::whole(&full, 12);
        let mut gradient = Naive::build(&source_shape, |_| 0.0);
        for index in indices(&picked_shape) {
            expected.values[number(&full, &target(&index))] += source.at(&index);
            gradient.values[number(&source_shape, &index)] = weights.at(&target(&index));
        }
        for dtype in DTYPES {
            let x = x.tensor(dtype, storage[1]).map_err(fail)?.tracked();
            let source = source.tensor(dtype, storage[2]).map_err(fail)?.tracked();
            let y = x
                .scatter_add(axis as isize, &places, &source)
                .map_err(fail)?;
            matches(&expected, &y)?;
            matches(&gradient, &pull(&y, &weights, &source)?)?;
            let y = x
                .scatter_add(axis as isize, &places, &source)
                .map_err(fail)?;
            matches(&weights, &pull(&y, &weights, &x)?)?;
        }
    }

    #[test]
    fn an_embedding_is_a_product_with_one_hot_rows(
        places in shape(3),
        classes in 1usize..5,
        width in length(),
        seed in 0usize..1000,
        storage in 0u8..4,
    ) {
        let total = places.iter().product();
        let picks: Vec<usize> = (0..total).map(|i| (i * 7919 + seed) % classes).collect();
        let picks = Indices::from_vec(picks, &places[..]).map_err(fail)?;
        let table = Naive::whole(&[classes, width], 13);
        let row = |index: &[usize]| {
            let (place, column) = index.split_at(places.len());
            vec![picks.as_slice()[number(&places, place)], column[0]]
        };
        let result_shape = [&places[..], &[width]].concat();
        moves(
            &table,
            storage,
            (&result_shape, 0.0),
            |index| Some(row(index)),
            |x| x.embedding(&picks),
        )?;
        for dtype in DTYPES {
            let one_hot = picks.one_hot(classes, dtype).map_err(fail)?;
            prop_assert_eq!(one_hot.shape().to_vec(), [&places[..], &[classes]].concat());
            let rows = one_hot.reshape([total, classes]).map_err(fail)?;
            let table = table.tensor(dtype, storage).map_err(fail)?;
            let product = rows
                .matmul(&table)
                .and_then(|y| y.reshape(&result_shape[..]))
                .map_err(fail)?;
            prop_assert_eq!(
                product.to_f64_vec(),
                table.embedding(&picks).map_err(fail)?.to_f64_vec()
            );
        }
    }

    #[test]
    fn sort_top_k_and_bottom_k(
        shape in shape(3),
        axis in 0usize..3,
        descending in any::<bool>(),
        seed in 0u64..1000,
        k in 0usize..5,
        storage in 0u8..4,
    ) {
        prop_assume!(!shape.is_empty());
        let axis = axis % shape.len();
        // Few different numbers, so that many are equal, and some NaN.
        let kinds = [
            0.0,
            1.0,
            -1.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -0.0,
            2.0,
        ];
        let naive = Naive::whole(&shape, seed);
        let naive = Naive::build(&shape, |index| {
            kinds[(naive.at(index) + 7.0) as usize % kinds.len()]
        });
        let places_of = |index: &[usize]| {
            let line: Vec<f64> = (0..shape[axis])
                .map(|i| naive.at(&with(index, axis, i)))
                .collect();
            order(&line, descending)
        };
        let from = |index: &[usize]| with(index, axis, places_of(index)[index[axis]]);
        let sort = |x: &Tensor| Ok(x.sort(axis as isize, direction(descending))?.0);
        moves(
            &naive,
            storage,
            (&shape, 0.0),
            |index| Some(from(index)),
            sort,
        )?;
        let k = k.min(shape[axis]);
        let top = with(&shape, axis, k);
        let top_k = |x: &Tensor| Ok(extremes(x, axis as isize, k, descending)?.0);
        moves(
            &naive,
            storage,
            (&top, 0.0),
            |index| Some(from(index)),
            top_k,
        )?;
        let x = naive.tensor(DType::F64, storage).map_err(fail)?;
        let expected: Vec<usize> = indices(&top)
            .iter()
            .map(|index| from(index)[axis])
            .collect();
        let (_, places) = extremes(&x, axis as isize, k, descending).map_err(fail)?;
        prop_assert_eq!(places, Indices::from_vec(expected, &top[..]).map_err(fail)?);
    }

    #[test]
    fn cat_and_split_are_inverse(
        front in shape(2),
        lengths in prop::collection::vec(length(), 1..5),
        back in shape(1),
        storage in prop::array::uniform4(0u8..4),
    ) {
        let axis = front.len();
        let shape_of = |len: usize| [&front[..], &[len], &back].concat();
        let pieces: Vec<Naive> = lengths
            .iter()
            .enumerate()
            .map(|(i, &len)| Naive::whole(&shape_of(len), i as u64))
            .collect();
        let whole = shape_of(lengths.iter().sum());
        let expected = Naive::build(&whole, |index| {
            let (piece, index) = piece_at(&lengths, axis, index);
            pieces[piece].at(&index)
        });
        let weights = Naive::whole(&whole, 20);
        for dtype in DTYPES {
            let tensors: Result<Vec<Tensor>> = pieces
                .iter()
                .zip(storage)
                .map(|(x, storage)| Ok(x.tensor(dtype, storage)?.tracked()))
                .collect();
            let tensors = tensors.map_err(fail)?;
            let y =
                Tensor::cat(&tensors.iter().collect::<Vec<_>>(), axis as isize).map_err(fail)?;
            matches(&expected, &y)?;
            let gradients = y
                .backward_with(&weights.tensor(dtype, 0).map_err(fail)?)
                .map_err(fail)?;
            let again = weights
                .tensor(dtype, storage[0])
                .and_then(|w| w.split_sizes(axis as isize, &lengths))
                .map_err(fail)?;
            prop_assert_eq!(again.len(), tensors.len());
            for (i, (x, piece)) in tensors.iter().zip(&again).enumerate() {
                let cut = Naive::build(&shape_of(lengths[i]), |index| {
                    let before: usize = lengths[..i].iter().sum();
                    weights.at(&with(index, axis, before + index[axis]))
                });
                matches(&cut, piece)?;
                matches(
                    &cut,
                    gradients
                        .get(x)
                        .ok_or_else(|| TestCaseError::fail("no gradient"))?,
                )?;
            }
        }
    }

    #[test]
    fn split_and_rows_return_all_pieces(
        len in 0usize..12,
        size in 1usize..6,
        storage in 0u8..4,
    ) {
        let naive = Naive::numbered(&[2, len]);
        let x = naive.tensor(DType::F32, storage).map_err(fail)?;
        let size_of_chunks = len.div_ceil(size).max(1);
        for (pieces, size) in [
            (x.split(1, size), size),
            (x.chunk(-1, size), size_of_chunks),
        ] {
            let pieces = pieces.map_err(fail)?;
            prop_assert_eq!(pieces.len(), len.div_ceil(size).max(1));
            for (i, piece) in pieces.iter().enumerate() {
                let (start, end) = (i * size, ((i + 1) * size).min(len));
                matches(&naive.narrow(1, start, end - start), piece)?;
            }
        }
        let rows = naive
            .permute(&[1, 0])
            .tensor(DType::F32, storage)
            .and_then(|x| x.rows())
            .map_err(fail)?;
        prop_assert_eq!(rows.len(), len);
        for (i, row) in rows.enumerate() {
            matches(&Naive::build(&[2], |index| naive.at(&[index[0], i])), &row)?;
        }
    }

    #[test]
    fn stack_joins_along_a_new_axis(
        shape in shape(3),
        count in 1usize..4,
        axis in 0usize..4,
        storage in 0u8..4,
    ) {
        let axis = axis % (shape.len() + 1);
        let naive: Vec<Naive> = (0..count).map(|i| Naive::whole(&shape, i as u64)).collect();
        let mut stacked = shape.clone();
        stacked.insert(axis, count);
        let expected = Naive::build(&stacked, |index| {
            let mut inside = index.to_vec();
            let which = inside.remove(axis);
            naive[which].at(&inside)
        });
        let tensors: Result<Vec<Tensor>> = naive
            .iter()
            .map(|x| x.tensor(DType::F64, storage))
            .collect();
        let tensors = tensors.map_err(fail)?;
        let negative = axis as isize - shape.len() as isize - 1;
        for axis in [axis as isize, negative] {
            matches(
                &expected,
                &Tensor::stack(&tensors.iter().collect::<Vec<_>>(), axis).map_err(fail)?,
            )?;
        }
    }

    #[test]
    fn pad_and_repeat(
        shape in shape(3),
        around in prop::array::uniform3((0usize..3, 0usize..3)),
        new in 0usize..2,
        times in prop::array::uniform4(0usize..3),
        storage in 0u8..4,
    ) {
        let naive = Naive::whole(&shape, 14);
        let around = &around[..shape.len()];
        let padded: Vec<usize> = shape
            .iter()
            .zip(around)
            .map(|(n, (before, after))| before + n + after)
            .collect();
        let inside = |index: &[usize]| -> Option<Vec<usize>> {
            let axes = index.iter().zip(around).zip(&shape);
            axes.map(|((&i, &(before, _)), &n)| i.checked_sub(before).filter(|&i| i < n))
                .collect()
        };
        moves(&naive, storage, (&padded, 0.5), inside, |x| {
            x.pad(around, 0.5)
        })?;
        let times = &times[..new + shape.len()];
        let lengths = [&vec![1; new][..], &shape].concat();
        let repeated: Vec<usize> = lengths
            .iter()
            .zip(times)
            .map(|(n, times)| n * times)
            .collect();
        let original = |index: &[usize]| {
            Some(
                index[new..]
                    .iter()
                    .zip(&shape)
                    .map(|(i, n)| i % n)
                    .collect(),
            )
        };
        moves(&naive, storage, (&repeated, 0.0), original, |x| {
            x.repeat(times)
        })?;
    }

    #[test]
    fn triangles_and_diagonals(
        front in shape(1),
        [m, n] in prop::array::uniform2(length()),
        offset in -5isize..6,
        storage in 0u8..4,
    ) {
        let naive = Naive::whole(&[&front[..], &[m, n]].concat(), 15);
        let above = |index: &[usize]| {
            index[index.len() - 1] as isize - index[index.len() - 2] as isize - offset
        };
        let shape = &naive.shape;
        moves(
            &naive,
            storage,
            (shape, 0.0),
            |i| (above(i) <= 0).then(|| i.to_vec()),
            |x| x.tril(offset),
        )?;
        moves(
            &naive,
            storage,
            (shape, 0.0),
            |i| (above(i) >= 0).then(|| i.to_vec()),
            |x| x.triu(offset),
        )?;
        let diagonal = naive.diagonal(offset);
        let place = |index: &[usize]| {
            let (front, i) = index.split_at(index.len() - 1);
            let (row, column) = (
                i[0] + offset.min(0).unsigned_abs(),
                i[0] + offset.max(0).unsigned_abs(),
            );
            Some([front, &[row, column]].concat())
        };
        moves(&naive, storage, (&diagonal.shape, 0.0), place, |x| {
            x.diagonal(offset)
        })?;
    }

    #[test]
    fn slices_between_bounds(
        len in 0usize..6,
        bounds in prop::array::uniform2(-8isize..9),
        step in -4isize..5,
        storage in 0u8..4,
    ) {
        let naive = Naive::numbered(&[2, len]);
        let x = naive.tensor(DType::F32, storage).map_err(fail)?;
        let place = |bound: isize| {
            let place = if bound < 0 {
                bound + len as isize
            } else {
                bound
            };
            usize::try_from(place)
                .ok()
                .filter(|&place| place < len || (step > 0 && place == len))
        };
        // The elements from the first bound to the second, which is exclusive.
        let between = |start: usize, end: Option<usize>| match (step > 0, end) {
            (true, end) => naive.slice(1, start..end.unwrap_or(len).max(start), step),
            (false, end) => naive.slice(
                1,
                end.map_or(0, |end| end + 1).min(start + 1)..start + 1,
                step,
            ),
        };
        let [start, end] = bounds.map(place);
        let found = x.slice(1, bounds[0], bounds[1], step);
        match (start, end) {
            (Some(start), Some(end)) if step != 0 => {
                matches(&between(start, Some(end)), &found.map_err(fail)?)?;
            }
            _ => prop_assert!(found.is_err(), "{found:?}"),
        }
        let open = x.slice(1, bounds[0], None, step);
        match start {
            Some(start) if step != 0 => matches(&between(start, None), &open.map_err(fail)?)?,
            _ => prop_assert!(open.is_err(), "{open:?}"),
        }
        if step != 0 {
            let all = x.slice(1, None, None, step).map_err(fail)?;
            matches(&naive.slice(1, 0..len, step), &all)?;
        }
    }

    #[test]
    fn linspace_and_arange(
        start in -1e3f64..1e3,
        end in -1e3f64..1e3,
        count in 0usize..50,
        step in 0.5f64..100.0,
    ) {
        for dtype in DTYPES {
            let x = Tensor::linspace(start, end, count, dtype)
                .map_err(fail)?
                .to_f64_vec();
            let round = |x: f64| {
                if dtype == DType::F32 {
                    f64::from(x as f32)
                } else {
                    x
                }
            };
            prop_assert_eq!(x.len(), count);
            prop_assert!(count == 0 || x[0] == round(start));
            prop_assert!(count < 2 || x[count - 1] == round(end));
            let step = if end < start { -step } else { step };
            let x = Tensor::arange(start, end, step, dtype)
                .map_err(fail)?
                .to_f64_vec();
            prop_assert_eq!(x.len(), ((end - start) / step).ceil() as usize);
            for (i, &x) in x.iter().enumerate() {
                prop_assert_eq!(x, round(start + i as f64 * step));
            }
        }
    }
}

#[test]
fn gradients_of_repeated_rows_are_summed_pairwise() -> Result<()> {
    // The sum of 100000 times 0.1, one after the other in single precision, is wrong by more than
    // 1.
    let rows = Tensor::full([100_000, 3], 0.1, DType::F32)?;
    let indices: Indices = (0..100_000).map(|i| usize::from(i % 100 == 0)).collect();
    let table = Tensor::zeros([2, 3], DType::F32)?.tracked();
    let gradients = table.embedding(&indices)?.backward_with(&rows)?;
    let gradient = gradients.get(&table).expect("the table is looked up in");
    let tenth = f64::from(0.1f32);
    for (found, count) in gradient
        .to_f64_vec()
        .iter()
        .zip([99e3, 99e3, 99e3, 1e3, 1e3, 1e3])
    {
        assert!(
            (found - count * tenth).abs() < 1e-5 * count * tenth,
            "{found}"
        );
    }
    Ok(())
}

/// Arrays that several tasks share. A middle axis gives the same as if it were the last.
#[test]
fn large_arrays_are_indexed_along_any_axis() -> Result<()> {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f64 % 1000.0
    };
    let x = Tensor::from_fn([3, 200, 300], DType::F32, &mut next)?;
    let moved = x.transpose(1, 2)?;
    let back = |y: &Tensor| -> Result<Vec<f32>> { y.transpose(1, 2)?.to_vec() };
    for descending in [false, true] {
        let (sorted, places) = x.sort(1, direction(descending))?;
        assert_eq!(
            sorted.to_vec::<f32>()?,
            back(&moved.sort(2, direction(descending))?.0)?
        );
        assert_eq!(
            sorted.to_vec::<f32>()?,
            x.gather(1, &places)?.to_vec::<f32>()?
        );
        let (top, _) = extremes(&x, 1, 7, descending)?;
        assert_eq!(
            top.to_vec::<f32>()?,
            back(&extremes(&moved, 2, 7, descending)?.0)?
        );
        assert_eq!(
            top.to_vec::<f32>()?,
            sorted.narrow(1, 0, 7)?.to_vec::<f32>()?
        );
        // Double precision has longer sort keys.
        let double = x.to_dtype(DType::F64).sort(1, direction(descending))?;
        assert_eq!(double.0.to_f64_vec(), sorted.to_f64_vec());
        assert_eq!(double.1, places);
    }
    let picks: Indices = (0..500).map(|i| i * 7919 % 200).collect();
    let selected = x.index_select(1, &picks)?;
    assert_eq!(
        selected.to_vec::<f32>()?,
        back(&moved.index_select(2, &picks)?)?
    );
    // An element that was taken n times is added n times.
    let counts = |axis: isize, x: &Tensor| -> Result<Vec<f64>> {
        let x = x.tracked();
        let y = x.index_select(axis, &picks)?.square();
        let gradients = y.sum().backward()?;
        let gradient = gradients.get(&x).expect("some are taken");
        Ok(gradient.transpose(1, 2)?.to_f64_vec())
    };
    let expected: Vec<f64> = counts(2, &moved)?;
    let found = counts(1, &x)?;
    let found = Tensor::from_vec(found, [3, 300, 200])?.transpose(1, 2)?;
    assert_eq!(found.to_f64_vec(), expected);

    let places: Vec<usize> = (0..3 * 200 * 300).map(|_| next() as usize % 200).collect();
    let along_middle = Indices::from_vec(places.clone(), [3, 200, 300])?;
    let across = |i: usize| (i / 60_000) * 60_000 + i % 200 * 300 + i % 60_000 / 200;
    let along_last: Indices = (0..places.len()).map(|i| places[across(i)]).collect();
    let along_last = along_last.reshape([3, 300, 200])?;
    let gathered = x.gather(1, &along_middle)?;
    assert_eq!(
        gathered.to_vec::<f32>()?,
        back(&moved.gather(2, &along_last)?)?
    );
    let sums = x.scatter_add(1, &along_middle, &x)?;
    assert_eq!(
        sums.to_vec::<f32>()?,
        back(&moved.scatter_add(2, &along_last, &moved)?)?
    );
    Ok(())
}

/// The number of draws of a class of probability p among n has the standard deviation
/// √(n p (1 - p)).
#[test]
fn multinomial_draws_classes_by_their_weights() -> Result<()> {
    let (count, weights) = (40_000, [0.0, 3.0, 0.0, 1.0, 6.0, 0.0]);
    for dtype in DTYPES {
        // The weights need not sum to 1: factors up to the ends of the range.
        let factors = [
            1.0,
            1e-3,
            0.1 * f64::from(f32::MAX),
            f64::from(f32::MIN_POSITIVE),
        ];
        for factor in factors {
            let row = Tensor::from(&weights[..])
                .mul_scalar(factor)
                .to_dtype(dtype);
            let rows = row.broadcast_to([count, weights.len()])?;
            let draw = |seed| rows.multinomial(&mut ChaCha8Rng::seed_from_u64(seed));
            let drawn = draw(5)?;
            assert_eq!(drawn.shape(), [count]);
            assert_eq!(drawn, draw(5)?);
            assert_ne!(drawn, draw(6)?);
            for (class, weight) in weights.iter().enumerate() {
                let (n, p) = (count as f64, weight / 10.0);
                let found = drawn.as_slice().iter().filter(|&&c| c == class).count() as f64;
                let deviation = (n * p * (1.0 - p)).sqrt();
                assert!((found - n * p).abs() <= 4.0 * deviation, "{class}: {found}");
            }
        }
    }
    Ok(())
}

#[test]
fn multinomial_keeps_the_leading_axes() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let certain = Indices::from([[2, 0], [1, 1], [0, 2]]).one_hot(3, DType::F32)?;
    let drawn = certain.multinomial(&mut rng)?;
    assert_eq!(drawn, Indices::from([[2, 0], [1, 1], [0, 2]]));
    let one = Tensor::from([0.0f64, 1.0]).multinomial(&mut rng)?;
    assert_eq!((one.shape(), one.as_slice()), (&[][..], &[1][..]));
    let none = Tensor::zeros([0, 4], DType::F32)?.multinomial(&mut rng)?;
    assert_eq!(none.shape(), [0]);
    // The order of the rows counts, not their layout in memory.
    let rows = Tensor::uniform([50, 7], 0.0, 1.0, DType::F32, &mut rng)?;
    let moved = rows
        .transpose(0, 1)?
        .to_dtype(DType::F64)
        .to_dtype(DType::F32);
    let draw = |x: &Tensor| x.multinomial(&mut ChaCha8Rng::seed_from_u64(2));
    assert_eq!(draw(&rows)?, draw(&moved.transpose(0, 1)?)?);
    Ok(())
}

#[test]
fn multinomial_names_rows_of_invalid_weights() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (row, found) in [
        ([1.0, -0.5], "-0.5 at class 1"),
        ([f64::NAN, 1.0], "NaN at class 0"),
        ([1.0, f64::INFINITY], "inf at class 1"),
        ([0.0, -0.0], "zeros only"),
    ] {
        let weights = Tensor::from([[1.0, 0.0], row, [0.0, 1.0]]);
        let error = weights.multinomial(&mut rng).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }));
        let text = error.to_string();
        let expected = format!("found {found} in row 1 of 3");
        assert!(
            text.starts_with("multinomial: ") && text.ends_with(&expected),
            "{text}"
        );
    }
    for shape in [vec![], vec![3, 0]] {
        let error = Tensor::zeros(shape, DType::F32)?.multinomial(&mut rng);
        assert!(matches!(error, Err(Error::Shape { .. })));
    }
    Ok(())
}

#[test]
fn errors_of_indices_name_rows_elements_or_classes() -> Result<()> {
    let (x, seven) = (Tensor::zeros([5, 3], DType::F32)?, Indices::from([7]));
    let messages = [
        (
            x.embedding(&seven),
            "row 7 is out of range for 5 rows of the table",
        ),
        (
            x.index_select(1, &seven),
            "index 7 is out of range for 3 elements of the axis",
        ),
        (
            x.gather(0, &Indices::from([[7]])),
            "index 7 is out of range for 5 elements of the axis",
        ),
        (
            seven.one_hot(3, DType::F32),
            "label 7 is out of range for 3 classes",
        ),
        (
            x.narrow(0, 0, 1)?.cross_entropy(&seven),
            "label 7 is out of range for 3 classes",
        ),
        (
            x.cross_entropy(&Indices::from([0, 1, 7, 2, 9])),
            "label 7 at position 2 is out of range for 3 classes",
        ),
        (
            x.embedding(&Indices::from([[0, 1], [2, 7]])),
            "row 7 at position [1, 1] is out of range for 5 rows of the table",
        ),
        (
            x.select(-1, 3),
            "select: index 3 is out of range for 3 elements",
        ),
        (
            x.select(-1, -4),
            "select: index -4 is out of range for 3 elements",
        ),
    ];
    for (result, expected) in messages {
        let text = result.unwrap_err().to_string();
        assert!(text.ends_with(expected), "{text}");
    }
    Ok(())
}
