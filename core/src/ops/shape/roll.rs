//! Cyclic shifts along an axis, and overlapping windows of an axis.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::tensor::{Array, Indices, refusable, resolve_axis, room, with_dtype};
use smallvec::smallvec;

/// # Shape and views
impl Tensor {
    /// Moves the elements along an axis by `shift` places, those beyond the end to the other end:
    /// yᵢ₊ₛ = xᵢ. A negative shift moves them to the front. PyTorch: `x.roll(shift, axis)`; without
    /// an axis it rolls the [flattened](Self::flatten) elements.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Shape`] if the system refuses memory.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]);
    /// assert_eq!(x.roll(0, 1)?.to_vec::<f32>()?, [4.0, 1.0, 2.0, 3.0]);
    /// assert_eq!(x.roll(0, -1)?.to_vec::<f32>()?, [2.0, 3.0, 4.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn roll(&self, axis: isize, shift: isize) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            return Ok(vector.roll(axis, shift)?.as_scalar());
        }
        let axis = resolve_axis("roll", axis, self.rank())?;
        self.reserve_like("roll")?;
        let len = self.shape()[axis].max(1);
        let shift = shift.rem_euclid(len as isize) as usize;
        Ok(self.rolled(axis, shift))
    }

    /// Rolls by less than the length of the axis.
    fn rolled(&self, axis: usize, shift: usize) -> Self {
        let inner: usize = self.shape()[axis + 1..].iter().product();
        let (block, shifted) = (self.shape()[axis] * inner, shift * inner);
        let output = with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            Array::build::<F>(self.array().shape().clone(), |out| {
                let blocks = out.chunks_exact_mut(block.max(1)).zip(xs.chunks_exact(block.max(1)));
                for (out, xs) in blocks {
                    let (first, last) = xs.split_at(block - shifted);
                    out[..shifted].copy_from_slice(last);
                    out[shifted..].copy_from_slice(first);
                }
            })
        });
        Self::from_op(output.into(), &[self], || Roll { axis, shift })
    }

    /// Returns the windows of `size` consecutive elements of an axis, one every `step` elements, as
    /// a new last axis: `(…, n, …)` becomes `(…, ⌊(n - size) / step⌋ + 1, …, size)`. PyTorch:
    /// `x.unfold(axis, size, step)`, which returns a view; here the windows are copied. Windows
    /// over several axes at once are [`unfold`](Self::unfold).
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis; [`Error::Argument`] if `step` is 0 or `size` is
    /// longer than the axis; [`Error::Shape`] if the system refuses memory.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0, 5.0]);
    /// let y = x.sliding_window(0, 3, 2)?;
    /// assert_eq!(y.to_string(), "[[1. 2. 3.]\n [3. 4. 5.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "unfold")]
    #[doc(alias = "sliding_window_view")]
    pub fn sliding_window(&self, axis: isize, size: usize, step: usize) -> Result<Self> {
        let op = "sliding_window";
        if let Some(vector) = self.as_vector() {
            // PyTorch: one window, without an axis for its number.
            return vector.sliding_window(axis, size, step)?.squeeze(0);
        }
        let axis = resolve_axis(op, axis, self.rank())?;
        let len = self.shape()[axis];
        let Some(count) = len
            .checked_sub(size)
            .and_then(|rest| rest.checked_div(step))
        else {
            let reason = format!(
                "expected a window of at most {len} elements and a step of at least 1, found \
                 {size} and {step}"
            );
            return Err(Error::argument(op, reason));
        };
        let count = count + 1;
        // (…, count, size, …): the places of all windows, then the axis of a window moves to the
        // end.
        let mut shape = self.array().shape().clone();
        shape.as_mut()[axis] = count;
        shape
            .as_mut()
            .edit(|lengths| lengths.insert(axis + 1, size));
        shape.reserve(op, self.dtype())?;
        let places = refusable(op, || {
            // Without elements there are no places, even if there are many windows.
            let all = if self.is_empty() { 0 } else { count };
            let mut places = room(all * size);
            places.extend((0..all).flat_map(|window| window * step..window * step + size));
            Ok(Indices::from(places))
        })?;
        let mut order: Vec<usize> = (0..shape.len()).filter(|&a| a != axis + 1).collect();
        order.push(axis + 1);
        let windows = self.slices(op, axis, &places)?.reshaped(shape);
        Ok(windows.permuted(&order))
    }
}

struct Roll {
    axis: usize,
    shift: usize,
}

impl Op for Roll {
    fn name(&self) -> &'static str {
        "roll"
    }
    fn kind(&self) -> OpKind {
        OpKind::Shape
    }
    /// Rolls the cotangent back.
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        let len = cotangent.shape()[self.axis].max(1);
        let back = (len - self.shift) % len;
        Ok(smallvec![Some(cotangent.rolled(self.axis, back))])
    }
}
