//! Distinct values with their counts, and histograms.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::kernel::reduce::order::{Lines, Pick};
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::tensor::{Array, DType, Element, Indices, Shape, with_dtype};

/// The distinct values of a tensor or of indices.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unique<T> {
    /// The values in ascending order, `(values)`.
    pub values: T,
    /// The place of each element's value in `values`, in the shape of the elements.
    pub inverse: Indices,
    /// The number of elements that have each value, `(values)`.
    pub counts: Indices,
}

/// The bins of a histogram. A bin contains its lower edge and not its upper one; the last bin
/// contains both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bins<'a> {
    /// This number of bins of equal width, from the smallest element to the largest. If these are
    /// equal, from 0.5 below to 0.5 above; without elements from 0 to 1.
    Equal(usize),
    /// This number of bins of equal width between two numbers.
    Between(usize, f64, f64),
    /// The bins between edges that increase.
    Edges(&'a [f64]),
}

/// The numbers of elements in the bins of a histogram.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Histogram {
    /// The number of elements in each bin, `(bins)`.
    pub counts: Indices,
    /// The edges of the bins, `(bins + 1)`, in the dtype of the elements.
    pub edges: Tensor,
}

/// # Reductions
impl Tensor {
    /// Returns the distinct elements in ascending order, with the number of each, and the place of
    /// each element among them. `unique.values.index_select(0, &unique.inverse.flatten())` are the
    /// elements. -0 and 0 are equal; a NaN is equal to no other, as in PyTorch. The values are not
    /// tracked.
    ///
    /// # Errors
    /// [`Error::Shape`] if memory does not suffice.
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

    /// Returns the number of elements in each bin, and the edges of the bins. Elements outside of
    /// the bins and NaN are not counted.
    ///
    /// PyTorch's `histc` and `histogram` count in the dtype of the elements, which is exact up to
    /// 2^24 in `f32`. Its density is `counts / (sum of counts · width of the bin)`.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no bins, if edges are NaN or do not increase, if the ends
    /// of [`Bins::Between`] are not finite, or if an element is not finite for [`Bins::Equal`];
    /// [`Error::Shape`] if memory does not suffice.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([0.0f32, 0.1, 0.6, 1.0]);
    /// let histogram = x.histogram(Bins::Equal(2))?;
    /// assert_eq!(histogram.counts.as_slice(), [2, 2]);
    /// assert_eq!(histogram.edges.to_vec::<f32>()?, [0.0, 0.5, 1.0]);
    /// let histogram = x.histogram(Bins::Edges(&[0.05, 0.5, 0.7]))?;
    /// assert_eq!(histogram.counts.as_slice(), [1, 1]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "histc")]
    #[doc(alias = "bincount")]
    pub fn histogram(&self, bins: Bins) -> Result<Histogram> {
        with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            let edges = edges(bins, xs)?;
            let counts = Indices::from(counts(xs, &edges, !matches!(bins, Bins::Edges(_))));
            let edges = Array::from_slice(Shape::from([edges.len()]), &edges).into();
            Ok(Histogram { counts, edges })
        })
    }
}

/// # Reductions
impl Indices {
    /// Returns the distinct values in ascending order, with the number of each, and the place of
    /// each value among them, as [`Tensor::unique`].
    ///
    /// # Errors
    /// [`Error::Shape`] if memory does not suffice.
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
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_unstable_by_key(|&place| (all[place], place));
        let groups = Groups::of(&order, &|a, b| all[a] == all[b]);
        let values = groups.firsts.iter().map(|&place| all[place]).collect();
        groups.with(values, self.shape())
    }
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

/// Returns the edges of the bins in the dtype of the elements.
fn edges<F: Element>(bins: Bins, xs: &[F]) -> Result<Vec<F>> {
    let op = "histogram";
    let refuse = |reason: String| Err(Error::argument(op, reason));
    let (count, low, high) = match bins {
        Bins::Edges(edges) => {
            if edges.len() < 2 {
                return refuse(format!("expected at least 2 edges, found {}", edges.len()));
            }
            let increases = |pair: &[f64]| pair[0] < pair[1];
            if let Some(i) = edges.windows(2).position(|pair| !increases(pair)) {
                let [a, b] = [edges[i], edges[i + 1]];
                return refuse(format!("edges must increase, found {a} before {b}"));
            }
            return Ok(edges.iter().map(|&edge| F::from_f64(edge)).collect());
        }
        Bins::Between(count, low, high) => {
            if !(low.is_finite() && high.is_finite() && low < high) {
                let found = format!("found {low} and {high}");
                return refuse(format!("the ends must be finite and increase, {found}"));
            }
            (count, low, high)
        }
        Bins::Equal(count) => {
            let numbers = || xs.iter().map(|&x| x.to_f64());
            if let Some(x) = numbers().find(|x| !x.is_finite()) {
                let remedy = "pass `Bins::Between` or `Bins::Edges`";
                return refuse(format!(
                    "an element is {x}, so that there is no range; {remedy}"
                ));
            }
            let low = numbers().fold(f64::INFINITY, f64::min);
            let high = numbers().fold(f64::NEG_INFINITY, f64::max);
            if xs.is_empty() {
                (count, 0.0, 1.0)
            } else if low == high {
                (count, low - 0.5, high + 0.5)
            } else {
                (count, low, high)
            }
        }
    };
    if count == 0 {
        return refuse("expected at least one bin, found 0".to_owned());
    }
    // The counts have 8 bytes.
    Shape::from([count.saturating_add(1)]).reserve(op, DType::F64)?;
    let edge = |i: usize| {
        let share = i as f64 / count as f64;
        F::from_f64(low * (1.0 - share) + high * share)
    };
    Ok((0..=count).map(edge).collect())
}

/// Counts the elements between the edges, which have equal distances if `even`.
fn counts<F: Float>(xs: &[F], edges: &[F], even: bool) -> Vec<usize> {
    let bins = edges.len() - 1;
    let (low, high) = (edges[0], edges[bins]);
    let scale = bins as f64 / (high.to_f64() - low.to_f64());
    let bin = |x: F| {
        if !even || !scale.is_normal() {
            return edges[..bins].partition_point(|&edge| edge <= x) - 1;
        }
        // The nearest edges have rounding errors, as the guess has.
        let guess = (x.to_f64() - low.to_f64()) * scale;
        let mut bin = (guess as usize).min(bins - 1);
        while bin > 0 && edges[bin] > x {
            bin -= 1;
        }
        while bin + 1 < bins && edges[bin + 1] <= x {
            bin += 1;
        }
        bin
    };
    // Each task has its own counts.
    let piece = (4 * GRAIN).max(bins.saturating_mul(4));
    let parts = parallel::collect(xs.len(), piece, &|range| {
        let mut counts = vec![0; bins];
        for &x in &xs[range] {
            if x >= low && x <= high {
                counts[bin(x)] += 1;
            }
        }
        counts
    });
    let mut total = vec![0; bins];
    for part in parts {
        total.iter_mut().zip(part).for_each(|(sum, n)| *sum += n);
    }
    total
}
