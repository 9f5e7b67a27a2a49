//! Tensors of which only some rows are stored: the gradients of tables from which few rows are
//! taken.

use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::tensor::{Array, Indices, Shape};

/// Some rows of a table, all others of which are 0. [`Tensor::sparse_rows`] returns them. PyTorch: the
/// `indices` and `values` of a sparse tensor that is coalesced.
#[derive(Clone, Debug)]
pub struct SparseRows {
    /// The numbers of the rows, in ascending order.
    pub indices: Indices,
    /// Their values, (rows, …), untracked.
    pub values: Tensor,
}

/// # Properties and data
impl Tensor {
    /// Returns the stored rows of the first axis if only some rows are stored; all others are 0.
    ///
    /// Backward stores the gradient of a table so if few rows were taken from it, by
    /// [`embedding`](Self::embedding) or [`index_select`](Self::index_select) along axis 0. The
    /// optimizer's step then [skips the other rows](crate::module::ZeroRows), if its formula allows
    /// it. All operations take such a tensor like any other. They store the whole table when they
    /// read it first. Which form a gradient has never changes a result.
    ///
    /// A gradient is stored as rows if `(256 + width) · indices ≤ rows · width`, where the indices
    /// are those of one lookup and the width is the number of elements of a row. A sum with other
    /// rows is stored so under the same condition. A sum with a whole table is a whole table, and
    /// so is every gradient of a pass that is recorded by
    /// [`create_graph`](crate::Backward::create_graph).
    ///
    /// ```
    /// use cotangent::{Indices, Tensor};
    /// let table = Tensor::ones(&[1000, 2], cotangent::DType::F32)?.tracked();
    /// let taken = table.embedding(&Indices::from([7, 3, 7]))?;
    /// let gradients = taken.sum().backward()?;
    /// let gradient = gradients.get(&table).unwrap();
    /// let rows = gradient.sparse_rows().unwrap();
    /// assert_eq!(rows.indices, Indices::from([3, 7]));
    /// assert_eq!(rows.values.to_vec::<f32>()?, [1.0, 1.0, 2.0, 2.0]);
    /// assert_eq!(gradient.sum().item()?, 6.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "is_sparse")]
    #[doc(alias = "coalesce")]
    pub fn sparse_rows(&self) -> Option<SparseRows> {
        let rows = self.array().rows()?;
        let values = self.array().row_values()?;
        let indices: Indices = rows.indices.iter().copied().collect();
        Some(SparseRows {
            indices,
            values: values.into(),
        })
    }

    /// Creates a table of `shape` with the given rows and zeros elsewhere, of which only the rows
    /// are stored. The result is untracked.
    ///
    /// ```
    /// use cotangent::{Indices, SparseRows, Tensor};
    /// let rows = SparseRows { indices: Indices::from([2]), values: Tensor::from([[3.0f32, 4.0]]) };
    /// let table = Tensor::from_sparse_rows(&rows, [4, 2])?;
    /// assert_eq!(table.to_vec::<f32>()?, [0.0, 0.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if the indices do not ascend; [`Error::Index`] if one is not below the
    /// number of rows; [`Error::Shape`] if the values do not have a row of the table's width for
    /// each index, or if the table has more elements than memory can hold.
    #[doc(alias = "sparse_coo_tensor")]
    pub fn from_sparse_rows(rows: &SparseRows, shape: impl Into<Shape>) -> Result<Self> {
        const OP: &str = "from_sparse_rows";
        let (SparseRows { indices, values }, shape) = (rows, shape.into());
        shape.checked_len(OP)?;
        let fits = indices.shape().len() == 1
            && values.shape().first() == indices.shape().first()
            && values.shape().get(1..) == shape.get(1..);
        if !fits {
            let reason = "expected indices (rows) and values (rows, …), whose other axes are those \
                          of the table";
            return Err(Error::shape(
                OP,
                reason,
                &[indices.shape(), values.shape(), &shape],
            ));
        }
        if !indices.as_slice().is_sorted_by(|a, b| a < b) {
            return Err(Error::argument(OP, "expected indices in ascending order"));
        }
        indices.check(OP, "row", shape[0], "rows of the table")?;
        if values.is_empty() {
            return Self::zeros(&shape, values.dtype());
        }
        let indices = indices.as_slice().into();
        Ok(Array::with_rows(shape, indices, values.array()).into())
    }
}
