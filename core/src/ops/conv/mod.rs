//! Convolutions and transposed convolutions in one to three dimensions.
//!
//! The convolution F(x, w), its transpose T(g, w) and the gradient of its weights W(x, g) are one
//! operation with three maps, and the derivatives of each are the two others. So derivatives of
//! every order run on the same kernels.

pub(super) mod options;

use self::options::Convolution;
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::Result;
use crate::kernel::conv::{Geometry, sums, weights};
use crate::ops::sum_of_some;
use crate::tensor::{Array, Shape, refusable, with_dtype};
use smallvec::smallvec;

/// # Convolution
impl Tensor {
    /// Computes the convolution: (batch, in, …) and the weight (out, in / groups, lengths of the
    /// kernel…) give (batch, out, …), plus the bias (out). As in every framework, the kernel is not
    /// flipped: it is a cross-correlation.
    ///
    /// There are `D` spatial axes, 1 to 3. With [`Convolution`]'s stride, padding and dilation, an
    /// axis of length L gives `floor((L + 2 padding - dilation (k - 1) - 1) / stride) + 1` outputs.
    /// No matrix of windows (im2col) is created. Gradients of every order run on the same kernels.
    ///
    /// The result has the same bits for any number of threads: the sums are over the channels of
    /// the input, then over the taps, in order.
    ///
    /// In `f32`, windows of 3×3 with stride 1 over 12 or more channels are computed in tiles of 2×2
    /// outputs with 4/9 of the products, or, in batches of images, in tiles of 4×4 outputs with 1/4
    /// of them (Lavin, Gray 2016, Fast Algorithms for Convolutional Neural Networks). For elements
    /// of similar size the rounding errors are smaller than those of the sums in order, or, for
    /// tiles of 4×4, about two times as large. But an element that is not finite, or above 1e34,
    /// may make all outputs of its tile infinite or NaN, and one that is 10⁶ times larger than its
    /// neighbours takes the digits of theirs. PyTorch's sums have neither on a CPU. Compute in
    /// `f64` if such elements must be possible.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the input does not have a batch, channels and `D`
    /// more axes, the weight does not fit, the channels cannot be divided by the groups, or the
    /// kernel is longer than the padded input; [`Error::Argument`](crate::Error::Argument) if a
    /// stride, a dilation or the number of groups is 0,
    /// [`output_padding`](Convolution::output_padding) is set, or the padding is too long for its
    /// [mode](Convolution::padding_mode);
    /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 4.0, 7.0]).reshape([1, 1, 4])?;
    /// let difference = Tensor::from([-1.0f32, 1.0]).reshape([1, 1, 2])?;
    /// let y = x.conv(&difference, None, Convolution::<1>::new())?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    ///
    /// let x = Tensor::zeros([8, 3, 32, 32], DType::F32)?;
    /// let weight = Tensor::zeros([16, 3, 3, 3], DType::F32)?;
    /// let y = x.conv(&weight, None, Convolution::<2>::new().stride(2).padding(1))?;
    /// assert_eq!(y.shape(), [8, 16, 16, 16]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "conv1d")]
    #[doc(alias = "conv2d")]
    #[doc(alias = "conv3d")]
    #[doc(alias = "cross_correlation")]
    pub fn conv<const D: usize>(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        options: Convolution<D>,
    ) -> Result<Self> {
        let op = "conv";
        let mut geometry = options.get().convolution(op, self, weight, bias)?;
        let padded = options.get().padded(op, self, &mut geometry)?;
        let image = padded.as_ref().unwrap_or(self);
        let shape = result(
            self.shape()[0],
            weight.shape()[0],
            geometry.axes,
            D,
            |axis| axis.outputs,
        );
        Call {
            map: Map::Convolution,
            op,
            geometry,
            shapes: Shapes {
                image: image.array().shape().clone(),
                weight: weight.array().shape().clone(),
                result: shape,
            },
        }
        .record(image, weight, bias)
    }

    /// Computes the transpose of a convolution: (batch, in, …) and the weight
    /// (in, out / groups, lengths of the kernel…) give (batch, out, …), plus the bias (out).
    ///
    /// It is the map that a convolution with the same weight and options has as its gradient by the
    /// input. An axis of length L gives
    /// `(L - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1` outputs. See
    /// [`output_padding`](Convolution::output_padding) for the number at the end.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the input does not have a batch, channels and `D`
    /// more axes, the weight does not fit, the channels cannot be divided by the groups, or nothing
    /// is left of the result inside the padding; [`Error::Argument`](crate::Error::Argument) if a
    /// stride, a dilation or the number of groups is 0, the output padding is not less than the
    /// stride or the dilation, the padding is [`same`](Convolution::same), or there is a padding
    /// mode;
    /// [`Error::DType`](crate::Error::DType) if the dtypes differ.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0]).reshape([1, 1, 2])?;
    /// let weight = Tensor::from([1.0f32, 10.0, 100.0]).reshape([1, 1, 3])?;
    /// let y = x.conv_transpose(&weight, None, Convolution::<1>::new().stride(2))?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 10.0, 102.0, 20.0, 200.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "conv_transpose1d")]
    #[doc(alias = "conv_transpose2d")]
    #[doc(alias = "conv_transpose3d")]
    #[doc(alias = "deconvolution")]
    pub fn conv_transpose<const D: usize>(
        &self,
        weight: &Self,
        bias: Option<&Self>,
        options: Convolution<D>,
    ) -> Result<Self> {
        let op = "conv_transpose";
        let geometry = options.get().transpose(op, self, weight, bias)?;
        let channels = geometry.groups * geometry.inputs;
        let shape = result(self.shape()[0], channels, geometry.axes, D, |axis| axis.len);
        Call {
            map: Map::Transpose,
            op,
            geometry,
            shapes: Shapes {
                image: shape,
                weight: weight.array().shape().clone(),
                result: self.array().shape().clone(),
            },
        }
        .record(self, weight, bias)
    }
}

/// Returns the shape of a result with these lengths of the last `dimensions` axes.
fn result<A: Copy>(
    batch: usize,
    channels: usize,
    axes: [A; 3],
    dimensions: usize,
    len: impl Fn(&A) -> usize,
) -> Shape {
    let lengths = axes[3 - dimensions..].iter().map(len);
    [batch, channels].into_iter().chain(lengths).collect()
}

/// Which of the three maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Map {
    /// The image and the weight give the result.
    Convolution,
    /// A cotangent of the result and the weight give one of the image.
    Transpose,
    /// The image and a cotangent of the result give one of the weight.
    Weight,
}

/// The shapes of a convolution's operands and result, whichever map is computed.
#[derive(Clone, Debug)]
struct Shapes {
    image: Shape,
    weight: Shape,
    result: Shape,
}

/// One map with its sizes.
#[derive(Clone, Debug)]
struct Call {
    map: Map,
    /// The name of the operation that the user called.
    op: &'static str,
    geometry: Geometry,
    shapes: Shapes,
}

impl Call {
    /// Computes and records the map.
    fn record(self, a: &Tensor, b: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let op = self.op;
        let shape = match self.map {
            Map::Convolution => &self.shapes.result,
            Map::Transpose => &self.shapes.image,
            Map::Weight => &self.shapes.weight,
        };
        shape.reserve(op, a.dtype())?;
        let shape = shape.clone();
        refusable(op, || {
            let output = Tensor::from(self.compute(a.array(), b.array(), bias, shape));
            let recorded = || Recorded {
                call: self,
                a: b.is_tracked().then(|| a.clone()),
                b: a.is_tracked().then(|| b.clone()),
            };
            Ok(match bias {
                Some(bias) => Tensor::from_op(output, &[a, b, bias], recorded),
                None => Tensor::from_op(output, &[a, b], recorded),
            })
        })
    }

    fn compute(&self, a: &Array, b: &Array, bias: Option<&Tensor>, shape: Shape) -> Array {
        let geometry = &self.geometry;
        with_dtype!(a.dtype(), F => {
            let (a, b) = (&*a.contiguous::<F>(), &*b.contiguous::<F>());
            let bias = bias.map(|bias| bias.array().contiguous::<F>());
            let bias = bias.as_deref();
            Array::build::<F>(shape, |out| match self.map {
                Map::Convolution => sums::convolve(geometry, a, b, bias, out),
                Map::Transpose => sums::transpose(geometry, a, b, bias, out),
                Map::Weight => weights::gradient(geometry, a, b, out),
            })
        })
    }

    /// Computes another map of the same convolution.
    fn other(&self, map: Map, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        let call = Self {
            map,
            ..self.clone()
        };
        call.record(a, b, None)
    }
}

/// A computed map. Each operand is saved for the other's cotangent.
struct Recorded {
    call: Call,
    a: Option<Tensor>,
    b: Option<Tensor>,
}

impl Op for Recorded {
    fn name(&self) -> &'static str {
        self.call.op
    }
    fn kind(&self) -> OpKind {
        match self.call.map {
            Map::Convolution | Map::Transpose => OpKind::Convolution,
            Map::Weight => OpKind::Product,
        }
    }
    /// Counts all elements of all windows, also those of the padding.
    fn multiply_adds(&self, _: &[&[usize]], _: &[usize]) -> u64 {
        self.call.geometry.multiplications() as u64
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let call = &self.call;
        let da = match &self.b {
            Some(b) if context.wants(0) => {
                let b = context.saved(b);
                Some(match call.map {
                    Map::Convolution => call.other(Map::Transpose, &cotangent, &b)?,
                    Map::Transpose => call.other(Map::Convolution, &cotangent, &b)?,
                    Map::Weight => call.other(Map::Transpose, &b, &cotangent)?,
                })
            }
            _ => None,
        };
        let db = match &self.a {
            Some(a) if context.wants(1) => {
                let a = context.saved(a);
                Some(match call.map {
                    Map::Convolution => call.other(Map::Weight, &a, &cotangent)?,
                    Map::Transpose => call.other(Map::Weight, &cotangent, &a)?,
                    Map::Weight => call.other(Map::Convolution, &a, &cotangent)?,
                })
            }
            _ => None,
        };
        let mut cotangents: Cotangents = smallvec![da, db];
        if context.parents.len() == 3 {
            let axes = (0..cotangent.rank() as isize).filter(|&axis| axis != 1);
            let wanted = context.wants(2).then(|| axes.collect::<Vec<_>>());
            let dbias = wanted.map(|axes| cotangent.sum_over(axes));
            cotangents.push(dbias.transpose()?);
        }
        Ok(cotangents)
    }
    /// Each map is linear in both operands.
    fn jvp(&self, tangents: &[Option<Tensor>], context: &Vjp) -> Result<Option<Tensor>> {
        let call = &self.call;
        let left = match (&tangents[0], &self.b) {
            (Some(da), Some(b)) => Some(call.other(call.map, da, &context.saved(b))?),
            _ => None,
        };
        let right = match (&self.a, &tangents[1]) {
            (Some(a), Some(db)) => Some(call.other(call.map, &context.saved(a), db)?),
            _ => None,
        };
        let sum = sum_of_some(left, right)?;
        let (Some(sum), Some(Some(bias))) = (&sum, tangents.get(2)) else {
            return Ok(sum);
        };
        let mut shape = vec![1; sum.rank()];
        shape[1] = bias.len();
        Ok(Some(sum.add(&bias.reshape(&shape[..])?)?))
    }

    fn shares(&self, operand: usize, _: &[usize], _: &[usize]) -> bool {
        operand > 0 && self.call.map != Map::Weight
    }

    /// The gradients of the weights are those of a convolution with a group for each sample.
    fn vjp_each(
        &self,
        cotangent: &Tensor,
        samples: usize,
        context: &Vjp,
    ) -> Result<Option<Cotangents>> {
        let call = &self.call;
        if context.wants(0) || call.map == Map::Weight || call.geometry.batch != samples {
            return Ok(None);
        }
        let db = match &self.a {
            Some(a) if context.wants(1) => {
                let (image, result) = match call.map {
                    Map::Transpose => (cotangent, a),
                    _ => (a, cotangent),
                };
                let grouped = |shape: &Shape| -> Shape {
                    let rest = shape[2..].iter().copied();
                    [1, samples * shape[1]].into_iter().chain(rest).collect()
                };
                let (first, rest) = (call.shapes.weight[0], &call.shapes.weight[1..]);
                let weight = [samples * first].into_iter().chain(rest.iter().copied());
                let mut geometry = call.geometry;
                geometry.batch = 1;
                geometry.groups *= samples;
                let each = Call {
                    map: Map::Weight,
                    op: call.op,
                    geometry,
                    shapes: Shapes {
                        image: grouped(&call.shapes.image),
                        weight: weight.collect(),
                        result: grouped(&call.shapes.result),
                    },
                };
                let image = image.detach().reshape(&each.shapes.image[..])?;
                let result = result.detach().reshape(&each.shapes.result[..])?;
                Some(each.record(&image, &result, None)?)
            }
            _ => None,
        };
        let mut cotangents: Cotangents = smallvec![None, db];
        if context.parents.len() == 3 {
            let axes: Vec<isize> = (2..cotangent.rank() as isize).collect();
            let dbias = context.wants(2).then(|| cotangent.sum_over(axes));
            cotangents.push(dbias.transpose()?);
        }
        Ok(Some(cotangents))
    }
}
