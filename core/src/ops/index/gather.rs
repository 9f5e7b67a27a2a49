//! Taking elements by index, and the transpose, which adds elements up by index.

use crate::autograd::{Cotangents, Op, OpKind, Tensor, Vjp};
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::kernel::index::rows;
use crate::tensor::{Array, DType, Indices, Shape, resolve_axis, with_dtype};
use smallvec::smallvec;

/// # Indexing and sorting
impl Tensor {
    /// Returns the slices of an axis at `indices`, in their order: `(…, n, …)` becomes
    /// `(…, number of indices, …)`. An index may occur several times.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis or an index is not below its length;
    /// [`Error::Shape`] if the result has more elements than memory can hold, or if there is not
    /// exactly one index into a scalar.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
    /// let rows = x.index_select(0, &Indices::from([1, 1, 0]))?;
    /// assert_eq!(rows.to_vec::<f32>()?, [3.0, 4.0, 3.0, 4.0, 1.0, 2.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn index_select(&self, axis: isize, indices: &Indices) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            let selected = vector.index_select(axis, indices)?;
            if indices.len() != 1 {
                let reason = "expected one index into a scalar";
                return Err(Error::shape("index_select", reason, &[indices.shape()]));
            }
            return Ok(selected.as_scalar());
        }
        let axis = resolve_axis("index_select", axis, self.rank())?;
        indices.check(
            "index_select",
            "index",
            self.shape()[axis],
            "elements of the axis",
        )?;
        self.slices("index_select", axis, indices)
    }

    /// Returns slices at indices that are in range.
    pub(in crate::ops) fn slices(
        &self,
        op: &'static str,
        axis: usize,
        indices: &Indices,
    ) -> Result<Self> {
        let mut shape = self.array().shape().clone();
        shape.as_mut()[axis] = indices.len();
        shape.reserve(op, self.dtype())?;
        Ok(self.taken(&Picks {
            op,
            axis,
            indices: indices.clone(),
            each: false,
        }))
    }

    /// Returns the rows of a table `(rows, width)` at indices `(…)`, as `(…, width)`. The gradient
    /// of a row is the sum of the cotangents of all its places in the result, and 0 if it has none.
    /// If few rows are taken, only their gradients are [stored](Self::sparse_rows). There is no
    /// `padding_idx`: to keep a row out of training, set its gradient to zero.
    ///
    /// # Errors
    /// [`Error::Shape`] if the table does not have two axes or the result has more elements than
    /// memory can hold; [`Error::Index`] if an index is not below the number of rows.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let weight = Tensor::from([[0.0f32, 0.1], [1.0, 1.1], [2.0, 2.1]]);
    /// let vectors = weight.embedding(&Indices::from([[2, 0], [1, 2]]))?;
    /// assert_eq!(vectors.shape(), [2, 2, 2]);
    /// assert_eq!(vectors.to_vec::<f32>()?[..4], [2.0, 2.1, 0.0, 0.1]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn embedding(&self, indices: &Indices) -> Result<Self> {
        let &[_, width] = self.shape() else {
            let reason = "expected a table (rows, width)";
            return Err(Error::shape("embedding", reason, &[self.shape()]));
        };
        let shape: Shape = indices.shape().iter().copied().chain([width]).collect();
        shape.checked_len("embedding")?;
        indices.check("embedding", "row", self.shape()[0], "rows of the table")?;
        Ok(self.slices("embedding", 0, indices)?.reshaped(shape))
    }

    /// Takes from each line along `axis` the elements at the indices in the same line of `indices`.
    /// For axis 1 of three, y\[i, j, k\] = x\[i, indices\[i, j, k\], k\]. The result has the
    /// shape of `indices`, which may be shorter than this tensor along the other axes. PyTorch's
    /// `take_along_dim` broadcasts the other axes first, as [`broadcast_to`](Self::broadcast_to)
    /// does.
    ///
    /// # Errors
    /// [`Error::Index`] if there is no such axis or an index is not below its length;
    /// [`Error::Shape`] if `indices` has another number of axes, or is longer than this tensor
    /// along another axis.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// let y = x.gather(1, &Indices::from([[2, 2], [0, 1]]))?;
    /// assert_eq!(y.to_string(), "[[3. 3.]\n [4. 5.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "take_along_axis")]
    #[doc(alias = "take_along_dim")]
    pub fn gather(&self, axis: isize, indices: &Indices) -> Result<Self> {
        if let Some(vector) = self.as_vector() {
            let gathered = vector.gather(axis, &in_a_vector(indices)?)?;
            return Ok(gathered.reshaped(indices.shape().into()));
        }
        let axis = resolve_axis("gather", axis, self.rank())?;
        let lines = self.lines_of("gather", axis, indices)?;
        Shape::from(indices.shape()).reserve("gather", self.dtype())?;
        Ok(self.cropped("gather", &lines).taken_each(axis, indices))
    }

    /// Gathers at indices that are in range, and that are not shorter than this tensor along
    /// another axis.
    pub(crate) fn taken_each(&self, axis: usize, indices: &Indices) -> Self {
        self.taken(&Picks {
            op: "gather",
            axis,
            indices: indices.clone(),
            each: true,
        })
    }

    /// Records that `values` are the elements that [`taken_each`](Self::taken_each) returns.
    pub(crate) fn recorded_each(&self, axis: usize, indices: &Indices, values: Array) -> Self {
        Self::from_op(values.into(), &[self], || Take {
            from: self.array().shape().clone(),
            picks: Picks {
                op: "gather",
                axis,
                indices: indices.clone(),
                each: true,
            },
        })
    }

    /// Returns the shape of the part of this tensor that `indices` select from: whole lines along
    /// `axis`. Fails if the shapes do not fit or an index is out of range.
    pub(super) fn lines_of(
        &self,
        op: &'static str,
        axis: usize,
        indices: &Indices,
    ) -> Result<Shape> {
        let mut lines = Shape::from(indices.shape());
        let pairs = self.shape().iter().zip(indices.shape()).enumerate();
        let fits = lines.len() == self.rank()
            && pairs
                .into_iter()
                .all(|(a, (len, count))| a == axis || count <= len);
        if !fits {
            let reason = format!(
                "expected indices with as many axes, and no longer along any axis but axis {axis}"
            );
            return Err(Error::shape(op, reason, &[self.shape(), indices.shape()]));
        }
        indices.check(op, "index", self.shape()[axis], "elements of the axis")?;
        lines.as_mut()[axis] = self.shape()[axis];
        Ok(lines)
    }

    /// Returns the elements at places that are in range.
    pub(super) fn taken(&self, picks: &Picks) -> Self {
        let mut shape = self.array().shape().clone();
        shape.as_mut()[picks.axis] = picks.count();
        let (sizes, indices) = (picks.sizes(self.shape()), picks.indices.as_slice());
        let output = with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            let take = if picks.each { rows::take_each::<F> } else { rows::take_slices::<F> };
            Array::build::<F>(shape, |out| take(sizes, indices, xs, out))
        });
        Self::from_op(output.into(), &[self], || Take {
            from: self.array().shape().clone(),
            picks: picks.clone(),
        })
    }

    /// Returns this tensor with `source` added at the places that `taken` takes from.
    pub(super) fn put(&self, picks: &Picks, source: &Self) -> Self {
        let (sizes, indices) = (picks.sizes(self.shape()), picks.indices.as_slice());
        let output = with_dtype!(self.dtype(), F => {
            let xs = &*source.array().contiguous::<F>();
            let add = if picks.each { rows::add_each::<F> } else { rows::add_slices::<F> };
            Array::build::<F>(self.array().shape().clone(), |out| {
                self.array().copy_to(out);
                add(sizes, indices, xs, out);
            })
        });
        Self::from_op(output.into(), &[self, source], || Put {
            picks: picks.clone(),
        })
    }
}

/// Makes a vector of indices into a scalar, which may be a scalar themselves.
pub(super) fn in_a_vector(indices: &Indices) -> Result<Indices> {
    if indices.shape().is_empty() {
        indices.reshape([1])
    } else {
        Ok(indices.clone())
    }
}

/// # Indexing and sorting
impl Indices {
    /// Returns 1 at each index and 0 elsewhere, along a new last axis: `(…)` becomes
    /// `(…, classes)`.
    ///
    /// # Errors
    /// [`Error::Index`] if an index is not below `classes`, [`Error::Shape`] if the result has more
    /// elements than memory can hold.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let targets = Indices::from([2, 0]).one_hot(3, DType::F32)?;
    /// assert_eq!(targets.to_string(), "[[0. 0. 1.]\n [1. 0. 0.]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn one_hot(&self, classes: usize, dtype: DType) -> Result<Tensor> {
        self.check("one_hot", "label", classes, "classes")?;
        let shape: Shape = self.shape().iter().copied().chain([classes]).collect();
        shape.reserve("one_hot", dtype)?;
        Ok(with_dtype!(dtype, F => Array::build::<F>(shape, |out| {
            out.fill(F::default());
            if !out.is_empty() {
                for (out, &i) in out.chunks_exact_mut(classes).zip(self.as_slice()) {
                    out[i] = F::from_f64(1.0);
                }
            }
        }))
        .into())
    }
}

/// The places of elements along an axis.
#[derive(Clone)]
pub(super) struct Picks {
    pub op: &'static str,
    pub axis: usize,
    pub indices: Indices,
    /// Whether each element has an index, else each slice has one.
    pub each: bool,
}

impl Picks {
    /// Returns the number of places along the axis.
    fn count(&self) -> usize {
        if self.each {
            self.indices.shape()[self.axis]
        } else {
            self.indices.len()
        }
    }

    pub(super) fn sizes(&self, from: &[usize]) -> rows::Sizes {
        rows::Sizes {
            count: self.count(),
            len: from[self.axis],
            inner: from[self.axis + 1..].iter().product(),
        }
    }
}

struct Take {
    from: Shape,
    picks: Picks,
}

impl Op for Take {
    fn name(&self) -> &'static str {
        self.picks.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Lookup
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let Picks { axis, each, .. } = self.picks;
        if axis == 0 && !each && !context.records() {
            let indices = self.picks.indices.as_slice();
            if let Some(sums) = Array::sums_by_row(&self.from, indices, cotangent.array()) {
                return Ok(smallvec![Some(sums.into())]);
            }
        }
        let zeros = Tensor::constant_of(&self.from, 0.0, cotangent.dtype());
        Ok(smallvec![Some(zeros.put(&self.picks, &cotangent))])
    }
}

struct Put {
    picks: Picks,
}

impl Op for Put {
    fn name(&self) -> &'static str {
        self.picks.op
    }
    fn kind(&self) -> OpKind {
        OpKind::Blend
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let source = context.wants(1).then(|| cotangent.taken(&self.picks));
        Ok(smallvec![context.wants(0).then_some(cotangent), source])
    }
}
