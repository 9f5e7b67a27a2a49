//! Taking and putting by index, sorting.

use crate::operation::{Operands, Operation, op};
use cotangent::prelude::*;

pub fn indexing() -> Vec<Operation> {
    vec![
        op("index_select(0)", |x| x[0].index_select(0, x.indices())).copies(),
        op("index_select(1)", |x| x[0].index_select(1, x.indices())).copies(),
        op("index_select(-1)", |x| x[0].index_select(-1, x.indices())).copies(),
        op("embedding", |x| x[0].embedding(x.indices())).copies(),
        op("one_hot", |x| {
            x.indices().one_hot(4, x[0].dtype())?.mul(&x[0])
        })
        .sums(),
        op("gather(0)", |x| x[0].gather(0, x.indices())).copies(),
        op("gather(1)", |x| x[0].gather(1, x.indices())).copies(),
        op("gather(-1)", |x| x[0].gather(-1, x.indices())).copies(),
        op("scatter_add(0)", |x| {
            x[0].scatter_add(0, x.indices(), &x[1])
        })
        .sums(),
        op("scatter_add(1)", |x| {
            x[0].scatter_add(1, x.indices(), &x[1])
        })
        .sums(),
        op("scatter_add(-1)", |x| {
            x[0].scatter_add(-1, x.indices(), &x[1])
        })
        .sums(),
        op("sort(1,false)", |x| placed(x, x[0].sort(1, false))).moves(),
        op("sort(1,true)", |x| placed(x, x[0].sort(1, true))).moves(),
        op("top_k(0,1,false)", |x| placed(x, x[0].top_k(0, 1, false))).moves(),
        op("top_k(1,1,false)", |x| placed(x, x[0].top_k(1, 1, false))).moves(),
        op("top_k(3,1,false)", |x| placed(x, x[0].top_k(3, 1, false))).moves(),
        op("top_k(0,1,true)", |x| placed(x, x[0].top_k(0, 1, true))).moves(),
        op("top_k(1,1,true)", |x| placed(x, x[0].top_k(1, 1, true))).moves(),
        op("top_k(3,1,true)", |x| placed(x, x[0].top_k(3, 1, true))).moves(),
    ]
}

/// The values, whose places must be those of the file.
fn placed(x: &Operands, ordered: Result<(Tensor, Indices)>) -> Result<Tensor> {
    let (values, places) = ordered?;
    assert_eq!(&places, x.indices(), "the places");
    Ok(values)
}
