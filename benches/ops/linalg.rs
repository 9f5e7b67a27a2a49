//! Solutions and factorizations of one large matrix and of many small ones. The bounds count the
//! operations of the usual algorithms; iterations are shown as nanoseconds for each matrix.

use crate::{Bound, Case, normal};
use cotangent::prelude::*;

type Function = fn(&Tensor) -> cotangent::Result<()>;

pub fn cases() -> Vec<Case> {
    // Three times the operations for n³ elements, if their number is known.
    let all: [(&str, Option<usize>, Function); 9] = [
        ("solve", Some(8), |a| a.solve(a).map(drop)),
        ("inverse", Some(6), |a| a.inverse().map(drop)),
        ("det", Some(2), |a| a.det().map(drop)),
        ("cholesky", Some(1), |a| a.cholesky().map(drop)),
        ("qr", Some(8), |a| a.qr().map(drop)),
        ("eigh", None, |a| a.eigh().map(drop)),
        ("svd", None, |a| a.svd().map(drop)),
        ("pinv", None, |a| a.pinv().map(drop)),
        ("matrix_exp", None, |a| a.matrix_exp().map(drop)),
    ];
    let mut cases = Vec::new();
    for (count, n) in [(1, 256), (1000, 8)] {
        for (name, thirds, f) in all {
            let bound = match thirds {
                Some(thirds) => {
                    Bound::Operations(count * thirds * n * n * n / 3, 8 * count * n * n)
                }
                None => Bound::Calls(count),
            };
            cases.push(Case::new(
                format!("{name} {count} x {n} x {n}"),
                bound,
                move || {
                    let a = normal(&[count, n, n])?;
                    let a = a.matmul(&a.transpose(-2, -1)?)?;
                    let a = a.add(&Tensor::eye([n, n], DType::F32)?)?;
                    let a = a.div_scalar(a.abs().max()?.item()?);
                    Ok(Box::new(move || Ok(f(&a)?)))
                },
            ));
        }
    }
    cases
}
