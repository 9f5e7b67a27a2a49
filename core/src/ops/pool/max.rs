//! Max pooling and its reverse: each window's largest element, with its place.

use super::planes::{check_dimensions, spatial, three, with_lengths};
use super::windows::Windows;
use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::pool::max;
use crate::kernel::pool::windows::{self as kernel, Axis};
use crate::ops::elementwise::arithmetic;
use crate::tensor::{Array, Indices, Shape, Spatial, refusable, room, with_dtype};
use smallvec::smallvec;
use std::sync::Arc;

/// # Pooling and windows
impl Tensor {
    /// Returns the largest element of each window: (batch, channels, …) becomes
    /// (batch, channels, …) with `floor((L + 2 padding - dilation (length - 1) - 1) / stride) + 1`
    /// windows along an axis of length L.
    ///
    /// `windows` are the lengths of the windows, `[2, 2]`, or [`Windows`] with options. The default
    /// stride is the length. Padding counts as -∞.
    ///
    /// The largest element takes the whole gradient. Of several equal ones this is the first, as in
    /// PyTorch; [`max_over`](Self::max_over) shares it. NaN counts as the largest, and of several
    /// NaN the last takes the gradient.
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have a batch, a channel and `D` more axes, if a
    /// window is longer than the padded input, or if a dilated window lies in the padding
    /// altogether; [`Error::Argument`] if a length, stride or dilation is 0, the padding is more
    /// than half of the window, or an option is not one of maxima.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 0.0]]);
    /// let x = x.reshape([1, 1, 2, 4])?.tracked();
    /// let y = x.max_pool([2, 2])?;
    /// assert_eq!(y.to_vec::<f32>()?, [6.0, 7.0]);
    /// let grads = y.sum().backward()?;
    /// let expected = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0];
    /// assert_eq!(grads.get(&x).unwrap().to_vec::<f32>()?, expected);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "max_pool1d")]
    #[doc(alias = "max_pool2d")]
    #[doc(alias = "max_pool3d")]
    pub fn max_pool<const D: usize>(&self, windows: impl Into<Windows<D>>) -> Result<Self> {
        let windows = windows.into().get().maxima("max_pool", self)?;
        Ok(self.largest("max_pool", windows, D)?.0)
    }

    /// Does the same as [`max_pool`](Self::max_pool), and returns the place of each maximum: its
    /// row-major index in the spatial axes of the input. PyTorch: `return_indices=True`.
    ///
    /// # Errors
    /// Returns the errors of [`max_pool`](Self::max_pool).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 3.0, 2.0, 4.0]).reshape([1, 1, 4])?;
    /// let (y, places) = x.max_pool_with_indices([2])?;
    /// assert_eq!(places.as_slice(), [1, 3]);
    /// let back = y.max_unpool(&places, [4])?;
    /// assert_eq!(back.to_vec::<f32>()?, [0.0, 3.0, 0.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn max_pool_with_indices<const D: usize>(
        &self,
        windows: impl Into<Windows<D>>,
    ) -> Result<(Self, Indices)> {
        let op = "max_pool_with_indices";
        let windows = windows.into().get().maxima(op, self)?;
        let (y, places) = self.largest(op, windows, D)?;
        let indices = places.indices(op, &windows, y.shape())?;
        Ok((y, indices))
    }

    /// Returns the largest elements of windows that divide each spatial axis into as many parts as
    /// `lengths` says: (batch, channels, …) becomes (batch, channels, lengths…).
    ///
    /// Part i of o covers the elements from `floor(i L / o)` to `ceil((i + 1) L / o)` of an axis of
    /// length L, so that parts may overlap. Ties and NaN are those of [`max_pool`](Self::max_pool).
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have a batch, a channel and `D` more axes, or one of
    /// these is empty; [`Error::Argument`] if a length is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 5.0, 2.0, 3.0, 4.0]).reshape([1, 1, 5])?;
    /// assert_eq!(x.adaptive_max_pool([2])?.to_vec::<f32>()?, [5.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "adaptive_max_pool2d")]
    pub fn adaptive_max_pool<const D: usize>(
        &self,
        lengths: impl Into<Spatial<D>>,
    ) -> Result<Self> {
        let op = "adaptive_max_pool";
        let windows = adaptive(op, self, &lengths.into()[..])?;
        Ok(self.largest(op, windows, D)?.0)
    }

    /// Does the same as [`adaptive_max_pool`](Self::adaptive_max_pool), and returns the place of
    /// each maximum, as [`max_pool_with_indices`](Self::max_pool_with_indices).
    ///
    /// # Errors
    /// Returns the errors of [`adaptive_max_pool`](Self::adaptive_max_pool).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 5.0, 2.0, 3.0, 4.0]).reshape([1, 1, 5])?;
    /// let (_, places) = x.adaptive_max_pool_with_indices([2])?;
    /// assert_eq!(places.as_slice(), [1, 4]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn adaptive_max_pool_with_indices<const D: usize>(
        &self,
        lengths: impl Into<Spatial<D>>,
    ) -> Result<(Self, Indices)> {
        let op = "adaptive_max_pool_with_indices";
        let windows = adaptive(op, self, &lengths.into()[..])?;
        let (y, places) = self.largest(op, windows, D)?;
        let indices = places.indices(op, &windows, y.shape())?;
        Ok((y, indices))
    }

    /// Returns the largest element of each channel: (batch, channels, …), with one to three spatial
    /// axes, becomes (batch, channels). Ties and NaN are those of [`max_pool`](Self::max_pool).
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have these axes, or one of the spatial axes is empty.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 5.0, 2.0, 3.0]).reshape([1, 2, 2, 1])?;
    /// assert_eq!(x.global_max_pool()?.to_vec::<f32>()?, [5.0, 3.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "GlobalMaxPooling2D")]
    pub fn global_max_pool(&self) -> Result<Self> {
        let op = "global_max_pool";
        let dimensions = global(op, self)?;
        let windows = adaptive(op, self, &vec![1; dimensions])?;
        let (y, _) = self.largest(op, windows, dimensions)?;
        Ok(y.reshaped(Shape::from(&self.shape()[..2])))
    }

    /// Puts each element at its place in spatial axes of these lengths, and 0 elsewhere:
    /// (batch, channels, …) becomes (batch, channels, lengths…). `indices` has the shape of this
    /// tensor and contains row-major indices in the spatial axes of the result, as
    /// [`max_pool_with_indices`](Self::max_pool_with_indices) returns them.
    ///
    /// Of several elements with one place the last is put there and takes the whole gradient. In
    /// PyTorch it is not defined which of them is put there, and all of them take the gradient.
    ///
    /// # Errors
    /// [`Error::Shape`] if this tensor does not have a batch, a channel and `D` more axes, if
    /// `indices` has another shape, or if the result has more elements than memory can hold;
    /// [`Error::Index`] if an index is not below the product of the lengths.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([5.0f32, 7.0]).reshape([1, 1, 2])?;
    /// let places = Indices::from([0, 2]).reshape([1, 1, 2])?;
    /// assert_eq!(x.max_unpool(&places, [4])?.to_vec::<f32>()?, [5.0, 0.0, 7.0, 0.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "max_unpool2d")]
    pub fn max_unpool<const D: usize>(
        &self,
        indices: &Indices,
        lengths: impl Into<Spatial<D>>,
    ) -> Result<Self> {
        let (op, lengths) = ("max_unpool", lengths.into());
        spatial(op, self, D)?;
        if indices.shape() != self.shape() {
            let reason = "expected an index for each element";
            return Err(Error::shape(op, reason, &[self.shape(), indices.shape()]));
        }
        let shape = with_lengths(self.shape(), &lengths[..]);
        shape.reserve(op, self.dtype())?;
        let inputs: usize = lengths.iter().product();
        indices.check(op, "index", inputs, "elements of the spatial axes")?;
        let planes = shape[0] * shape[1];
        let outputs = self.len().checked_div(planes).unwrap_or(0);
        let form = |len: usize| Shape::from([planes, len]);
        refusable(op, || {
            let indices = indices.reshape(form(outputs))?;
            let mut x = self.reshaped(form(outputs));
            if let Some(kept) = last_of_each(indices.as_slice(), outputs, inputs) {
                let kept = Self::from_vec(kept, form(outputs))?.to_dtype(self.dtype());
                x = arithmetic::kept(&x, &kept);
            }
            let zeros = Self::from(Array::full(self.dtype(), form(inputs), 0.0));
            Ok(zeros.scatter_add(1, &indices, &x)?.reshaped(shape))
        })
    }
}

/// Returns 1 for elements that are the last of their plane with their index and 0 for others, or
/// `None` if there are no others.
fn last_of_each(indices: &[usize], outputs: usize, inputs: usize) -> Option<Vec<f32>> {
    let mut last = vec![usize::MAX; inputs];
    let mut kept = Vec::new();
    for (start, plane) in indices.chunks(outputs.max(1)).enumerate() {
        for (o, &index) in plane.iter().enumerate() {
            let o = start * outputs + o;
            let before = std::mem::replace(&mut last[index], o);
            if before != usize::MAX && before >= start * outputs {
                kept.resize(indices.len(), 1.0);
                kept[before] = 0.0;
            }
        }
    }
    (!kept.is_empty()).then_some(kept)
}

/// Returns the number of spatial axes, 1 to 3, of an input with a batch and channels.
pub(super) fn global(op: &'static str, x: &Tensor) -> Result<usize> {
    if (3..=5).contains(&x.rank()) {
        return Ok(x.rank() - 2);
    }
    let reason = "expected an input (batch, channels, …) with 1 to 3 spatial axes";
    Err(Error::shape(op, reason, &[x.shape()]))
}

/// Returns the windows that divide the spatial axes into parts.
pub(super) fn adaptive(op: &'static str, x: &Tensor, parts: &[usize]) -> Result<kernel::Windows> {
    check_dimensions(op, parts.len())?;
    if parts.contains(&0) {
        let reason = format!("expected lengths of at least 1, found {parts:?}");
        return Err(Error::argument(op, reason));
    }
    let lengths = spatial(op, x, parts.len())?;
    if lengths.contains(&0) {
        let reason = "expected spatial axes that are not empty";
        return Err(Error::shape(op, reason, &[x.shape()]));
    }
    with_lengths(x.shape(), parts).checked_len(op)?;
    let axes = lengths.iter().zip(parts);
    let axes = axes.map(|(&len, &parts)| Axis::adaptive(len, parts));
    Ok(kernel::Windows {
        planes: x.shape()[0] * x.shape()[1],
        axes: three(axes.collect(), || Axis::whole(1)),
    })
}

/// The tap of each window that has its largest element, in the smallest type that it fits in.
enum Places {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
}

/// Runs `$body` with the places as a vector of their type.
macro_rules! with_places {
    ($places:expr, $values:ident => $body:expr) => {
        match $places {
            Places::U8($values) => $body,
            Places::U16($values) => $body,
            Places::U32($values) => $body,
        }
    };
}

impl Places {
    /// Returns room for the places of `windows`.
    fn of(windows: &kernel::Windows) -> Self {
        fn zeros<P: max::Place>(len: usize) -> Vec<P> {
            let mut places = room(len);
            places.resize(len, P::default());
            places
        }
        let len = windows.planes * windows.outputs();
        match windows.taps() {
            0..=0x100 => Self::U8(zeros(len)),
            0x101..=0x1_0000 => Self::U16(zeros(len)),
            _ => Self::U32(zeros(len)),
        }
    }

    fn indices(
        &self,
        op: &'static str,
        windows: &kernel::Windows,
        shape: &[usize],
    ) -> Result<Indices> {
        refusable(op, || {
            let found = with_places!(self, places => max::indices(places, windows));
            Indices::from_vec(found, shape)
        })
    }
}

impl Tensor {
    /// Computes the maxima of windows that have been checked, over the last `dimensions` axes.
    fn largest(
        &self,
        op: &'static str,
        windows: kernel::Windows,
        dimensions: usize,
    ) -> Result<(Self, Arc<Places>)> {
        let lengths = windows.axes.map(|axis| axis.outputs);
        let shape = with_lengths(self.shape(), &lengths[3 - dimensions..]);
        shape.reserve(op, self.dtype())?;
        refusable(op, || {
            let mut places = Places::of(&windows);
            let y = with_dtype!(self.dtype(), F => {
                let xs = &*self.array().contiguous::<F>();
                Array::build::<F>(shape, |out| {
                    with_places!(&mut places, places => max::pool(xs, &windows, out, places));
                })
            });
            let places = Arc::new(places);
            let y = Self::from_op(y.into(), &[self], || Picked {
                op,
                moves: Moves {
                    windows,
                    places: Arc::clone(&places),
                    shape: self.array().shape().clone(),
                },
            });
            Ok((y, places))
        })
    }
}

/// Moves between the outputs and the places of the maxima.
#[derive(Clone)]
struct Moves {
    windows: kernel::Windows,
    places: Arc<Places>,
    /// The shape of the input.
    shape: Shape,
}

/// Elements at given places: the maxima, or their cotangents in a second derivative.
struct Picked {
    op: &'static str,
    moves: Moves,
}

impl Op for Picked {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Reduction
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        let moves = &self.moves;
        let spread = with_dtype!(cotangent.dtype(), F => {
            let gs = &*cotangent.array().contiguous::<F>();
            Array::build::<F>(moves.shape.clone(), |out| {
                with_places!(&*moves.places, places => {
                    max::spread(gs, places, &moves.windows, out);
                });
            })
        });
        let dx = Tensor::from_op(spread.into(), &[&cotangent], || Spread {
            op: self.op,
            outputs: cotangent.array().shape().clone(),
            moves: moves.clone(),
        });
        Ok(smallvec![Some(dx)])
    }
}

/// Elements moved to given places, among zeros.
struct Spread {
    op: &'static str,
    outputs: Shape,
    moves: Moves,
}

impl Op for Spread {
    fn name(&self) -> &'static str {
        self.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Shape
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        let moves = &self.moves;
        let picked = with_dtype!(cotangent.dtype(), F => {
            let xs = &*cotangent.array().contiguous::<F>();
            Array::build::<F>(self.outputs.clone(), |out| {
                with_places!(&*moves.places, places => {
                    max::pick(xs, places, &moves.windows, out);
                });
            })
        });
        let dx = Tensor::from_op(picked.into(), &[&cotangent], || Picked {
            op: self.op,
            moves: moves.clone(),
        });
        Ok(smallvec![Some(dx)])
    }
}
