//! Products of a state by the recurrent weight, which is the same at every step.
//!
//! The weight is copied once into panels, in the order in which all steps read it. The vectors of
//! a panel are those of the same units in every gate, so that one thread computes all gates of its
//! units. Every element is a sum over the state in order, for any number of rows and threads.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Lanes, Tier, dispatch};
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::linear::tile::transpose;
use crate::kernel::threads::parallel::{self, Shared};
use std::ops::Range;

/// The order of a weight (depth, groups · units) in panels.
///
/// A panel has `per_group` vectors of each group, which are those of consecutive units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panels {
    pub depth: usize,
    pub groups: usize,
    pub units: usize,
    per_group: usize,
    lanes: usize,
}

impl Panels {
    /// Creates the order for products with `groups` columns for each of `units` units.
    pub(crate) fn new<F: Float>(depth: usize, groups: usize, units: usize) -> Self {
        let vector = match Tier::current() {
            Tier::Avx512 => 64,
            Tier::Avx2 => 32,
            _ => 16,
        };
        Self {
            depth,
            groups,
            units,
            per_group: if groups == 1 { 2 } else { 1 },
            lanes: vector / size_of::<F>(),
        }
    }

    /// Returns the number of units in a panel.
    pub(crate) fn units_per_panel(&self) -> usize {
        self.per_group * self.lanes
    }

    /// Returns the number of elements in a row of a panel.
    fn width(&self) -> usize {
        self.groups * self.units_per_panel()
    }

    fn count(&self) -> usize {
        self.units.div_ceil(self.units_per_panel())
    }

    /// Returns the number of elements of all panels.
    pub(crate) fn len(&self) -> usize {
        self.count() * self.depth * self.width()
    }

    /// Returns the columns of vector `vector` in panel `panel`.
    #[inline(always)]
    fn columns(&self, panel: usize, vector: usize) -> Range<usize> {
        let (group, part) = (vector / self.per_group, vector % self.per_group);
        let unit = panel * self.units_per_panel() + part * self.lanes;
        let len = self.lanes.min(self.units.saturating_sub(unit));
        let start = group * self.units + unit.min(self.units);
        start..start + len
    }

    /// Copies a weight into panels. Columns beyond the last unit are zeros.
    pub(crate) fn fill<F: Float>(&self, weight: Matrix<'_, F>, out: &mut [F]) {
        let panel_len = self.depth * self.width();
        if panel_len == 0 {
            return;
        }
        parallel::chunks_mut(out, panel_len, &|start, out| {
            dispatch(Fill {
                panels: self,
                panel: start / panel_len,
                weight,
                out,
            });
        });
    }
}

/// Copies the columns of one panel.
struct Fill<'a, F> {
    panels: &'a Panels,
    panel: usize,
    weight: Matrix<'a, F>,
    out: &'a mut [F],
}

impl<F: Float> Kernel for Fill<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        match self.panels.lanes {
            16 => self.all::<16>(),
            8 => self.all::<8>(),
            4 => self.all::<4>(),
            _ => self.all::<2>(),
        }
    }
}

impl<F: Float> Fill<'_, F> {
    #[inline(always)]
    fn all<const L: usize>(self) {
        let (weight, depth, width) = (self.weight, self.panels.depth, self.panels.width());
        let at = |k: usize, column: usize| {
            let row = k as isize * weight.row_stride;
            let place = row + column as isize * weight.column_stride;
            (weight.offset as isize + place) as usize
        };
        for vector in 0..width / L {
            let columns = self.panels.columns(self.panel, vector);
            // By squares, which are transposed in registers.
            let mut first = 0;
            while first + L <= depth && columns.len() == L && weight.row_stride == 1 {
                let mut square = [[F::zero(); L]; L];
                for l in 0..L {
                    let from = at(first, columns.start + l);
                    square[l].copy_from_slice(&weight.data[from..from + L]);
                }
                let square = transpose(square);
                for l in 0..L {
                    let row = (first + l) * width + vector * L;
                    self.out[row..row + L].copy_from_slice(&square[l]);
                }
                first += L;
            }
            for k in first..depth {
                let row = &mut self.out[k * width + vector * L..][..L];
                let (there, beyond) = row.split_at_mut(columns.len());
                if weight.column_stride == 1 {
                    let from = at(k, columns.start);
                    there.copy_from_slice(&weight.data[from..from + columns.len()]);
                } else {
                    for (out, column) in there.iter_mut().zip(columns.clone()) {
                        *out = weight.data[at(k, column)];
                    }
                }
                beyond.fill(F::zero());
            }
        }
    }
}

/// A matrix whose rows several threads write, each its own columns.
pub(crate) struct Plane<F> {
    data: Shared<F>,
    width: usize,
}

impl<F> Plane<F> {
    pub(crate) fn of(data: &mut [F], width: usize) -> Self {
        let data = Shared::of(data);
        Self { data, width }
    }

    /// Returns some elements of a row.
    ///
    /// # Safety
    /// That of [`Shared::piece`]: no two pieces that live at the same time may overlap, and the
    /// slice is still mutably borrowed.
    #[allow(clippy::mut_from_ref, reason = "that is why it is unsafe")]
    #[inline(always)]
    pub(crate) unsafe fn piece(&self, row: usize, columns: Range<usize>) -> &mut [F] {
        let start = row * self.width;
        // SAFETY: guaranteed by the caller.
        unsafe { self.data.piece(start + columns.start..start + columns.end) }
    }
}

/// Rows of a matrix, `stride` elements apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a, F> {
    pub data: &'a [F],
    pub stride: usize,
}

/// The kernel `out = a w` for some rows of `a` and `out` and some units of `w`.
pub(crate) struct Product<'a, F> {
    pub panels: &'a Panels,
    /// The elements of `w` in panels.
    pub weight: &'a [F],
    pub a: Rows<'a, F>,
    pub rows: Range<usize>,
    /// The units, from the first one of a panel on.
    pub units: Range<usize>,
    /// A matrix of which no other thread uses these rows and units.
    pub out: &'a Plane<F>,
}

impl<F: Float> Kernel for Product<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        // As many rows as leave the accumulators in registers.
        match Lanes::<I, F>::COUNT {
            16 => self.groups::<I, 8, 6, 16>(),
            8 if I::WIDE => self.groups::<I, 8, 6, 8>(),
            8 => self.groups::<I, 4, 2, 8>(),
            4 => self.groups::<I, 4, 2, 4>(),
            _ => self.groups::<I, 4, 2, 2>(),
        }
    }
}

impl<F: Float> Product<'_, F> {
    /// Computes the product by tiles of at most `R` rows, and `FEW` for four groups.
    #[inline(always)]
    fn groups<I: Isa, const R: usize, const FEW: usize, const L: usize>(&self) {
        match self.panels.groups {
            1 => self.all::<I, R, 2, L>(),
            3 => self.all::<I, R, 3, L>(),
            _ => self.all::<I, FEW, 4, L>(),
        }
    }

    #[inline(always)]
    fn all<I: Isa, const R: usize, const V: usize, const L: usize>(&self) {
        let panels = self.panels;
        assert!(
            panels.lanes == L && panels.width() == V * L && self.weight.len() == panels.len(),
            "panels of another instruction set"
        );
        let end = (self.rows.end * self.a.stride + panels.depth).saturating_sub(self.a.stride);
        assert!(
            self.rows.is_empty() || end <= self.a.data.len(),
            "rows beyond the matrix"
        );
        let per_panel = panels.units_per_panel();
        for panel in self.units.start / per_panel..self.units.end.div_ceil(per_panel) {
            let len = panels.depth * V * L;
            let weight = &self.weight[panel * len..(panel + 1) * len];
            let mut row = self.rows.start;
            while row + R <= self.rows.end {
                self.tile::<I, R, V, L>(row, panel, weight);
                row += R;
            }
            while row + 2 <= self.rows.end {
                self.tile::<I, 2, V, L>(row, panel, weight);
                row += 2;
            }
            if row < self.rows.end {
                self.tile::<I, 1, V, L>(row, panel, weight);
            }
        }
    }

    #[inline(always)]
    fn tile<I: Isa, const R: usize, const V: usize, const L: usize>(
        &self,
        row: usize,
        panel: usize,
        weight: &[F],
    ) {
        let mut sums = [[[F::zero(); L]; V]; R];
        let mut a = self.a.data[row * self.a.stride..].as_ptr();
        let mut b = weight.as_ptr();
        for _ in 0..self.panels.depth {
            let mut bs = [[F::zero(); L]; V];
            for v in 0..V {
                for l in 0..L {
                    // SAFETY: `weight` has `depth` rows of `V * L` elements.
                    bs[v][l] = unsafe { *b.add(v * L + l) };
                }
            }
            for i in 0..R {
                // SAFETY: `all` has checked that `depth` elements of each row are in the slice.
                let x = unsafe { *a.add(i * self.a.stride) };
                for v in 0..V {
                    for l in 0..L {
                        sums[i][v][l] = x.fma::<I>(bs[v][l], sums[i][v][l]);
                    }
                }
            }
            a = a.wrapping_add(1);
            b = b.wrapping_add(V * L);
        }
        // A copy: an array that is indexed in memory would not stay in registers.
        let mut done = [[[F::zero(); L]; V]; R];
        for i in 0..R {
            for v in 0..V {
                done[i][v] = sums[i][v];
            }
        }
        for i in 0..R {
            for v in 0..V {
                // SAFETY: no other thread uses these rows and units, and only one slice of them is
                // in use at a time here.
                let out = unsafe { self.out.piece(row + i, self.panels.columns(panel, v)) };
                if let Ok(out) = <&mut [F; L]>::try_from(&mut *out) {
                    *out = done[i][v];
                } else {
                    out.iter_mut()
                        .zip(&done[i][v])
                        .for_each(|(out, &sum)| *out = sum);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<F: Float>(rows: usize, depth: usize, groups: usize, units: usize) {
        let number = |i: usize, seed: usize| F::from_f64(((i * 7 + seed) % 11) as f64 - 5.0);
        let a: Vec<F> = (0..rows * (depth + 3)).map(|i| number(i, 1)).collect();
        let columns = groups * units;
        let w: Vec<F> = (0..depth * columns).map(|i| number(i, 4)).collect();
        let panels = Panels::new::<F>(depth, groups, units);
        for transposed in [false, true] {
            let strides = if transposed { (1, depth) } else { (columns, 1) };
            let matrix = Matrix {
                data: &w[..],
                offset: 0,
                row_stride: strides.0 as isize,
                column_stride: strides.1 as isize,
            };
            let mut weight = vec![F::nan(); panels.len()];
            panels.fill(matrix, &mut weight);
            let mut found = vec![F::nan(); rows * columns];
            let out = Plane::of(&mut found, columns);
            dispatch(Product {
                panels: &panels,
                weight: &weight,
                a: Rows {
                    data: &a,
                    stride: depth + 3,
                },
                rows: 0..rows,
                units: 0..units,
                out: &out,
            });
            for i in 0..rows {
                for j in 0..columns {
                    let mut expected = F::zero();
                    for k in 0..depth {
                        expected += a[i * (depth + 3) + k] * w[k * strides.0 + j * strides.1];
                    }
                    assert_eq!(
                        found[i * columns + j],
                        expected,
                        "{rows} {depth} {groups} {units}"
                    );
                }
            }
        }
    }

    #[test]
    fn products_match_the_definition() {
        for groups in [1, 3, 4] {
            for units in [1, 2, 7, 16, 33, 50] {
                for (rows, depth) in [(1, 1), (2, 5), (5, 0), (9, 17), (13, 64)] {
                    check::<f32>(rows, depth, groups, units);
                    check::<f64>(rows, depth, groups, units);
                }
            }
        }
    }
}
