//! Larger tensors from smaller ones: concatenation, stacking, repetition.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp, stretch};
use crate::error::{Error, Result};
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::tensor::{Array, Shape, resolve_axis, with_dtype};
use smallvec::SmallVec;
use std::borrow::Borrow;

/// # Joining and splitting
impl Tensor {
    /// Concatenates tensors along an axis that they have. All other lengths must be equal.
    ///
    /// PyTorch skips tensors of shape (0,) among others of any shape; here they are an error.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no tensors, [`Error::Index`] if there is no such axis,
    /// [`Error::Shape`] if the shapes do not fit, [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let (a, b) = (Tensor::from([[1.0f32], [2.0]]), Tensor::from([[3.0f32, 4.0], [5.0, 6.0]]));
    /// let x = Tensor::cat(&[&a, &b], 1)?;
    /// assert_eq!(x.to_string(), "[[1. 3. 4.]\n [2. 5. 6.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "concat")]
    #[doc(alias = "concatenate")]
    pub fn cat(tensors: &[impl Borrow<Self>], axis: isize) -> Result<Self> {
        let tensors = &borrowed("cat", tensors)?[..];
        let first = tensors[0];
        let axis = resolve_axis("cat", axis, first.rank())?;
        let others = first.array().shape().without(axis);
        for tensor in tensors {
            let fits =
                tensor.rank() == first.rank() && tensor.array().shape().without(axis) == others;
            if !fits {
                let reason = format!("all lengths but those of axis {axis} must be equal");
                let shapes = [first.shape(), tensor.shape()];
                return Err(Error::shape("cat", reason, &shapes));
            }
        }
        let lengths = || tensors.iter().map(|tensor| tensor.shape()[axis]);
        let mut shape = first.array().shape().clone();
        shape.as_mut()[axis] = lengths().fold(0, usize::saturating_add);
        shape.reserve("cat", first.dtype())?;
        let inner: usize = shape[axis + 1..].iter().product();
        let block = shape[axis] * inner;
        let output = with_dtype!(first.dtype(), F => Array::build::<F>(shape, |out| {
            if out.len() == block {
                let mut rest = out;
                for tensor in tensors {
                    let (own, behind) = rest.split_at_mut(tensor.len());
                    tensor.array().copy_to(own);
                    rest = behind;
                }
                return;
            }
            let sources = tensors.iter().map(|tensor| tensor.array().contiguous::<F>());
            let sources: Vec<_> = sources.zip(lengths()).collect();
            parallel::chunks_mut(out, (GRAIN / block.max(1)).max(1) * block, &|start, out| {
                for (i, mut rest) in (start / block..).zip(out.chunks_exact_mut(block)) {
                    for (source, length) in &sources {
                        let len = length * inner;
                        let (own, behind) = rest.split_at_mut(len);
                        own.copy_from_slice(&source[i * len..(i + 1) * len]);
                        rest = behind;
                    }
                }
            });
        }));
        Ok(Self::from_op(output.into(), tensors, || Cat {
            axis,
            lengths: lengths().collect(),
        }))
    }

    /// Stacks tensors of one shape along a new axis in front of axis `axis` (`-1`: after the last).
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no tensors, [`Error::Index`] if the place is out of range,
    /// [`Error::Shape`] if the shapes differ, [`Error::DType`] if the dtypes differ.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let (a, b) = (Tensor::from([1.0f32, 2.0]), Tensor::from([3.0f32, 4.0]));
    /// assert_eq!(Tensor::stack(&[&a, &b], 0)?.to_string(), "[[1. 2.]\n [3. 4.]]");
    /// assert_eq!(Tensor::stack(&[&a, &b], -1)?.to_string(), "[[1. 3.]\n [2. 4.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn stack(tensors: &[impl Borrow<Self>], axis: isize) -> Result<Self> {
        let tensors = borrowed("stack", tensors)?;
        let first = tensors[0];
        let axis = resolve_axis("stack", axis, first.rank() + 1)?;
        if let Some(other) = tensors.iter().find(|x| x.shape() != first.shape()) {
            let shapes = [first.shape(), other.shape()];
            return Err(Error::shape("stack", "the shapes differ", &shapes));
        }
        let mut shape = first.array().shape().clone();
        shape.as_mut().edit(|lengths| lengths.insert(axis, 1));
        let slices: Vec<Self> = tensors.iter().map(|x| x.reshaped(shape.clone())).collect();
        Self::cat(&slices, axis as isize)
    }

    /// Repeats the tensor `times[i]` times along axis `i`. If there are more numbers than axes, new
    /// axes are added in front.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are fewer numbers than axes, unlike in NumPy's `tile`, which
    /// adds ones in front; [`Error::Shape`] if there would be more elements than memory can hold.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0]);
    /// assert_eq!(x.repeat(&[2])?.to_vec::<f32>()?, [1.0, 2.0, 1.0, 2.0]);
    /// assert_eq!(x.repeat(&[3, 1])?.shape(), [3, 2]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "tile")]
    pub fn repeat(&self, times: &[usize]) -> Result<Self> {
        let Some(new) = times.len().checked_sub(self.rank()) else {
            let (given, rank) = (times.len(), self.rank());
            let reason = format!("expected a number for each of {rank} axes, found {given}");
            return Err(Error::argument("repeat", reason));
        };
        let axes = || {
            let lengths = std::iter::repeat_n(1, new).chain(self.shape().iter().copied());
            times.iter().copied().zip(lengths)
        };
        let shape: Shape = axes().map(|(n, len)| len.saturating_mul(n)).collect();
        shape.checked_len("repeat")?;
        // Each axis gets one in front of it, which is stretched and merged:
        // (1, a, 1, b), (m, a, n, b), (ma, nb).
        let apart = self.reshaped(axes().flat_map(|(_, len)| [1, len]).collect());
        let stretched: Shape = axes().flat_map(|(n, len)| [n, len]).collect();
        stretched.checked_len("repeat")?;
        shape.reserve("repeat", self.dtype())?;
        Ok(stretch(&apart, &stretched).reshaped(shape))
    }
}

/// Returns references to the tensors; an error if there are none or their dtypes differ.
pub(super) fn borrowed<'a>(
    op: &'static str,
    tensors: &'a [impl Borrow<Tensor>],
) -> Result<SmallVec<[&'a Tensor; 8]>> {
    if tensors.is_empty() {
        return Err(Error::argument(op, "expected at least one tensor"));
    }
    let tensors: SmallVec<[&Tensor; 8]> = tensors.iter().map(Borrow::borrow).collect();
    Tensor::expect_one_dtype_in(op, "tensors", &tensors)?;
    Ok(tensors)
}

/// The lengths of the operands along the axis.
struct Cat {
    axis: usize,
    lengths: Vec<usize>,
}

impl Op for Cat {
    fn name(&self) -> &'static str {
        "cat"
    }
    fn kind(&self) -> OpKind {
        OpKind::Shape
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let mut start = 0;
        let piece = |(i, &len): (usize, &usize)| {
            start += len;
            context
                .wants(i)
                .then(|| cotangent.narrowed("cat", self.axis, start - len, len))
        };
        Ok(self.lengths.iter().enumerate().map(piece).collect())
    }
}
