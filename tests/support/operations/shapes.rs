//! Views, joins, triangles, selection by mask.

use super::Domain::Signed;
use super::Operation;
use cotangent::prelude::{Mask, Result, Tensor};

/// Views, joins, triangles, and selection by mask.
#[allow(clippy::reversed_empty_ranges)] // Negative bounds count from the end.
pub fn shapes() -> Vec<Operation> {
    operations! { [m, k, n]
        "reshape", Signed: (m, k) => (k, m), |x| x[0].reshape([x[0].shape()[1], x[0].shape()[0]]);
        "flatten", Signed: (m, k, n) => (m, k * n), |x| x[0].flatten();
        "permute", Signed: (m, k, n) => (n, m, k), |x| x[0].permute(&[2, 0, 1]);
        "transpose", Signed: (m, k) => (k, m), |x| x[0].transpose(0, 1);
        "transpose of the outer", Signed: (m, k, n) => (n, k, m), |x| x[0].transpose(-1, 0);
        "broadcast_to in front", Signed: (k) => (3, 2, k), |x| x[0].broadcast_to([3, 2, x[0].shape()[0]]);
        "broadcast_to behind", Signed: (m, 1) => (m, 4), |x| x[0].broadcast_to([x[0].shape()[0], 4]);
        "broadcast_to nothing", Signed: (m, 1) => (m, 0), |x| x[0].broadcast_to([x[0].shape()[0], 0]);
        "unsqueeze", Signed: (m, k) => (m, 1, k), |x| x[0].unsqueeze(1);
        "unsqueeze behind", Signed: (m, k) => (m, k, 1), |x| x[0].unsqueeze(-1);
        "squeeze", Signed: (m, 1, k) => (m, k), |x| x[0].squeeze(1);
        "narrow", Signed: (m, k) => (span(m).1, k),
            |x| x[0].narrow(0, span(x[0].shape()[0]).0, span(x[0].shape()[0]).1);
        "narrow of the last", Signed: (m, k) => (m, span(k).1),
            |x| x[0].narrow(-1, span(x[0].shape()[1]).0, span(x[0].shape()[1]).1);
        "narrow to nothing", Signed: (m, k) => (m, 0), |x| x[0].narrow(1, x[0].shape()[1], 0);
        "slice", Signed: (m, k) => (m, k.div_ceil(2)), |x| x[0].slice(1, None, None, 2);
        "slice backwards", Signed: (m, k, n) => (m.div_ceil(2), k, n), |x| x[0].slice(0, None, None, -2);
        "slice of the inside", Signed: (m, k) => (m, k.saturating_sub(2)), |x| x[0].slice(-1, -2, 0, -1),
            refused if k < 2;
        "flip", Signed: (m, k, n) => (m, k, n), |x| x[0].flip(&[-1, 0]);
        "flip of no axis", Signed: (m, k) => (m, k), |x| x[0].flip(&[]);
        "split", Signed: (m, k) => (m, k), |x| in_reverse(&x[0].split(1, 3)?, 1);
        "split_sizes", Signed: (m, k) => (m, k), |x| {
            let len = x[0].shape()[0];
            in_reverse(&x[0].split_sizes(0, &[len / 2, 0, len - len / 2])?, 0)
        };
        "chunk", Signed: (m, k) => (m, k), |x| in_reverse(&x[0].chunk(-1, 3)?, 1);
        "rows", Signed: (m, k) => (m, k), |x| {
            if x[0].shape()[0] > 1000 {
                return Ok(x[0].clone()); // Each row's gradient is a whole tensor.
            }
            let rows: Vec<Tensor> = x[0].rows()?.rev().collect();
            Tensor::stack(&rows.iter().collect::<Vec<_>>(), 0)
        }, refused if m == 0;
        "pad", Signed: (m, k) => (m + 1, k + 3), |x| x[0].pad(&[(1, 0), (2, 1)], 0.5);
        "pad by nothing", Signed: (m, k) => (m, k), |x| x[0].pad(&[(0, 0), (0, 0)], 0.5);
        "cat", Signed: (m, k) (m, n) => (m, k + n), |x| Tensor::cat(&[&x[0], &x[1]], 1);
        "cat of three", Signed: (m, k, n) (1, k, n) (2, k, n) => (m + 3, k, n),
            |x| Tensor::cat(&[&x[0], &x[1], &x[2]], -3);
        "cat of x with x", Signed: (m, k) => (m, 2 * k), |x| Tensor::cat(&[&x[0], &x[0]], -1);
        "stack", Signed: (m, k) (m, k) => (2, m, k), |x| Tensor::stack(&[&x[0], &x[1]], 0);
        "stack behind", Signed: (m, k) (m, k) => (m, k, 2), |x| Tensor::stack(&[&x[0], &x[1]], -1);
        "repeat", Signed: (m, k) => (2 * m, 3 * k), |x| x[0].repeat(&[2, 3]);
        "repeat along a new axis", Signed: (m, k) => (3, m, 2 * k), |x| x[0].repeat(&[3, 1, 2]);
        "repeat no times", Signed: (m, k) => (0, k), |x| x[0].repeat(&[0, 1]);
        "tril", Signed: (m, k) => (m, k), |x| x[0].tril(0);
        "tril above the diagonal", Signed: (n, m, k) => (n, m, k), |x| x[0].tril(1);
        "triu", Signed: (m, k) => (m, k), |x| x[0].triu(0);
        "triu below the diagonal", Signed: (n, m, k) => (n, m, k), |x| x[0].triu(-1);
        "diagonal", Signed: (m, k) => (m.min(k)), |x| x[0].diagonal(0);
        "diagonal above", Signed: (n, m, k) => (n, m.min(k.saturating_sub(1))), |x| x[0].diagonal(1);
        "diagonal far below", Signed: (n, m, k) => (n, m.saturating_sub(2).min(k)), |x| x[0].diagonal(-2);
        "select", Signed: (m, k) (m, k) => (m, k), |x| every_third(x[0].shape())?.select(&x[0], &x[1]);
        "select of a column and a row", Signed: (m, 1) (k) => (m, k),
            |x| every_third(&[x[0].shape()[0], 1])?.select(&x[0], &x[1]);
        "select by comparison", Signed: (m, k) (k) => (m, k), |x| x[0].lt(&x[1])?.select(&x[0], &x[1]);
        "masked_fill", Signed: (m, k) => (m, k), |x| x[0].masked_fill(&every_third(&x[0].shape()[1..])?, 0.5);
    }
}

fn every_third(shape: &[usize]) -> Result<Mask> {
    Mask::from_vec(
        (0..shape.iter().product()).map(|i| i % 3 == 1).collect(),
        shape,
    )
}

/// A part of an axis: start and length.
fn span(len: usize) -> (usize, usize) {
    (len / 3, len - len / 3 - len / 4)
}

/// The pieces joined the other way round.
fn in_reverse(pieces: &[Tensor], axis: isize) -> Result<Tensor> {
    Tensor::cat(&pieces.iter().rev().collect::<Vec<_>>(), axis)
}
