//! The parts of sums, and the panel that a task computes now: its tiles, loads and stores.

use crate::kernel::conv::planes::Plan;
use crate::kernel::conv::tile::{Tile, VECTORS, add_products};
use crate::kernel::float::Float;
use crate::kernel::isa::Isa;
use crate::kernel::linear::tile::{by_rows, next_rows};
use crate::kernel::threads::parallel::Shared;
use std::borrow::Cow;
use std::ops::Range;

/// The results with the same remainders by the steps of the result.
pub(super) struct Part<'w, F: Clone> {
    /// The remainders.
    pub start: [usize; 3],
    pub counts: [usize; 3],
    pub places: Vec<usize>,
    /// The weights: (groups, rows, terms).
    pub weights: Cow<'w, [F]>,
}

pub(super) struct Sums<'a, F: Clone> {
    pub plan: &'a Plan,
    pub parts: &'a [Part<'a, F>],
    /// Channels of the source in a group.
    pub channels: usize,
    /// Channels of the result in a group.
    pub rows: usize,
    pub bias: Option<&'a [F]>,
    pub out: &'a Shared<F>,
}

/// A band of one image and group, for some channels of the result.
pub(super) struct Task<'a, F: Clone> {
    pub sums: &'a Sums<'a, F>,
    /// The channels of the image and group.
    pub source: &'a [F],
    /// The number of the image and group.
    pub image: usize,
    pub group: usize,
    pub band: usize,
    pub rows: Range<usize>,
}

/// Elements of an image's row that are neighbours in a panel.
pub(super) struct Run {
    pub lane: usize,
    /// The place in the padded planes.
    pub place: usize,
    /// The place in the result's plane.
    pub out: usize,
    pub len: usize,
}

/// A store of a panel's lanes, or a load: of a whole vector if `len` is its length.
#[derive(Clone, Copy)]
pub(super) struct Store {
    lane: usize,
    out: usize,
    len: usize,
}

impl<F: Float> Task<'_, F> {
    /// Finds the stores of a panel, and returns the distance of neighbours in the result.
    pub(super) fn stores<const L: usize>(
        &self,
        part: &Part<'_, F>,
        start: [usize; 3],
        n: [usize; 3],
        runs: &[Run],
        stores: &mut Vec<Store>,
    ) -> usize {
        let axes = &self.sums.plan.axes;
        stores.clear();
        let step = axes[2].out_step;
        // The end of the results that this task stores after a run. Within them, a vector may
        // overwrite what a later store writes.
        let is_gapless = axes.iter().all(|axis| axis.out_step == 1);
        let end = (0..3).fold(0, |place, i| {
            place * axes[i].results + start[i] + n[i] - 1 + part.start[i]
        }) + 1;
        let mut merged: Vec<Store> = Vec::new();
        for run in runs {
            match merged.last_mut() {
                Some(last)
                    if step == 1
                        && last.lane + last.len == run.lane
                        && last.out + last.len == run.out =>
                {
                    last.len += run.len;
                }
                _ => merged.push(Store {
                    lane: run.lane,
                    out: run.out,
                    len: run.len,
                }),
            }
        }
        for run in merged {
            for at in (0..run.len).step_by(L) {
                let (lane, out) = (run.lane + at, run.out + at * step);
                let overwrites = is_gapless && out + L <= end;
                let len = if overwrites { L } else { L.min(run.len - at) };
                stores.push(Store { lane, out, len });
            }
        }
        step
    }
}

/// The panel of one part of the results that is computed now.
pub(super) struct Panel<'a, F: Clone> {
    pub task: &'a Task<'a, F>,
    pub part: &'a Part<'a, F>,
    pub stores: &'a [Store],
    /// The distance of neighbours in the result.
    pub step: usize,
    /// The place of the panel in the result, if it is stored in one piece.
    pub whole: Option<usize>,
}

/// Returns the place of the first lane in the result, if all `vectors` of the panel are stored next
/// to each other.
pub(super) fn whole<const L: usize>(
    stores: &[Store],
    step: usize,
    vectors: usize,
) -> Option<usize> {
    let first = stores.first()?.out;
    let mut in_order = stores.iter().enumerate();
    let in_order = in_order.all(|(v, store)| {
        step == 1 && store.len == L && store.lane == v * L && store.out == first + v * L
    });
    (in_order && stores.len() == vectors).then_some(first)
}

impl<F: Float> Panel<'_, F> {
    /// Computes the panel for all rows: the sums of some terms, added to the bias at the first
    /// terms, or to the current result.
    // Loads and stores of single lanes are at one place of the code, whatever the numbers of rows
    // and of vectors: each place would be compiled for itself.
    #[inline(always)]
    pub(super) fn rows<I: Isa, const R: usize, const L: usize>(
        &self,
        vectors: usize,
        begin: usize,
        source: *const F,
        places: &[usize],
    ) {
        let Range { start, end } = self.task.rows;
        let mut lanes = [[[F::zero(); L]; VECTORS + 1]; R];
        let mut row = start;
        while row < end {
            let rows = next_rows::<R>(end - row);
            if begin > 0 {
                self.load(row, &mut lanes[..rows]);
            }
            let terms = (begin, source, places);
            match vectors {
                1 => self.tiles::<I, R, 1, L>(row, rows, terms, &mut lanes),
                2 => self.tiles::<I, R, 2, L>(row, rows, terms, &mut lanes),
                _ => self.tiles::<I, R, VECTORS, L>(row, rows, terms, &mut lanes),
            }
            if self.whole.is_none() {
                self.store(row, &lanes[..rows]);
            }
            row += rows;
        }
    }

    /// Computes the panel for the rows of one tile.
    #[inline(always)]
    fn tiles<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        rows: usize,
        terms: (usize, *const F, &[usize]),
        lanes: &mut Tile<F, R, { VECTORS + 1 }, L>,
    ) {
        by_rows!(rows, R, self.tile::<I, _, V, L>(row, terms, lanes));
    }

    /// Computes the panel for `R` rows. `lanes` has their current result if these are not the first
    /// terms, and the new one afterwards, unless that is stored in one piece.
    #[inline(always)]
    fn tile<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        (begin, source, places): (usize, *const F, &[usize]),
        lanes: &mut [[[F; L]; VECTORS + 1]],
    ) {
        let sums = self.task.sums;
        let terms = self.part.places.len();
        let mut before = [[[F::zero(); L]; V]; R];
        if begin > 0 {
            for i in 0..R {
                for v in 0..V {
                    before[i][v] = lanes[i][v];
                }
            }
        } else if let Some(bias) = sums.bias {
            for i in 0..R {
                before[i] = [[bias[self.task.group * sums.rows + row + i]; L]; V];
            }
        }
        let first = (self.task.group * sums.rows + row) * terms + begin;
        let weights = &self.part.weights[first..][..(R - 1) * terms + places.len()];
        let mut factors = [weights.as_ptr(); R];
        for i in 0..R {
            factors[i] = factors[i].wrapping_add(i * terms);
        }
        // SAFETY: the weights were just counted. The planes and the copied panel have room for `V *
        // L` elements from each place on, see `sum`.
        let tile = unsafe {
            add_products::<F, I, R, V, L>(&before, places.len(), factors, source, |k| {
                [k, *places.get_unchecked(k)]
            })
        };
        if let Some(first) = self.whole {
            for i in 0..R {
                let (out, plane) = self.plane(row + i);
                let start = plane + first;
                // SAFETY: as in `load`.
                let out = unsafe { out.piece(start..start + V * L) };
                for v in 0..V {
                    out[v * L..(v + 1) * L].copy_from_slice(&tile[i][v]);
                }
            }
        } else {
            for i in 0..R {
                for v in 0..V {
                    lanes[i][v] = tile[i][v];
                }
            }
        }
    }

    /// Returns the plane of the result of a row.
    ///
    /// # Safety
    /// No other task may use the elements that the stores name, and only one plane may be in use at
    /// a time.
    #[inline(always)]
    fn plane(&self, row: usize) -> (&Shared<F>, usize) {
        let sums = self.task.sums;
        let plane: usize = sums.plan.axes.iter().map(|axis| axis.results).product();
        (sums.out, (self.task.image * sums.rows + row) * plane)
    }

    /// Reads the current results of some rows.
    #[inline(always)]
    fn load<const L: usize>(&self, row: usize, lanes: &mut [[[F; L]; VECTORS + 1]]) {
        for (i, lanes) in lanes.iter_mut().enumerate() {
            let (out, plane) = self.plane(row + i);
            for store in self.stores {
                let len = (store.len - 1) * self.step + 1;
                // SAFETY: no other task uses these elements, and only this slice of them is in use.
                let out = unsafe { out.piece(plane + store.out..plane + store.out + len) };
                let lanes = &mut lanes.as_flattened_mut()[store.lane..];
                if store.len == L && self.step == 1 {
                    lanes[..L].copy_from_slice(&out[..L]);
                } else {
                    for l in 0..store.len {
                        lanes[l] = out[l * self.step];
                    }
                }
            }
        }
    }

    /// Stores the results of some rows.
    #[inline(always)]
    fn store<const L: usize>(&self, row: usize, lanes: &[[[F; L]; VECTORS + 1]]) {
        for (i, lanes) in lanes.iter().enumerate() {
            let (out, plane) = self.plane(row + i);
            for store in self.stores {
                let len = (store.len - 1) * self.step + 1;
                // SAFETY: as in `load`.
                let out = unsafe { out.piece(plane + store.out..plane + store.out + len) };
                let lanes = &lanes.as_flattened()[store.lane..];
                if store.len == L && self.step == 1 {
                    out[..L].copy_from_slice(&lanes[..L]);
                } else {
                    for l in 0..store.len {
                        out[l * self.step] = lanes[l];
                    }
                }
            }
        }
    }
}
