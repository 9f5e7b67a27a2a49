//! The inner loop of sums: a tile of the result in registers.

use crate::kernel::float::Float;
use crate::kernel::isa::Isa;
use crate::kernel::linear::tile::Below;
use std::ops::Range;

/// Vectors in a row of a tile.
pub(super) const VECTORS: usize = 3;

/// Returns the lanes of a panel if `len` lanes are split evenly into as few panels as possible, so
/// that none is narrow.
pub(super) fn panel<const L: usize>(len: usize) -> usize {
    let panels = len.div_ceil(VECTORS * L).max(1);
    len.div_ceil(panels).next_multiple_of(L)
}

/// Splits `len` lanes into panels whose numbers of vectors differ by one at most.
pub(super) fn panels<const L: usize>(len: usize) -> impl Iterator<Item = Range<usize>> {
    let vectors = len.div_ceil(L);
    let panels = vectors.div_ceil(VECTORS).max(1);
    let (each, more) = (vectors / panels, vectors % panels);
    (0..panels).map(move |i| {
        let first = (i * each + i.min(more)) * L;
        let lanes = (each + usize::from(i < more)) * L;
        first..(first + lanes).min(len)
    })
}

/// A tile: `R` rows of `V` vectors of `L` lanes.
pub(super) type Tile<F, const R: usize, const V: usize, const L: usize> = [[[F; L]; V]; R];

/// Returns the distance of rows of `columns` sums that end with whole vectors.
pub(super) fn pitch_of_sums<F>(columns: usize) -> usize {
    columns.next_multiple_of(64 / size_of::<F>())
}

/// Repeats a block for each row of a tile. A loop over the rows might be vectorized itself, with
/// gathered factors, instead of the loop over lanes.
macro_rules! for_rows {
    ($i:ident in $rows:ident $body:block) => {
        for_rows!(@ $i $rows $body 0 1 2 3 4 5 6 7)
    };
    (@ $i:ident $rows:ident $body:block $($n:literal)*) => {$(
        if Below::<$n, $rows>::YES {
            let $i = $n;
            $body
        }
    )*};
}

/// Returns `before` plus, for each term, `R` factors times a row of vectors. `places` returns the
/// place of a term's factor behind each of `factors`, and the place of its vectors behind `source`.
///
/// # Safety
/// There must be a factor at each place, and `V * L` elements from each place of `source` on.
#[inline(always)]
pub(super) unsafe fn add_products<
    F: Float,
    I: Isa,
    const R: usize,
    const V: usize,
    const L: usize,
>(
    before: &Tile<F, R, V, L>,
    terms: usize,
    factors: [*const F; R],
    source: *const F,
    places: impl Fn(usize) -> [usize; 2],
) -> Tile<F, R, V, L> {
    // Copies: an array that is indexed in memory would not stay in registers.
    let mut sums = [[[F::zero(); L]; V]; R];
    for_rows!(i in R {
        for v in 0..V {
            sums[i][v] = before[i][v];
        }
    });
    for k in 0..terms {
        let [factor_place, place] = places(k);
        let mut xs = [[F::zero(); L]; V];
        for v in 0..V {
            for l in 0..L {
                // SAFETY: guaranteed by the caller.
                xs[v][l] = unsafe { *source.add(place + v * L + l) };
            }
        }
        for_rows!(i in R {
            // SAFETY: guaranteed by the caller.
            let factor = unsafe { *factors[i].add(factor_place) };
            for v in 0..V {
                for l in 0..L {
                    sums[i][v][l] = factor.fma::<I>(xs[v][l], sums[i][v][l]);
                }
            }
        });
    }
    let mut done = [[[F::zero(); L]; V]; R];
    for_rows!(i in R {
        for v in 0..V {
            done[i][v] = sums[i][v];
        }
    });
    done
}
