//! Taking and writing elements by index, sorting.

use super::Domain::Signed;
use super::Entry;
use super::drawn::Arguments;
use super::golden::{Golden, Operands, golden};
use cotangent::ScatterReduction::{self, Max, Mean, Min, Prod, Sum};
use cotangent::{Indices, Mask, Order, Result, Tensor};

/// Taking and writing elements by index or mask, and sorting.
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
        scatter {
            check "scatter", Signed: (m, k) (picks(m).len(), k) => (m, k), |x| {
                let &[m, k] = x[0].shape() else { return x[0].flatten_from(1) };
                x[0].scatter(0, &places([picks(m).len(), k], m)?, &x[1])
            };
            check "scatter of a part", Signed: (m, k, n) (m + 1, k + 1, n) => (m, k, n), |x| {
                let &[m, k, n] = x[0].shape() else { return x[0].flatten_from(1) };
                x[0].scatter(1, &places([m.div_ceil(2), k, n], k)?, &x[1])
            };
            golden golden("indexing", "scatter(0)", |x| x[0].scatter(0, x.indices(), &x[1]))
                .torch("x.scatter(0, indices, y)", "distinct(0)").moves();
            golden golden("indexing", "scatter(1)", |x| x[0].scatter(1, x.indices(), &x[1]))
                .torch("x.scatter(1, indices, y)", "distinct(1)").moves();
            golden golden("indexing", "scatter(-1)", |x| x[0].scatter(-1, x.indices(), &x[1]))
                .torch("x.scatter(-1, indices, y)", "distinct(-1)").moves();
            draw 2 Same |x, p| x[0].scatter(p.axis, &p.indices, &x[1]);
        }
        scatter_reduce {
            check "scatter_reduce of products", Signed: (m, k) (picks(m).len(), k) => (m, k),
                |x| reduced(x, 0, Prod, true);
            check "scatter_reduce of products without self",
                Signed: (m, k) (m, picks(k).len()) => (m, k), |x| reduced(x, 1, Prod, false);
            check "scatter_reduce of means", Signed: (m, k) (picks(m).len(), k) => (m, k),
                |x| reduced(x, 0, Mean, true);
            check "scatter_reduce of sums without self",
                Signed: (m, k) (m, picks(k).len()) => (m, k), |x| reduced(x, 1, Sum, false);
            check "scatter_reduce of maxima", Signed: (m, k) (picks(m).len(), k) => (m, k),
                |x| reduced(&[spread(&x[0])?, spread(&x[1])?.add_scalar(0.313)], 0, Max, true);
            check "scatter_reduce of minima without self",
                Signed: (m, k) (m, picks(k).len()) => (m, k),
                |x| reduced(&[spread(&x[0])?, spread(&x[1])?.add_scalar(0.313)], 1, Min, false);
            golden scatter_reductions();
            draw 2 Same |x, p| x[0].scatter_reduce(p.axis, &p.indices, &x[1],
                [Sum, Mean, Prod, Max, Min][p.seed as usize % 5], p.flag);
        }
        index_add {
            check "index_add", Signed: (m, k) (picks(m).len(), k) => (m, k),
                |x| x[0].index_add(0, &picks(x[0].shape()[0]), &x[1]);
            check "index_add along the last", Signed: (m, k, n) (m, k, picks(n).len()) => (m, k, n),
                |x| x[0].index_add(-1, &picks(x[0].shape()[2]), &x[1]);
            check "index_add in order", Signed: (m, k) (m.div_ceil(2), k) => (m, k),
                |x| x[0].index_add(0, &every_second(x[0].shape()[0]), &x[1]);
            golden golden("indexing", "index_add(0)", |x| x[0].index_add(0, x.indices(), &x[1]))
                .torch("x.index_add(0, indices, y)", "slices(0)").sums();
            golden golden("indexing", "index_add(1)", |x| x[0].index_add(1, x.indices(), &x[1]))
                .torch("x.index_add(1, indices, y)", "slices(1)").sums();
            golden golden("indexing", "index_add(-1)", |x| x[0].index_add(-1, x.indices(), &x[1]))
                .torch("x.index_add(-1, indices, y)", "slices(-1)").sums();
            draw 2 Same |x, p| x[0].index_add(p.axis, &p.indices, &some(&x[1], p)?);
        }
        index_copy {
            check "index_copy", Signed: (m, k) (picks(m).len(), k) => (m, k),
                |x| x[0].index_copy(0, &picks(x[0].shape()[0]), &x[1]);
            check "index_copy along the last",
                Signed: (m, k, n) (m, k, picks(n).len()) => (m, k, n),
                |x| x[0].index_copy(-1, &picks(x[0].shape()[2]), &x[1]);
            check "index_copy in order", Signed: (m, k) (m.div_ceil(2), k) => (m, k),
                |x| x[0].index_copy(0, &every_second(x[0].shape()[0]), &x[1]);
            golden golden("indexing", "index_copy(0)", |x| x[0].index_copy(0, x.indices(), &x[1]))
                .torch("x.index_copy(0, indices, y)", "slices(0, distinct=True)").moves();
            golden golden("indexing", "index_copy(1)", |x| x[0].index_copy(1, x.indices(), &x[1]))
                .torch("x.index_copy(1, indices, y)", "slices(1, distinct=True)").moves();
            golden golden("indexing", "index_copy(-1)", |x| x[0].index_copy(-1, x.indices(), &x[1]))
                .torch("x.index_copy(-1, indices, y)", "slices(-1, distinct=True)").moves();
            draw 2 Same |x, p| x[0].index_copy(p.axis, &p.indices, &some(&x[1], p)?);
        }
        index_fill {
            check "index_fill", Signed: (m, k) => (m, k),
                |x| x[0].index_fill(0, &every_second(x[0].shape()[0]), 0.5);
            check "index_fill of the last", Signed: (m, k, n) => (m, k, n),
                |x| x[0].index_fill(-1, &picks(x[0].shape()[2].div_ceil(2)), 0.5);
            golden golden("indexing", "index_fill(1)", |x| x[0].index_fill(1, x.indices(), -0.5))
                .torch("x.index_fill(1, indices, -0.5)", "selections()").moves();
            golden golden("indexing", "index_fill(-1)", |x| x[0].index_fill(-1, x.indices(), 2.5))
                .torch("x.index_fill(-1, indices, 2.5)", "selections()").moves();
            draw 1 Same |x, p| x[0].index_fill(p.axis, &p.indices, p.number);
        }
        at {
            check "at", Signed: (m, k, n) => (), |x| x[0].at([0, -1, 0]),
                refused if m * k * n == 0;
            golden golden("indexing", "at", |x| x[0].at([1, -1, 2]))
                .torch("x[1, -1, 2]", "cube()").moves();
            draw 1 Same |x, p| x[0].at(&p.list);
        }
        take {
            check "take", Signed: (m, k) => (2, picks(m * k).len()), |x| {
                let picks = picks(x[0].len());
                let twice = picks.as_slice().repeat(2);
                x[0].take(&Indices::from_vec(twice, [2, picks.len()])?)
            };
            golden golden("indexing", "take", |x| x[0].take(x.indices()))
                .torch("x.take(indices)", "words()").copies();
            draw 1 Same |x, p| x[0].take(&p.indices);
        }
        index {
            check "index with one list", Signed: (m, k) => (picks(m).len(), k),
                |x| x[0].index(&[picks(x[0].shape()[0])]);
            check "index with two lists", Signed: (m, k, n) => (picks(k).len(), n), |x| {
                let columns = picks(x[0].shape()[1]);
                x[0].index(&[&modulo(&columns, x[0].shape()[0]), &columns])
            }, refused if m == 0 && k > 0;
            golden golden("indexing", "index with one list",
                |x| x[0].index(&[Indices::from([[1, 0], [0, 0]])]))
                .torch("x[torch.tensor([[1, 0], [0, 0]])]", "cube()").copies();
            golden golden("indexing", "index with two lists",
                |x| x[0].index(&[Indices::from([1, 0, 1, 1]), Indices::from([2, 0, 1, 2])]))
                .torch("x[torch.tensor([1, 0, 1, 1]), torch.tensor([2, 0, 1, 2])]", "cube()")
                .copies();
            golden golden("indexing", "index with three lists",
                |x| x[0].index(&[
                    Indices::from([[1], [0]]), Indices::from([2, 0, 1]), Indices::from(3),
                ]))
                .torch("x[torch.tensor([[1], [0]]), torch.tensor([2, 0, 1]), torch.tensor(3)]",
                    "cube()").copies();
            draw 1 Same |x, p| x[0].index(&[&p.indices, &p.labels][..p.seed as usize % 3]);
        }
        index_put {
            check "index_put", Signed: (m, k) (picks(m).len(), k) => (m, k),
                |x| x[0].index_put(&[picks(x[0].shape()[0])], &x[1], false);
            check "index_put by two lists", Signed: (m, k, n) (n) => (m, k, n), |x| {
                let columns = picks(x[0].shape()[1]);
                x[0].index_put(&[&modulo(&columns, x[0].shape()[0]), &columns], &x[1], false)
            }, refused if m == 0 && k > 0;
            check "index_put, added", Signed: (m, k, n) (picks(k).len(), n) => (m, k, n), |x| {
                let columns = picks(x[0].shape()[1]);
                x[0].index_put(&[&modulo(&columns, x[0].shape()[0]), &columns], &x[1], true)
            }, refused if m == 0 && k > 0;
            golden golden("indexing", "index_put",
                |x| x[0].index_put(&two_lists(), &x[1], false))
                .torch("x.index_put((torch.tensor([1, 0, 1]), torch.tensor([2, 0, 1])), y)",
                    "put([2, 3, 4], [4])").sums();
            golden golden("indexing", "index_put, accumulated",
                |x| x[0].index_put(&[Indices::from([1, 0, 1]), Indices::from([2, 0, 2])], &x[1],
                    true))
                .torch("x.index_put((torch.tensor([1, 0, 1]), torch.tensor([2, 0, 2])), y, True)",
                    "put([2, 3, 4], [3, 1])").sums();
            draw 2 Same |x, p|
                x[0].index_put(&[&p.indices, &p.labels][..p.seed as usize % 3], &x[1], p.flag);
        }
        nonzero {
            golden golden("indexing", "nonzero", |x| x[0].nonzero()?
                .to_tensor(x[0].dtype()).add(&x[0].sum().mul_scalar(0.0)))
                .torch("x.nonzero().double() + x.sum() * 0.0",
                    "case('cube', Random('nonzero').labels(2, 2, 3, 4).double(), second=False) \
                    + case('none', torch.zeros(2, 3), second=False) \
                    + case('scalar', torch.tensor(2.0), second=False)").exact();
            draw 1 Same |x, p| x[0].nonzero();
            draw 0 Same |x, p| p.mask.nonzero();
            without Check Extreme: "returns indices";
        }
        masked_select {
            check "masked_select", Signed: (m, k) => (m * k.div_ceil(2)),
                |x| x[0].masked_select(&stripes(x[0].shape()[1]));
            check "masked_select of a row", Signed: (1, k) => (3 * k.div_ceil(2)), |x| {
                let stripes = stripes(x[0].shape()[1]).as_slice().repeat(3);
                x[0].masked_select(&Mask::from_vec(stripes, [3, x[0].shape()[1]])?)
            };
            golden golden("indexing", "masked_select",
                |x| x[0].masked_select(&x[0].gt_scalar(0.25)))
                .torch("x.masked_select(x > 0.25)", "cube(odd=ODD, empty=EMPTY)").moves();
            golden golden("indexing", "masked_select of a row",
                |x| x[0].masked_select(&Mask::from([[true, false, true], [false, true, true]])))
                .torch("x.masked_select(torch.tensor([[1, 0, 1], [0, 1, 1]]).bool())",
                    "case('row', Random('masked').normal(3)) \
                    + case('rows', Random('masked rows').normal(2, 2, 3))").copies();
            draw 1 Same |x, p| x[0].masked_select(&p.mask);
        }
        masked_scatter {
            check "masked_scatter", Signed: (m, k) (m, k) => (m, k),
                |x| x[0].masked_scatter(&stripes(x[0].shape()[1]), &x[1]);
            golden golden("indexing", "masked_scatter",
                |x| x[0].masked_scatter(&x[0].gt_scalar(0.25), &x[1]))
                .torch("x.masked_scatter(x > 0.25, y)", "put([2, 3, 4], [24], [30])").moves();
            draw 2 Same |x, p| x[0].masked_scatter(&p.mask, &x[1]);
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
        searchsorted {
            golden golden("indexing", "searchsorted",
                |x| x.placed(Ok((both(x)?, x[0].searchsorted(&x[1], false)?))))
                .torch("torch.cat([x.flatten(), y.flatten()])", "searched(False)").moves();
            golden golden("indexing", "searchsorted(right)",
                |x| x.placed(Ok((both(x)?, x[0].searchsorted(&x[1], true)?))))
                .torch("torch.cat([x.flatten(), y.flatten()])", "searched(True)").moves();
            draw 2 Same |x, p| {
                let sorted = x[0].sort(-1, Order::Ascending)?.0;
                if p.size % 4 > 0 { &sorted } else { &x[0] }.searchsorted(&x[1], p.flag)
            };
            without Check Extreme: "returns indices";
        }
        bucketize {
            golden golden("indexing", "bucketize",
                |x| x.placed(Ok((both(x)?, x[1].bucketize(&x[0], false)?))))
                .torch("torch.cat([x.flatten(), y.flatten()])", "searched(False, rows=False)")
                .moves();
            golden golden("indexing", "bucketize(right)",
                |x| x.placed(Ok((both(x)?, x[1].bucketize(&x[0], true)?))))
                .torch("torch.cat([x.flatten(), y.flatten()])", "searched(True, rows=False)")
                .moves();
            draw 2 Same |x, p| {
                let sorted = x[1].flatten().sort(0, Order::Ascending)?.0;
                x[0].bucketize(if p.size % 4 > 0 { &sorted } else { &x[1] }, p.flag)
            };
            without Check Extreme: "returns indices";
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

/// Scatters the second operand into the first one.
fn reduced(
    x: &[Tensor],
    axis: usize,
    reduction: ScatterReduction,
    include_self: bool,
) -> Result<Tensor> {
    let &[rows, columns] = x[1].shape() else {
        return x[1].flatten_from(1);
    };
    let indices = places([rows, columns], x[0].shape()[axis])?;
    x[0].scatter_reduce(axis as isize, &indices, &x[1], reduction, include_self)
}

/// Returns rows for all reductions, with and without the own element.
fn scatter_reductions() -> Vec<Golden> {
    macro_rules! rows {
        ($($name:literal $reduction:ident $own:literal $cases:literal;)*) => {
            vec![$(golden(
                "indexing",
                concat!("scatter_reduce(", $name, ",", stringify!($own), ")"),
                |x| x[0].scatter_reduce(1, x.indices(), &x[1], $reduction, $own),
            )
            .torch(
                format!(
                    "x.scatter_reduce(1, indices, y, '{}', include_self={})",
                    $name, if $own { "True" } else { "False" },
                ),
                $cases,
            )
            .sums()),*]
        };
    }
    rows! {
        "sum" Sum true "places(1, scattered=True)";
        "sum" Sum false "places(1, scattered=True)";
        "mean" Mean true "places(1, scattered=True)";
        "mean" Mean false "places(1, scattered=True)";
        "prod" Prod true "places(1, scattered=True) + zeros()";
        "prod" Prod false "places(1, scattered=True) + zeros()";
        "amax" Max true "places(1, scattered=True) + tied()";
        "amax" Max false "places(1, scattered=True)";
        "amin" Min true "places(1, scattered=True) + tied()";
        "amin" Min false "places(1, scattered=True)";
    }
}

/// Returns the elements of both operands.
fn both(x: &Operands) -> Result<Tensor> {
    Tensor::cat(&[x[0].flatten(), x[1].flatten()], 0)
}

/// Returns the indices 0, 2, 4, … of an axis.
fn every_second(len: usize) -> Indices {
    (0..len).step_by(2).collect()
}

/// Returns a mask of every second element.
fn stripes(len: usize) -> Mask {
    (0..len).map(|i| i % 2 == 0).collect()
}

/// Returns lists of different places in a tensor of at least two rows of three.
fn two_lists() -> [Indices; 2] {
    [Indices::from([1, 0, 1]), Indices::from([2, 0, 1])]
}

/// Returns an index into an axis of another length for each of these.
fn modulo(indices: &Indices, len: usize) -> Indices {
    let values = indices.as_slice().iter();
    values.map(|i| (i * 5 + 1) % len.max(1)).collect()
}

/// Returns slices for drawn indices, or the drawn tensor itself.
fn some(x: &Tensor, p: &Arguments) -> Result<Tensor> {
    if p.flag {
        x.index_select(p.axis, &p.indices)
    } else {
        Ok(x.clone())
    }
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
