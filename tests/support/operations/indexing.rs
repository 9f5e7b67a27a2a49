//! Taking elements by index, adding them up by index, sorting.

use super::Domain::Signed;
use super::Operation;
use cotangent::prelude::{Indices, Result, Tensor};

/// Selection, gathering and scattering by index, and sorting.
pub fn indexing() -> Vec<Operation> {
    operations! { [m, k, n]
        "index_select", Signed: (m, k) => (picks(m).len(), k),
            |x| x[0].index_select(0, &picks(x[0].shape()[0]));
        "index_select of the last", Signed: (m, k, n) => (m, k, picks(n).len()),
            |x| x[0].index_select(-1, &picks(x[0].shape()[2]));
        "index_select of nothing", Signed: (m, k) => (m, 0), |x| x[0].index_select(1, &Indices::from(vec![]));
        "embedding", Signed: (m, k) => (2, picks(m).len(), k), |x| {
            let picks = picks(x[0].shape()[0]);
            let twice = picks.as_slice().repeat(2);
            x[0].embedding(&Indices::from_vec(twice, [2, picks.len()])?)
        };
        "gather", Signed: (m, k) => (picks(m).len(), k),
            |x| x[0].gather(0, &places([picks(x[0].shape()[0]).len(), x[0].shape()[1]], x[0].shape()[0])?);
        "gather of the last", Signed: (m, k) => (m, picks(k).len()),
            |x| x[0].gather(-1, &places([x[0].shape()[0], picks(x[0].shape()[1]).len()], x[0].shape()[1])?);
        "gather of the middle, of some lines", Signed: (m, k, n) => (m.div_ceil(2), picks(k).len(), n), |x| {
            let &[m, k, n] = x[0].shape() else { return x[0].flatten() };
            x[0].gather(1, &places([m.div_ceil(2), picks(k).len(), n], k)?)
        };
        "scatter_add", Signed: (m, k) (picks(m).len(), k) => (m, k), |x| {
            let &[m, k] = x[0].shape() else { return x[0].flatten() };
            x[0].scatter_add(0, &places([picks(m).len(), k], m)?, &x[1])
        };
        "scatter_add of a part", Signed: (m, k, n) (m + 1, k + 1, n) => (m, k, n), |x| {
            let &[m, k, n] = x[0].shape() else { return x[0].flatten() };
            x[0].scatter_add(1, &places([m.div_ceil(2), k, n], k)?, &x[1])
        };
        "sort", Signed: (m, k) => (m, k), |x| Ok(spread(&x[0])?.sort(-1, false)?.0);
        "sort of columns, descending", Signed: (m, k, n) => (m, k, n), |x| Ok(spread(&x[0])?.sort(1, true)?.0);
        "top_k", Signed: (m, k) => (m, k.div_ceil(2)), |x| {
            Ok(spread(&x[0])?.top_k(x[0].shape()[1].div_ceil(2), 1, true)?.0)
        };
        "top_k of columns, smallest", Signed: (m, k) => (m.div_ceil(2), k), |x| {
            Ok(spread(&x[0])?.top_k(x[0].shape()[0].div_ceil(2), 0, false)?.0)
        };
    }
}

/// Each index of an axis, out of order, and some twice.
fn picks(len: usize) -> Indices {
    (0..if len == 0 { 0 } else { len + 2 })
        .map(|i| (i * 7 + 3) % len)
        .collect()
}

/// As many indices below `bound` as fill a shape, out of order, and some twice in a line.
fn places<const N: usize>(shape: [usize; N], bound: usize) -> Result<Indices> {
    let count = shape.iter().product();
    Indices::from_vec((0..count).map(|i| (i * 7 + i / 3) % bound).collect(), shape)
}

/// Elements that are equal, of a stretched axis for one, made different: sorting has a kink where
/// elements are equal.
fn spread(x: &Tensor) -> Result<Tensor> {
    let mut i = 0.0;
    let ramp = Tensor::from_fn(x.shape(), x.dtype(), || {
        i += 1.0;
        (i * 0.618_033_988_749_894_9f64).fract()
    });
    x.add(&ramp?)
}
