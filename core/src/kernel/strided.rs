//! Reading strided memory in row-major order: the one place that walks strides.

/// A strided view: element `(i, j, …)` is `data[offset + i * strides[0] + j * strides[1] + …]`.
///
/// The maker guarantees that every index of the shape it is used with falls inside `data`; a view
/// that breaks this panics by slice indexing and never reads out of bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a, F> {
    pub data: &'a [F],
    pub offset: usize,
    pub strides: &'a [isize],
    pub shape: &'a [usize],
}

impl<'a, F: Copy> View<'a, F> {
    /// A view of nothing, to fill an array of views with.
    pub(crate) const EMPTY: Self = Self {
        data: &[],
        offset: 0,
        strides: &[],
        shape: &[],
    };

    /// The elements as a slice, if they lie in row-major order without gaps.
    pub(crate) fn as_slice(&self) -> Option<&'a [F]> {
        let len: usize = self.shape.iter().product();
        if len == 0 {
            // A view of nothing may lie anywhere, even outside the data.
            return Some(&[]);
        }
        is_row_major(self.shape, self.strides).then(|| &self.data[self.offset..self.offset + len])
    }

    /// Copies the elements with row-major numbers `start..start + out.len()` into `out`.
    pub(crate) fn gather(&self, start: usize, out: &mut [F]) {
        let Some(&inner_len) = self.shape.last() else {
            out.fill(self.data[self.offset]);
            return;
        };
        if out.is_empty() {
            return;
        }
        let rank = self.shape.len();
        let inner_stride = self.strides[rank - 1];
        // The multi-index of `start`, and the memory place of its row.
        let mut index = [0usize; 16];
        let mut spilled;
        let index: &mut [usize] = if rank <= 16 {
            &mut index[..rank]
        } else {
            spilled = vec![0; rank];
            &mut spilled
        };
        let mut rest = start;
        let mut row = self.offset as isize;
        for axis in (0..rank).rev() {
            index[axis] = rest % self.shape[axis];
            rest /= self.shape[axis];
            if axis + 1 < rank {
                row += index[axis] as isize * self.strides[axis];
            }
        }
        let mut filled = 0;
        loop {
            let first = index[rank - 1];
            let count = (inner_len - first).min(out.len() - filled);
            let place = row + first as isize * inner_stride;
            let piece = &mut out[filled..filled + count];
            match inner_stride {
                1 => piece.copy_from_slice(&self.data[place as usize..place as usize + count]),
                0 => piece.fill(self.data[place as usize]),
                stride => {
                    for (i, value) in piece.iter_mut().enumerate() {
                        *value = self.data[(place + i as isize * stride) as usize];
                    }
                }
            }
            filled += count;
            if filled == out.len() {
                return;
            }
            index[rank - 1] = 0;
            for axis in (0..rank - 1).rev() {
                index[axis] += 1;
                row += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                row -= self.shape[axis] as isize * self.strides[axis];
                index[axis] = 0;
            }
        }
    }
}

/// Whether the strides are those of a gapless row-major layout (axes of length 1 do not matter).
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
