//! Upsampling: nearest neighbours and linear interpolation.

use super::planes::{spatial, with_lengths};
use crate::autograd::{OpKind, Tensor};
use crate::error::{Error, Result};
use crate::kernel::pool::separable::AxisMap;
use crate::tensor::Spatial;

/// # Pooling and windows
impl Tensor {
    /// Changes the spatial axes to these lengths: element o of n is element `floor(o L / n)` of an
    /// axis of length L. (batch, channels, …) becomes (batch, channels, lengths…).
    ///
    /// PyTorch computes the index in `f32`, which rounds to a neighbour at some sizes.
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have a batch, a channel and `D` more axes, if one of
    /// these is empty, or if the result has more elements than memory can hold;
    /// [`Error::Argument`] if a length is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0]).reshape([1, 1, 2])?;
    /// assert_eq!(x.upsample_nearest([4])?.to_vec::<f32>()?, [1.0, 1.0, 2.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "interpolate")]
    pub fn upsample_nearest<const D: usize>(&self, lengths: impl Into<Spatial<D>>) -> Result<Self> {
        self.resized("upsample_nearest", &lengths.into()[..], |len, outputs| {
            let runs = (0..outputs).map(|o| {
                let i = (o as u128 * len as u128 / outputs as u128) as usize;
                i..i + 1
            });
            AxisMap::sums(len, runs.collect())
        })
    }

    /// Changes the spatial axes to these lengths by linear interpolation along each: bilinear for
    /// two axes, trilinear for three. (batch, channels, …) becomes (batch, channels, lengths…).
    ///
    /// With `align_corners` the first and the last elements keep their places: element o of n lies
    /// at `o (L - 1) / (n - 1)` of an axis of length L. Without it, PyTorch's default, elements are
    /// cells whose outer edges keep their places: `(o + 1/2) L / n - 1/2`, but at least 0.
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have a batch, a channel and `D` more axes, if one of
    /// these is empty, or if the result has more elements than memory can hold;
    /// [`Error::Argument`] if a length is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([0.0f32, 4.0]).reshape([1, 1, 2])?;
    /// let y = x.upsample_linear([4], false)?;
    /// assert_eq!(y.to_vec::<f32>()?, [0.0, 1.0, 3.0, 4.0]);
    /// let y = x.upsample_linear([5], true)?;
    /// assert_eq!(y.to_vec::<f32>()?, [0.0, 1.0, 2.0, 3.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "interpolate")]
    #[doc(alias = "bilinear")]
    #[doc(alias = "trilinear")]
    pub fn upsample_linear<const D: usize>(
        &self,
        lengths: impl Into<Spatial<D>>,
        align_corners: bool,
    ) -> Result<Self> {
        self.resized("upsample_linear", &lengths.into()[..], |len, outputs| {
            interpolation(len, outputs, align_corners)
        })
    }

    /// Maps each spatial axis to a new length.
    fn resized(
        &self,
        op: &'static str,
        lengths: &[usize],
        map: impl Fn(usize, usize) -> AxisMap,
    ) -> Result<Self> {
        let from = spatial(op, self, lengths.len())?;
        if lengths.contains(&0) {
            let reason = format!("expected lengths of at least 1, found {lengths:?}");
            return Err(Error::argument(op, reason));
        }
        if from.contains(&0) {
            let reason = "expected spatial axes that are not empty";
            return Err(Error::shape(op, reason, &[self.shape()]));
        }
        with_lengths(self.shape(), lengths).reserve(op, self.dtype())?;
        let axes = from.iter().zip(lengths);
        let axes = axes.map(|(&len, &outputs)| map(len, outputs)).collect();
        self.mapped(op, OpKind::Shape, axes)
    }
}

/// Returns the map that interpolates linearly.
fn interpolation(len: usize, outputs: usize, align_corners: bool) -> AxisMap {
    if len == outputs {
        return AxisMap::identity(len);
    }
    let mut runs = Vec::with_capacity(outputs);
    let mut weights = Vec::with_capacity(2 * outputs);
    for o in 0..outputs {
        let place = if !align_corners {
            let scale = len as f64 / outputs as f64;
            (scale * (o as f64 + 0.5) - 0.5).max(0.0)
        } else if outputs > 1 {
            (len - 1) as f64 / (outputs - 1) as f64 * o as f64
        } else {
            0.0
        };
        let first = (place as usize).min(len - 1);
        let share = (place - first as f64).clamp(0.0, 1.0);
        if share == 0.0 || first + 1 == len {
            runs.push(first..first + 1);
            weights.push(1.0);
        } else {
            runs.push(first..first + 2);
            weights.extend([1.0 - share, share]);
        }
    }
    AxisMap::weighted(len, runs, weights)
}
