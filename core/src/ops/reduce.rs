//! Sums and means. Sums are pairwise: their error grows with the logarithm of the length.

use crate::autograd::{Tensor, sum_to_shape};
use crate::error::{Error, Result};
use crate::kernel::{self, Float};
use crate::tensor::{Shape, resolve_axis, with_dtype};

impl Tensor {
    /// The sum of all elements, a scalar; 0 if there are none.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.5]).sum().item()?, 3.5);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn sum(&self) -> Self {
        sum_to_shape(self, &Shape::default())
    }

    /// The mean of all elements, a scalar; NaN if there are none.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).mean().item()?, 1.5);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn mean(&self) -> Self {
        self.sum().div_scalar(self.len() as f64)
    }

    /// The sum over the given axes (negative ones count from the end), which are dropped.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Argument`] if one is named twice.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum_axes(&[0])?.to_vec::<f32>()?, [4.0, 6.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn sum_axes(&self, axes: &[isize]) -> Result<Self> {
        let (kept, dropped) = self.reduced_shapes("sum_axes", axes)?;
        Ok(sum_to_shape(self, &kept).reshaped(dropped))
    }

    /// As [`sum_axes`](Self::sum_axes), the axes kept with length 1.
    ///
    /// # Errors
    /// As [`sum_axes`](Self::sum_axes).
    pub fn sum_axes_keep(&self, axes: &[isize]) -> Result<Self> {
        let (kept, _) = self.reduced_shapes("sum_axes_keep", axes)?;
        Ok(sum_to_shape(self, &kept))
    }

    /// The mean over the given axes, which are dropped.
    ///
    /// # Errors
    /// As [`sum_axes`](Self::sum_axes).
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.mean_axes(&[1])?.to_vec::<f32>()?, [1.5, 3.5]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn mean_axes(&self, axes: &[isize]) -> Result<Self> {
        let (kept, dropped) = self.reduced_shapes("mean_axes", axes)?;
        let count = self.count_per(&kept);
        Ok(sum_to_shape(self, &kept)
            .reshaped(dropped)
            .div_scalar(count))
    }

    /// As [`mean_axes`](Self::mean_axes), the axes kept with length 1.
    ///
    /// # Errors
    /// As [`sum_axes`](Self::sum_axes).
    pub fn mean_axes_keep(&self, axes: &[isize]) -> Result<Self> {
        let (kept, _) = self.reduced_shapes("mean_axes_keep", axes)?;
        let count = self.count_per(&kept);
        Ok(sum_to_shape(self, &kept).div_scalar(count))
    }

    /// Σ x², as a number; not recorded. In `f64` if the elements are, else rounded as `f32`
    /// pairwise summation is.
    pub fn sum_of_squares(&self) -> f64 {
        let array = self.array().contiguous();
        with_dtype!(self.dtype(), F => {
            let xs = array.as_slice::<F>().unwrap_or_default();
            kernel::reduce::all(kernel::reduce::SumOfSquares, xs).to_f64()
        })
    }

    /// How many elements fall into one element of a reduction to `kept`.
    fn count_per(&self, kept: &Shape) -> f64 {
        self.shape()
            .iter()
            .zip(kept.iter())
            .filter(|(from, to)| from != to)
            .map(|(&from, _)| from as f64)
            .product()
    }

    /// The shape with the axes reduced to length 1, and the shape without them.
    pub(super) fn reduced_shapes(
        &self,
        op: &'static str,
        axes: &[isize],
    ) -> Result<(Shape, Shape)> {
        let mut reduced = vec![false; self.rank()];
        for &axis in axes {
            let axis = resolve_axis(op, axis, self.rank())?;
            if std::mem::replace(&mut reduced[axis], true) {
                return Err(Error::argument(op, format!("axis {axis} is named twice")));
            }
        }
        let lengths = || self.shape().iter().zip(&reduced);
        let kept = lengths()
            .map(|(&len, &reduced)| if reduced { 1 } else { len })
            .collect();
        let dropped = lengths()
            .filter(|(_, reduced)| !**reduced)
            .map(|(&len, _)| len)
            .collect();
        Ok((kept, dropped))
    }
}
