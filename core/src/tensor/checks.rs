//! Whether shapes fit: each other by broadcasting, an address space, memory; and axes a rank.

use super::storage::reserve;
use crate::error::{Error, Result};
use crate::shape::{DType, Shape};

/// More elements than this, of 8 bytes, have no address in a process: these have 47 bits, or fewer than 32.
const ADDRESSABLE: usize = match 1usize.checked_shl(44) {
    Some(most) => most,
    None => isize::MAX as usize / 16,
};

impl Shape {
    /// The number of elements, or an error if they have no addresses: enough for views. Axes of length 0 do
    /// not count: what is left when they are reduced away must fit too.
    pub(crate) fn checked_len(&self, op: &'static str) -> Result<usize> {
        let mut lengths = self.iter().filter(|&&n| n > 0);
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
        Err(Error::Index {
            op,
            what: "axis",
            index: axis as i64,
            bound: rank,
            of: "axes",
        })
    }
}
