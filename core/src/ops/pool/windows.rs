//! `Windows`, the sizes of sliding windows: the argument of pooling and of `unfold`.

use super::planes::{spatial, three};
use crate::autograd::Tensor;
use crate::error::{Error, Interval, Result};
use crate::kernel::pool::windows::{self as kernel, Axis};
use crate::tensor::Spatial;

/// Sliding windows over `D` spatial axes, 1 to 3: the lengths of a window, its stride, and other
/// options.
///
/// Operations take `impl Into<Windows<D>>`, so that the lengths suffice if the defaults fit. Each
/// method takes an array with a number for each axis, or one number for all axes. An operation
/// returns an error for an option that it does not have.
///
/// ```
/// use cotangent::prelude::*;
/// let x = Tensor::zeros([1, 3, 9, 9], DType::F32)?;
/// assert_eq!(x.max_pool([2, 2])?.shape(), [1, 3, 4, 4]);
/// let windows = Windows::new([3, 3]).stride(2).padding(1);
/// assert_eq!(x.max_pool(windows)?.shape(), [1, 3, 5, 5]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Windows<const D: usize> {
    lengths: [usize; D],
    stride: Option<[usize; D]>,
    padding: [usize; D],
    dilation: [usize; D],
    ceil_mode: bool,
    divisor: Divisor,
}

/// The number by which the sum of a window is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Divisor {
    /// The number of elements, with those in the padding.
    Window,
    /// The number of elements of the input.
    Elements,
    /// This number.
    Given(f64),
}

impl<const D: usize> Windows<D> {
    /// Creates windows of these lengths.
    #[doc(alias = "kernel_size")]
    pub fn new(lengths: impl Into<Spatial<D>>) -> Self {
        Self {
            lengths: *lengths.into(),
            stride: None,
            padding: [0; D],
            dilation: [1; D],
            ceil_mode: false,
            divisor: Divisor::Window,
        }
    }

    /// Sets the distance from one window to the next. Default: the length of the windows in
    /// pooling, 1 in [`unfold`](Tensor::unfold), as in PyTorch.
    pub fn stride(mut self, stride: impl Into<Spatial<D>>) -> Self {
        self.stride = Some(*stride.into());
        self
    }

    /// Sets the number of elements that are added at both ends of each axis: -∞ for a maximum, else
    /// 0. In pooling it may be at most half of the window. Default: 0.
    pub fn padding(mut self, padding: impl Into<Spatial<D>>) -> Self {
        self.padding = *padding.into();
        self
    }

    /// Sets the distance between neighbouring elements of a window. Default: 1. Averages do not
    /// have this option.
    pub fn dilation(mut self, dilation: impl Into<Spatial<D>>) -> Self {
        self.dilation = *dilation.into();
        self
    }

    /// Adds a last window that reaches beyond the end, if elements would be left over and the
    /// window does not start in the padding. An option of pooling.
    pub fn ceil_mode(mut self) -> Self {
        self.ceil_mode = true;
        self
    }

    /// Divides sums by the number of elements that are not padding. An option of
    /// [`avg_pool`](Tensor::avg_pool). PyTorch: `count_include_pad=False`.
    #[doc(alias = "count_include_pad")]
    pub fn exclude_padding(mut self) -> Self {
        self.divisor = Divisor::Elements;
        self
    }

    /// Divides sums by this number, above 0, instead of the number of elements. An option of
    /// [`avg_pool`](Tensor::avg_pool).
    #[doc(alias = "divisor_override")]
    pub fn divisor(mut self, divisor: f64) -> Self {
        self.divisor = Divisor::Given(divisor);
        self
    }

    pub(super) fn get(&self) -> Parts<'_> {
        Parts {
            lengths: &self.lengths,
            stride: self.stride.as_ref().map(|stride| &stride[..]),
            padding: &self.padding,
            dilation: &self.dilation,
            ceil_mode: self.ceil_mode,
            divisor: self.divisor,
        }
    }
}

impl<const D: usize> From<usize> for Windows<D> {
    fn from(lengths: usize) -> Self {
        Self::new(lengths)
    }
}

impl<const D: usize> From<[usize; D]> for Windows<D> {
    fn from(lengths: [usize; D]) -> Self {
        Self::new(lengths)
    }
}

/// The parts of [`Windows`] of any dimension.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'w> {
    pub lengths: &'w [usize],
    pub stride: Option<&'w [usize]>,
    pub padding: &'w [usize],
    pub dilation: &'w [usize],
    pub ceil_mode: bool,
    pub divisor: Divisor,
}

impl Parts<'_> {
    /// Returns an error about an option that `op` does not have.
    fn refuse(op: &'static str, option: &str, of: &str) -> Result<()> {
        let reason = format!("`{option}` is an option of {of}");
        Err(Error::argument(op, reason))
    }

    /// Returns the windows of a pooling of `x`.
    pub(super) fn pooling(self, op: &'static str, x: &Tensor) -> Result<kernel::Windows> {
        let lengths = spatial(op, x, self.lengths.len())?;
        self.check_sizes(op)?;
        for i in 0..lengths.len() {
            let extent = (self.lengths[i] - 1).saturating_mul(self.dilation[i]);
            if self.padding[i] > extent.saturating_add(1) / 2 {
                let reason = format!(
                    "expected a padding of at most half of the window, found padding {:?} for \
                     windows {:?} with dilation {:?}",
                    self.padding, self.lengths, self.dilation
                );
                return Err(Error::argument(op, reason));
            }
        }
        self.over(op, x, lengths, self.stride.unwrap_or(self.lengths))
    }

    /// Returns the windows of maxima over `x`.
    pub(super) fn maxima(self, op: &'static str, x: &Tensor) -> Result<kernel::Windows> {
        match self.divisor {
            Divisor::Window => {}
            Divisor::Elements => Self::refuse(op, "exclude_padding", "avg_pool")?,
            Divisor::Given(_) => Self::refuse(op, "divisor", "avg_pool")?,
        }
        let windows = self.pooling(op, x)?;
        // Only a dilated window has all its elements in the padding.
        let is_empty = |axis: &Axis| {
            axis.dilation > 1
                && axis.padding > 0
                && (0..axis.outputs).any(|o| axis.window(o).from >= axis.window(o).to)
        };
        if windows.axes.iter().any(is_empty) {
            let reason = format!(
                "a window lies in the padding altogether, {}",
                self.sizes(self.stride.unwrap_or(self.lengths))
            );
            return Err(Error::shape(op, reason, &[x.shape()]));
        }
        Ok(windows)
    }

    /// Returns the windows of averages over `x`.
    pub(super) fn averages(self, op: &'static str, x: &Tensor) -> Result<kernel::Windows> {
        if self.dilation.iter().any(|&dilation| dilation != 1) {
            Self::refuse(op, "dilation", "max_pool and unfold")?;
        }
        if let Divisor::Given(divisor) = self.divisor {
            Interval::Above0.check(op, "divisor", divisor)?;
        }
        self.pooling(op, x)
    }

    /// Returns the windows that `unfold` copies, over planes with these lengths. `x` is the operand
    /// that an error shows.
    pub(super) fn copies(
        self,
        op: &'static str,
        x: &Tensor,
        lengths: &[usize],
    ) -> Result<kernel::Windows> {
        if self.ceil_mode {
            Self::refuse(op, "ceil_mode", "pooling")?;
        }
        match self.divisor {
            Divisor::Window => {}
            Divisor::Elements => Self::refuse(op, "exclude_padding", "avg_pool")?,
            Divisor::Given(_) => Self::refuse(op, "divisor", "avg_pool")?,
        }
        self.check_sizes(op)?;
        let ones = vec![1; lengths.len()];
        self.over(op, x, lengths, self.stride.unwrap_or(&ones))
    }

    fn check_sizes(self, op: &'static str) -> Result<()> {
        let sizes = [
            ("windows", Some(self.lengths)),
            ("stride", self.stride),
            ("dilation", Some(self.dilation)),
        ];
        for (name, numbers) in sizes {
            if let Some(numbers) = numbers.filter(|numbers| numbers.contains(&0)) {
                let reason = format!("{name} must be at least 1, found {numbers:?}");
                return Err(Error::argument(op, reason));
            }
        }
        Ok(())
    }

    fn sizes(self, stride: &[usize]) -> String {
        format!(
            "with windows {:?}, stride {stride:?}, padding {:?}, dilation {:?}",
            self.lengths, self.padding, self.dilation
        )
    }

    fn over(
        self,
        op: &'static str,
        x: &Tensor,
        lengths: &[usize],
        stride: &[usize],
    ) -> Result<kernel::Windows> {
        if lengths.contains(&0) {
            let reason = format!("expected spatial axes that are not empty, found {lengths:?}");
            return Err(Error::shape(op, reason, &[x.shape()]));
        }
        let mut axes = Vec::new();
        for (i, &len) in lengths.iter().enumerate() {
            let axis = Axis {
                len,
                outputs: 0,
                taps: self.lengths[i],
                stride: stride[i],
                padding: self.padding[i],
                dilation: self.dilation[i],
                adaptive: false,
            };
            let Some(outputs) = outputs(&axis, self.ceil_mode) else {
                let reason = format!(
                    "the windows are longer than the padded input, {}",
                    self.sizes(stride)
                );
                return Err(Error::shape(op, reason, &[x.shape()]));
            };
            axes.push(Axis { outputs, ..axis });
        }
        let windows = kernel::Windows {
            planes: x.shape()[0] * x.shape()[1],
            axes: three(axes, || Axis::whole(1)),
        };
        for count in [|axis: &Axis| axis.len, |axis: &Axis| axis.outputs] {
            let product = windows.axes.iter().map(count);
            let product = product.fold(windows.planes, usize::saturating_mul);
            if product > isize::MAX as usize {
                let reason = format!("too many elements to address, {}", self.sizes(stride));
                return Err(Error::shape(op, reason, &[x.shape()]));
            }
        }
        let taps = windows.axes.iter().map(|axis| axis.taps);
        let taps = taps.fold(1usize, usize::saturating_mul);
        // Kernels number the elements, with room for padding.
        if i32::try_from(taps).is_err() {
            let reason = format!("too many elements in a window, {}", self.sizes(stride));
            return Err(Error::argument(op, reason));
        }
        Ok(windows)
    }
}

/// Returns the number of outputs along an axis, or `None` if no window fits.
fn outputs(axis: &Axis, ceil_mode: bool) -> Option<usize> {
    let extent = (axis.taps - 1).checked_mul(axis.dilation)?.checked_add(1)?;
    let padded = axis.padding.checked_mul(2)?.checked_add(axis.len)?;
    let room = padded.checked_sub(extent)?;
    if !ceil_mode {
        return Some(room / axis.stride + 1);
    }
    let outputs = room.div_ceil(axis.stride) + 1;
    // A last window that starts in the padding at the end is dropped.
    let starts_inside = (outputs - 1)
        .checked_mul(axis.stride)
        .is_some_and(|start| start < axis.len + axis.padding);
    Some(if starts_inside { outputs } else { outputs - 1 })
}
