//! `Convolution`, the options of convolutions.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::conv::{Axis, Geometry};
use crate::ops::pool::planes::{check_dimensions, spatial, three};
use crate::ops::shape::padding::PaddingMode;
use crate::tensor::{Shape, Spatial};

/// The options of a convolution over `D` spatial axes, 1 to 3: stride, padding, dilation and
/// groups.
///
/// Each method takes an array with a number for each axis, or one number for all axes.
///
/// ```
/// use cotangent::prelude::*;
/// let x = Tensor::zeros([1, 4, 9, 9], DType::F32)?;
/// let weight = Tensor::zeros([8, 2, 3, 3], DType::F32)?;
/// let options = Convolution::<2>::new().stride([1, 2]).padding(1).groups(2);
/// assert_eq!(x.conv(&weight, None, options)?.shape(), [1, 8, 9, 5]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Convolution<const D: usize> {
    stride: [usize; D],
    padding: Padding<[usize; D]>,
    mode: PaddingMode,
    dilation: [usize; D],
    groups: usize,
    output_padding: [usize; D],
}

/// The number of elements around the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding<L> {
    /// This many at both ends of each axis.
    Both(L),
    /// As many as make the result as long as the input.
    Same,
    /// As many as make the result as long as the input divided by the stride, rounded up.
    SameStrided,
}

impl<const D: usize> Default for Convolution<D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const D: usize> Convolution<D> {
    /// Creates the options of a convolution with stride 1, no padding, no gaps and one group.
    pub fn new() -> Self {
        Self {
            stride: [1; D],
            padding: Padding::Both([0; D]),
            mode: PaddingMode::Zeros,
            dilation: [1; D],
            groups: 1,
            output_padding: [0; D],
        }
    }

    /// Sets the distance from one window to the next, at least 1. Default: 1.
    pub fn stride(mut self, stride: impl Into<Spatial<D>>) -> Self {
        self.stride = *stride.into();
        self
    }

    /// Sets the number of elements that are added at both ends of each axis. Default: 0. A
    /// transposed convolution removes as many elements at both ends of the result.
    pub fn padding(mut self, padding: impl Into<Spatial<D>>) -> Self {
        self.padding = Padding::Both(*padding.into());
        self
    }

    /// Adds as many elements as make the result as long as the input. The stride must be 1. If
    /// their number is odd, there is one more at the end. PyTorch: `padding='same'`.
    pub fn same(mut self) -> Self {
        self.padding = Padding::Same;
        self
    }

    /// Adds as many elements as make the result as long as the input divided by the stride, rounded
    /// up. If their number is odd, there is one more at the end. This is TensorFlow's `SAME`, which
    /// PyTorch does not have for strides above 1. How many are added at the beginning depends on
    /// the length of the input.
    pub fn same_strided(mut self) -> Self {
        self.padding = Padding::SameStrided;
        self
    }

    /// Sets the values of the added elements. Default: zeros. A transposed convolution, which adds
    /// none, takes no other mode.
    ///
    /// The errors about a padding too long for the mode are those of
    /// [`pad_with`](Tensor::pad_with).
    pub fn padding_mode(mut self, mode: PaddingMode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the distance between neighbouring elements of a window, at least 1. Default: 1.
    #[doc(alias = "atrous")]
    pub fn dilation(mut self, dilation: impl Into<Spatial<D>>) -> Self {
        self.dilation = *dilation.into();
        self
    }

    /// Splits the channels of the input and of the result into this many groups. Each group of the
    /// result is the convolution of its group of the input. With as many groups as channels the
    /// convolution is depthwise. Default: 1.
    #[doc(alias = "depthwise")]
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// Adds this many elements at the end of each axis of a transposed convolution's result, less
    /// than the stride or the dilation. Default: 0.
    ///
    /// With a stride above 1, inputs of several lengths have a convolution of one length, and the
    /// transpose must be told which of them it returns.
    pub fn output_padding(mut self, elements: impl Into<Spatial<D>>) -> Self {
        self.output_padding = *elements.into();
        self
    }

    /// Checks the options that do not depend on the operands, for `op`.
    ///
    /// # Errors
    /// [`Error::Argument`] if a stride, a dilation or the number of groups is 0, the number of axes
    /// is not 1 to 3, `same` is with a stride above 1, or the output padding is not less than the
    /// stride or the dilation.
    #[doc(hidden)]
    pub fn check(&self, op: &'static str) -> Result<()> {
        self.get().check_numbers(op)
    }

    /// Returns the number of [groups](Self::groups).
    #[doc(hidden)]
    pub fn group_count(&self) -> usize {
        self.groups
    }

    pub(super) fn get(&self) -> Parts<'_> {
        Parts {
            stride: &self.stride,
            padding: match &self.padding {
                Padding::Both(padding) => Padding::Both(padding),
                Padding::Same => Padding::Same,
                Padding::SameStrided => Padding::SameStrided,
            },
            mode: self.mode,
            dilation: &self.dilation,
            groups: self.groups,
            output_padding: &self.output_padding,
        }
    }
}

/// The parts of [`Convolution`] of any dimension.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'c> {
    stride: &'c [usize],
    padding: Padding<&'c [usize]>,
    mode: PaddingMode,
    dilation: &'c [usize],
    groups: usize,
    output_padding: &'c [usize],
}

impl Parts<'_> {
    /// Checks the operands of a convolution and returns its sizes.
    pub(super) fn convolution(
        self,
        op: &'static str,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<Geometry> {
        if self.output_padding.iter().any(|&elements| elements > 0) {
            let reason = "`output_padding` is an option of conv_transpose";
            return Err(Error::argument(op, reason));
        }
        let lengths = self.check(op, x, weight, bias)?;
        let (channels, per_group) = (x.shape()[1], weight.shape()[1]);
        let outputs = weight.shape()[0];
        let divided = per_group.checked_mul(self.groups) == Some(channels);
        if !divided || !outputs.is_multiple_of(self.groups) {
            return Err(self.misfit(op, "(out, in / groups, …)", x, weight));
        }
        expect_bias(op, bias, outputs, weight)?;
        let mut axes = Vec::new();
        for (i, &len) in lengths.iter().enumerate() {
            let mut axis = self.axis(i, len, weight);
            let reach = (axis.taps - 1).saturating_mul(axis.dilation);
            let (padding, outputs) = match self.padding {
                Padding::Both(padding) => {
                    let padding = padding[i];
                    let room = len.saturating_add(padding.saturating_mul(2));
                    let room = room.checked_sub(reach.saturating_add(1));
                    (padding, room.map(|room| room / axis.stride + 1))
                }
                Padding::Same | Padding::SameStrided => {
                    let outputs = len.div_ceil(axis.stride);
                    let reached = ((outputs - 1) * axis.stride).saturating_add(reach);
                    let missing = reached.saturating_add(1).saturating_sub(len);
                    (missing / 2, Some(outputs))
                }
            };
            (axis.padding, axis.outputs) = (padding, outputs.unwrap_or(0));
            if axis.outputs == 0 {
                let reason = format!(
                    "the kernel is longer than the padded input, with {}",
                    self.sizes(weight)
                );
                return Err(Error::shape(op, reason, &[x.shape(), weight.shape()]));
            }
            axes.push(with_short_stride(axis));
        }
        let geometry = Geometry {
            batch: x.shape()[0],
            groups: self.groups,
            inputs: per_group,
            outputs: outputs / self.groups,
            axes: three(axes, || Axis::MISSING),
        };
        self.addressable(op, &geometry, x, weight)?;
        Ok(geometry)
    }

    /// Checks the operands of a transposed convolution and returns the sizes of the convolution.
    pub(super) fn transpose(
        self,
        op: &'static str,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<Geometry> {
        let Padding::Both(padding) = self.padding else {
            let reason = "expected a number of elements as the padding, found `same`; a stride s \
                          with `padding` and `output_padding` gives s times the length";
            return Err(Error::argument(op, reason));
        };
        if self.mode != PaddingMode::Zeros {
            let reason = "a transposed convolution adds no padding and has no padding mode";
            return Err(Error::argument(op, reason));
        }
        let lengths = self.check(op, x, weight, bias)?;
        let (channels, per_group) = (x.shape()[1], weight.shape()[1]);
        if channels != weight.shape()[0] || !channels.is_multiple_of(self.groups) {
            return Err(self.misfit(op, "(in, out / groups, …)", x, weight));
        }
        expect_bias(op, bias, per_group.saturating_mul(self.groups), weight)?;
        let mut axes = Vec::new();
        for (i, &outputs) in lengths.iter().enumerate() {
            let added = self.output_padding[i];
            let mut axis = self.axis(i, 0, weight);
            let reach = (axis.taps - 1).saturating_mul(axis.dilation);
            let len = (outputs - 1)
                .saturating_mul(axis.stride)
                .saturating_add(reach)
                .saturating_add(added + 1);
            axis.len = len.saturating_sub(padding[i].saturating_mul(2));
            (axis.padding, axis.outputs) = (padding[i], outputs);
            if axis.len == 0 {
                let reason = format!(
                    "nothing is left of the result inside the padding, with {}",
                    self.sizes(weight)
                );
                return Err(Error::shape(op, reason, &[x.shape(), weight.shape()]));
            }
            axes.push(with_short_stride(axis));
        }
        let geometry = Geometry {
            batch: x.shape()[0],
            groups: self.groups,
            inputs: per_group,
            outputs: channels / self.groups,
            axes: three(axes, || Axis::MISSING),
        };
        self.addressable(op, &geometry, x, weight)?;
        Ok(geometry)
    }

    /// Checks what both kinds have in common, and returns the lengths of the input.
    fn check<'x>(
        self,
        op: &'static str,
        x: &'x Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
    ) -> Result<&'x [usize]> {
        let operands = [("input", Some(x)), ("weight", Some(weight)), ("bias", bias)];
        let dimensions = self.stride.len();
        let lengths = spatial(op, x, dimensions)?;
        Tensor::expect_one_dtype(op, &operands)?;
        self.check_numbers(op)?;
        if weight.rank() != dimensions + 2 {
            let reason = format!(
                "expected a weight with {} axes, found {}",
                dimensions + 2,
                weight.rank()
            );
            return Err(Error::shape(op, reason, &[x.shape(), weight.shape()]));
        }
        for (name, shape) in [("an input", &x.shape()[1..]), ("a weight", weight.shape())] {
            if shape.contains(&0) {
                let reason = format!("expected {name} that is not empty");
                return Err(Error::shape(op, reason, &[x.shape(), weight.shape()]));
            }
        }
        Ok(lengths)
    }

    /// Checks what does not depend on the operands.
    fn check_numbers(self, op: &'static str) -> Result<()> {
        check_dimensions(op, self.stride.len())?;
        for (name, numbers) in [
            ("stride", self.stride),
            ("dilation", self.dilation),
            ("groups", &[self.groups]),
        ] {
            if numbers.contains(&0) {
                let reason = format!("{name} must be at least 1, found {numbers:?}");
                return Err(Error::argument(op, reason));
            }
        }
        let Self {
            stride, dilation, ..
        } = self;
        if matches!(self.padding, Padding::Same) && stride.iter().any(|&stride| stride > 1) {
            let reason = format!(
                "`same` expects a stride of 1, found stride {stride:?}; `same_strided` divides \
                 the length by the stride"
            );
            return Err(Error::argument(op, reason));
        }
        let mut axes = stride.iter().zip(dilation).zip(self.output_padding);
        if axes.any(|((stride, dilation), &added)| added > 0 && added >= *stride.max(dilation)) {
            let reason = format!(
                "the output padding must be less than the stride or the dilation, found output \
                 padding {:?} with stride {stride:?} and dilation {dilation:?}",
                self.output_padding
            );
            return Err(Error::argument(op, reason));
        }
        Ok(())
    }

    /// Returns the input with its padding, unless that is zeros, which the kernels add themselves.
    /// The sizes become those of the convolution without padding.
    pub(super) fn padded(
        self,
        op: &'static str,
        x: &Tensor,
        geometry: &mut Geometry,
    ) -> Result<Option<Tensor>> {
        if self.mode == PaddingMode::Zeros {
            return Ok(None);
        }
        let dimensions = self.stride.len();
        let mut around = vec![(0, 0); 2];
        for axis in &mut geometry.axes[3 - dimensions..] {
            let end = match self.padding {
                Padding::Both(_) => axis.padding,
                Padding::Same | Padding::SameStrided => {
                    let read =
                        (axis.outputs - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1;
                    read.saturating_sub(axis.len + axis.padding)
                }
            };
            around.push((axis.padding, end));
            axis.len += axis.padding + end;
            axis.padding = 0;
        }
        x.padded(op, &around, self.mode).map(Some)
    }

    fn axis(self, i: usize, len: usize, weight: &Tensor) -> Axis {
        Axis {
            len,
            outputs: 0,
            taps: weight.shape()[i + 2],
            stride: self.stride[i],
            padding: 0,
            dilation: self.dilation[i],
        }
    }

    fn sizes(self, weight: &Tensor) -> String {
        let padding = match self.padding {
            Padding::Both(padding) => format!("{padding:?}"),
            Padding::Same => "same".to_owned(),
            Padding::SameStrided => "same_strided".to_owned(),
        };
        format!(
            "kernel {:?}, stride {:?}, padding {padding}, dilation {:?}",
            &weight.shape()[2..],
            self.stride,
            self.dilation
        )
    }

    fn misfit(self, op: &'static str, form: &str, x: &Tensor, weight: &Tensor) -> Error {
        let groups = self.groups;
        let reason = format!(
            "expected a weight {form} for an input with {} channels and {groups} group{}",
            x.shape()[1],
            if groups == 1 { "" } else { "s" }
        );
        Error::shape(op, reason, &[x.shape(), weight.shape()])
    }

    /// Checks that elements and padding can be numbered.
    fn addressable(
        self,
        op: &'static str,
        geometry: &Geometry,
        x: &Tensor,
        weight: &Tensor,
    ) -> Result<()> {
        let channels = geometry.inputs.max(geometry.outputs);
        let planes = geometry.batch.max(1).saturating_mul(geometry.groups);
        let images = geometry.axes.iter().fold(planes, |product, axis| {
            let reach = (axis.taps - 1).saturating_mul(axis.dilation);
            let padded = axis.len.saturating_add(axis.padding).saturating_add(reach);
            product.saturating_mul(padded.saturating_add(axis.outputs))
        });
        if images.saturating_mul(channels) > isize::MAX as usize {
            let reason = format!("too many elements to address, with {}", self.sizes(weight));
            return Err(Error::shape(op, reason, &[x.shape(), weight.shape()]));
        }
        // The kernels copy planes with their padding and all that windows reach over.
        let lengths = geometry.axes.map(|axis| {
            let reach = (axis.taps - 1) * axis.dilation;
            axis.outputs.max(axis.len / axis.stride) + reach / axis.stride + 2
        });
        let plane = lengths
            .iter()
            .fold(channels, |len, n| len.saturating_mul(*n));
        if plane > (1 << 24) && plane / 8 > x.len() {
            let shape: Shape = [channels].into_iter().chain(lengths).collect();
            shape.reserve(op, x.dtype())?;
        }
        Ok(())
    }
}

/// Returns the axis with the shortest stride that has the same windows. The stride of a single
/// window may be any number.
fn with_short_stride(mut axis: Axis) -> Axis {
    if axis.outputs == 1 {
        let reach = (axis.taps - 1).saturating_mul(axis.dilation);
        let padded = axis.len.saturating_add(axis.padding);
        axis.stride = axis.stride.min(padded.saturating_add(reach));
    }
    axis
}

fn expect_bias(
    op: &'static str,
    bias: Option<&Tensor>,
    outputs: usize,
    weight: &Tensor,
) -> Result<()> {
    match bias.filter(|bias| bias.shape() != [outputs]) {
        Some(bias) => {
            let reason = format!("expected a bias of length {outputs}");
            Err(Error::shape(op, reason, &[weight.shape(), bias.shape()]))
        }
        None => Ok(()),
    }
}
