//! The cosine of the angle between vectors.

use crate::autograd::Tensor;
use crate::error::{Interval, Result};
use crate::ops::reduce::norms::{euclidean, scales_of_cubes};
use crate::tensor::{Axes, DType, broadcast_shapes, resolve_axis};

/// # Linear algebra
impl Tensor {
    /// Returns the cosine of the angle between two vectors along an axis, which is dropped:
    /// `x · y / (max(‖x‖, epsilon) max(‖y‖, epsilon))`. The other axes broadcast: this is no loss.
    /// PyTorch's epsilon is 1e-8. Squares outside the range of the dtype do not harm the result.
    ///
    /// The gradient is that of this formula. For a vector of zeros it is
    /// `y / (epsilon max(‖y‖, epsilon))`, as in PyTorch. For a norm between 0 and epsilon, PyTorch
    /// differentiates as if the norm were not limited.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the shapes do not broadcast,
    /// [`Error::DType`](crate::Error::DType) if the dtypes differ,
    /// [`Error::Index`](crate::Error::Index) if there is no such axis,
    /// [`Error::Argument`](crate::Error::Argument) if epsilon is negative or not finite.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (x, y) = (Tensor::from([[3.0f64, 4.0], [0.0, 0.0]]), Tensor::from([4.0f64, 3.0]));
    /// let cosines = x.cosine_similarity(&y, -1, 1e-8)?.to_vec::<f64>()?;
    /// assert!((cosines[0] - 0.96).abs() < 1e-15 && cosines[1] == 0.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn cosine_similarity(&self, other: &Self, axis: isize, epsilon: f64) -> Result<Self> {
        let op = "cosine_similarity";
        self.expect_same_dtype(op, other)?;
        let shape = broadcast_shapes(op, self.shape(), other.shape())?;
        let axis = resolve_axis(op, axis, shape.len().max(1))? as isize;
        Interval::AtLeast0.check(op, "epsilon", epsilon)?;
        // A smaller limit would be subnormal and lose digits, or vanish.
        let smallest = match self.dtype() {
            DType::F32 => f64::from(f32::MIN_POSITIVE),
            DType::F64 => f64::MIN_POSITIVE,
        };
        let limit = if epsilon > 0.0 {
            epsilon.max(smallest)
        } else {
            0.0
        };
        let axes = Axes::keep(axis).resolve(op, &shape)?;
        let unit = |x: &Self| {
            let x = x.broadcast_to(&shape)?;
            let norm = euclidean(&x, &axes);
            let Some(scales) = scales_of_cubes(&x, &norm, limit, &axes) else {
                return x.div(&norm.clamp(limit, f64::INFINITY));
            };
            let x = x.mul(&scales)?;
            x.div(&euclidean(&x, &axes).maximum(&(scales * limit))?)
        };
        unit(self)?.mul(&unit(other)?)?.sum_over(axis)
    }
}
