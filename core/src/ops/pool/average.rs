//! Average pooling: the mean of each window.

use super::max::{adaptive, global};
use super::windows::{Divisor, Windows};
use crate::autograd::{OpKind, Tensor};
use crate::error::{Error, Result};
use crate::kernel::pool::separable::AxisMap;
use crate::kernel::pool::windows::{self as kernel, Axis};
use crate::tensor::Spatial;

/// # Pooling and windows
impl Tensor {
    /// Returns the mean of each window: (batch, channels, …) becomes (batch, channels, …) with
    /// `floor((L + 2 padding - length) / stride) + 1` windows along an axis of length L.
    ///
    /// `windows` are the lengths of the windows, `[2, 2]`, or [`Windows`] with options. The default
    /// stride is the length. The zeros of the padding count, unless they are
    /// [excluded](Windows::exclude_padding). Elements beyond the padding, as with
    /// [`ceil_mode`](Windows::ceil_mode), never count.
    ///
    /// The axes are averaged one after the other, so that the result may differ in rounding from
    /// PyTorch's. As there, a window whose sum is beyond the range of the dtype has an infinite
    /// mean; [`global_avg_pool`](Self::global_avg_pool) has a finite one.
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have a batch, a channel and `D` more axes, or a
    /// window is longer than the padded input; [`Error::Argument`] if a length or stride is 0, the
    /// padding is more than half of the window, a divisor is not above 0, or an option is not one
    /// of averages.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 0.0]]);
    /// let x = x.reshape([1, 1, 2, 4])?;
    /// assert_eq!(x.avg_pool([2, 2])?.to_vec::<f32>()?, [3.5, 3.5]);
    /// let sums = x.avg_pool(Windows::new([2, 2]).stride(1).divisor(1.0))?;
    /// assert_eq!(sums.to_vec::<f32>()?, [14.0, 18.0, 14.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "avg_pool1d")]
    #[doc(alias = "avg_pool2d")]
    #[doc(alias = "avg_pool3d")]
    pub fn avg_pool<const D: usize>(&self, windows: impl Into<Windows<D>>) -> Result<Self> {
        let windows = windows.into();
        let divisor = windows.get().divisor;
        let windows = windows.get().averages("avg_pool", self)?;
        self.averaged("avg_pool", &windows, D, divisor)
    }

    /// Returns the means of windows that divide each spatial axis into as many parts as `lengths`
    /// says: (batch, channels, …) becomes (batch, channels, lengths…).
    ///
    /// Part i of o covers the elements from `floor(i L / o)` to `ceil((i + 1) L / o)` of an axis of
    /// length L, so that parts may overlap.
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have a batch, a channel and `D` more axes, or one of
    /// these is empty; [`Error::Argument`] if a length is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 6.0]).reshape([1, 1, 3])?;
    /// assert_eq!(x.adaptive_avg_pool([2])?.to_vec::<f32>()?, [1.5, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "adaptive_avg_pool2d")]
    pub fn adaptive_avg_pool<const D: usize>(
        &self,
        lengths: impl Into<Spatial<D>>,
    ) -> Result<Self> {
        let op = "adaptive_avg_pool";
        let windows = adaptive(op, self, &lengths.into()[..])?;
        self.averaged(op, &windows, D, Divisor::Elements)
    }

    /// Returns the mean of each channel: (batch, channels, …), with one to three spatial axes,
    /// becomes (batch, channels).
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have these axes, or one of the spatial axes is empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 5.0, 2.0, 3.0]).reshape([1, 2, 2, 1])?;
    /// assert_eq!(x.global_avg_pool()?.to_vec::<f32>()?, [3.0, 2.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "GlobalAveragePooling2D")]
    pub fn global_avg_pool(&self) -> Result<Self> {
        let op = "global_avg_pool";
        let dimensions = global(op, self)?;
        if self.shape()[2..].contains(&0) {
            let reason = "expected spatial axes that are not empty";
            return Err(Error::shape(op, reason, &[self.shape()]));
        }
        let axes: Vec<isize> = (2..2 + dimensions as isize).collect();
        self.mean_over(axes)
    }

    /// Computes the averages of windows that have been checked, over the last `dimensions` axes.
    fn averaged(
        &self,
        op: &'static str,
        windows: &kernel::Windows,
        dimensions: usize,
        divisor: Divisor,
    ) -> Result<Self> {
        let mut axes: Vec<AxisMap> = Vec::new();
        for (i, axis) in windows.axes[3 - dimensions..].iter().enumerate() {
            let map = sums(axis);
            axes.push(match divisor {
                Divisor::Given(divisor) if i + 1 == dimensions => {
                    map.divided(vec![divisor; axis.outputs])
                }
                Divisor::Given(_) => map,
                Divisor::Window => map.divided(counts(axis, true)),
                Divisor::Elements => map.divided(counts(axis, false)),
            });
        }
        self.mapped(op, OpKind::Reduction, axes)
    }
}

/// Returns the sums of the windows along an axis.
fn sums(axis: &Axis) -> AxisMap {
    let runs = (0..axis.outputs).map(|o| {
        let window = axis.window(o);
        let place = |tap: usize| (window.origin + tap as isize) as usize;
        place(window.from)..place(window.to)
    });
    AxisMap::sums(axis.len, runs.collect())
}

/// Returns the numbers of elements of the windows along an axis.
fn counts(axis: &Axis, with_padding: bool) -> Vec<f64> {
    let counts = (0..axis.outputs).map(|o| {
        let window = axis.window(o);
        if with_padding {
            let end = axis.len + 2 * axis.padding - o * axis.stride;
            axis.taps.min(end)
        } else {
            window.to - window.from
        }
    });
    counts.map(|count| count as f64).collect()
}
