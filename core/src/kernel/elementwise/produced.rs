//! Sums of elements that are computed on the way and never stored as a whole.

use crate::kernel::float::Float;
use crate::kernel::reduce::fold::{self, Sum};
use crate::kernel::threads::parallel;

/// Elements that are computed before they are summed.
const PIECE: usize = 16 * 1024;
/// Columns that one task sums.
const COLUMNS: usize = 4096;
/// Rows that one task sums, at least.
const ROWS: usize = 256;

/// A function that writes the elements from an index on.
type Produce<'a, F> = &'a (dyn Fn(usize, &mut [F]) + Sync);

/// Sums each row of `len` consecutive elements into one element of `out`.
pub(crate) fn rows<F: Float>(produce: Produce<'_, F>, len: usize, out: &mut [F]) {
    if len <= PIECE {
        let rows_per_task = (PIECE / len.max(1)).max(1);
        parallel::chunks_mut(out, rows_per_task, &|row, out| {
            let mut scratch = vec![F::default(); out.len() * len];
            produce(row * len, &mut scratch);
            fold::rows(Sum, &scratch, len, out);
        });
        return;
    }
    for (row, out) in out.iter_mut().enumerate() {
        let parts = parallel::collect(len, PIECE, &|range| {
            let mut scratch = vec![F::default(); range.len()];
            produce(row * len + range.start, &mut scratch);
            fold::all(Sum, &scratch)
        });
        *out = fold::all(Sum, &parts);
    }
}

/// Sums the columns of (rows, columns) elements into `out`.
pub(crate) fn columns<F: Float>(produce: Produce<'_, F>, rows: usize, out: &mut [F]) {
    let stride = out.len();
    if rows == 0 {
        out.fill(F::default());
        return;
    }
    let width = stride.clamp(1, COLUMNS);
    let rows_per_task = ROWS.max(4 * PIECE / width);
    let tasks = rows.div_ceil(rows_per_task);
    let parts = parallel::collect(tasks * stride.div_ceil(width), 1, &|task| {
        let (block, task) = (task.start / tasks, task.start % tasks);
        let columns = block * width..((block + 1) * width).min(stride);
        let rows = task * rows_per_task..((task + 1) * rows_per_task).min(rows);
        let sum_of = |rows: std::ops::Range<usize>| {
            let mut scratch = vec![F::default(); rows.len() * columns.len()];
            if columns.len() == stride {
                produce(rows.start * stride, &mut scratch);
            } else {
                for (row, out) in rows.clone().zip(scratch.chunks_mut(columns.len())) {
                    produce(row * stride + columns.start, out);
                }
            }
            let mut sum = vec![F::default(); columns.len()];
            fold::columns(Sum, &scratch, [rows.len(), columns.len()], &mut sum);
            sum
        };
        let rows_per_piece = (PIECE / width).max(1);
        let pieces = rows.clone().step_by(rows_per_piece);
        let sums = pieces.map(|start| sum_of(start..rows.end.min(start + rows_per_piece)));
        summed(sums)
    });
    let mut parts = parts.into_iter();
    for out in out.chunks_mut(width) {
        out.copy_from_slice(&summed(parts.by_ref().take(tasks)));
    }
}

/// Adds vectors as a balanced tree.
fn summed<F: Float>(vectors: impl Iterator<Item = Vec<F>>) -> Vec<F> {
    fn add<F: Float>(mut a: Vec<F>, b: &[F]) -> Vec<F> {
        a.iter_mut().zip(b).for_each(|(a, &b)| *a += b);
        a
    }
    let mut slots: Vec<Vec<F>> = Vec::new();
    for (count, mut vector) in vectors.enumerate() {
        // As in a binary counter: each trailing one bit is a finished subtree of equal size.
        for _ in 0..count.trailing_ones() {
            if let Some(slot) = slots.pop() {
                vector = add(slot, &vector);
            }
        }
        slots.push(vector);
    }
    let mut total = slots.pop().unwrap_or_default();
    while let Some(slot) = slots.pop() {
        total = add(slot, &total);
    }
    total
}
