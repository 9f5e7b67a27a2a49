//! The common form of inputs: batch, channels, and one to three spatial axes.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::tensor::Shape;

/// Checks that a tensor is (batch, channels, …) with as many spatial axes as `dimensions`, from 1
/// to 3, and returns the lengths of these.
pub(in crate::ops) fn spatial<'x>(
    op: &'static str,
    x: &'x Tensor,
    dimensions: usize,
) -> Result<&'x [usize]> {
    check_dimensions(op, dimensions)?;
    match x.shape() {
        [_, _, lengths @ ..] if lengths.len() == dimensions => Ok(lengths),
        shape => {
            let form = form(dimensions);
            let unbatched = if shape.len() == dimensions + 1 {
                "; if it is one sample without a batch axis, add the axis with `unsqueeze(0)`"
            } else {
                ""
            };
            let found = shape.len();
            let reason = format!("expected an input {form}, found {found} axes{unbatched}");
            Err(Error::shape(op, reason, &[shape]))
        }
    }
}

/// Checks the number of spatial axes.
pub(in crate::ops) fn check_dimensions(op: &'static str, dimensions: usize) -> Result<()> {
    if (1..=3).contains(&dimensions) {
        return Ok(());
    }
    let reason = format!("expected 1 to 3 spatial axes, found {dimensions}");
    Err(Error::argument(op, reason))
}

fn form(dimensions: usize) -> &'static str {
    match dimensions {
        1 => "(batch, channels, length)",
        2 => "(batch, channels, height, width)",
        _ => "(batch, channels, depth, height, width)",
    }
}

/// Returns the shape with these spatial lengths instead.
pub(in crate::ops) fn with_lengths(shape: &[usize], lengths: &[usize]) -> Shape {
    shape[..2].iter().chain(lengths).copied().collect()
}

/// Returns three values for the spatial axes: missing axes are leading ones with the value
/// `missing`.
pub(in crate::ops) fn three<T>(mut values: Vec<T>, missing: impl Fn() -> T) -> [T; 3] {
    while values.len() < 3 {
        values.insert(0, missing());
    }
    let mut values = values.into_iter();
    [(); 3].map(|()| values.next().unwrap_or_else(&missing))
}
