//! Shapes, parts, joins, triangles: what moves elements and changes none.

use crate::operation::{Operands, Operation, op};
use cotangent::prelude::*;

#[allow(clippy::reversed_empty_ranges)] // Negative bounds count from the end.
pub fn shape() -> Vec<Operation> {
    vec![
        op("reshape(6,4)", |x| x[0].reshape([6, 4])).moves(),
        op("reshape(24)", |x| x[0].reshape([24])).moves(),
        op("reshape(2,3,1,4)", |x| x[0].reshape([2, 3, 1, 4])).moves(),
        op("flatten", |x| x[0].flatten()).moves(),
        op("permute(2,0,1)", |x| x[0].permute(&[2, 0, 1])).moves(),
        op("permute(1,0,2)", |x| x[0].permute(&[1, 0, 2])).moves(),
        op("permute(0,1,2)", |x| x[0].permute(&[0, 1, 2])).moves(),
        op("permute(2,0,1).reshape(8,3)", |x| {
            x[0].permute(&[2, 0, 1])?.reshape([8, 3])
        })
        .moves(),
        op("transpose(0,2)", |x| x[0].transpose(0, 2)).moves(),
        op("transpose(-1,-2)", |x| x[0].transpose(-1, -2)).moves(),
        op("transpose(1,1)", |x| x[0].transpose(1, 1)).moves(),
        op("unsqueeze(0)", |x| x[0].unsqueeze(0)).moves(),
        op("unsqueeze(2)", |x| x[0].unsqueeze(2)).moves(),
        op("unsqueeze(-1)", |x| x[0].unsqueeze(-1)).moves(),
        op("unsqueeze(1).broadcast_to(2,5,3,4)", |x| {
            x[0].unsqueeze(1)?.broadcast_to([2, 5, 3, 4])
        })
        .copies(),
        op("broadcast_to(3,2,3,4)", |x| x[0].broadcast_to([3, 2, 3, 4])).copies(),
        op("broadcast_to(2,3,4,5)", |x| x[0].broadcast_to([2, 3, 4, 5])).copies(),
        op("narrow(1,1,2)", |x| x[0].narrow(1, 1, 2)).moves(),
        op("narrow(-1,0,1)", |x| x[0].narrow(-1, 0, 1)).moves(),
        op("narrow(0,1,0)", |x| x[0].narrow(0, 1, 0)).moves(),
        op("narrow(2,1,3).transpose(0,2)", |x| {
            x[0].narrow(2, 1, 3)?.transpose(0, 2)
        })
        .moves(),
        op("squeeze(1)", |x| x[0].squeeze(1)).moves(),
        op("squeeze(-1)", |x| x[0].squeeze(-1)).moves(),
        op("slice(2,::2)", |x| x[0].slice(2, None, None, 2)).moves(),
        op("slice(1,-2:)", |x| x[0].slice(1, -2, None, 1)).moves(),
        op("slice(2,1:-1:2)", |x| x[0].slice(2, 1, -1, 2)).moves(),
        op("slice(2,2:1)", |x| x[0].slice(2, 2, -3, 1)).moves(),
        op("slice(2,3:0:-2)", |x| x[0].slice(2, 3, 0, -2)).moves(),
        op("flip(0)", |x| x[0].flip(&[0])).moves(),
        op("flip(2,-2)", |x| x[0].flip(&[2, -2])).moves(),
        op("flip()", |x| x[0].flip(&[])).moves(),
        op("split(2,3)", |x| in_reverse(&x[0].split(2, 3)?, 2)).moves(),
        op("split_sizes(2,[1,0,3])", |x| {
            in_reverse(&x[0].split_sizes(2, &[1, 0, 3])?, 2)
        })
        .moves(),
        op("chunk(2,3)", |x| in_reverse(&x[0].chunk(2, 3)?, 2)).moves(),
        op("chunk(1,2)", |x| in_reverse(&x[0].chunk(1, 2)?, 1)).moves(),
        op("rows", |x| {
            in_reverse(&x[0].rows()?.rev().collect::<Vec<_>>(), 1)
        })
        .moves(),
        op("pad", |x| x[0].pad(&[(2, 0), (0, 1), (1, 2)], 0.5)).moves(),
        op("pad by nothing", |x| x[0].pad(&[(0, 0); 3], 0.5)).moves(),
        op("pad a matrix", |x| x[0].pad(&[(2, 1), (1, 0)], -1.5)).moves(),
        op("repeat(2,1,3)", |x| x[0].repeat(&[2, 1, 3])).copies(),
        op("repeat(2,1,2,1)", |x| x[0].repeat(&[2, 1, 2, 1])).copies(),
        op("repeat(1,0,1)", |x| x[0].repeat(&[1, 0, 1])).copies(),
        op("tril(0)", |x| x[0].tril(0)).moves(),
        op("tril(-1)", |x| x[0].tril(-1)).moves(),
        op("tril(9)", |x| x[0].tril(9)).moves(),
        op("triu(0)", |x| x[0].triu(0)).moves(),
        op("triu(2)", |x| x[0].triu(2)).moves(),
        op("triu(-9)", |x| x[0].triu(-9)).moves(),
        op("diagonal(0)", |x| x[0].diagonal(0)).moves(),
        op("diagonal(2)", |x| x[0].diagonal(2)).moves(),
        op("diagonal(-1)", |x| x[0].diagonal(-1)).moves(),
        op("diagonal(7)", |x| x[0].diagonal(7)).moves(),
        op("cat(1)", |x| Tensor::cat(&all(x), 1)).moves(),
        op("cat(x,x,-1)", |x| Tensor::cat(&[&x[0], &x[0]], -1)).copies(),
        op("stack(0)", |x| Tensor::stack(&all(x), 0)).moves(),
        op("stack(1)", |x| Tensor::stack(&all(x), 1)).moves(),
        op("stack(-1)", |x| Tensor::stack(&all(x), -1)).moves(),
    ]
}

fn all<'a>(x: &'a Operands) -> Vec<&'a Tensor> {
    x.tensors.iter().collect()
}

/// The pieces joined the other way round.
fn in_reverse(pieces: &[Tensor], axis: isize) -> Result<Tensor> {
    Tensor::cat(&pieces.iter().rev().collect::<Vec<_>>(), axis)
}
