//! The same elements under another shape or with the axes in another order: views wherever memory
//! allows, each the inverse of another in backward.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, stretch};
use crate::error::{Error, Result};
use crate::tensor::{Layout, Shape, broadcast_shapes, resolve_axis};
use smallvec::{SmallVec, smallvec};

impl Tensor {
    /// The same elements in row-major order under another shape: a view if the memory allows,
    /// else a copy.
    ///
    /// # Errors
    /// [`Error::Shape`] if the numbers of elements differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).reshape([2, 2])?;
    /// assert_eq!(x.shape(), [2, 2]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "view")]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len("reshape")? != self.len() {
            let reason = format!("{} elements do not fill the new shape", self.len());
            return Err(Error::shape("reshape", reason, &[self.shape(), &shape]));
        }
        if self.array().layout.reshape(&shape).is_none() {
            shape.reserve("reshape", self.dtype())?;
        }
        Ok(self.reshaped(shape))
    }

    /// A scalar as the vector of one element that it is to operations along an axis; none for
    /// others.
    pub(crate) fn as_vector(&self) -> Option<Self> {
        (self.rank() == 0).then(|| self.reshaped(Shape::from([1])))
    }

    /// A vector of one element as a scalar.
    pub(crate) fn as_scalar(&self) -> Self {
        self.reshaped(Shape::default())
    }

    /// `reshape` to a shape that is known to have as many elements.
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

    /// All axes but the first merged into one: (N, …) becomes (N, product of the rest).
    ///
    /// # Errors
    /// [`Error::Shape`] if there is no axis.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// assert_eq!(Tensor::zeros([5, 2, 3], DType::F32)?.flatten()?.shape(), [5, 6]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn flatten(&self) -> Result<Self> {
        let Some((&first, rest)) = self.shape().split_first() else {
            return Err(Error::shape(
                "flatten",
                "expected at least one axis",
                &[self.shape()],
            ));
        };
        self.reshape([first, rest.iter().product()])
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]` of `self`. A view.
    ///
    /// # Errors
    /// [`Error::Argument`] if `order` does not name each axis once.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// let x = Tensor::zeros([2, 3, 4], DType::F32)?;
    /// assert_eq!(x.permute(&[2, 0, 1])?.shape(), [4, 2, 3]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn permute(&self, order: &[usize]) -> Result<Self> {
        let mut sorted: SmallVec<[usize; 4]> = SmallVec::from_slice(order);
        sorted.sort_unstable();
        if sorted.iter().copied().ne(0..self.rank()) {
            let reason = format!("{order:?} does not name each of {} axes once", self.rank());
            return Err(Error::argument("permute", reason));
        }
        Ok(self.permuted(order))
    }

    fn permuted(&self, order: &[usize]) -> Self {
        let view = self.array().with_layout(self.array().layout.permute(order));
        Self::from_op(view.into(), &[self], || Permute {
            order: SmallVec::from_slice(order),
        })
    }

    /// Two axes exchanged (negative ones count from the end). A view.
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

    /// Stretched to `shape` by NumPy's rules, without a copy.
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
                "cannot shrink an axis",
                &[self.shape(), &shape],
            ));
        }
        Ok(stretch(self, &shape))
    }

    /// A new axis of length 1 in front of axis `axis` (`-1`: after the last).
    ///
    /// # Errors
    /// [`Error::Index`] if the place is out of range.
    ///
    /// ```
    /// # use cotangent::{DType, Tensor};
    /// assert_eq!(Tensor::zeros([2, 3], DType::F32)?.unsqueeze(1)?.shape(), [2, 1, 3]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn unsqueeze(&self, axis: isize) -> Result<Self> {
        let axis = resolve_axis("unsqueeze", axis, self.rank() + 1)?;
        let mut shape = self.array().shape().clone();
        shape.as_mut().edit(|lengths| lengths.insert(axis, 1));
        Ok(self.reshaped(shape))
    }

    /// Without axis `axis`, whose length must be 1.
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
        if let Some(vector) = self.as_vector() {
            return vector.squeeze(axis);
        }
        let axis = resolve_axis("squeeze", axis, self.rank())?;
        if self.shape()[axis] != 1 {
            let reason = format!("axis {axis} has length {}, not 1", self.shape()[axis]);
            return Err(Error::shape("squeeze", reason, &[self.shape()]));
        }
        Ok(self.reshaped(self.array().shape().without(axis)))
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
