//! Matrix operands with any strides, so that transposes are never copied.

/// A matrix operand: element `(i, j)` is `data[offset + i * row_stride + j * column_stride]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a, F> {
    pub data: &'a [F],
    pub offset: usize,
    pub row_stride: isize,
    pub column_stride: isize,
}

impl<'a, F> Matrix<'a, F> {
    /// Returns the transposed matrix: the same memory with the strides swapped.
    pub(crate) fn transposed(self) -> Self {
        Self {
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Returns the gapless matrix of rows of `width` elements.
    pub(crate) fn rows(data: &'a [F], width: usize) -> Self {
        Self {
            data,
            offset: 0,
            row_stride: width as isize,
            column_stride: 1,
        }
    }

    /// Returns the matrix without the first `rows` rows.
    pub(crate) fn below(self, rows: usize) -> Self {
        let start = self.offset as isize + rows as isize * self.row_stride;
        Self {
            offset: start as usize,
            ..self
        }
    }

    /// Returns whether every element of a `rows` x `columns` matrix lies inside `data`.
    pub(super) fn fits(&self, rows: usize, columns: usize) -> bool {
        if rows == 0 || columns == 0 {
            return true;
        }
        let mut low = self.offset as i128;
        let mut high = low;
        for (len, stride) in [(rows, self.row_stride), (columns, self.column_stride)] {
            let reach = (len - 1) as i128 * stride as i128;
            low += reach.min(0);
            high += reach.max(0);
        }
        low >= 0 && high < self.data.len() as i128
    }
}
