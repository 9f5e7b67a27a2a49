//! Whether shapes fit: each other by broadcasting, an address space, memory; and axes a rank.

use super::storage::reserve;
use crate::error::{CONVERT, Error, Result};
use crate::shape::{DType, INFER, Shape};

/// More elements than this, of 8 bytes, have no address in a process: these have 47 bits, or fewer
/// than 32.
const ADDRESSABLE: usize = match 1usize.checked_shl(44) {
    Some(most) => most,
    None => isize::MAX as usize / 16,
};

impl Shape {
    /// The number of elements, or an error if they have no addresses: enough for views. Axes of
    /// length 0 do not count: what is left when they are reduced away must fit too.
    pub(crate) fn checked_len(&self, op: &'static str) -> Result<usize> {
        let mut lengths = self.iter().filter(|&&n| n > 0);
        match lengths.try_fold(1usize, |n, &len| n.checked_mul(len)) {
            Some(n) if n <= ADDRESSABLE => Ok(self.element_count()),
            _ => Err(Error::shape(op, "too many elements to address", &[self])),
        }
    }

    /// This shape with [`INFER`] replaced by the length that the elements of `from` leave for it;
    /// an error if they do not fill it. `what` is what they are called.
    pub(crate) fn filled_by(self, op: &'static str, from: &[usize], what: &str) -> Result<Self> {
        let count: usize = from.iter().product();
        let refuse = |reason: String| Err(Error::shape(op, reason, &[from, &self]));
        let mut inferred = self.iter().enumerate().filter(|(_, len)| **len == INFER);
        let Some((axis, _)) = inferred.next() else {
            if self.checked_len(op)? != count {
                return refuse(format!("{count} {what} do not fill the new shape"));
            }
            return Ok(self);
        };
        if inferred.next().is_some() {
            return refuse("only one length can be `INFER`".to_owned());
        }
        let given = self.without(axis).checked_len(op)?;
        if given == 0 {
            return refuse("`INFER` could be any length beside one of 0".to_owned());
        }
        if !count.is_multiple_of(given) {
            return refuse(format!(
                "{count} {what} cannot be divided by {given}, the product of the given lengths"
            ));
        }
        let mut shape = self;
        shape.as_mut()[axis] = count / given;
        Ok(shape)
    }

    /// This shape with an axis of length 1 in front of axis `axis`.
    pub(crate) fn unsqueezed(&self, axis: isize) -> Result<Self> {
        let axis = resolve_axis("unsqueeze", axis, self.len() + 1)?;
        let mut shape = self.clone();
        shape.as_mut().edit(|lengths| lengths.insert(axis, 1));
        Ok(shape)
    }

    /// This shape without axis `axis`, whose length must be 1.
    pub(crate) fn squeezed(&self, axis: isize) -> Result<Self> {
        let axis = resolve_axis("squeeze", axis, self.len().max(1))?;
        if self.is_empty() {
            return Ok(self.clone());
        }
        if self[axis] != 1 {
            let reason = format!("axis {axis} has length {}, not 1", self[axis]);
            return Err(Error::shape("squeeze", reason, &[self]));
        }
        Ok(self.without(axis))
    }

    /// An error if there is no memory for so many elements of that type. It is taken from the
    /// system, and the next array of this shape is made in it.
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
        Err(Error::index(op, "axis", axis as i64, rank, "axes"))
    }
}

impl DType {
    /// An error of `op` that says which operand has another dtype than most, or than the first if
    /// there is no majority, unless all have one.
    ///
    /// ```
    /// use cotangent::DType::{self, F32, F64};
    /// let error = DType::expect_same("film", &[("input", F32), ("scale", F64), ("shift", F32)]).unwrap_err();
    /// let text = "film: scale is f64, input and shift are f32; convert with `to_dtype`";
    /// assert_eq!(error.to_string(), text);
    /// ```
    ///
    /// # Errors
    /// [`Error::DType`].
    pub fn expect_same(op: &'static str, operands: &[(&str, Self)]) -> Result<()> {
        let Some(&(_, first)) = operands.first() else {
            return Ok(());
        };
        let Some(&(_, second)) = operands.iter().find(|(_, dtype)| *dtype != first) else {
            return Ok(());
        };
        let of = |dtype| operands.iter().filter(move |operand| operand.1 == dtype);
        let (expected, found) = if of(second).count() > of(first).count() {
            (second, first)
        } else {
            (first, second)
        };
        Err(Error::DType {
            op,
            expected,
            found,
            operand: listed(of(found).map(|(name, _)| *name)),
            others: listed(of(expected).map(|(name, _)| *name)),
            remedy: CONVERT,
        })
    }
}

/// The names in a row, the first three of many.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    match &names[..] {
        [names @ .., last] if (1..4).contains(&names.len()) => {
            format!("{} and {last}", names.join(", "))
        }
        [a, b, c, rest @ ..] => format!("{a}, {b}, {c} and {} others", rest.len()),
        few => few.concat(),
    }
}
