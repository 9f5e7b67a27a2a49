//! Reading and writing strided memory in row-major order. No other file walks strides.

use std::ops::Range;

/// A strided view: element `(i, j, …)` is `data[offset + i * strides[0] + j * strides[1] + …]`.
///
/// The caller guarantees that every index of `shape` falls inside `data`. A view that breaks this
/// panics in slice indexing and never reads out of bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a, F> {
    pub data: &'a [F],
    pub offset: usize,
    pub strides: &'a [isize],
    pub shape: &'a [usize],
}

impl<'a, F: Copy> View<'a, F> {
    /// An empty view, to fill an array of views with.
    pub(crate) const EMPTY: Self = Self {
        data: &[],
        offset: 0,
        strides: &[],
        shape: &[],
    };

    /// Returns the elements as a slice if they lie in row-major order without gaps.
    pub(crate) fn as_slice(&self) -> Option<&'a [F]> {
        let len: usize = self.shape.iter().product();
        if len == 0 {
            // A view without elements may have any offset, even outside the data.
            return Some(&[]);
        }
        is_row_major(self.shape, self.strides).then(|| &self.data[self.offset..self.offset + len])
    }

    /// Returns the elements from row-major index `start` on if they are neighbours in memory.
    pub(crate) fn run(&self, start: usize, len: usize) -> Option<&'a [F]> {
        let within = match (self.shape, self.strides) {
            ([.., columns], [.., 1]) => start % columns + len <= *columns,
            _ => false,
        };
        let mut from = 0;
        if within && len > 0 {
            walk(self, start, 1, |place, _, _| from = place as usize);
        }
        within.then(|| &self.data[from..from + len])
    }

    /// Returns whether all elements are the same one.
    pub(crate) fn is_constant(&self) -> bool {
        self.strides.iter().all(|&stride| stride == 0)
    }

    /// Returns the number of elements that [`gather`](Self::gather) copies well at once, at least
    /// `least`: several whole rows if the elements of a column are neighbours in memory.
    pub(crate) fn piece_len(&self, least: usize) -> usize {
        if self.is_transposed() {
            least.max(SIDE * self.shape[self.shape.len() - 1])
        } else {
            least
        }
    }

    /// Returns whether the elements of a column are neighbours in memory, and those of a row are
    /// not.
    pub(crate) fn is_transposed(&self) -> bool {
        match (self.shape, self.strides) {
            ([.., rows, _], [.., 1, stride]) => *rows > 1 && stride.unsigned_abs() > 1,
            _ => false,
        }
    }

    /// Copies the elements with row-major indices `start..start + out.len()` into `out`.
    pub(crate) fn gather(&self, start: usize, out: &mut [F]) {
        let ([.., rows, columns], true) = (self.shape, self.is_transposed()) else {
            return self.gather_rows(start, out);
        };
        let (mut start, mut rest) = (start, out);
        while !rest.is_empty() {
            let (row, column) = (start / columns, start % columns);
            let whole = if column == 0 {
                (rows - row % rows).min(rest.len() / columns).min(SIDE)
            } else {
                0
            };
            let len = if whole > 1 {
                whole * columns
            } else {
                (columns - column).min(rest.len())
            };
            let (out, behind) = rest.split_at_mut(len);
            if whole > 1 {
                self.transpose(start, *columns, out);
            } else {
                self.gather_rows(start, out);
            }
            (start, rest) = (start + len, behind);
        }
    }

    /// Copies at most [`SIDE`] whole rows, in square blocks: each reads and writes whole lines of
    /// the cache.
    fn transpose(&self, start: usize, columns: usize, out: &mut [F]) {
        let mut first = 0;
        walk(self, start, 1, |place, _, _| first = place);
        let stride = self.strides[self.strides.len() - 1];
        let rows = out.len() / columns;
        for from in (0..columns).step_by(SIDE) {
            let count = SIDE.min(columns - from);
            let place = |j: usize| (first + (from + j) as isize * stride) as usize;
            if rows == SIDE && count == SIDE {
                let mut block = [[self.data[first as usize]; SIDE]; SIDE];
                for (j, column) in block.iter_mut().enumerate() {
                    column.copy_from_slice(&self.data[place(j)..place(j) + SIDE]);
                }
                for (i, row) in out.chunks_exact_mut(columns).enumerate() {
                    let row = &mut row[from..from + SIDE];
                    for (j, out) in row.iter_mut().enumerate() {
                        *out = block[j][i];
                    }
                }
                continue;
            }
            for j in 0..count {
                let column = &self.data[place(j)..place(j) + rows];
                for (i, &x) in column.iter().enumerate() {
                    out[i * columns + from + j] = x;
                }
            }
        }
    }

    fn gather_rows(&self, start: usize, out: &mut [F]) {
        let len = out.len();
        walk(self, start, len, |place, stride, piece| {
            let piece = &mut out[piece];
            match stride {
                1 => {
                    piece.copy_from_slice(&self.data[place as usize..place as usize + piece.len()]);
                }
                0 => piece.fill(self.data[place as usize]),
                stride => {
                    let (from, step) = (place as usize, stride.unsigned_abs());
                    if stride > 0 {
                        let xs = self.data[from..].iter().step_by(step);
                        piece.iter_mut().zip(xs).for_each(|(out, &x)| *out = x);
                    } else {
                        let xs = self.data[..=from].iter().rev().step_by(step);
                        piece.iter_mut().zip(xs).for_each(|(out, &x)| *out = x);
                    }
                }
            }
        });
    }
}

/// The side of the blocks of a transposition: the numbers of a line of the cache.
const SIDE: usize = 16;

/// Writes `xs`, in row-major order, into `out` at the layout of `place`, whose data is not read.
pub(crate) fn scatter<F: Copy>(xs: &[F], place: &View<'_, F>, out: &mut [F]) {
    walk(place, 0, xs.len(), |place, stride, piece| {
        let xs = &xs[piece];
        if stride == 1 {
            out[place as usize..place as usize + xs.len()].copy_from_slice(xs);
        } else if stride > 0 {
            let out = out[place as usize..].iter_mut().step_by(stride as usize);
            out.zip(xs).for_each(|(out, &x)| *out = x);
        } else {
            let out = out[..=place as usize].iter_mut().rev();
            let out = out.step_by(stride.unsigned_abs().max(1));
            out.zip(xs).for_each(|(out, &x)| *out = x);
        }
    });
}

/// Calls `piece(place, stride, indices)` for each piece of a row within the `len` elements from
/// row-major index `start` on. `place` is the memory index of the piece's first element, `stride`
/// the distance from one element to the next, and `indices` are counted from `start`.
#[inline(always)]
fn walk<F>(
    view: &View<'_, F>,
    start: usize,
    len: usize,
    mut piece: impl FnMut(isize, isize, Range<usize>),
) {
    if len == 0 {
        return;
    }
    let Some(&inner_len) = view.shape.last() else {
        piece(view.offset as isize, 0, 0..len);
        return;
    };
    let rank = view.shape.len();
    let inner_stride = view.strides[rank - 1];
    // The multi-index of `start`, and the memory index of the start of its row.
    let mut index = [0usize; 16];
    let mut spilled;
    let index: &mut [usize] = if rank <= 16 {
        &mut index[..rank]
    } else {
        spilled = vec![0; rank];
        &mut spilled
    };
    let mut rest = start;
    let mut row = view.offset as isize;
    for axis in (0..rank).rev() {
        index[axis] = rest % view.shape[axis];
        rest /= view.shape[axis];
        if axis + 1 < rank {
            row += index[axis] as isize * view.strides[axis];
        }
    }
    let mut done = 0;
    loop {
        let first = index[rank - 1];
        let count = (inner_len - first).min(len - done);
        let place = row + first as isize * inner_stride;
        piece(place, inner_stride, done..done + count);
        done += count;
        if done == len {
            return;
        }
        index[rank - 1] = 0;
        for axis in (0..rank - 1).rev() {
            index[axis] += 1;
            row += view.strides[axis];
            if index[axis] < view.shape[axis] {
                break;
            }
            row -= view.shape[axis] as isize * view.strides[axis];
            index[axis] = 0;
        }
    }
}

/// Returns whether the strides are those of a gapless row-major layout. Axes of length 1 do not
/// matter.
pub(crate) fn is_row_major(shape: &[usize], strides: &[isize]) -> bool {
    let mut expected = 1isize;
    for (&len, &stride) in shape.iter().zip(strides).rev() {
        if len == 0 {
            return true;
        }
        if len != 1 {
            if stride != expected {
                return false;
            }
            expected *= len as isize;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements in row-major order, one by one.
    fn expected(view: &View<'_, usize>) -> Vec<usize> {
        let len = view.shape.iter().product();
        let element = |i: usize| {
            let (mut rest, mut place) = (i, view.offset as isize);
            for (&len, &stride) in view.shape.iter().zip(view.strides).rev() {
                place += (rest % len) as isize * stride;
                rest /= len;
            }
            view.data[place as usize]
        };
        (0..len).map(element).collect()
    }

    #[test]
    fn pieces_of_any_layout_are_gathered() {
        let data: Vec<usize> = (0..20_000).collect();
        let layouts: [(&[usize], &[isize], usize); 9] = [
            (&[40, 50], &[1, 40], 0),
            (&[37, 33], &[1, 37], 5),
            (&[37, 33], &[1, -37], 32 * 37),
            (&[3, 20, 17], &[340, 1, 20], 0),
            (&[2, 3, 20, 17], &[1020, 340, 1, 20], 7),
            (&[5, 2, 17], &[2, 1, 10], 3),
            (&[16, 16], &[1, 16], 0),
            (&[30, 40], &[80, 2], 1),
            (&[30, 40], &[0, 1], 1),
        ];
        for (shape, strides, offset) in layouts {
            let data = &data[..];
            let view = View {
                data,
                offset,
                strides,
                shape,
            };
            let expected = expected(&view);
            let len = expected.len();
            for (start, count) in [(0, len), (1, len - 1), (0, len - 3), (len / 2, len / 3)] {
                let mut out = vec![0; count];
                view.gather(start, &mut out);
                assert_eq!(
                    out,
                    expected[start..start + count],
                    "{shape:?} {strides:?} {start}"
                );
            }
            for start in 0..len.min(100) {
                if let Some(run) = view.run(start, 7.min(len - start)) {
                    assert_eq!(run, &expected[start..start + run.len()]);
                }
            }
        }
        assert!(
            View {
                data: &[1],
                offset: 0,
                strides: &[0, 0],
                shape: &[2, 3]
            }
            .is_constant()
        );
    }
}
