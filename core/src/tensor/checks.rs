//! Checks of shapes, axes and dtypes: broadcasting, the number of elements, memory.

use super::storage::reserve;
use crate::error::{CONVERT, Error, Result};
use crate::shape::{DType, INFER, Shape};

/// The most elements of 8 bytes that a process can address, with addresses of 47 bits, or of fewer
/// than 32 on small machines.
const ADDRESSABLE: usize = match 1usize.checked_shl(44) {
    Some(most) => most,
    None => isize::MAX as usize / 16,
};

impl Shape {
    /// Returns the number of elements, or an error if a process cannot address so many. Axes of
    /// length 0 are ignored, because a reduction over them leaves the product of the others. The
    /// check suffices for views, which need no memory.
    pub(crate) fn checked_len(&self, op: &'static str) -> Result<usize> {
        let mut lengths = self.iter().filter(|&&n| n > 0);
        match lengths.try_fold(1usize, |n, &len| n.checked_mul(len)) {
            Some(n) if n <= ADDRESSABLE => Ok(self.element_count()),
            _ => Err(Error::shape(op, "too many elements to address", &[self])),
        }
    }

    /// Replaces [`INFER`] by the length that the elements of the shape `from` leave for it. Returns
    /// an error, in which the elements are called `what`, if they do not fill the shape.
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

    /// Returns this shape with an axis of length 1 in front of axis `axis`.
    pub(crate) fn unsqueezed(&self, axis: isize) -> Result<Self> {
        let axis = resolve_axis("unsqueeze", axis, self.len() + 1)?;
        let mut shape = self.clone();
        shape.as_mut().edit(|lengths| lengths.insert(axis, 1));
        Ok(shape)
    }

    /// Returns this shape without axis `axis`, whose length must be 1.
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

    /// Reserves memory for the elements, which the next array of this shape uses; an error if the
    /// system refuses it.
    pub(crate) fn reserve(&self, op: &'static str, dtype: DType) -> Result<()> {
        let (len, size) = (self.checked_len(op)?, dtype.size());
        if reserve(dtype, len) {
            return Ok(());
        }
        let reason = format!("too many elements to hold in memory, {len} of {size} bytes");
        Err(Error::shape(op, reason, &[self]))
    }
}

/// Returns the shape to which two shapes broadcast: aligned at the last axis, a length of 1 is
/// stretched.
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

/// Returns the number of the axis that `axis` names; negative ones count from the end.
pub(crate) fn resolve_axis(op: &'static str, axis: isize, rank: usize) -> Result<usize> {
    let resolved = if axis < 0 { axis + rank as isize } else { axis };
    if (0..rank as isize).contains(&resolved) {
        Ok(resolved as usize)
    } else {
        Err(Error::index(op, "axis", axis as i64, rank, "axes"))
    }
}

/// Returns the place of an index into an axis of length `len`; negative ones count from the end.
pub(crate) fn resolve_place(op: &'static str, index: isize, len: usize) -> Result<usize> {
    let place = match usize::try_from(index) {
        Ok(place) => Some(place),
        Err(_) => len.checked_sub(index.unsigned_abs()),
    };
    let place = place.filter(|&place| place < len);
    place.ok_or_else(|| Error::index(op, "index", index as i64, len, "elements"))
}

impl DType {
    /// Returns an error of `op` unless all operands have one dtype. It names the operands whose
    /// dtype differs from that of the majority, or from that of the first if there is no majority.
    ///
    /// ```
    /// use cotangent::DType::{self, F32, F64};
    /// let operands = [("input", F32), ("scale", F64), ("shift", F32)];
    /// let error = DType::expect_same("film", &operands).unwrap_err();
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

/// Joins names with commas and `and`; of more than four, the first three.
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
