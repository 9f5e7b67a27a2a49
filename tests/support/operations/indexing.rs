//! Taking elements by index, adding elements up by index, sorting.

use super::Domain::Signed;
use super::Entry;
use super::golden::golden;
use cotangent::{Indices, Order, Result, Tensor};

/// Selection, gathering and scattering by index, and sorting.
pub fn indexing() -> Vec<Entry> {
    operations! { [m, k, n]
        index_select {
            check "index_select", Signed: (m, k) => (picks(m).len(), k),
                |x| x[0].index_select(0, &picks(x[0].shape()[0]));
            check "index_select of the last", Signed: (m, k, n) => (m, k, picks(n).len()),
                |x| x[0].index_select(-1, &picks(x[0].shape()[2]));
            check "index_select of nothing", Signed: (m, k) => (m, 0),
                |x| x[0].index_select(1, &Indices::from(vec![]));
            golden golden("indexing", "index_select(0)", |x| x[0].index_select(0, x.indices()))
                .torch("x.index_select(0, indices)", "selections()").copies();
            golden golden("indexing", "index_select(1)", |x| x[0].index_select(1, x.indices()))
                .torch("x.index_select(1, indices)", "selections()").copies();
            golden golden("indexing", "index_select(-1)", |x| x[0].index_select(-1, x.indices()))
                .torch("x.index_select(-1, indices)", "selections()").copies();
            draw 1 Same |x, p| x[0].index_select(p.axis, &p.indices);
        }
        embedding {
            check "embedding", Signed: (m, k) => (2, picks(m).len(), k), |x| {
                let picks = picks(x[0].shape()[0]);
                let twice = picks.as_slice().repeat(2);
                x[0].embedding(&Indices::from_vec(twice, [2, picks.len()])?)
            };
            golden golden("indexing", "embedding", |x| x[0].embedding(x.indices()))
                .torch("F.embedding(indices, x)", "words()").copies();
            draw 1 Same |x, p| x[0].embedding(&p.indices);
        }
        gather {
            check "gather", Signed: (m, k) => (picks(m).len(), k),
                |x| x[0].gather(0, &places([picks(x[0].shape()[0]).len(), x[0].shape()[1]],
                    x[0].shape()[0])?);
            check "gather of the last", Signed: (m, k) => (m, picks(k).len()),
                |x| x[0].gather(-1, &places([x[0].shape()[0], picks(x[0].shape()[1]).len()],
                    x[0].shape()[1])?);
            check "gather of the middle, of some lines",
                Signed: (m, k, n) => (m.div_ceil(2), picks(k).len(), n), |x| {
                let &[m, k, n] = x[0].shape() else { return x[0].flatten_from(1) };
                x[0].gather(1, &places([m.div_ceil(2), picks(k).len(), n], k)?)
            };
            golden golden("indexing", "gather(0)", |x| x[0].gather(0, x.indices()))
                .torch("x.gather(0, indices)", "places(0)").copies();
            golden golden("indexing", "gather(1)", |x| x[0].gather(1, x.indices()))
                .torch("x.gather(1, indices)", "places(1)").copies();
            golden golden("indexing", "gather(-1)", |x| x[0].gather(-1, x.indices()))
                .torch("x.gather(-1, indices)", "places(-1)").copies();
            draw 1 Same |x, p| x[0].gather(p.axis, &p.indices);
        }
        scatter_add {
            check "scatter_add", Signed: (m, k) (picks(m).len(), k) => (m, k), |x| {
                let &[m, k] = x[0].shape() else { return x[0].flatten_from(1) };
                x[0].scatter_add(0, &places([picks(m).len(), k], m)?, &x[1])
            };
            check "scatter_add of a part", Signed: (m, k, n) (m + 1, k + 1, n) => (m, k, n), |x| {
                let &[m, k, n] = x[0].shape() else { return x[0].flatten_from(1) };
                x[0].scatter_add(1, &places([m.div_ceil(2), k, n], k)?, &x[1])
            };
            golden golden("indexing", "scatter_add(0)", |x| x[0].scatter_add(0, x.indices(), &x[1]))
                .torch("x.scatter_add(0, indices, y)", "places(0, scattered=True)").sums();
            golden golden("indexing", "scatter_add(1)", |x| x[0].scatter_add(1, x.indices(), &x[1]))
                .torch("x.scatter_add(1, indices, y)", "places(1, scattered=True)").sums();
            golden golden("indexing", "scatter_add(-1)",
                |x| x[0].scatter_add(-1, x.indices(), &x[1]))
                .torch("x.scatter_add(-1, indices, y)", "places(-1, scattered=True)").sums();
            draw 2 Same |x, p| x[0].scatter_add(p.axis, &p.indices, &x[1]);
        }
        sort {
            check "sort", Signed: (m, k) => (m, k),
                |x| Ok(spread(&x[0])?.sort(-1, Order::Ascending)?.0);
            check "sort of columns, descending", Signed: (m, k, n) => (m, k, n),
                |x| Ok(spread(&x[0])?.sort(1, Order::Descending)?.0);
            extreme "sort raw", Signed: (m, k) => (m, k),
                |x| Ok(x[0].sort(-1, Order::Ascending)?.0);
            extreme "sort of columns, descending, raw", Signed: (m, k) => (m, k),
                |x| Ok(x[0].sort(0, Order::Descending)?.0);
            golden golden("indexing", "sort(1,ascending)",
                |x| x.placed(x[0].sort(1, Order::Ascending)))
                .torch("x.sort(dim=1, descending=False, stable=True).values",
                    "ordered(lambda x: x.sort(dim=1, descending=False, stable=True))").moves();
            golden golden("indexing", "sort(1,descending)",
                |x| x.placed(x[0].sort(1, Order::Descending)))
                .torch("x.sort(dim=1, descending=True, stable=True).values",
                    "ordered(lambda x: x.sort(dim=1, descending=True, stable=True))").moves();
            draw 1 Same |x, p| x[0].sort(p.axis, order(p.flag));
        }
        top_k {
            check "top_k", Signed: (m, k) => (m, k.div_ceil(2)),
                |x| Ok(spread(&x[0])?.top_k(1, x[0].shape()[1].div_ceil(2))?.0);
            extreme "top_k raw", Signed: (m, k) => (m, 1),
                |x| Ok(x[0].top_k(1, 1)?.0), refused if k == 0;
            golden golden("indexing", "top_k(1,0)", |x| x.placed(x[0].top_k(1, 0)))
                .torch("x.topk(0, dim=1).values", "top(lambda x: x.topk(0, dim=1))").moves();
            golden golden("indexing", "top_k(1,1)", |x| x.placed(x[0].top_k(1, 1)))
                .torch("x.topk(1, dim=1).values", "top(lambda x: x.topk(1, dim=1))").moves();
            golden golden("indexing", "top_k(1,3)", |x| x.placed(x[0].top_k(1, 3)))
                .torch("x.topk(3, dim=1).values", "top(lambda x: x.topk(3, dim=1))").moves();
            draw 1 Same |x, p| x[0].top_k(p.axis, p.size);
        }
        bottom_k {
            check "bottom_k of columns", Signed: (m, k) => (m.div_ceil(2), k),
                |x| Ok(spread(&x[0])?.bottom_k(0, x[0].shape()[0].div_ceil(2))?.0);
            golden golden("indexing", "bottom_k(1,0)", |x| x.placed(x[0].bottom_k(1, 0)))
                .torch("x.topk(0, dim=1, largest=False).values",
                    "top(lambda x: x.topk(0, dim=1, largest=False))").moves();
            golden golden("indexing", "bottom_k(1,1)", |x| x.placed(x[0].bottom_k(1, 1)))
                .torch("x.topk(1, dim=1, largest=False).values",
                    "top(lambda x: x.topk(1, dim=1, largest=False))").moves();
            golden golden("indexing", "bottom_k(1,3)", |x| x.placed(x[0].bottom_k(1, 3)))
                .torch("x.topk(3, dim=1, largest=False).values",
                    "top(lambda x: x.topk(3, dim=1, largest=False))").moves();
            draw 1 Same |x, p| x[0].bottom_k(p.axis, p.size);
        }
        one_hot {
            golden golden("indexing", "one_hot",
                |x| x.indices().one_hot(4, x[0].dtype())?.mul(&x[0]))
                .torch("x * F.one_hot(indices, 4).double()", "words(hot=True)").sums();
            draw 1 Same |x, p| p.indices.one_hot(p.size, p.dtype);
            without Check Extreme: "is made from no tensor";
        }
    }
}

/// Returns each index of an axis, not in order, and some twice.
fn picks(len: usize) -> Indices {
    (0..if len == 0 { 0 } else { len + 2 })
        .map(|i| (i * 7 + 3) % len)
        .collect()
}

/// Returns indices below `bound` that fill a shape, not in order, and some twice in a line.
fn places<const N: usize>(shape: [usize; N], bound: usize) -> Result<Indices> {
    let count = shape.iter().product();
    Indices::from_vec((0..count).map(|i| (i * 7 + i / 3) % bound).collect(), shape)
}

/// Makes equal elements, as those of a stretched axis, different: sorting has a kink at ties.
fn spread(x: &Tensor) -> Result<Tensor> {
    let mut i = 0.0;
    let ramp = Tensor::from_fn(x.shape(), x.dtype(), || {
        i += 1.0;
        (i * 0.618_033_988_749_894_9f64).fract()
    });
    x.add(&ramp?)
}

fn order(descending: bool) -> Order {
    if descending {
        Order::Descending
    } else {
        Order::Ascending
    }
}
