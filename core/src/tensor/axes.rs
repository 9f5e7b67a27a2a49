//! Which axes a reduction is over, and whether they stay.

use super::checks::resolve_axis;
use crate::error::{Error, Result};
use crate::shape::{DType, Shape};
use smallvec::SmallVec;
use std::ops::RangeFull;

/// The axes that a reduction is over: one, several, or `..` for all. Negative ones count from the
/// end. They are dropped from the result, or stay with length 1 if made by [`keep`](Self::keep).
///
/// An empty list reduces nothing, as in NumPy; in PyTorch it reduces everything.
///
/// A scalar's axis may be 0 or -1, as in PyTorch and NumPy, here and in every operation along an
/// axis: it is treated as a vector of one element, and the result is a scalar. Operations that take
/// an axis apart or join tensors along one (`narrow`, `slice`, `split`, `chunk`, `cat`) refuse
/// scalars, as PyTorch does.
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
    /// None for all axes.
    list: Option<SmallVec<[isize; 4]>>,
    keep: bool,
}

impl Axes {
    /// The same axes, kept with length 1.
    pub fn keep(axes: impl Into<Self>) -> Self {
        Self {
            keep: true,
            ..axes.into()
        }
    }

    /// The axes in the order in which they are named; `op` is one that keeps all axes.
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

    /// What a reduction of `shape` over these axes amounts to.
    pub(crate) fn resolve(&self, op: &'static str, shape: &[usize]) -> Result<Reduced> {
        // A scalar has one axis to name, and none to reduce.
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
        // Elements of the wider type are refused when the result is made.
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

/// A reduction's axes, held against a shape.
#[derive(Clone)]
pub(crate) struct Reduced {
    /// Whether each axis is reduced.
    pub reduced: SmallVec<[bool; 4]>,
    /// The shape with the reduced axes of length 1.
    pub kept: Shape,
    /// The shape of the result: the reduced axes dropped, or kept if that was asked for.
    pub result: Shape,
    /// How many elements fall into one.
    pub count: usize,
}

impl Reduced {
    /// The reduction of all axes, dropped.
    pub fn all(shape: &[usize]) -> Self {
        Self {
            reduced: SmallVec::from_elem(true, shape.len()),
            kept: shape.iter().map(|_| 1).collect(),
            result: Shape::default(),
            count: shape.iter().product(),
        }
    }

    /// The axes in an order with those that are kept first, and those that are reduced last.
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
