//! The largest and smallest elements so far, along an axis.

use crate::autograd::Tensor;
use crate::error::Result;
use crate::kernel::Float;
use crate::kernel::reduce::running;
use crate::tensor::{Array, DType, Indices, resolve_axis, with_dtype};

/// # Reductions
impl Tensor {
    /// Returns the largest element so far along an axis, `yᵢ = max(x₀, …, xᵢ)`, and its place: of
    /// equal elements the last. From the first NaN on the values are NaN. The gradient goes to the
    /// elements at the places.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (values, places) = Tensor::from([1.0f32, 3.0, 2.0, 3.0]).cummax(0)?;
    /// assert_eq!(values.to_vec::<f32>()?, [1.0, 3.0, 3.0, 3.0]);
    /// assert_eq!(places.as_slice(), [0, 1, 1, 3]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cummax(&self, axis: isize) -> Result<(Self, Indices)> {
        running_extreme("cummax", self, axis, 1.0)
    }

    /// Returns the smallest element so far along an axis, and its place, as
    /// [`cummax`](Self::cummax).
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (values, places) = Tensor::from([2.0f32, 3.0, 1.0]).cummin(0)?;
    /// assert_eq!(values.to_vec::<f32>()?, [2.0, 2.0, 1.0]);
    /// assert_eq!(places.as_slice(), [0, 0, 2]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cummin(&self, axis: isize) -> Result<(Self, Indices)> {
        running_extreme("cummin", self, axis, -1.0)
    }
}

/// Returns the largest elements so far for a `sign` of 1, the smallest for -1, and their places.
fn running_extreme(
    op: &'static str,
    x: &Tensor,
    axis: isize,
    sign: f64,
) -> Result<(Tensor, Indices)> {
    if let Some(vector) = x.as_vector() {
        let (values, places) = running_extreme(op, &vector, axis, sign)?;
        return Ok((values.as_scalar(), places.reshape([])?));
    }
    let axis = resolve_axis(op, axis, x.rank())?;
    x.array().shape().reserve(op, DType::F64)?; // The places have 8 bytes.
    let shape = x.array().shape().clone();
    let lengths = [shape[axis], shape[axis + 1..].iter().product()];
    let mut places = vec![0; x.len()];
    let values = with_dtype!(x.dtype(), F => {
        let xs = &*x.array().contiguous::<F>();
        Array::build::<F>(shape.clone(), |values| {
            running::extremes(xs, lengths, F::from_f64(sign), values, &mut places);
        })
    });
    let places = Indices::from_vec(places, shape)?;
    Ok((x.recorded_each(axis, &places, values), places))
}
