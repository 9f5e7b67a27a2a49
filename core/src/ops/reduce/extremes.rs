//! The largest and smallest elements, and their places.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, stretch, sum_to_shape};
use crate::error::{Error, Result};
use crate::kernel::reduce::extremes::places;
use crate::kernel::reduce::fold::Extreme;
use crate::kernel::{Map, Real};
use crate::ops::elementwise::arithmetic;
use crate::tensor::{Array, Axes, Indices, Reduced, resolve_axis, with_dtype};
use smallvec::smallvec;

/// # Reductions
impl Tensor {
    /// Returns the largest element, a scalar, or NaN if there is a NaN. Equally large elements, or
    /// all NaN, share the gradient evenly.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are no elements.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([3.0f32, 1.0, 3.0]).tracked();
    /// let y = x.max()?;
    /// assert_eq!(y.item()?, 3.0);
    /// assert_eq!(y.backward()?.get(&x).unwrap().to_vec::<f32>()?, [0.5, 0.0, 0.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "amax")]
    pub fn max(&self) -> Result<Self> {
        extreme("max", self, Reduced::all(self.shape()), 1.0)
    }

    /// Returns the largest elements over some axes, as [`max`](Self::max).
    ///
    /// This is PyTorch's `amax` with one difference: if the maximum is NaN, the elements that are
    /// NaN share the gradient, as in `torch.max(x)`. `amax` makes all gradients NaN.
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over), and [`Error::Shape`] if a reduced axis is empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 5.0], [3.0, 4.0]]);
    /// assert_eq!(x.max_over(1)?.to_vec::<f32>()?, [5.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "amax")]
    pub fn max_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("max_over", self.shape())?;
        extreme("max_over", self, axes, 1.0)
    }

    /// Returns the smallest element, a scalar, or NaN if there is a NaN. Equally small elements, or
    /// all NaN, share the gradient evenly.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are no elements.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// assert_eq!(Tensor::from([3.0f32, 1.0, 2.0]).min()?.item()?, 1.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "amin")]
    pub fn min(&self) -> Result<Self> {
        extreme("min", self, Reduced::all(self.shape()), -1.0)
    }

    /// Returns the smallest elements over some axes, as [`min`](Self::min). NaN is treated as in
    /// [`max_over`](Self::max_over).
    ///
    /// # Errors
    /// As [`sum_over`](Self::sum_over), and [`Error::Shape`] if a reduced axis is empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 5.0], [3.0, 4.0]]);
    /// assert_eq!(x.min_over(0)?.to_vec::<f32>()?, [1.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "amin")]
    pub fn min_over(&self, axes: impl Into<Axes>) -> Result<Self> {
        let axes = axes.into().resolve("min_over", self.shape())?;
        extreme("min_over", self, axes, -1.0)
    }

    /// Returns the place of the largest element along an axis, which is dropped. Of equal elements
    /// the first is taken. NaN counts as the largest.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Shape`] if it is empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let logits = Tensor::from([[0.1f32, 0.9], [2.0, -1.0]]);
    /// assert_eq!(logits.argmax(1)?.as_slice(), [1, 0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn argmax(&self, axis: isize) -> Result<Indices> {
        places_along("argmax", self, axis, false)
    }

    /// Returns the place of the smallest element along an axis, which is dropped. Of equal elements
    /// the first is taken. NaN counts as the smallest.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Shape`] if it is empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[0.1f32, 0.9], [2.0, -1.0]]);
    /// assert_eq!(x.argmin(1)?.as_slice(), [0, 1]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn argmin(&self, axis: isize) -> Result<Indices> {
        places_along("argmin", self, axis, true)
    }
}

fn places_along(op: &'static str, x: &Tensor, axis: isize, smallest: bool) -> Result<Indices> {
    if let Some(vector) = x.as_vector() {
        return places_along(op, &vector, axis, smallest);
    }
    let axis = resolve_axis(op, axis, x.rank())?;
    let len = x.shape()[axis];
    if len == 0 {
        return Err(Error::shape(op, "the axis is empty", &[x.shape()]));
    }
    let shape = x.array().shape().without(axis);
    let mut found = vec![0; shape.element_count()];
    let inner = shape[axis..].iter().product();
    with_dtype!(x.dtype(), F => {
        places(&x.array().contiguous::<F>(), [len, inner], smallest, &mut found);
    });
    Indices::from_vec(found, shape)
}

/// Returns the largest elements for a `sign` of 1, the smallest for -1.
pub(crate) fn extreme(op: &'static str, x: &Tensor, axes: Reduced, sign: f64) -> Result<Tensor> {
    if axes.count == 0 {
        let reason = "there are no elements to take the largest or smallest of";
        return Err(Error::shape(op, reason, &[x.shape()]));
    }
    let found = x
        .array()
        .reduce(Extreme { sign }, &axes.reduced, axes.kept.clone());
    let output = Tensor::from(found).scaled_in_place(sign);
    Ok(attained(op, x, output).reshaped(axes.result))
}

/// Records values that elements of x attain, with the rank of x. Equal elements share the gradient.
pub(crate) fn attained(op: &'static str, x: &Tensor, output: Tensor) -> Tensor {
    Tensor::from_op(output.clone(), &[x], || Attained {
        op,
        x: x.detach(),
        output,
    })
}

/// Saves x and y, which has the rank of x, to compare them.
struct Attained {
    op: &'static str,
    x: Tensor,
    output: Tensor,
}

impl Op for Attained {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(shared(&self.x, &self.output, &cotangent))])
    }
}

/// Gives g in equal shares to the elements of x that are equal to y.
pub(super) fn shared(x: &Tensor, y: &Tensor, g: &Tensor) -> Tensor {
    let shape = x.array().shape();
    let stretched = stretch(&y.detach(), shape);
    let attains = Tensor::from(Array::map(Attains, [x.array(), stretched.array()], shape));
    let ties = sum_to_shape(&attains, y.array().shape());
    arithmetic::kept(&arithmetic::over(g, &ties), &attains)
}

/// 1 if x is y or both are NaN, else 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attains;

impl Map<2> for Attains {
    #[inline(always)]
    fn apply<T: Real>(self, [x, y]: [T; 2]) -> T {
        let [x_is_nan, y_is_nan] = [
            T::select(x.equals(x), x.zero(), x.one()),
            T::select(y.equals(y), x.zero(), x.one()),
        ];
        T::select(x.equals(y), x.one(), x_is_nan * y_is_nan)
    }
}
