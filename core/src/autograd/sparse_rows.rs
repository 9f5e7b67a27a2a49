//! Tensors of which only some rows are stored: the gradients of tables from which few rows are
//! taken.

use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::tensor::{Array, Indices, Shape};

/// Some rows of a table whose other rows are 0. [`Tensor::sparse_rows`] returns them. PyTorch: the
/// `indices` and `values` of a coalesced sparse tensor.
#[derive(Clone, Debug)]
pub struct SparseRows {
    /// The numbers of the rows, in ascending order.
    pub indices: Indices,
    /// Their values, (rows, …), untracked.
    pub values: Tensor,
}

/// # Properties and data
impl Tensor {
    /// Returns the stored rows if the tensor stores only some rows of its first axis. All others
    /// are 0.
    ///
    /// Backward stores the gradient of a table so if few of its rows were taken by
    /// [`embedding`](Self::embedding) or by [`index_select`](Self::index_select) along axis 0.
    /// Sums with other such gradients, clipping and accumulation keep this form. Steps of some
    /// optimizers then [visit only these rows](crate::module::ZeroRows). Every operation accepts
    /// such a tensor. The first one that reads all elements stores the whole table, too. Results do
    /// not depend on the form.
    ///
    /// The condition for `n` indices into `rows` rows of `width` elements is
    /// `n · (256 + width) ≤ rows · width`. It holds for sums, too. A gradient is a whole table if
    /// the backward pass is recorded ([`create_graph`](crate::Backward::create_graph)), or if the
    /// table was also used in another way.
    ///
    /// ```
    /// use cotangent::{Indices, Tensor};
    /// let table = Tensor::ones([1000, 2], cotangent::DType::F32)?.tracked();
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
}

/// # Creation
impl Tensor {
    /// Creates a table of `shape` with the given rows and zeros elsewhere, of which only the rows
    /// are stored. The result is untracked.
    ///
    /// ```
    /// use cotangent::{Indices, SparseRows, Tensor};
    /// let (indices, values) = (Indices::from([2]), Tensor::from([[3.0f32, 4.0]]));
    /// let table = Tensor::from_sparse_rows(&SparseRows { indices, values }, [4, 2])?;
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
