//! Sorting, and the largest or smallest elements. What comes out is gathered, so that gradients go
//! back the way the elements came.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::tensor::{Indices, resolve_axis, with_dtype};

impl Tensor {
    /// Each line along an axis in ascending or descending order, and where each element came from:
    /// `x.gather(axis, &places)` is the sorted tensor. Elements that are equal stay in their order
    /// (PyTorch's `stable=True`), and NaN counts as the largest.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let (sorted, places) = Tensor::from([3.0f32, 1.0, 2.0]).sort(0, false)?;
    /// assert_eq!(sorted.to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    /// assert_eq!(places.as_slice(), [1, 2, 0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "argsort")]
    pub fn sort(&self, axis: isize, descending: bool) -> Result<(Self, Indices)> {
        if let Some(vector) = self.as_vector() {
            let (sorted, places) = vector.sort(axis, descending)?;
            return Ok((sorted.as_scalar(), places.reshape([])?));
        }
        let axis = resolve_axis("sort", axis, self.rank())?;
        self.ordered(axis, self.shape()[axis], descending)
    }

    /// The `k` largest (or smallest) elements of each line along an axis, sorted from the largest
    /// (or smallest) on, and where each came from. Of equal elements the first is taken first, and
    /// NaN counts as the largest.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Argument`] if it has fewer than `k`
    /// elements, or if `k` is not 1 for a scalar.
    ///
    /// ```
    /// # use cotangent::Tensor;
    /// let x = Tensor::from([[1.0f32, 5.0, 3.0], [2.0, 0.0, 4.0]]);
    /// let (values, places) = x.top_k(2, 1, true)?;
    /// assert_eq!(values.to_string(), "[[5. 3.]\n [4. 2.]]");
    /// assert_eq!(places.as_slice(), [1, 2, 2, 0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "topk")]
    pub fn top_k(&self, k: usize, axis: isize, largest: bool) -> Result<(Self, Indices)> {
        if let Some(vector) = self.as_vector() {
            let (values, places) = vector.top_k(k, axis, largest)?;
            if k == 0 {
                let reason = "expected k to be 1, the one element of a scalar, found 0";
                return Err(Error::argument("top_k", reason));
            }
            return Ok((values.as_scalar(), places.reshape([])?));
        }
        let axis = resolve_axis("top_k", axis, self.rank())?;
        let len = self.shape()[axis];
        if k > len {
            let reason =
                format!("expected k to be at most the length of the axis, {len}, found {k}");
            return Err(Error::argument("top_k", reason));
        }
        self.ordered(axis, k, largest)
    }

    /// The first `k` elements of each sorted line, and where they came from.
    fn ordered(&self, axis: usize, k: usize, descending: bool) -> Result<(Self, Indices)> {
        let mut shape = self.array().shape().clone();
        let lines = Lines {
            outer: shape[..axis].iter().product(),
            len: shape[axis],
            inner: shape[axis + 1..].iter().product(),
        };
        shape.as_mut()[axis] = k;
        shape.reserve("sort", self.dtype())?;
        let places = with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            // In 64 bits there is room for a number of single precision and a place beside it.
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

/// The bits of a number in double precision that one in single precision does not need.
const PLACE_BITS: u32 = 29;

/// A whole number that is larger for larger numbers (or for smaller ones, if descending); of equal
/// numbers it is equal. NaN is the largest number.
fn rank(x: f64, descending: bool) -> u64 {
    let x = if x.is_nan() { f64::NAN.abs() } else { x + 0.0 }; // -0 + 0 is 0.
    let bits = x.to_bits();
    // Of negative numbers the larger bits mean the smaller number.
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
    /// The places of the first `k` elements of each line, (outer, k, inner): `pack` makes of an
    /// element and its place what is sorted, `place` takes the place out of it.
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
        // Lines side by side are read together, for they lie in the same memory.
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
        // What was found line by line, (outer, inner, k), across the lines.
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
