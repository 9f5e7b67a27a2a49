//! `Span`, the part of an axis that `narrow` and `slice` keep, for tensors, indices and masks.

use super::checks::resolve_axis;
use crate::error::{Error, Result};

/// `len` elements of an axis from `start` on, every `step`-th, backwards if negative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub axis: usize,
    pub start: usize,
    pub len: usize,
    pub step: isize,
}

impl Span {
    /// Checks the range `start..start + len` of an axis.
    pub(crate) fn narrow(shape: &[usize], axis: isize, start: usize, len: usize) -> Result<Self> {
        let axis = resolve_axis("narrow", axis, shape.len())?;
        let bound = shape[axis];
        if start.checked_add(len).is_none_or(|end| end > bound) {
            let end = i64::try_from(start.saturating_add(len)).unwrap_or(i64::MAX);
            return Err(Error::index("narrow", "end", end, bound, "elements"));
        }
        Ok(Self {
            axis,
            start,
            len,
            step: 1,
        })
    }

    /// Checks the range `start:end:step` of an axis, with NumPy's meaning.
    pub(crate) fn slice(
        shape: &[usize],
        axis: isize,
        start: Option<isize>,
        end: Option<isize>,
        step: isize,
    ) -> Result<Self> {
        let axis = resolve_axis("slice", axis, shape.len())?;
        let bound = shape[axis];
        if step == 0 {
            return Err(Error::argument("slice", "the step must not be 0"));
        }
        // Forwards a bound may be the place behind the last element; backwards it is an element.
        let highest = bound as isize - isize::from(step < 0);
        let place = |what, index: isize| {
            let place = if index < 0 {
                index + bound as isize
            } else {
                index
            };
            if (0..=highest).contains(&place) {
                Ok(place)
            } else {
                Err(Error::index("slice", what, index as i64, bound, "elements"))
            }
        };
        let (first, behind) = if step > 0 {
            (0, bound as isize)
        } else {
            (highest, -1)
        };
        let start = start.map_or(Ok(first), |start| place("start", start))?;
        let end = end.map_or(Ok(behind), |end| place("end", end))?;
        let reach = if step > 0 { end - start } else { start - end };
        let len = (reach.max(0) as usize).div_ceil(step.unsigned_abs());
        Ok(Self {
            axis,
            start: if len > 0 { start as usize } else { 0 },
            len,
            // With a single element the step is not used, and a large one could overflow.
            step: if len > 1 { step } else { 1 },
        })
    }
}
