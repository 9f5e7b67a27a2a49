//! Conversion from and to `ndarray` arrays (feature `ndarray`).

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::tensor::{Array as Elements, Element, Shape};
use ndarray::{Array, ArrayBase, ArrayD, Data, Dimension, IxDyn};

impl<T: Element, S: Data<Elem = T>, D: Dimension> From<&ArrayBase<S, D>> for Tensor {
    /// Copies the elements of an array of any layout.
    ///
    /// ```
    /// use cotangent::Tensor;
    /// let array = ndarray::arr2(&[[1.0f32, 2.0], [3.0, 4.0]]);
    /// let tensor = Tensor::from(&array.t());
    /// assert_eq!(tensor.to_vec::<f32>()?, [1.0, 3.0, 2.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    fn from(array: &ArrayBase<S, D>) -> Self {
        let shape = Shape::from(array.shape());
        Elements::build::<T>(shape, |out| {
            for (out, &value) in out.iter_mut().zip(array) {
                *out = value;
            }
        })
        .into()
    }
}

impl<T: Element, D: Dimension> From<Array<T, D>> for Tensor {
    fn from(array: Array<T, D>) -> Self {
        Self::from(&array)
    }
}

/// # Properties and data
impl Tensor {
    /// Copies the elements into an `ndarray` array (feature `ndarray`).
    ///
    /// # Errors
    /// [`Error::DType`] if the elements are not of type `T`.
    ///
    /// ```
    /// use cotangent::Tensor;
    /// let array = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]).to_ndarray::<f32>()?;
    /// assert_eq!(array[[1, 0]], 3.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn to_ndarray<T: Element>(&self) -> Result<ArrayD<T>> {
        let values = self.to_vec::<T>()?;
        ArrayD::from_shape_vec(IxDyn(self.shape()), values)
            .map_err(|error| Error::shape("to_ndarray", error.to_string(), &[self.shape()]))
    }
}
