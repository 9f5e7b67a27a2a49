//! Taking and writing elements by index, masks, and rearrangements. The index of an element is
//! eight bytes, and a truth value is one.

use crate::{Bound, Case, normal};
use cotangent::prelude::*;
use cotangent::{Indices, Mask, ScatterReduction};

const ROWS: usize = 20_000;
const WIDTH: usize = 64;
const LEN: usize = ROWS * WIDTH;

type Call = Box<dyn Fn(&Tensor) -> cotangent::Result<Tensor>>;

/// A function that makes the arguments of a call.
type Make = fn() -> cotangent::Result<Call>;

pub fn cases() -> Vec<Case> {
    // The name, the bytes of the forward pass, those of the backward pass, and the call.
    let operations: Vec<(&str, usize, usize, Make)> = vec![
        ("index_copy of half the rows", 12 * LEN, 12 * LEN, || {
            let (rows, source) = (rows(), normal(&[ROWS / 2, WIDTH])?);
            Ok(Box::new(move |x| x.index_copy(0, &rows, &source)))
        }),
        ("index_add of half the rows", 12 * LEN, 12 * LEN, || {
            let (rows, source) = (rows(), normal(&[ROWS / 2, WIDTH])?);
            Ok(Box::new(move |x| x.index_add(0, &rows, &source)))
        }),
        ("scatter", 20 * LEN, 20 * LEN, || {
            let (places, source) = (places()?, normal(&[ROWS, WIDTH])?);
            Ok(Box::new(move |x| x.scatter(1, &places, &source)))
        }),
        ("scatter_reduce of maxima", 20 * LEN, 20 * LEN, || {
            let (places, source) = (places()?, normal(&[ROWS, WIDTH])?);
            Ok(Box::new(move |x| {
                x.scatter_reduce(1, &places, &source, ScatterReduction::Max, true)
            }))
        }),
        ("masked_select of half", 7 * LEN, 7 * LEN, || {
            let mask = mask()?;
            Ok(Box::new(move |x| x.masked_select(&mask)))
        }),
        ("masked_scatter of half", 11 * LEN, 11 * LEN, || {
            let (mask, source) = (mask()?, normal(&[LEN])?);
            Ok(Box::new(move |x| x.masked_scatter(&mask, &source)))
        }),
        ("slice_scatter of half", 10 * LEN, 10 * LEN, || {
            let source = normal(&[ROWS, WIDTH / 2])?;
            Ok(Box::new(move |x| {
                x.slice_scatter(&source, 1, 0, WIDTH as isize / 2, 1)
            }))
        }),
        ("roll", 8 * LEN, 8 * LEN, || Ok(Box::new(|x| x.roll(1, 5)))),
        ("sliding_window of 4 by 2", 12 * LEN, 12 * LEN, || {
            Ok(Box::new(|x| x.sliding_window(1, 4, 2)))
        }),
        ("repeat_interleave by 2", 12 * LEN, 12 * LEN, || {
            Ok(Box::new(|x| x.repeat_interleave(0, &Indices::from(2))))
        }),
    ];
    let mut cases = Vec::new();
    for (name, bytes, back, make) in operations {
        let name = format!("{name} of [{ROWS}, {WIDTH}]");
        cases.push(Case::new(name.clone(), Bound::Bytes(bytes), move || {
            let (x, call) = (normal(&[ROWS, WIDTH])?, make()?);
            Ok(Box::new(move || {
                let _ = std::hint::black_box(call(&x)?);
                Ok(())
            }))
        }));
        let bound = Bound::Bytes(bytes + back);
        cases.push(Case::new(
            format!("{name} forward + backward"),
            bound,
            move || {
                let (x, call) = (normal(&[ROWS, WIDTH])?.tracked(), make()?);
                let g = call(&x)?.detach();
                Ok(Box::new(move || {
                    call(&x)?.backward_with(&g)?;
                    Ok(())
                }))
            },
        ));
    }
    cases.push(Case::new(
        format!("bucketize {LEN} into 100"),
        Bound::Bytes(12 * LEN),
        || {
            let x = normal(&[ROWS, WIDTH])?;
            let boundaries = Tensor::linspace(-3.0, 3.0, 99, DType::F32)?;
            Ok(Box::new(move || {
                let _ = std::hint::black_box(x.bucketize(&boundaries, false)?);
                Ok(())
            }))
        },
    ));
    cases
}

/// Returns half of the rows, not in order.
fn rows() -> Indices {
    (0..ROWS / 2).map(|i| i * 7919 % ROWS).collect()
}

/// Returns a column for each element.
fn places() -> cotangent::Result<Indices> {
    let columns = (0..LEN).map(|i| (i * 31 + i / 7) % WIDTH);
    columns.collect::<Indices>().reshape([ROWS, WIDTH])
}

/// Returns a mask of about half of the elements.
fn mask() -> cotangent::Result<Mask> {
    let truths = (0..LEN).map(|i| i * 7919 % 1009 < 504);
    truths.collect::<Mask>().reshape([ROWS, WIDTH])
}
