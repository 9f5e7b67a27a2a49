//! Convolutions and transposed convolutions in one to three dimensions.

mod builder;

pub(crate) use builder::Built;
pub use builder::ConvBuilder;
use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Convolution, Result, Spatial, Tensor};
use cotangent_macros::Module;

/// A convolution over `D` spatial axes. [`Conv1d`], [`Conv2d`] and [`Conv3d`] are this layer for
/// one, two and three.
///
/// Input (batch, in, …), output (batch, out, …). The weight is (out, in / groups, lengths of the
/// kernel…) and the bias (out), as in PyTorch. An axis of length L gives
/// `floor((L + 2 padding - dilation (k - 1) - 1) / stride) + 1` outputs. See [`Tensor::conv`] for
/// the exact meaning.
///
/// By default the weight is drawn Glorot uniform and the bias is 0, as in Keras. PyTorch draws both
/// uniformly from ±1/√(in / groups · taps): use [`ConvBuilder::pytorch_default`].
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let images = Tensor::zeros([8, 3, 32, 32], DType::F32)?;
/// let layer = Conv2d::new(3, 16, 3, &mut rng)?;
/// assert_eq!(layer.predict(&images)?.shape(), [8, 16, 30, 30]);
///
/// let layer = Conv2d::builder(3, 16, [3, 5]).stride(2).padding([1, 2]).no_bias();
/// let layer = layer.weight(init::he_normal()).build(&mut rng)?;
/// assert_eq!(layer.predict(&images)?.shape(), [8, 16, 16, 16]);
///
/// let depthwise = Conv2d::builder(3, 3, 3).groups(3).same();
/// let depthwise = depthwise.padding_mode(PaddingMode::Reflect).build(&mut rng)?;
/// assert_eq!(depthwise.weight.shape(), [3, 1, 3, 3]);
/// assert_eq!(depthwise.predict(&images)?.shape(), [8, 3, 32, 32]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "Convolution2D")]
#[doc(alias = "DepthwiseConv2D")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct Conv<const D: usize> {
    /// The weight, (out, in / groups, lengths of the kernel…).
    pub weight: Param,
    /// The bias, (out).
    pub bias: Option<Param>,
    #[module(skip)]
    options: Convolution<D>,
}

/// A convolution of (batch, channels, length).
pub type Conv1d = Conv<1>;
/// A convolution of (batch, channels, height, width).
pub type Conv2d = Conv<2>;
/// A convolution of (batch, channels, depth, height, width).
pub type Conv3d = Conv<3>;

impl<const D: usize> Conv<D> {
    /// Creates a layer from `in_channels` to `out_channels` with a bias, stride 1 and no padding.
    /// The lengths of the kernel are an array, or one number for all axes.
    ///
    /// # Errors
    /// Returns the errors of [`ConvBuilder::build`].
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel: impl Into<Spatial<D>>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        Self::builder(in_channels, out_channels, kernel).build(rng)
    }

    /// Returns a builder for the options.
    pub fn builder(
        in_channels: usize,
        out_channels: usize,
        kernel: impl Into<Spatial<D>>,
    ) -> ConvBuilder<D, Self> {
        ConvBuilder::of(in_channels, out_channels, kernel.into())
    }

    /// Returns stride, padding, dilation and groups.
    pub fn options(&self) -> Convolution<D> {
        self.options
    }
}

impl<const D: usize> Layer for Conv<D> {
    /// # Errors
    /// Returns the errors of [`Tensor::conv`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let bias = self.bias.as_ref().map(|bias| bias.read(pass));
        x.conv(&self.weight.read(pass), bias.as_ref(), self.options)
    }
}

/// A transposed convolution over `D` spatial axes. [`ConvTranspose1d`], [`ConvTranspose2d`] and
/// [`ConvTranspose3d`] are this layer for one, two and three.
///
/// Input (batch, in, …), output (batch, out, …). The weight is (in, out / groups, lengths of the
/// kernel…) and the bias (out), as in PyTorch. An axis of length L gives
/// `(L - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1` outputs. See
/// [`Tensor::conv_transpose`] for the exact meaning.
///
/// By default the weight is drawn Glorot uniform and the bias is 0. The fan in of an initializer is
/// in / groups · taps, the inputs of an output at stride 1. PyTorch draws both uniformly from
/// ±1/√(out / groups · taps): use [`ConvBuilder::pytorch_default`].
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let layer = ConvTranspose2d::builder(16, 3, 4).stride(2).padding(1).build(&mut rng)?;
/// let images = Tensor::zeros([8, 16, 7, 7], DType::F32)?;
/// assert_eq!(layer.predict(&images)?.shape(), [8, 3, 14, 14]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "Deconvolution")]
#[doc(alias = "Conv2DTranspose")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct ConvTranspose<const D: usize> {
    /// The weight, (in, out / groups, lengths of the kernel…).
    pub weight: Param,
    /// The bias, (out).
    pub bias: Option<Param>,
    #[module(skip)]
    options: Convolution<D>,
}

/// A transposed convolution of (batch, channels, length).
pub type ConvTranspose1d = ConvTranspose<1>;
/// A transposed convolution of (batch, channels, height, width).
pub type ConvTranspose2d = ConvTranspose<2>;
/// A transposed convolution of (batch, channels, depth, height, width).
pub type ConvTranspose3d = ConvTranspose<3>;

impl<const D: usize> ConvTranspose<D> {
    /// Creates a layer from `in_channels` to `out_channels` with a bias, stride 1 and no padding.
    /// The lengths of the kernel are an array, or one number for all axes.
    ///
    /// # Errors
    /// Returns the errors of [`ConvBuilder::build`].
    pub fn new(
        in_channels: usize,
        out_channels: usize,
        kernel: impl Into<Spatial<D>>,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self> {
        Self::builder(in_channels, out_channels, kernel).build(rng)
    }

    /// Returns a builder for the options.
    pub fn builder(
        in_channels: usize,
        out_channels: usize,
        kernel: impl Into<Spatial<D>>,
    ) -> ConvBuilder<D, Self> {
        ConvBuilder::of(in_channels, out_channels, kernel.into())
    }

    /// Returns stride, padding, dilation and groups.
    pub fn options(&self) -> Convolution<D> {
        self.options
    }
}

impl<const D: usize> Layer for ConvTranspose<D> {
    /// # Errors
    /// Returns the errors of [`Tensor::conv_transpose`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let bias = self.bias.as_ref().map(|bias| bias.read(pass));
        x.conv_transpose(&self.weight.read(pass), bias.as_ref(), self.options)
    }
}
