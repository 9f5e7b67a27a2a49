//! Taking rows by number, and the largest element's place.

use crate::autograd::{Cotangents, Op, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::tensor::{Array, Indices, resolve_axis, with_dtype};
use smallvec::smallvec;

impl Tensor {
    /// The slices `indices` of axis `axis`, in that order and as often as they are named:
    /// (…, n, …) becomes (…, number of indices, …).
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis or an index is not below its length.
    ///
    /// ```
    /// # use cotangent_core::{Indices, Tensor};
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let rows = x.index_select(0, &Indices::from([1, 1, 0]))?;
    /// assert_eq!(rows.to_vec::<f32>()?, [3.0, 4.0, 3.0, 4.0, 1.0, 2.0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn index_select(&self, axis: isize, indices: &Indices) -> Result<Self> {
        let axis = resolve_axis("index_select", axis, self.rank())?;
        indices.check(
            "index_select",
            "index",
            self.shape()[axis],
            "elements of the axis",
        )?;
        Ok(self.selected(axis, indices))
    }

    fn selected(&self, axis: usize, indices: &Indices) -> Self {
        let mut shape = self.array().shape().clone();
        let full = shape[axis];
        shape.as_mut()[axis] = indices.len();
        let inner: usize = shape[axis + 1..].iter().product();
        let source = self.array().contiguous();
        let array = with_dtype!(self.dtype(), F => {
            let xs = source.as_slice::<F>().unwrap_or_default();
            Array::build::<F>(shape, |out| {
                if out.is_empty() {
                    return;
                }
                let blocks = out.chunks_exact_mut(indices.len() * inner);
                for (out, xs) in blocks.zip(xs.chunks_exact(full * inner)) {
                    for (out, &i) in out.chunks_exact_mut(inner).zip(indices.as_slice()) {
                        out.copy_from_slice(&xs[i * inner..(i + 1) * inner]);
                    }
                }
            })
        });
        Self::from_op(array.into(), &[self], || Select {
            axis,
            full,
            indices: indices.clone(),
        })
    }

    /// `self` added up into an axis of `full` slices: slice k goes to `indices[k]`. The transpose
    /// of selection.
    fn scattered(&self, axis: usize, full: usize, indices: &Indices) -> Self {
        let mut shape = self.array().shape().clone();
        shape.as_mut()[axis] = full;
        let inner: usize = shape[axis + 1..].iter().product();
        let source = self.array().contiguous();
        let array = with_dtype!(self.dtype(), F => {
            let xs = source.as_slice::<F>().unwrap_or_default();
            Array::build::<F>(shape, |out| {
                out.fill(F::default());
                if xs.is_empty() {
                    return;
                }
                let blocks = out.chunks_exact_mut(full * inner);
                for (out, xs) in blocks.zip(xs.chunks_exact(indices.len() * inner)) {
                    for (xs, &i) in xs.chunks_exact(inner).zip(indices.as_slice()) {
                        let out = &mut out[i * inner..(i + 1) * inner];
                        out.iter_mut().zip(xs).for_each(|(out, &x)| *out += x);
                    }
                }
            })
        });
        Self::from_op(array.into(), &[self], || Scatter {
            axis,
            indices: indices.clone(),
        })
    }

    /// The place of the largest element along an axis, the first of equals; NaN counts as largest.
    /// The axis is dropped.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis, [`Error::Shape`] if it is empty.
    ///
    /// ```
    /// # use cotangent_core::Tensor;
    /// let logits = Tensor::from([[0.1f32, 0.9], [2.0, -1.0]]);
    /// assert_eq!(logits.argmax(1)?.as_slice(), [1, 0]);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn argmax(&self, axis: isize) -> Result<Indices> {
        let axis = resolve_axis("argmax", axis, self.rank())?;
        let len = self.shape()[axis];
        if len == 0 {
            return Err(Error::shape("argmax", "the axis is empty", &[self.shape()]));
        }
        let shape = self.array().shape().without(axis);
        let order: Vec<usize> = (0..self.rank())
            .filter(|&a| a != axis)
            .chain([axis])
            .collect();
        let rows = self
            .array()
            .with_layout(self.array().layout.permute(&order))
            .to_f64_vec();
        let largest = |row: &[f64]| {
            (1..len).fold(0, |best, i| {
                let wins = row[i] > row[best] || (row[i].is_nan() && !row[best].is_nan());
                if wins { i } else { best }
            })
        };
        Indices::from_vec(rows.chunks_exact(len).map(largest).collect(), shape)
    }
}

struct Select {
    axis: usize,
    full: usize,
    indices: Indices,
}

impl Op for Select {
    fn name(&self) -> &'static str {
        "index_select"
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(cotangent.scattered(
            self.axis,
            self.full,
            &self.indices
        ))])
    }
}

struct Scatter {
    axis: usize,
    indices: Indices,
}

impl Op for Scatter {
    fn name(&self) -> &'static str {
        "index_add"
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok(smallvec![Some(
            cotangent.selected(self.axis, &self.indices)
        )])
    }
}
