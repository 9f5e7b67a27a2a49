//! Tiles of 4×4 outputs: 36 products instead of 144 for each channel.
//!
//! The lanes of a vector are images, so that an element of a tile is a whole vector wherever the
//! tile is. A task transposes its elements and its results for it.
//!
//! The polynomials are interpolated at 0, ±3/4, ±3/2 and infinity. These are exact in binary, and
//! the sums of 64 channels have twice the error of direct sums; with the usual points, 0, ±1, ±2
//! and infinity, it is four times. Opposite points share half of the work.

pub(in crate::kernel::conv) mod sums;
pub(in crate::kernel::conv) mod weights;

use super::Sizes;
use crate::kernel::conv::vectors::{Rectangle, copy_pixels};
use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::threads::parallel;
use std::ops::Range;

/// Products for each tile and channel.
pub(in crate::kernel::conv) const PRODUCTS: usize = 36;
/// The points, their squares and cubes.
const A: [f64; 3] = [0.75, 0.5625, 0.421_875];
const B: [f64; 3] = [1.5, 2.25, 3.375];
/// The factors of weights for the point 0, and for each pair of opposite points.
const FIRST: f64 = 1.0 / (A[1] * B[1]);
const FACTORS: [[f64; 3]; 2] = {
    let (near, far) = (2.0 * A[1] * (A[1] - B[1]), 2.0 * B[1] * (B[1] - A[1]));
    [
        [1.0 / near, A[0] / near, A[1] / near],
        [1.0 / far, B[0] / far, B[1] / far],
    ]
};
/// Weights that are transformed together.
const BLOCK: usize = 16;
/// The bytes of a task's padded planes that fit in the near caches with what else is read.
const PLANES: usize = 768 * 1024;
/// The fewest columns of tiles for which a task pays, if an image has as many.
const LEAST_COLUMNS: usize = 4;
/// The bytes of a panel's transformed elements that do.
const ELEMENTS: usize = 512 * 1024;

/// How tiles cover an image, and images fill vectors.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel::conv) struct Grid {
    /// Tiles along each axis.
    pub rows: usize,
    columns: usize,
    /// Images of a vector.
    pub lanes: usize,
}

impl Grid {
    /// Returns the grid if tiles of 4×4 outputs take less time than those of 2×2.
    pub(in crate::kernel::conv) fn of<F>(sizes: &Sizes) -> Option<Self> {
        let lanes = dispatch(VectorBytes) / size_of::<F>();
        let [rows, columns] = sizes.axes.map(|[_, _, results]| results.div_ceil(4));
        let is_covered = |[source, before, results]: [usize; 3]| {
            source + before <= results.next_multiple_of(4) + 2
        };
        let padded = sizes.images.next_multiple_of(lanes) * 16 * rows * columns;
        let outputs: usize = sizes.axes.iter().map(|[_, _, results]| results).product();
        let few = 100 * padded <= 140 * sizes.images * outputs;
        let grid = Self {
            rows,
            columns,
            lanes,
        };
        let fits = grid.fits::<F>(sizes.channels, 1, LEAST_COLUMNS.min(columns))
            && 2 * PRODUCTS * sizes.channels * lanes * size_of::<F>() <= ELEMENTS;
        (sizes.axes.iter().all(|&axis| is_covered(axis)) && few && fits).then_some(grid)
    }

    /// Returns the most columns of tiles whose planes fit in the caches, if all tasks have about as
    /// many.
    fn columns<F>(&self, channels: usize, rows: usize) -> usize {
        let splits = (1..=self.columns).map(|tasks| self.columns.div_ceil(tasks));
        let mut splits = splits.filter(|&columns| self.fits::<F>(channels, rows, columns));
        splits.next().unwrap_or(1)
    }

    fn fits<F>(&self, channels: usize, rows: usize, columns: usize) -> bool {
        channels * self.plane(rows, columns) * size_of::<F>() <= PLANES
    }

    /// Returns the rows and columns of tiles of a task: as many as fit in the caches, but enough
    /// tasks for all threads. Their number does not change how an element is computed.
    pub(in crate::kernel::conv) fn task<F>(&self, sizes: &Sizes) -> [usize; 2] {
        let columns = self.columns::<F>(sizes.channels, 1);
        let images = sizes.images.div_ceil(self.lanes) * sizes.groups;
        let tasks = images * self.columns.div_ceil(columns);
        let spread = self
            .rows
            .div_ceil((8 * parallel::threads()).div_ceil(tasks));
        let mut rows = (1..=spread).rev();
        let rows = rows.find(|&rows| self.fits::<F>(sizes.channels, rows, columns));
        [rows.unwrap_or(1), columns]
    }

    /// Returns the bands of `rows` and `columns` of tiles of all images.
    pub(in crate::kernel::conv) fn bands(
        &self,
        images: usize,
        groups: usize,
        [rows, columns]: [usize; 2],
    ) -> Vec<Band> {
        let mut bands = Vec::new();
        for first in (0..images).step_by(self.lanes) {
            for group in 0..groups {
                for row in (0..self.rows).step_by(rows) {
                    for column in (0..self.columns).step_by(columns) {
                        bands.push(Band {
                            images: first..(first + self.lanes).min(images),
                            group,
                            rows: row..(row + rows).min(self.rows),
                            columns: column..(column + columns).min(self.columns),
                        });
                    }
                }
            }
        }
        bands
    }

    /// Returns the elements of the padded plane of a channel, for some rows and columns of tiles.
    fn plane(&self, rows: usize, columns: usize) -> usize {
        (4 * rows + 2) * (4 * columns + 2) * self.lanes
    }
}

/// Some rows and columns of tiles of some images of a group.
#[derive(Clone)]
pub(in crate::kernel::conv) struct Band {
    /// The images, at most as many as lanes.
    pub images: Range<usize>,
    pub group: usize,
    /// The rows and columns of tiles.
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

impl Band {
    /// Returns the number of tiles.
    fn tiles(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// Copies elements of some channels to padded planes: (channels, pixels, lanes).
    #[inline(always)]
    fn copy<F: Float, const L: usize>(
        &self,
        sizes: &Sizes,
        channels: Range<usize>,
        source: &[F],
        planes: &mut [F],
    ) {
        // The part of a plane's axis that is not padding, and its first element of the source.
        let part = |[len, padding, _]: [usize; 3], tiles: &Range<usize>| {
            let (start, all) = (4 * tiles.start, 4 * tiles.len() + 2);
            let from = padding.saturating_sub(start).min(all);
            let to = (len + padding).saturating_sub(start).min(all).max(from);
            (from..to, (start + from).saturating_sub(padding))
        };
        let (down, first_row) = part(sizes.axes[0], &self.rows);
        let (across, first_column) = part(sizes.axes[1], &self.columns);
        let (rows, columns) = (4 * self.rows.len() + 2, 4 * self.columns.len() + 2);
        let [height, width] = sizes.axes.map(|axis| axis[0]);
        let pixels = height * width;
        let image = |image: usize| (image * sizes.groups + self.group) * sizes.channels * pixels;
        let end = image(self.images.end - 1) + sizes.channels * pixels;
        let source = &source[image(self.images.start)..end];
        let distance = sizes.groups * sizes.channels * pixels;
        let zero = [F::zero(); L];
        let planes = planes.chunks_exact_mut(rows * columns * L);
        for (channel, plane) in channels.zip(planes) {
            plane[..down.start * columns * L].fill(F::zero());
            plane[down.end * columns * L..].fill(F::zero());
            for y in down.clone() {
                for x in (0..across.start).chain(across.end..columns) {
                    plane[(y * columns + x) * L..][..L].copy_from_slice(&zero);
                }
            }
            if across.is_empty() {
                continue;
            }
            let rectangle = Rectangle {
                width: across.len(),
                step: L,
                pitch: columns * L,
            };
            let begin = channel * pixels + first_row * width + first_column;
            let planes = [self.images.len(), distance];
            // Whole rows of the source follow each other.
            let (pieces, len) = if across.len() == width {
                (1, down.len() * width)
            } else {
                (down.len(), across.len())
            };
            for piece in 0..pieces {
                let begin = begin + piece * width;
                let to = &mut plane[((down.start + piece) * columns + across.start) * L..];
                copy_pixels(source, planes, begin..begin + len, rectangle, to);
            }
        }
    }
}

struct VectorBytes;

impl Kernel for VectorBytes {
    type Output = usize;

    #[inline(always)]
    fn run<I: Isa>(self) -> usize {
        I::VECTOR_BYTES
    }
}

/// Returns the first elements of memory as vectors for an intermediate result.
#[inline(always)]
fn vectors<F: Float, const L: usize>(memory: &mut [F]) -> &mut [[F; L]; PRODUCTS] {
    assert!(
        memory.len() >= PRODUCTS * L,
        "vectors outside of their memory"
    );
    // SAFETY: just checked. Vectors need no further alignment.
    unsafe { &mut *memory.as_mut_ptr().cast() }
}

/// Transforms 6 vectors of elements.
#[inline(always)]
fn six_of_six<F: Float, I: Isa, const L: usize>(x: [[F; L]; 6]) -> [[F; L]; 6] {
    let number = F::from_f64;
    let (a, aa, b, bb) = (number(A[0]), number(A[1]), number(B[0]), number(B[1]));
    let (sum, product) = (number(A[1] + B[1]), number(A[1] * B[1]));
    let mut y = [[F::zero(); L]; 6];
    for l in 0..L {
        let x = |i: usize| x[i][l];
        y[0][l] = (-sum).fma::<I>(x(2), product.fma::<I>(x(0), x(4)));
        let (even, odd) = ((-bb).fma::<I>(x(2), x(4)), (-bb).fma::<I>(x(1), x(3)));
        y[1][l] = a.fma::<I>(odd, even);
        y[2][l] = (-a).fma::<I>(odd, even);
        let (even, odd) = ((-aa).fma::<I>(x(2), x(4)), (-aa).fma::<I>(x(1), x(3)));
        y[3][l] = b.fma::<I>(odd, even);
        y[4][l] = (-b).fma::<I>(odd, even);
        y[5][l] = (-sum).fma::<I>(x(3), product.fma::<I>(x(1), x(5)));
    }
    y
}

/// Transforms 6 vectors of products to 4 outputs.
#[inline(always)]
fn four_of_six<F: Float, I: Isa, const L: usize>(x: [[F; L]; 6]) -> [[F; L]; 4] {
    let number = F::from_f64;
    let ([a, aa, aaa], [b, bb, bbb]) = (A.map(number), B.map(number));
    let mut y = [[F::zero(); L]; 4];
    for l in 0..L {
        let x = |i: usize| x[i][l];
        let (near, far) = (x(1) + x(2), x(3) + x(4));
        y[0][l] = x(0) + (near + far);
        y[2][l] = aa.fma::<I>(near, bb * far);
        let (near, far) = (x(1) - x(2), x(3) - x(4));
        y[1][l] = a.fma::<I>(near, b * far);
        y[3][l] = aaa.fma::<I>(near, bbb.fma::<I>(far, x(5)));
    }
    y
}

/// Transforms the elements of a tile, whose rows are `pitch` apart. The products of the result are
/// `stride` apart. `columns` is memory for what lies between.
#[inline(always)]
fn transform_elements<F: Float, I: Isa, const L: usize>(
    from: &[F],
    pitch: usize,
    columns: &mut [[F; L]; PRODUCTS],
    to: &mut [F],
    stride: usize,
) {
    assert!(
        5 * pitch + 6 * L <= from.len() && (PRODUCTS - 1) * stride + L <= to.len(),
        "a tile outside of its memory"
    );
    for j in 0..6 {
        let mut x = [[F::zero(); L]; 6];
        for i in 0..6 {
            // SAFETY: just checked.
            x[i] = unsafe { *from.as_ptr().add(i * pitch + j * L).cast::<[F; L]>() };
        }
        let y = six_of_six::<F, I, L>(x);
        for i in 0..6 {
            columns[i * 6 + j] = y[i];
        }
    }
    for i in 0..6 {
        let mut x = [[F::zero(); L]; 6];
        for j in 0..6 {
            x[j] = columns[i * 6 + j];
        }
        let y = six_of_six::<F, I, L>(x);
        for j in 0..6 {
            // SAFETY: checked above.
            unsafe { *to.as_mut_ptr().add((i * 6 + j) * stride).cast::<[F; L]>() = y[j] };
        }
    }
}
