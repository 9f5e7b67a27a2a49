//! Shapes: the lengths of a tensor's axes, and the rules for broadcasting.

use super::dtype::DType;
use super::small_list::SmallList;
use super::storage::reserve;
use crate::error::{Error, Result};
use std::fmt;
use std::ops::Deref;

/// More elements than this, of 8 bytes, have no address in a process: these have 47 bits, or fewer than 32.
const ADDRESSABLE: usize = match 1usize.checked_shl(44) {
    Some(most) => most,
    None => isize::MAX as usize / 16,
};

/// The lengths of the axes, outermost first. A scalar has none.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(SmallList<usize>);

impl Shape {
    /// The number of elements, or an error if they have no addresses: enough for views. Axes of length 0 do
    /// not count: what is left when they are reduced away must fit too.
    pub(crate) fn checked_len(&self, op: &'static str) -> Result<usize> {
        let mut lengths = self.0.iter().filter(|&&n| n > 0);
        match lengths.try_fold(1usize, |n, &len| n.checked_mul(len)) {
            Some(n) if n <= ADDRESSABLE => Ok(self.element_count()),
            _ => Err(Error::shape(op, "too many elements to address", &[self])),
        }
    }

    /// An error if there is no memory for so many elements of that type. It is taken from the system, and
    /// the next array of this shape is made in it.
    pub(crate) fn reserve(&self, op: &'static str, dtype: DType) -> Result<()> {
        let (len, size) = (self.checked_len(op)?, dtype.size());
        if reserve(dtype, len) {
            return Ok(());
        }
        let reason = format!("too many elements to hold in memory, {len} of {size} bytes");
        Err(Error::shape(op, reason, &[self]))
    }

    /// The number of elements. Only for shapes that passed [`checked_len`](Self::checked_len).
    pub(crate) fn element_count(&self) -> usize {
        self.0.iter().product()
    }

    pub(crate) fn as_mut(&mut self) -> &mut SmallList<usize> {
        &mut self.0
    }

    /// The shape without axis `axis`.
    pub(crate) fn without(&self, axis: usize) -> Self {
        let mut shape = self.clone();
        shape.0.edit(|lengths| lengths.remove(axis));
        shape
    }
}

impl Deref for Shape {
    type Target = [usize];
    #[inline]
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl From<&[usize]> for Shape {
    fn from(lengths: &[usize]) -> Self {
        Self(SmallList::from(lengths))
    }
}

impl From<Vec<usize>> for Shape {
    fn from(lengths: Vec<usize>) -> Self {
        Self(SmallList::from(&lengths[..]))
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(lengths: [usize; N]) -> Self {
        Self(SmallList::from(&lengths[..]))
    }
}

impl<const N: usize> From<&[usize; N]> for Shape {
    fn from(lengths: &[usize; N]) -> Self {
        Self(SmallList::from(&lengths[..]))
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

impl From<usize> for Shape {
    fn from(length: usize) -> Self {
        Self::from([length])
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(lengths: I) -> Self {
        Self(lengths.into_iter().collect())
    }
}

impl fmt::Display for Shape {
    /// As Python prints a tuple: `()`, `(3,)`, `(32, 64)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [n] => write!(f, "({n},)"),
            lengths => {
                let lengths: Vec<String> = lengths.iter().map(ToString::to_string).collect();
                write!(f, "({})", lengths.join(", "))
            }
        }
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The shape that two shapes broadcast to: aligned at the last axis, a length of 1 stretches.
pub(crate) fn broadcast_shapes(op: &'static str, a: &[usize], b: &[usize]) -> Result<Shape> {
    if a == b {
        return Ok(Shape::from(a));
    }
    let rank = a.len().max(b.len());
    let length = |shape: &[usize], axis: usize| {
        let missing = rank - shape.len();
        if axis < missing {
            1
        } else {
            shape[axis - missing]
        }
    };
    (0..rank)
        .map(|axis| match (length(a, axis), length(b, axis)) {
            (x, y) if x == y => Ok(x),
            (1, n) | (n, 1) => Ok(n),
            (x, y) => {
                let reason = format!("cannot broadcast lengths {x} and {y} of axis {axis}");
                Err(Error::shape(op, reason, &[a, b]))
            }
        })
        .collect()
}

/// The axis that `axis` names; negative ones count from the end.
pub(crate) fn resolve_axis(op: &'static str, axis: isize, rank: usize) -> Result<usize> {
    let resolved = if axis < 0 { axis + rank as isize } else { axis };
    if (0..rank as isize).contains(&resolved) {
        Ok(resolved as usize)
    } else {
        Err(Error::index(op, "axis", axis as i64, rank, "axes"))
    }
}
