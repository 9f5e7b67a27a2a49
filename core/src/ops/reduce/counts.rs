//! Distinct values and slices with their counts.

use crate::autograd::Tensor;
use crate::error::Result;
use crate::kernel::index::search::key;
use crate::kernel::reduce::order::{Lines, Pick};
use crate::tensor::{Array, DType, Indices, Shape, resolve_axis, with_dtype};
use std::cmp::Ordering;

/// The distinct values of a tensor or of indices, or the distinct slices along an axis.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unique<T> {
    /// The values in ascending order, `(values)`, or the slices along the axis.
    pub values: T,
    /// The place of each element's value in `values`, in the shape of the elements, or that of each
    /// slice, `(slices)`.
    pub inverse: Indices,
    /// The number of elements that have each value, `(values)`, or of slices that are equal.
    pub counts: Indices,
}

/// # Reductions
impl Tensor {
    /// Returns the distinct elements in ascending order, with the number of each, and the place of
    /// each element among them. `unique.values.index_select(0, &unique.inverse.flatten())` are the
    /// elements. -0 and 0 are equal; a NaN is equal to no other, as in PyTorch. The values are not
    /// tracked.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if memory does not suffice.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let unique = Tensor::from([[3.0f32, 1.0], [1.0, 1.0]]).unique()?;
    /// assert_eq!(unique.values.to_vec::<f32>()?, [1.0, 3.0]);
    /// assert_eq!(unique.counts.as_slice(), [3, 1]);
    /// assert_eq!(unique.inverse, Indices::from([[1, 0], [0, 0]]));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn unique(&self) -> Result<Unique<Self>> {
        let len = self.len();
        // The places have 8 bytes.
        Shape::from([len]).reserve("unique", DType::F64)?;
        with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            let line = Lines { outer: 1, len, inner: 1 };
            let order = line.pick(xs, false, Pick::First(len));
            let groups = Groups::of(&order, &|a, b| xs[a] == xs[b]);
            let values: Vec<F> = groups.firsts.iter().map(|&place| xs[place]).collect();
            let values = Array::from_slice(Shape::from([values.len()]), &values).into();
            groups.with(values, self.shape())
        })
    }

    /// Returns the distinct slices along an axis, such as the rows for axis 0 of two, in the order
    /// of their first elements, then of their second ones, and so on. -0 and 0 are equal; a NaN is
    /// equal to no other number and counts as the largest. The slices are not tracked.
    ///
    /// `unique.values.index_select(axis, &unique.inverse)` are the slices. PyTorch has it as
    /// `unique` with `dim`; its order of slices that contain NaN is not specified.
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis;
    /// [`Error::Shape`](crate::Error::Shape) if memory does not suffice.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let rows = Tensor::from([[1.0f32, 2.0], [0.0, 3.0], [1.0, 2.0]]);
    /// let unique = rows.unique_along(0)?;
    /// assert_eq!(unique.values.to_string(), "[[0. 3.]\n [1. 2.]]");
    /// assert_eq!(unique.counts.as_slice(), [1, 2]);
    /// assert_eq!(unique.inverse.as_slice(), [1, 0, 1]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn unique_along(&self, axis: isize) -> Result<Unique<Self>> {
        let slices = Slices::new("unique_along", self.shape(), axis)?;
        with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            let groups = slices.groups(xs, &|&x| key(x));
            let (values, shape) = slices.at(xs, &groups.firsts);
            groups.with(Array::from_slice(shape, &values).into(), &[slices.lines.len])
        })
    }
}

/// # Reductions
impl Indices {
    /// Returns the distinct values in ascending order, with the number of each, and the place of
    /// each value among them, as [`Tensor::unique`].
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if memory does not suffice.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let unique = Indices::from([7, 2, 7]).unique()?;
    /// assert_eq!(unique.values.as_slice(), [2, 7]);
    /// assert_eq!(unique.counts.as_slice(), [1, 2]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn unique(&self) -> Result<Unique<Self>> {
        Shape::from([self.len()]).reserve("unique", DType::F64)?;
        let all = self.as_slice();
        let order = sorted(all.len(), &|a, b| (all[a], a).cmp(&(all[b], b)));
        let groups = Groups::of(&order, &|a, b| all[a] == all[b]);
        let values = groups.firsts.iter().map(|&place| all[place]).collect();
        groups.with(values, self.shape())
    }

    /// Returns the distinct slices along an axis, as [`Tensor::unique_along`].
    ///
    /// # Errors
    /// [`Error::Index`](crate::Error::Index) if there is no such axis;
    /// [`Error::Shape`](crate::Error::Shape) if memory does not suffice.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let unique = Indices::from([[7, 2, 7], [1, 2, 1]]).unique_along(1)?;
    /// assert_eq!(unique.values, Indices::from([[2, 7], [2, 1]]));
    /// assert_eq!(unique.inverse.as_slice(), [1, 0, 1]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn unique_along(&self, axis: isize) -> Result<Unique<Self>> {
        let slices = Slices::new("unique_along", self.shape(), axis)?;
        let groups = slices.groups(self.as_slice(), &|&x| x);
        let (values, shape) = slices.at(self.as_slice(), &groups.firsts);
        groups.with(Self::from_vec(values, shape)?, &[slices.lines.len])
    }
}

/// The slices along an axis of a row-major array.
struct Slices {
    shape: Shape,
    axis: usize,
    lines: Lines,
}

impl Slices {
    fn new(op: &'static str, shape: &[usize], axis: isize) -> Result<Self> {
        let axis = resolve_axis(op, axis, shape.len())?;
        // Without elements the product of the other lengths may be of any size.
        let is_empty = shape.contains(&0);
        let product = |lens: &[usize]| if is_empty { 0 } else { lens.iter().product() };
        let lines = Lines {
            outer: product(&shape[..axis]),
            len: shape[axis],
            inner: product(&shape[axis + 1..]),
        };
        // The places have 8 bytes.
        Shape::from([lines.len]).reserve(op, DType::F64)?;
        let shape = Shape::from(shape);
        Ok(Self { shape, axis, lines })
    }

    /// Returns the elements of a slice.
    fn slice<'a, T>(&self, xs: &'a [T], i: usize) -> impl Iterator<Item = &'a T> {
        let Lines { outer, len, inner } = self.lines;
        (0..outer).flat_map(move |o| &xs[(o * len + i) * inner..][..inner])
    }

    /// Finds the groups of equal slices, given the order of elements.
    fn groups<T: PartialEq, K: Ord>(&self, xs: &[T], key: &dyn Fn(&T) -> K) -> Groups {
        let order = sorted(self.lines.len, &|a, b| {
            let (left, right) = (self.slice(xs, a).map(key), self.slice(xs, b).map(key));
            left.cmp(right).then(a.cmp(&b))
        });
        Groups::of(&order, &|a, b| self.slice(xs, a).eq(self.slice(xs, b)))
    }

    /// Returns the slices at some places, and their shape.
    fn at<T: Copy>(&self, xs: &[T], places: &[usize]) -> (Vec<T>, Shape) {
        let Lines { outer, len, inner } = self.lines;
        let mut values = Vec::with_capacity(outer * places.len() * inner);
        for o in 0..outer {
            for i in places {
                values.extend_from_slice(&xs[(o * len + i) * inner..][..inner]);
            }
        }
        let mut shape = self.shape.clone();
        shape.as_mut()[self.axis] = places.len();
        (values, shape)
    }
}

/// Returns the numbers below `len` in some order. One sort is compiled for all orders.
fn sorted(len: usize, order: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..len).collect();
    places.sort_unstable_by(|&a, &b| order(a, b));
    places
}

/// Sorted elements in groups of equal ones.
struct Groups {
    /// The place of each group's first element.
    firsts: Vec<usize>,
    /// The group of each element.
    inverse: Vec<usize>,
    counts: Vec<usize>,
}

impl Groups {
    /// Finds the groups, given the places of the sorted elements.
    fn of(order: &[usize], equal: &dyn Fn(usize, usize) -> bool) -> Self {
        let mut groups = Self {
            firsts: Vec::new(),
            inverse: vec![0; order.len()],
            counts: Vec::new(),
        };
        for (i, &place) in order.iter().enumerate() {
            if i == 0 || !equal(order[i - 1], place) {
                groups.firsts.push(place);
                groups.counts.push(0);
            }
            let group = groups.firsts.len() - 1;
            groups.inverse[place] = group;
            groups.counts[group] += 1;
        }
        groups
    }

    fn with<T>(self, values: T, shape: &[usize]) -> Result<Unique<T>> {
        Ok(Unique {
            values,
            inverse: Indices::from_vec(self.inverse, shape)?,
            counts: self.counts.into(),
        })
    }
}
