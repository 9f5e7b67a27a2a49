//! Changes of the shape and of the order of axes: views if the memory layout allows. The backward
//! of each is another of them.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, stretch};
use crate::error::{Error, Result};
use crate::tensor::{Axes, Layout, Shape, broadcast_shapes, resolve_axis};
use smallvec::{SmallVec, smallvec};

/// # Shape and views
impl Tensor {
    /// Returns the same elements in row-major order with another shape: a view if the memory layout
    /// allows, else a copy.
    ///
    /// One length may be [`INFER`](crate::INFER), where PyTorch and NumPy take -1. It is computed
    /// from the number of elements.
    ///
    /// # Errors
    /// [`Error::Shape`] if the numbers of elements differ, if more than one length is `INFER`, or
    /// if no single length fits in its place.
    ///
    /// ```
    /// # use cotangent::{INFER, Tensor};
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
    /// assert_eq!(x.reshape([2, 3])?.shape(), [2, 3]);
    /// assert_eq!(x.reshape([3, INFER])?.shape(), [3, 2]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "view")]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape
            .into()
            .filled_by("reshape", self.shape(), "elements")?;
        if self.array().layout.reshape(&shape).is_none() {
            shape.reserve("reshape", self.dtype())?;
        }
        Ok(self.reshaped(shape))
    }

    /// Returns a scalar as a vector of one element, for operations along an axis; `None` if there
    /// are axes.
    pub(crate) fn as_vector(&self) -> Option<Self> {
        (self.rank() == 0).then(|| self.reshaped(Shape::from([1])))
    }

    /// Returns a vector of one element as a scalar.
    pub(crate) fn as_scalar(&self) -> Self {
        self.reshaped(Shape::default())
    }

    /// Reshapes to a shape that is known to have as many elements.
    pub(crate) fn reshaped(&self, shape: Shape) -> Self {
        if self.array().shape() == &shape {
            return self.clone();
        }
        let array = if let Some(layout) = self.array().layout.reshape(&shape) {
            self.array().with_layout(layout)
        } else {
            self.array()
                .to_row_major()
                .with_layout(Layout::row_major(shape))
        };
        Self::from_op(array.into(), &[self], || Reshape {
            from: self.array().shape().clone(),
        })
    }

    /// Returns all elements in row-major order as a vector: a view if the memory layout allows,
    /// else a copy. [`flatten_from`](Self::flatten_from) keeps leading axes.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]).flatten();
    /// assert_eq!(x.to_vec::<f32>()?, [1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(x.shape(), [4]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "ravel")]
    #[track_caller]
    pub fn flatten(&self) -> Self {
        self.reshaped(Shape::from(self.len()))
    }

    /// Merges the axes from `axis` to the last into one: with axis 1, (N, …) becomes (N, product
    /// of the rest). A scalar becomes a vector. PyTorch: `x.flatten(axis)`.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Shape`] if the system refuses memory.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// let images = Tensor::zeros([5, 2, 3], DType::F32)?;
    /// assert_eq!(images.flatten_from(1)?.shape(), [5, 6]);
    /// assert_eq!(images.flatten_from(-2)?.shape(), [5, 6]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn flatten_from(&self, axis: isize) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            return vector.flatten_from(axis);
        }
        let axis = resolve_axis("flatten_from", axis, self.rank())?;
        let (kept, merged) = self.shape().split_at(axis);
        let merged: usize = merged.iter().product();
        self.reshape(kept.iter().copied().chain([merged]).collect::<Shape>())
    }

    /// Puts the axes in another order: axis `i` of the result is axis `axes[i]` of `self`.
    /// Negative axes count from the end. A view.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Argument`] if `axes` does not name each
    /// axis once.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// let x = Tensor::zeros([2, 3, 4], DType::F32)?;
    /// assert_eq!(x.permute([2, 0, 1])?.shape(), [4, 2, 3]);
    /// assert_eq!(x.permute([-1, 0, 1])?.shape(), [4, 2, 3]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn permute(&self, axes: impl Into<Axes>) -> Result<Self> {
        let order = axes.into().named("permute", self.rank())?;
        if order.len() != self.rank() {
            let reason = format!(
                "{} axes are named, expected each of {}",
                order.len(),
                self.rank()
            );
            return Err(Error::argument("permute", reason));
        }
        Ok(self.permuted(&order))
    }

    /// Permutes the axes by an order that is known to name each once.
    pub(crate) fn permuted(&self, order: &[usize]) -> Self {
        let view = self.array().with_layout(self.array().layout.permute(order));
        Self::from_op(view.into(), &[self], || Permute {
            order: SmallVec::from_slice(order),
        })
    }

    /// Exchanges two axes; negative ones count from the end. A view.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]).transpose(0, 1)?;
    /// assert_eq!(x.to_vec::<f32>()?, [1.0, 3.0, 2.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "t")]
    #[doc(alias = "swapaxes")]
    pub fn transpose(&self, first: isize, second: isize) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            return Ok(vector.transpose(first, second)?.as_scalar());
        }
        let first = resolve_axis("transpose", first, self.rank())?;
        let second = resolve_axis("transpose", second, self.rank())?;
        let mut order: SmallVec<[usize; 4]> = (0..self.rank()).collect();
        order.swap(first, second);
        Ok(self.permuted(&order))
    }

    /// Broadcasts the tensor to `shape` by NumPy's rules. A view.
    ///
    /// # Errors
    /// [`Error::Shape`] if it does not broadcast to exactly that shape.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0]).broadcast_to([2, 2])?;
    /// assert_eq!(x.to_vec::<f32>()?, [1.0, 2.0, 1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "expand")]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        shape.checked_len("broadcast_to")?;
        if broadcast_shapes("broadcast_to", self.shape(), &shape)? != shape {
            return Err(Error::shape(
                "broadcast_to",
                "an axis longer than 1 cannot become shorter",
                &[self.shape(), &shape],
            ));
        }
        Ok(stretch(self, &shape))
    }

    /// Adds an axis of length 1 in front of axis `axis` (`-1`: after the last). A view.
    ///
    /// # Errors
    /// [`Error::Index`] if the place is out of range.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// assert_eq!(Tensor::zeros([2, 3], DType::F32)?.unsqueeze(1)?.shape(), [2, 1, 3]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "expand_dims")]
    pub fn unsqueeze(&self, axis: isize) -> Result<Self> {
        Ok(self.reshaped(self.array().shape().unsqueezed(axis)?))
    }

    /// Removes axis `axis`, whose length must be 1. A view.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Shape`] if it is longer.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// assert_eq!(Tensor::zeros([2, 1, 3], DType::F32)?.squeeze(1)?.shape(), [2, 3]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn squeeze(&self, axis: isize) -> Result<Self> {
        Ok(self.reshaped(self.array().shape().squeezed(axis)?))
    }
}

struct Reshape {
    from: Shape,
}

impl Op for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }
    fn kind(&self) -> OpKind {
        OpKind::Shape
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(cotangent.reshaped(self.from.clone()))])
    }
}

struct Permute {
    order: SmallVec<[usize; 4]>,
}

impl Op for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }
    fn kind(&self) -> OpKind {
        OpKind::Shape
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        let mut inverse: SmallVec<[usize; 4]> = smallvec![0; self.order.len()];
        for (to, &from) in self.order.iter().enumerate() {
            inverse[from] = to;
        }
        Ok(smallvec![Some(cotangent.permuted(&inverse))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::INFER;
    use crate::tensor::DType;

    fn zeros(shape: &[usize]) -> Tensor {
        Tensor::zeros(shape, DType::F32).expect("a few elements")
    }

    #[track_caller]
    fn says(result: Result<Tensor>, text: &str) {
        assert_eq!(result.expect_err("an error").to_string(), text);
    }

    #[test]
    fn reshape_infers_one_length() -> Result<()> {
        let x = zeros(&[4, 6]);
        assert_eq!(x.reshape([INFER, 3])?.shape(), [8, 3]);
        assert_eq!(x.reshape([2, INFER, 4])?.shape(), [2, 3, 4]);
        assert_eq!(x.reshape(INFER)?.shape(), [24]);
        assert_eq!(x.reshape([24, INFER])?.shape(), [24, 1]);
        assert_eq!(zeros(&[0, 6]).reshape([INFER, 3])?.shape(), [0, 3]);
        assert_eq!(zeros(&[]).reshape([1, INFER])?.shape(), [1, 1]);
        says(
            x.reshape([INFER, INFER, 2]),
            "reshape: only one length can be `INFER` (shapes (4, 6) and (INFER, INFER, 2))",
        );
        says(
            x.reshape([5, INFER]),
            "reshape: 24 elements cannot be divided by 5, the product of the given lengths \
             (shapes (4, 6) and (5, INFER))",
        );
        says(
            zeros(&[0]).reshape([0, INFER]),
            "reshape: `INFER` could be any length beside one of 0 (shapes (0,) and (0, INFER))",
        );
        says(
            x.reshape([5, 5]),
            "reshape: 24 elements do not fill the new shape (shapes (4, 6) and (5, 5))",
        );
        says(
            Tensor::zeros([INFER, 3], DType::F32),
            "full: too many elements to address (shape (INFER, 3))",
        );
        Ok(())
    }

    #[test]
    fn flatten_merges_all_axes_or_those_from_one_on() -> Result<()> {
        let x = zeros(&[2, 3, 4]);
        assert_eq!(x.flatten().shape(), [24]);
        assert_eq!(zeros(&[]).flatten().shape(), [1]);
        assert_eq!(zeros(&[3, 0]).flatten().shape(), [0]);
        assert_eq!(x.flatten_from(0)?.shape(), [24]);
        assert_eq!(x.flatten_from(1)?.shape(), [2, 12]);
        assert_eq!(x.flatten_from(-1)?.shape(), [2, 3, 4]);
        assert_eq!(zeros(&[]).flatten_from(0)?.shape(), [1]);
        assert_eq!(zeros(&[0, 2, 3]).flatten_from(1)?.shape(), [0, 6]);
        says(
            x.flatten_from(3),
            "flatten_from: axis 3 is out of range for 3 axes",
        );
        Ok(())
    }

    #[test]
    fn permute_takes_negative_axes_and_each_once() -> Result<()> {
        let x = zeros(&[2, 3, 4]);
        assert_eq!(x.permute([-1, 0, -2])?.shape(), [4, 2, 3]);
        assert_eq!(x.permute(..)?.shape(), [2, 3, 4]);
        assert_eq!(zeros(&[]).permute([])?.shape(), [0; 0]);
        says(x.permute([0, 1, -3]), "permute: axis 0 is named twice");
        says(
            x.permute([0, 1]),
            "permute: 2 axes are named, expected each of 3",
        );
        says(
            x.permute([0, 1, 3]),
            "permute: axis 3 is out of range for 3 axes",
        );
        says(
            x.permute(Axes::keep([0, 1, 2])),
            "permute: `Axes::keep` is for reductions, expected the axes themselves",
        );
        Ok(())
    }
}
