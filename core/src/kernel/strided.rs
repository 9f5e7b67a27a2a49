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

    /// Copies the elements with row-major indices `start..start + out.len()` into `out`.
    pub(crate) fn gather(&self, start: usize, out: &mut [F]) {
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
