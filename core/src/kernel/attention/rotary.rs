//! Rotations of pairs of elements by angles that depend on the row.

use crate::kernel::attention::{Out, Places, block};
use crate::kernel::float::Float;
use crate::kernel::linear::matrix::Matrix;
use crate::kernel::threads::parallel::{self, GRAIN};

/// The cosines and sines of the angles, a row for each row of a matrix and a column for each pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Angles<'a, F> {
    pub cosines: &'a [F],
    pub sines: &'a [F],
    /// Whether element i is paired with element i + width / 2, instead of the next one.
    pub halves: bool,
    /// Whether the rotations are backwards.
    pub backwards: bool,
}

/// Computes (a cos - b sin, a sin + b cos) for each pair (a, b) of each row.
pub(crate) fn rotate<F: Float>(
    xs: &[Matrix<'_, F>],
    angles: Angles<'_, F>,
    places: Places,
    out: &mut [F],
) {
    let (rows, width) = (places.rows, places.width);
    let out = Out::of(out, places);
    let (half, step) = if angles.halves {
        (width / 2, 1)
    } else {
        (1, 2)
    };
    parallel::ranges(xs.len() * rows, (GRAIN / width.max(1)).max(1), &|range| {
        for task in range {
            let (matrix, row) = (task / rows, task % rows);
            // SAFETY: each task has its own rows, and the result is borrowed until all tasks have
            // ended.
            let out = unsafe { out.row(matrix, row) };
            block::copy_row(&xs[matrix], row, out);
            for pair in 0..width / 2 {
                let (a, b) = (out[pair * step], out[pair * step + half]);
                let place = row * (width / 2) + pair;
                let (cosine, mut sine) = (angles.cosines[place], angles.sines[place]);
                if angles.backwards {
                    sine = -sine;
                }
                out[pair * step] = a * cosine - b * sine;
                out[pair * step + half] = a * sine + b * cosine;
            }
        }
    });
}
