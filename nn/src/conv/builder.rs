//! The builder of convolutions and transposed convolutions.

use super::{Conv, ConvTranspose};
use crate::init::{self, Init};
use cotangent_core::module::Param;
use cotangent_core::random::Rng;
use cotangent_core::{Convolution, DType, Error, PaddingMode, Result, Spatial, Tensor};
use std::marker::PhantomData;

/// A builder of convolutions, [`Conv`] and [`ConvTranspose`].
///
/// Options of axes are an array with a number for each, or one number for all.
#[derive(Clone, Debug)]
#[must_use]
pub struct ConvBuilder<const D: usize, M> {
    in_channels: usize,
    out_channels: usize,
    kernel: Spatial<D>,
    options: Convolution<D>,
    weight: Draw,
    bias: Option<Draw>,
    built: PhantomData<fn() -> M>,
}

#[derive(Clone, Copy, Debug)]
enum Draw {
    By(Init),
    AsPytorch,
}

type Conv1dBuilder = ConvBuilder<1, Conv<1>>;
type Conv2dBuilder = ConvBuilder<2, Conv<2>>;
type Conv3dBuilder = ConvBuilder<3, Conv<3>>;
type ConvTranspose1dBuilder = ConvBuilder<1, ConvTranspose<1>>;
type ConvTranspose2dBuilder = ConvBuilder<2, ConvTranspose<2>>;
type ConvTranspose3dBuilder = ConvBuilder<3, ConvTranspose<3>>;

cotangent_core::unbuilt! {
    Conv1dBuilder forward(Pass) predict();
    Conv2dBuilder forward(Pass) predict();
    Conv3dBuilder forward(Pass) predict();
    ConvTranspose1dBuilder forward(Pass) predict();
    ConvTranspose2dBuilder forward(Pass) predict();
    ConvTranspose3dBuilder forward(Pass) predict();
}

/// A layer that the builder creates.
pub trait Built<const D: usize>: Sized {
    #[doc(hidden)]
    const OP: &'static str;
    /// Whether the weight is (in, out / groups, …).
    #[doc(hidden)]
    const TRANSPOSED: bool;
    /// Creates it from the parts.
    #[doc(hidden)]
    fn from_parts(weight: Param, bias: Option<Param>, options: Convolution<D>) -> Self;
}

impl<const D: usize> Built<D> for Conv<D> {
    const OP: &'static str = "conv";
    const TRANSPOSED: bool = false;
    fn from_parts(weight: Param, bias: Option<Param>, options: Convolution<D>) -> Self {
        Self {
            weight,
            bias,
            options,
        }
    }
}

impl<const D: usize> Built<D> for ConvTranspose<D> {
    const OP: &'static str = "conv_transpose";
    const TRANSPOSED: bool = true;
    fn from_parts(weight: Param, bias: Option<Param>, options: Convolution<D>) -> Self {
        Self {
            weight,
            bias,
            options,
        }
    }
}

impl<const D: usize, M: Built<D>> ConvBuilder<D, M> {
    pub(super) fn of(in_channels: usize, out_channels: usize, kernel: Spatial<D>) -> Self {
        Self {
            in_channels,
            out_channels,
            kernel,
            options: Convolution::new(),
            weight: Draw::By(init::glorot_uniform()),
            bias: Some(Draw::By(init::zeros())),
            built: PhantomData,
        }
    }

    /// Sets the distance from one window to the next, at least 1. Default: 1.
    #[doc(alias = "strides")]
    pub fn stride(mut self, stride: impl Into<Spatial<D>>) -> Self {
        self.options = self.options.stride(stride);
        self
    }

    /// Sets the number of elements that are added at both ends of each axis. A transposed
    /// convolution removes as many at both ends of the result. Default: 0.
    pub fn padding(mut self, padding: impl Into<Spatial<D>>) -> Self {
        self.options = self.options.padding(padding);
        self
    }

    /// Sets the distance between neighbouring elements of a window, at least 1. Default: 1.
    #[doc(alias = "dilation_rate")]
    #[doc(alias = "atrous")]
    pub fn dilation(mut self, dilation: impl Into<Spatial<D>>) -> Self {
        self.options = self.options.dilation(dilation);
        self
    }

    /// Splits the channels of input and output into this many groups, which are convolutions of
    /// their own. With as many groups as input channels the convolution is depthwise. Default: 1.
    #[doc(alias = "depthwise")]
    pub fn groups(mut self, groups: usize) -> Self {
        self.options = self.options.groups(groups);
        self
    }

    /// Sets the initializer of the weight. Default: [`glorot_uniform`](init::glorot_uniform).
    ///
    /// Each group is drawn by itself. So the fan in is in / groups · taps, and the fan out is
    /// out / groups · taps.
    #[doc(alias = "kernel_initializer")]
    pub fn weight(mut self, init: Init) -> Self {
        self.weight = Draw::By(init);
        self
    }

    /// Sets the initializer of the bias. Default: zeros.
    #[doc(alias = "bias_initializer")]
    pub fn bias(mut self, init: Init) -> Self {
        self.bias = Some(Draw::By(init));
        self
    }

    /// Leaves out the bias. Do this before a batch normalization, which subtracts the bias again:
    /// its beta replaces it.
    #[doc(alias = "use_bias")]
    pub fn no_bias(mut self) -> Self {
        self.bias = None;
        self
    }

    /// Draws weight and bias as PyTorch does, both uniformly from ±1/√fan. For a convolution the
    /// fan is in / groups · taps, for a transposed one out / groups · taps.
    pub fn pytorch_default(mut self) -> Self {
        self.weight = Draw::AsPytorch;
        self.bias = self.bias.map(|_| Draw::AsPytorch);
        self
    }

    /// Creates the layer: draws the weight of each group, then the bias.
    ///
    /// # Errors
    /// [`Error::Argument`] if a number of channels, a length of the kernel, a stride, a dilation or
    /// the number of groups is 0, if the groups do not divide the channels, if
    /// [`same`](Convolution::same) is with a stride above 1, if the output padding is not less than
    /// the stride or the dilation, or if the number of axes is not 1 to 3; and the errors of
    /// [`Init::draw`].
    pub fn build(self, rng: &mut (impl Rng + ?Sized)) -> Result<M> {
        let (op, groups) = (M::OP, self.options.group_count());
        self.options.check(op)?;
        let channels = [self.in_channels, self.out_channels];
        if channels.contains(&0) || self.kernel.contains(&0) {
            let reason = format!(
                "expected channels and a kernel above 0, found in_channels {}, out_channels {} \
                 and kernel {:?}",
                self.in_channels, self.out_channels, *self.kernel
            );
            return Err(Error::argument(op, reason));
        }
        if channels
            .iter()
            .any(|channels| !channels.is_multiple_of(groups))
        {
            let reason = format!(
                "expected channels that can be divided into {groups} groups, found in_channels {} \
                 and out_channels {}",
                self.in_channels, self.out_channels
            );
            return Err(Error::argument(op, reason));
        }
        let (inputs, outputs) = (self.in_channels / groups, self.out_channels / groups);
        let fan = if M::TRANSPOSED { outputs } else { inputs };
        let taps = self.kernel.iter().map(|&len| len as f64).product::<f64>();
        let limit = 1.0 / (fan as f64 * taps).sqrt();
        let draw = |draw| match draw {
            Draw::By(init) => init,
            Draw::AsPytorch => init::uniform(-limit, limit),
        };
        let (weight, bias) = (draw(self.weight), self.bias.map(draw));
        let shape = [&[outputs, inputs], &self.kernel[..]].concat();
        if groups > 1 {
            // Each of many groups is small: their draws would find too late that memory is short.
            let whole = [&[self.out_channels, inputs], &self.kernel[..]].concat();
            let _ = Tensor::zeros(whole, DType::F32)?;
        }
        let mut drawn = Vec::new();
        for _ in 0..groups {
            let group = weight.draw(&shape, rng)?;
            drawn.push(if M::TRANSPOSED {
                group.transpose(0, 1)?
            } else {
                group
            });
        }
        let weight = Param::new(&Tensor::cat(&drawn, 0)?);
        let bias = bias.map(|bias| bias.draw(&[self.out_channels], rng));
        let bias = bias.transpose()?.map(|bias| Param::new(&bias));
        Ok(M::from_parts(weight, bias, self.options))
    }
}

impl<const D: usize> ConvBuilder<D, Conv<D>> {
    /// Adds as many elements as make the result as long as the input. The stride must be 1. If
    /// their number is odd, there is one more at the end. PyTorch: `padding='same'`.
    pub fn same(mut self) -> Self {
        self.options = self.options.same();
        self
    }

    /// Adds as many elements as make the result as long as the input divided by the stride, rounded
    /// up, as TensorFlow's and Keras's `same`. See [`Convolution::same_strided`].
    pub fn same_strided(mut self) -> Self {
        self.options = self.options.same_strided();
        self
    }

    /// Sets the values of the added elements. Default: zeros.
    pub fn padding_mode(mut self, mode: PaddingMode) -> Self {
        self.options = self.options.padding_mode(mode);
        self
    }
}

impl<const D: usize> ConvBuilder<D, ConvTranspose<D>> {
    /// Adds this many elements at the end of each axis of the result, less than the stride or the
    /// dilation. Default: 0. See [`Convolution::output_padding`].
    pub fn output_padding(mut self, elements: impl Into<Spatial<D>>) -> Self {
        self.options = self.options.output_padding(elements);
        self
    }
}
