//! Histograms: the numbers of elements in bins, or the sums of their weights.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::tensor::{Array, DType, Element, Indices, Shape, with_dtype};

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

/// The numbers of elements in the bins of a histogram, or the sums of their weights as a tensor.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Histogram<T = Indices> {
    /// The number of elements in each bin, `(bins)`, or the sum of their weights.
    pub counts: T,
    /// The edges of the bins, `(bins + 1)`, in the dtype of the elements.
    pub edges: Tensor,
}

/// # Reductions
impl Tensor {
    /// Returns the number of elements in each bin, and the edges of the bins. Elements outside of
    /// the bins and NaN are not counted.
    ///
    /// PyTorch's `histc` and `histogram` count in the dtype of the elements, which is exact up to
    /// 2^24 in `f32`. Its densities are [`Histogram::density`], its weights
    /// [`weighted_histogram`](Self::weighted_histogram).
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
            let edges = Edges::new("histogram", bins, xs)?;
            Ok(Histogram { counts: edges.count(xs).into(), edges: edges.into() })
        })
    }

    /// Returns the sum of the weights of the elements in each bin, and the edges of the bins. Each
    /// element has a weight; those of elements outside of the bins and of NaN do not count. The
    /// sums are differentiable in the weights. PyTorch has them as `weight` of `histogram`, without
    /// derivatives.
    ///
    /// # Errors
    /// As [`histogram`](Self::histogram); [`Error::Shape`] if the weights have another shape,
    /// [`Error::DType`] if they have another dtype.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([0.0f32, 0.1, 0.6, 1.0]);
    /// let weights = Tensor::from([1.0f32, 2.0, 3.0, 0.5]);
    /// let histogram = x.weighted_histogram(Bins::Equal(2), &weights)?;
    /// assert_eq!(histogram.counts.to_vec::<f32>()?, [3.0, 3.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn weighted_histogram(&self, bins: Bins, weights: &Self) -> Result<Histogram<Self>> {
        let op = "weighted_histogram";
        let operands = [("this tensor", Some(self)), ("weights", Some(weights))];
        Self::expect_one_dtype(op, &operands)?;
        if weights.shape() != self.shape() {
            let reason = "expected a weight for each element";
            return Err(Error::shape(op, reason, &[self.shape(), weights.shape()]));
        }
        let (places, edges) = with_dtype!(self.dtype(), F => {
            let xs = &*self.array().contiguous::<F>();
            let edges = Edges::new(op, bins, xs)?;
            let place = |&x: &F| edges.bin(x).unwrap_or(edges.bins());
            (xs.iter().map(place).collect::<Indices>(), Tensor::from(edges))
        });
        // The last sum is that of the elements outside of the bins.
        let sums = Self::zeros(edges.shape(), self.dtype())?;
        let sums = sums.index_add(0, &places, &weights.flatten())?;
        let counts = sums.narrow(0, 0, edges.len() - 1)?;
        Ok(Histogram { counts, edges })
    }
}

impl Histogram {
    /// Returns the density in each bin, `(bins)`: the count divided by the sum of all counts and by
    /// the width of the bin, so that the integral is 1. All are NaN if no element is counted. A bin
    /// whose edges are equal in the dtype has the density infinity, or NaN if it is empty.
    ///
    /// # Errors
    /// [`Error::Shape`] if memory does not suffice.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let histogram = Tensor::from([0.0f32, 0.25, 0.5, 2.0]).histogram(Bins::Equal(2))?;
    /// assert_eq!(histogram.density()?.to_vec::<f32>()?, [0.75, 0.25]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn density(&self) -> Result<Tensor> {
        density(&self.counts.to_tensor(DType::F64), &self.edges)
    }
}

impl Histogram<Tensor> {
    /// Returns the density in each bin, `(bins)`: the sum of weights divided by that of all bins
    /// and by the width of the bin, so that the integral is 1. All are NaN if the weights of all
    /// bins add up to 0. A bin whose edges are equal in the dtype has an infinite density, or NaN
    /// if its sum is 0. The densities are differentiable in the weights.
    ///
    /// # Errors
    /// [`Error::Shape`] if memory does not suffice.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([0.0f32, 2.0]);
    /// let histogram = x.weighted_histogram(Bins::Equal(2), &Tensor::from([3.0f32, 1.0]))?;
    /// assert_eq!(histogram.density()?.to_vec::<f32>()?, [0.75, 0.25]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn density(&self) -> Result<Tensor> {
        density(&self.counts, &self.edges)
    }
}

fn density(counts: &Tensor, edges: &Tensor) -> Result<Tensor> {
    // In `f64`, since a width or the sum may be beyond the range of `f32`, and the density is not.
    let (bins, dtype) = (edges.len() - 1, edges.dtype());
    let (counts, edges) = (counts.to_dtype(DType::F64), edges.to_dtype(DType::F64));
    let widths = edges.narrow(0, 1, bins)?.sub(&edges.narrow(0, 0, bins)?)?;
    let shares = counts.div(&counts.sum())?;
    Ok(shares.div(&widths)?.to_dtype(dtype))
}

/// The edges of bins.
struct Edges<F> {
    edges: Vec<F>,
    /// The number of bins divided by the whole width, if all bins are equally wide.
    scale: Option<f64>,
}

impl<F: Element> Edges<F> {
    /// Returns the edges in the dtype of the elements.
    fn new(op: &'static str, bins: Bins, xs: &[F]) -> Result<Self> {
        let edges = edges(op, bins, xs)?;
        let (low, high) = (edges[0].to_f64(), edges[edges.len() - 1].to_f64());
        let scale = (edges.len() - 1) as f64 / (high - low);
        let is_even = !matches!(bins, Bins::Edges(_)) && scale.is_normal();
        let scale = is_even.then_some(scale);
        Ok(Self { edges, scale })
    }

    fn bins(&self) -> usize {
        self.edges.len() - 1
    }

    /// Returns the bin of an element, if it is in one.
    fn bin(&self, x: F) -> Option<usize> {
        let (edges, bins) = (&self.edges[..], self.bins());
        if !(x >= edges[0] && x <= edges[bins]) {
            return None;
        }
        let Some(scale) = self.scale else {
            return Some(edges[..bins].partition_point(|&edge| edge <= x) - 1);
        };
        // The nearest edges have rounding errors, as the guess has.
        let guess = (x.to_f64() - edges[0].to_f64()) * scale;
        let mut bin = (guess as usize).min(bins - 1);
        while bin > 0 && edges[bin] > x {
            bin -= 1;
        }
        while bin + 1 < bins && edges[bin + 1] <= x {
            bin += 1;
        }
        Some(bin)
    }

    /// Counts the elements in the bins.
    fn count(&self, xs: &[F]) -> Vec<usize> {
        let bins = self.bins();
        // Each task has its own counts.
        let piece = (4 * GRAIN).max(bins.saturating_mul(4));
        let parts = parallel::collect(xs.len(), piece, &|range| {
            let mut counts = vec![0; bins];
            for bin in xs[range].iter().filter_map(|&x| self.bin(x)) {
                counts[bin] += 1;
            }
            counts
        });
        let mut total = vec![0; bins];
        for part in parts {
            total.iter_mut().zip(part).for_each(|(sum, n)| *sum += n);
        }
        total
    }
}

impl<F: Element> From<Edges<F>> for Tensor {
    fn from(Edges { edges, .. }: Edges<F>) -> Self {
        Array::from_slice(Shape::from([edges.len()]), &edges).into()
    }
}

/// Returns the edges of the bins in the dtype of the elements.
fn edges<F: Element>(op: &'static str, bins: Bins, xs: &[F]) -> Result<Vec<F>> {
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
