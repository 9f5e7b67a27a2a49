//! Unfolding (im2col) and folding, its transpose.

use super::planes::with_lengths;
use super::planes::{check_dimensions, spatial};
use super::windows::Windows;
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::pool::unfold;
use crate::kernel::pool::windows as kernel;
use crate::tensor::{Array, Shape, Spatial, refusable, with_dtype};
use smallvec::smallvec;

/// # Pooling and windows
impl Tensor {
    /// Copies the elements of each window to a column: (batch, channels, …) becomes
    /// (batch, channels · elements of a window, windows). This is im2col: the product of a
    /// convolution's weights, (out, in · elements), with it is the convolution.
    ///
    /// `windows` are the lengths of the windows, `[3, 3]`, or [`Windows`] with options. The default
    /// stride is 1. Padding is 0 and may have any length. Rows are in the order of the channels,
    /// then of the elements of a window; columns in the order of the windows. PyTorch has it for
    /// two spatial axes, here it is for one to three.
    ///
    /// The method of the same name of PyTorch's tensors, which creates a view, is another one.
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have a batch, a channel and `D` more axes, if a
    /// window is longer than the padded input, or if the result has more elements than memory can
    /// hold; [`Error::Argument`] if a length, stride or dilation is 0, or an option is one of
    /// pooling.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).reshape([1, 1, 4])?;
    /// let columns = x.unfold([2])?;
    /// assert_eq!(columns.to_string(), "[[[1. 2. 3.]\n  [2. 3. 4.]]]");
    /// let difference = Tensor::from([[-1.0f32, 1.0]]).matmul(&columns)?;
    /// assert_eq!(difference.to_vec::<f32>()?, [1.0, 1.0, 1.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "im2col")]
    pub fn unfold<const D: usize>(&self, windows: impl Into<Windows<D>>) -> Result<Self> {
        let windows = windows.into();
        let lengths = spatial("unfold", self, D)?;
        let windows = windows.get().copies("unfold", self, lengths)?;
        let (batch, channels) = (self.shape()[0], self.shape()[1]);
        let rows = channels.saturating_mul(windows.taps());
        let columns = Shape::from([batch, rows, windows.outputs()]);
        columns.reserve("unfold", self.dtype())?;
        let folded = Folded {
            windows,
            image: self.array().shape().clone(),
            columns,
        };
        refusable("unfold", || Ok(folded.unfold(self)))
    }

    /// Adds columns up to a tensor of spatial axes with these lengths, the transpose of
    /// [`unfold`](Self::unfold): (batch, channels · elements of a window, windows) becomes
    /// (batch, channels, lengths…). Elements that several windows share are the sums of all.
    ///
    /// # Errors
    /// [`Error::Shape`] if the columns are not as many as the windows, if the rows cannot be
    /// divided by the elements of a window, or if a window is longer than the padded lengths;
    /// [`Error::Argument`] if a length, stride or dilation is 0, or an option is one of pooling.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).reshape([1, 1, 4])?;
    /// let sums = x.unfold([2])?.fold([4], [2])?;
    /// assert_eq!(sums.to_vec::<f32>()?, [1.0, 4.0, 6.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "col2im")]
    pub fn fold<const D: usize>(
        &self,
        lengths: impl Into<Spatial<D>>,
        windows: impl Into<Windows<D>>,
    ) -> Result<Self> {
        let (lengths, windows) = (lengths.into(), windows.into());
        check_dimensions("fold", D)?;
        let &[batch, rows, columns] = self.shape() else {
            let reason = "expected columns (batch, channels · elements of a window, windows)";
            return Err(Error::shape("fold", reason, &[self.shape()]));
        };
        let mut windows = windows.get().copies("fold", self, &lengths[..])?;
        let (taps, outputs) = (windows.taps(), windows.outputs());
        if !rows.is_multiple_of(taps) || columns != outputs {
            let reason = format!(
                "expected {outputs} columns, one for each window, and rows that can be divided by \
                 {taps}, the elements of a window"
            );
            return Err(Error::shape("fold", reason, &[self.shape()]));
        }
        windows.planes = batch * (rows / taps);
        let image = with_lengths(&[batch, rows / taps], &lengths[..]);
        image.reserve("fold", self.dtype())?;
        let folded = Folded {
            windows,
            image,
            columns: self.array().shape().clone(),
        };
        refusable("fold", || Ok(folded.fold(self)))
    }
}

/// The shapes of an unfolding and of the folding that is its transpose.
#[derive(Clone)]
struct Folded {
    windows: kernel::Windows,
    image: Shape,
    columns: Shape,
}

impl Folded {
    fn unfold(&self, x: &Tensor) -> Tensor {
        let y = with_dtype!(x.dtype(), F => {
            let xs = &*x.array().contiguous::<F>();
            Array::build::<F>(self.columns.clone(), |out| unfold::unfold(xs, &self.windows, out))
        });
        Tensor::from_op(y.into(), &[x], || Unfold(self.clone()))
    }

    fn fold(&self, x: &Tensor) -> Tensor {
        let y = with_dtype!(x.dtype(), F => {
            let xs = &*x.array().contiguous::<F>();
            Array::build::<F>(self.image.clone(), |out| unfold::fold(xs, &self.windows, out))
        });
        Tensor::from_op(y.into(), &[x], || Fold(self.clone()))
    }
}

struct Unfold(Folded);

impl Op for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }
    fn kind(&self) -> OpKind {
        OpKind::Shape
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(self.0.fold(&cotangent))])
    }
}

struct Fold(Folded);

impl Op for Fold {
    fn name(&self) -> &'static str {
        "fold"
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(self.0.unfold(&cotangent))])
    }
}
