//! Padding with elements of the tensor itself: reflected, repeated or taken from the other end.

use super::slice;
use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::tensor::{Indices, refusable};

/// The elements that padding adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PaddingMode {
    /// Zeros.
    #[default]
    Zeros,
    /// Mirrored elements, without the one at the edge: `1 2 3` becomes `3 2 1 2 3 2 1`. The padding
    /// must be shorter than the axis.
    Reflect,
    /// The element at the edge: `1 2 3` becomes `1 1 1 2 3 3 3`.
    #[doc(alias = "edge")]
    Replicate,
    /// Elements from the other end: `1 2 3` becomes `2 3 1 2 3 1 2`. The padding may be as long as
    /// the axis.
    #[doc(alias = "wrap")]
    Circular,
}

impl PaddingMode {
    /// Returns the longest padding of an axis.
    fn longest(self, len: usize) -> usize {
        match self {
            Self::Zeros => usize::MAX,
            Self::Reflect => len.saturating_sub(1),
            Self::Replicate if len > 0 => usize::MAX,
            Self::Replicate | Self::Circular => len,
        }
    }

    /// Returns the place in an axis of length `len` of the element `i` of the padded axis.
    fn source(self, i: usize, before: usize, len: usize) -> usize {
        let last = before + len - 1;
        match self {
            Self::Zeros | Self::Replicate => i.clamp(before, last) - before,
            Self::Reflect if i < before => before - i,
            Self::Reflect if i > last => len - 1 - (i - last),
            Self::Reflect => i - before,
            Self::Circular => (i + len - before) % len,
        }
    }
}

/// # Joining and splitting
impl Tensor {
    /// Pads the tensor as `mode` says: `around` has a pair for each axis, the number of elements
    /// before the first and after the last. [`pad`](Self::pad) pads with a value.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is not one pair for each axis, or a padding is too long for
    /// the [mode](PaddingMode); [`Error::Shape`] if there would be more elements than memory can
    /// hold.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]);
    /// let y = x.pad_with(&[(2, 1)], PaddingMode::Reflect)?;
    /// assert_eq!(y.to_vec::<f32>()?, [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
    /// let y = x.pad_with(&[(2, 1)], PaddingMode::Circular)?;
    /// assert_eq!(y.to_vec::<f32>()?, [2.0, 3.0, 1.0, 2.0, 3.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "reflection_pad2d")]
    #[doc(alias = "replication_pad2d")]
    #[doc(alias = "circular_pad2d")]
    pub fn pad_with(&self, around: &[(usize, usize)], mode: PaddingMode) -> Result<Self> {
        self.padded("pad_with", around, mode)
    }

    pub(in crate::ops) fn padded(
        &self,
        op: &'static str,
        around: &[(usize, usize)],
        mode: PaddingMode,
    ) -> Result<Self> {
        let shape = slice::padded_shape(op, self, around)?;
        if mode == PaddingMode::Zeros {
            return Ok(self.put_inside(op, around, shape, 0.0));
        }
        let axes = || self.shape().iter().zip(around).enumerate();
        for (axis, (&len, &(before, after))) in axes() {
            let longest = mode.longest(len);
            if before.max(after) > longest {
                let reason = format!(
                    "expected a padding of at most {longest} elements in the mode {mode:?}, found \
                     {before} before and {after} after axis {axis} of the shape {:?}",
                    self.shape()
                );
                return Err(Error::argument(op, reason));
            }
        }
        refusable(op, || {
            let mut padded = self.clone();
            // The last axis first: then the others copy whole rows.
            for (axis, (&len, &(before, after))) in axes().rev() {
                if before + after > 0 {
                    let places = (0..before + len + after).map(|i| mode.source(i, before, len));
                    padded = padded.slices(op, axis, &places.collect::<Indices>())?;
                }
            }
            Ok(padded)
        })
    }
}
