//! `Axes`, the argument of operations over one or more axes.

use super::checks::resolve_axis;
use crate::error::{Error, Result};
use crate::shape::{DType, Shape};
use smallvec::SmallVec;
use std::ops::RangeFull;

/// The axes of an operation: one, several, or `..` for all. Negative axes count from the end.
///
/// A reduction removes these axes, or keeps them with length 1 if they are made by
/// [`keep`](Self::keep). An empty list reduces nothing, as in NumPy; in PyTorch it reduces all
/// axes.
///
/// A scalar's axis may be named 0 or -1 in every operation along an axis, as in PyTorch and NumPy:
/// the scalar is treated as a vector of one element, and the result is a scalar. Operations that
/// divide an axis or join tensors along one (`narrow`, `slice`, `split`, `chunk`, `cat`) return an
/// error for scalars, as in PyTorch.
///
/// Numbers computed at run time are collected: `(0..rank as isize).rev().collect::<Axes>()`.
///
/// ```
/// use cotangent::{Axes, Tensor};
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(x.sum_over(1)?.to_vec::<f32>()?, [3.0, 7.0]);
/// assert_eq!(x.sum_over([0, -1])?.item()?, 10.0);
/// assert_eq!(x.sum_over(..)?.item()?, 10.0);
/// assert_eq!(x.sum_over(Axes::keep(-1))?.shape(), [2, 1]);
/// assert_eq!(Tensor::scalar(5.0f32).mean_over(0)?.item()?, 5.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes {
    /// `None` for all axes.
    list: Option<SmallVec<[isize; 4]>>,
    keep: bool,
}

impl Axes {
    /// Makes a reduction keep these axes with length 1. PyTorch: `keepdim=True`.
    pub fn keep(axes: impl Into<Self>) -> Self {
        Self {
            keep: true,
            ..axes.into()
        }
    }

    /// Returns the axes in the order in which they are named, for an operation that reduces none.
    pub(crate) fn named(&self, op: &'static str, rank: usize) -> Result<SmallVec<[usize; 4]>> {
        if self.keep {
            let reason = "`Axes::keep` is for reductions, expected the axes themselves";
            return Err(Error::argument(op, reason));
        }
        let Some(list) = &self.list else {
            return Ok((0..rank).collect());
        };
        let mut axes = SmallVec::new();
        for &axis in list {
            let axis = resolve_axis(op, axis, rank)?;
            if axes.contains(&axis) {
                return Err(named_twice(op, axis));
            }
            axes.push(axis);
        }
        Ok(axes)
    }

    /// Checks these axes against `shape` and returns the shapes of a reduction over them.
    pub(crate) fn resolve(&self, op: &'static str, shape: &[usize]) -> Result<Reduced> {
        // A scalar has one axis that can be named, and none to reduce.
        let rank = shape.len().max(1);
        let mut reduced: SmallVec<[bool; 4]> = SmallVec::from_elem(self.list.is_none(), rank);
        for &axis in self.list.iter().flatten() {
            let axis = resolve_axis(op, axis, rank)?;
            if std::mem::replace(&mut reduced[axis], true) {
                return Err(named_twice(op, axis));
            }
        }
        reduced.truncate(shape.len());
        let lengths = || shape.iter().copied().zip(&reduced);
        let kept: Shape = lengths()
            .map(|(len, &reduced)| if reduced { 1 } else { len })
            .collect();
        let result = if self.keep {
            kept.clone()
        } else {
            lengths()
                .filter(|(_, reduced)| !**reduced)
                .map(|(len, _)| len)
                .collect()
        };
        // The dtype is not known here; a result of wider elements is checked when it is allocated.
        kept.reserve(op, DType::F32)?;
        Ok(Reduced {
            count: lengths()
                .filter(|(_, reduced)| **reduced)
                .map(|(len, _)| len)
                .product(),
            reduced,
            kept,
            result,
        })
    }
}

fn named_twice(op: &'static str, axis: usize) -> Error {
    Error::argument(op, format!("axis {axis} is named twice"))
}

/// The axes of a reduction, checked against a shape.
#[derive(Clone)]
pub(crate) struct Reduced {
    /// Whether each axis is reduced.
    pub reduced: SmallVec<[bool; 4]>,
    /// The shape with the reduced axes of length 1.
    pub kept: Shape,
    /// The shape of the result: without the reduced axes, or with length 1 if they are kept.
    pub result: Shape,
    /// The number of elements that are reduced to one.
    pub count: usize,
}

impl Reduced {
    /// Returns the reduction over all axes, none of which is kept.
    pub fn all(shape: &[usize]) -> Self {
        Self {
            reduced: SmallVec::from_elem(true, shape.len()),
            kept: shape.iter().map(|_| 1).collect(),
            result: Shape::default(),
            count: shape.iter().product(),
        }
    }

    /// Returns the axes in the order kept axes first, reduced axes last.
    pub fn order(&self) -> SmallVec<[usize; 4]> {
        let axes =
            |which: bool| (0..self.reduced.len()).filter(move |&axis| self.reduced[axis] == which);
        axes(false).chain(axes(true)).collect()
    }
}

impl From<isize> for Axes {
    fn from(axis: isize) -> Self {
        Self::from([axis])
    }
}

impl<const N: usize> From<[isize; N]> for Axes {
    fn from(axes: [isize; N]) -> Self {
        Self::from(&axes[..])
    }
}

impl From<&[isize]> for Axes {
    fn from(axes: &[isize]) -> Self {
        Self {
            list: Some(SmallVec::from_slice(axes)),
            keep: false,
        }
    }
}

impl<const N: usize> From<&[isize; N]> for Axes {
    fn from(axes: &[isize; N]) -> Self {
        Self::from(&axes[..])
    }
}

impl From<Vec<isize>> for Axes {
    fn from(axes: Vec<isize>) -> Self {
        Self::from(&axes[..])
    }
}

impl From<&Vec<isize>> for Axes {
    fn from(axes: &Vec<isize>) -> Self {
        Self::from(&axes[..])
    }
}

impl FromIterator<isize> for Axes {
    fn from_iter<I: IntoIterator<Item = isize>>(axes: I) -> Self {
        Self {
            list: Some(axes.into_iter().collect()),
            keep: false,
        }
    }
}

impl From<RangeFull> for Axes {
    fn from(_: RangeFull) -> Self {
        Self {
            list: None,
            keep: false,
        }
    }
}
