//! Elementwise operations: several formulas, sizes and layouts, forward and backward.

use crate::{Bound, Case, normal};
use cotangent::prelude::*;

type Unary = fn(&Tensor) -> Tensor;

const UNARY: [(&str, Unary); 6] = [
    ("relu", Tensor::relu),
    ("exp", Tensor::exp),
    ("sigmoid", Tensor::sigmoid),
    ("tanh", Tensor::tanh),
    ("elu", |x| x.elu(1.0)),
    ("selu", Tensor::selu),
];
/// Operands of a quarter of a megabyte, of 4 MB, and of 64 MB.
const SIZES: [(&str, [usize; 2]); 3] = [
    ("64k", [256, 256]),
    ("1M", [1024, 1024]),
    ("16M", [4096, 4096]),
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (size, shape) in SIZES {
        let len = shape[0] * shape[1];
        for (name, f) in UNARY {
            // Each element is read once and written once.
            cases.push(Case::new(
                format!("{name} {size}"),
                Bound::Bytes(8 * len),
                move || {
                    let x = normal(&shape)?;
                    Ok(Box::new(move || {
                        let _ = std::hint::black_box(f(&x));
                        Ok(())
                    }))
                },
            ));
        }
        if size == "64k" {
            continue;
        }
        for (name, f) in UNARY {
            // Backward reads the cotangent and the saved tensor, and writes a gradient.
            cases.push(Case::new(
                format!("{name} {size} forward + backward"),
                Bound::Bytes(20 * len),
                move || {
                    let (x, g) = (normal(&shape)?.tracked(), normal(&shape)?);
                    Ok(Box::new(move || {
                        f(&x).backward_with(&g)?;
                        Ok(())
                    }))
                },
            ));
        }
    }
    cases.extend(layouts());
    cases.extend(further());
    cases
}

/// Returns functions of 1024 x 1024 elements: those that are computed one element at a time, of
/// several operands, or composed.
fn further() -> Vec<Case> {
    type Several = fn([&Tensor; 3]) -> cotangent::Result<Tensor>;
    const N: usize = 1024;
    // The number of tensors that are read and written.
    let functions: [(&str, usize, Several); 16] = [
        ("exp2", 2, |[x, ..]| Ok(x.exp2())),
        ("lgamma", 2, |[x, ..]| Ok(x.lgamma())),
        ("digamma", 2, |[x, ..]| Ok(x.digamma())),
        ("nan_to_num", 2, |[x, ..]| Ok(x.nan_to_num(0.0, None, None))),
        ("is_finite", 1, |[x, ..]| {
            std::hint::black_box(x.is_finite());
            Ok(x.clone())
        }),
        ("softsign", 2, |[x, ..]| Ok(x.softsign())),
        ("tanh_shrink", 2, |[x, ..]| Ok(x.tanh_shrink())),
        ("soft_shrink", 2, |[x, ..]| x.soft_shrink(0.5)),
        ("softplus_with", 2, |[x, ..]| x.softplus_with(2.0, 20.0)),
        ("softmin", 2, |[x, ..]| x.softmin(-1)),
        ("remainder", 3, |[x, y, _]| x.remainder(y)),
        ("hypot", 3, |[x, y, _]| x.hypot(y)),
        ("logaddexp", 3, |[x, y, _]| x.logaddexp(y)),
        ("fmax", 3, |[x, y, _]| x.fmax(y)),
        ("lerp", 4, |[x, y, z]| x.lerp(y, z)),
        ("addcmul", 4, |[x, y, z]| x.addcmul(y, z, 0.5)),
    ];
    let mut cases: Vec<Case> = Vec::new();
    for (name, tensors, f) in functions {
        cases.push(Case::new(
            format!("{name} 1M"),
            Bound::Bytes(4 * tensors * N * N),
            move || {
                let (x, y, z) = (normal(&[N, N])?, normal(&[N, N])?, normal(&[N, N])?);
                Ok(Box::new(move || {
                    let _ = std::hint::black_box(f([&x, &y, &z])?);
                    Ok(())
                }))
            },
        ));
    }
    cases.push(Case::new(
        "glu 1M forward + backward",
        // Forward reads both halves and writes a half; backward reads a half and both halves, and
        // writes both.
        Bound::Bytes(4 * 4 * N * N),
        || {
            let (x, g) = (normal(&[N, N])?.tracked(), normal(&[N, N / 2])?);
            Ok(Box::new(move || {
                x.glu(-1)?.backward_with(&g)?;
                Ok(())
            }))
        },
    ));
    cases
}

/// Returns sums of two operands of 1024 x 1024 (or broadcast to it), the second in several layouts.
fn layouts() -> Vec<Case> {
    type Second = fn() -> cotangent::Result<Tensor>;
    const N: usize = 1024;
    let seconds: [(&str, usize, Second); 6] = [
        ("contiguous", N * N, || normal(&[N, N])),
        ("transposed", N * N, || normal(&[N, N])?.transpose(0, 1)),
        ("every second column", N * N, || {
            normal(&[N, 2 * N])?.slice(1, 0, None, 2)
        }),
        ("row", N, || normal(&[N])),
        ("column", N, || normal(&[N, 1])),
        ("scalar", 1, || normal(&[1])),
    ];
    let sums = seconds.map(|(name, len, second)| {
        Case::new(
            format!("add 1M {name}"),
            Bound::Bytes(4 * (2 * N * N + len)),
            move || {
                let (a, b) = (normal(&[N, N])?, second()?);
                Ok(Box::new(move || {
                    let _ = std::hint::black_box(a.add(&b)?);
                    Ok(())
                }))
            },
        )
    });
    let mut cases: Vec<Case> = sums.into();
    cases.push(Case::new(
        "add 1M row forward + backward",
        // Backward returns the cotangent unchanged and its sum over the rows.
        Bound::Bytes(4 * (3 * N * N + 2 * N)),
        || {
            let (a, b) = (normal(&[N, N])?.tracked(), normal(&[N])?.tracked());
            let g = normal(&[N, N])?;
            Ok(Box::new(move || {
                a.add(&b)?.backward_with(&g)?;
                Ok(())
            }))
        },
    ));
    cases
}
