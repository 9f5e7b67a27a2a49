//! Sorting, and the largest or smallest elements. The results are gathered from the operand, so
//! that gradients flow back to the elements that were taken.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::tensor::{Indices, resolve_axis, with_dtype};

/// The order of sorted elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the smallest element to the largest.
    Ascending,
    /// From the largest element to the smallest.
    Descending,
}

/// # Indexing and sorting
impl Tensor {
    /// Sorts the elements along an axis. Returns them with their places: `x.gather(axis, &places)`
    /// is the sorted tensor. Equal elements keep their order (PyTorch's `stable=True`), and NaN
    /// counts as the largest.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let (sorted, places) = Tensor::from([3.0f32, 1.0, 2.0]).sort(0, Order::Ascending)?;
    /// assert_eq!(sorted.to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    /// assert_eq!(places.as_slice(), [1, 2, 0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "argsort")]
    pub fn sort(&self, axis: isize, order: Order) -> Result<(Self, Indices)> {
        if let Some(vector) = self.as_vector() {
            let (sorted, places) = vector.sort(axis, order)?;
            return Ok((sorted.as_scalar(), places.reshape([])?));
        }
        let axis = resolve_axis("sort", axis, self.rank())?;
        self.ordered("sort", axis, self.shape()[axis], order)
    }

    /// Returns the `k` largest elements along an axis, from the largest on, with their places. Of
    /// equal elements the first is taken first, and NaN counts as the largest.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis; [`Error::Argument`] if the axis has fewer than
    /// `k` elements, or if `k` is not 1 for a scalar.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 5.0, 3.0], [2.0, 0.0, 4.0]]);
    /// let (values, places) = x.top_k(1, 2)?;
    /// assert_eq!(values.to_string(), "[[5. 3.]\n [4. 2.]]");
    /// assert_eq!(places.as_slice(), [1, 2, 2, 0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "topk")]
    pub fn top_k(&self, axis: isize, k: usize) -> Result<(Self, Indices)> {
        self.first_k("top_k", axis, k, Order::Descending)
    }

    /// Returns the `k` smallest elements along an axis, from the smallest on, with their places. Of
    /// equal elements the first is taken first, and NaN counts as the largest. In PyTorch it is
    /// `topk` with `largest=False`.
    ///
    /// # Errors
    /// As [`top_k`](Self::top_k).
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 5.0, 3.0], [2.0, 0.0, 4.0]]);
    /// let (values, places) = x.bottom_k(1, 2)?;
    /// assert_eq!(values.to_string(), "[[1. 3.]\n [0. 2.]]");
    /// assert_eq!(places.as_slice(), [0, 2, 1, 0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "topk")]
    pub fn bottom_k(&self, axis: isize, k: usize) -> Result<(Self, Indices)> {
        self.first_k("bottom_k", axis, k, Order::Ascending)
    }

    fn first_k(
        &self,
        op: &'static str,
        axis: isize,
        k: usize,
        order: Order,
    ) -> Result<(Self, Indices)> {
        if let Some(vector) = self.as_vector() {
            let (values, places) = vector.first_k(op, axis, k, order)?;
            if k == 0 {
                let reason = "k must be 1 for a scalar, found 0";
                return Err(Error::argument(op, reason));
            }
            return Ok((values.as_scalar(), places.reshape([])?));
        }
        let axis = resolve_axis(op, axis, self.rank())?;
        let len = self.shape()[axis];
        if k > len {
            let reason = format!("k must be at most the length of the axis, {len}, found {k}");
            return Err(Error::argument(op, reason));
        }
        self.ordered(op, axis, k, order)
    }

    /// Returns the first `k` elements of each sorted line, and their places.
    fn ordered(
        &self,
        op: &'static str,
        axis: usize,
        k: usize,
        order: Order,
    ) -> Result<(Self, Indices)> {
        let descending = order == Order::Descending;
        let mut shape = self.array().shape().clone();
        let lines = Lines {
            outer: shape[..axis].iter().product(),
            len: shape[axis],
            inner: shape[axis + 1..].iter().product(),
        };
        shape.as_mut()[axis] = k;
        shape.reserve(op, self.dtype())?;
        let places = with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            // A number in single precision and its place fit into 64 bits.
            if size_of::<F>() == 4 && lines.len < 1 << PLACE_BITS {
                lines.order(xs, k, |x, place| {
                    let key = rank(x.to_f64(), descending) >> PLACE_BITS;
                    (key << PLACE_BITS) | place as u64
                }, |packed| (packed & ((1 << PLACE_BITS) - 1)) as usize)
            } else {
                lines.order(xs, k, |x, place| {
                    (u128::from(rank(x.to_f64(), descending)) << 64) | place as u128
                }, |packed| packed as u64 as usize)
            }
        });
        let places = Indices::from_vec(places, shape)?;
        Ok((self.taken_each(axis, &places), places))
    }
}

/// The bits of a number in double precision that a number in single precision does not need.
const PLACE_BITS: u32 = 29;

/// Returns an integer that sorts as the number does, or in reverse if `descending`. Equal numbers
/// have equal integers. NaN is the largest number.
fn rank(x: f64, descending: bool) -> u64 {
    let x = if x.is_nan() { f64::NAN.abs() } else { x + 0.0 }; // -0 + 0 is 0.
    let bits = x.to_bits();
    // Negative numbers with larger bits are smaller.
    let rank = if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    };
    if descending { !rank } else { rank }
}

/// An array as lines along an axis: (outer, len, inner).
#[derive(Clone, Copy)]
struct Lines {
    outer: usize,
    len: usize,
    inner: usize,
}

impl Lines {
    /// Returns the places of the first `k` elements of each line, `(outer, k, inner)`. `pack` makes
    /// a sort key from an element and its place, `place` takes the place from the key.
    fn order<F: Float, P: Ord + Copy + Default + Send>(
        self,
        xs: &[F],
        k: usize,
        pack: impl Fn(F, usize) -> P + Sync,
        place: impl Fn(P) -> usize + Sync,
    ) -> Vec<usize> {
        let Self { outer, len, inner } = self;
        if outer * k * inner == 0 {
            return Vec::new();
        }
        // Adjacent lines are read together: their elements alternate in memory.
        let width = (GRAIN / len).clamp(1, inner);
        let bands = inner.div_ceil(width);
        let per_task = (GRAIN / (len * width)).max(1);
        let found = parallel::collect(outer * bands, per_task, &|task| {
            let mut places = Vec::new();
            let mut lines = vec![P::default(); width * len];
            for band in task {
                let (o, first) = (band / bands, band % bands * width);
                let width = width.min(inner - first);
                for j in 0..len {
                    let start = (o * len + j) * inner + first;
                    for (i, &x) in xs[start..start + width].iter().enumerate() {
                        lines[i * len + j] = pack(x, j);
                    }
                }
                for line in lines.chunks_exact_mut(len).take(width) {
                    if k < len {
                        line.select_nth_unstable(k);
                    }
                    line[..k].sort_unstable();
                    places.extend(line[..k].iter().map(|&packed| place(packed)));
                }
            }
            places
        });
        let by_line = found.concat();
        if inner == 1 {
            return by_line;
        }
        // From (outer, inner, k) to (outer, k, inner).
        let mut places = vec![0; by_line.len()];
        for (number, line) in by_line.chunks_exact(k).enumerate() {
            let (o, i) = (number / inner, number % inner);
            for (j, &place) in line.iter().enumerate() {
                places[(o * k + j) * inner + i] = place;
            }
        }
        places
    }
}
