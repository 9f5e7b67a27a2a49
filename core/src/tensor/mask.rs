//! Truth values: what comparisons give. Never differentiated, so they are a type of their own.

use super::shape::Shape;
use crate::error::{Error, Result};
use std::sync::Arc;

/// An immutable array of truth values, row-major; cloning shares it.
///
/// ```
/// use cotangent_core::Mask;
/// let mask = Mask::from_vec(vec![true, false], [2])?;
/// assert_eq!(mask.count(), 1);
/// # Ok::<(), cotangent_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    values: Arc<[bool]>,
    shape: Shape,
}

impl Mask {
    /// A mask of the given shape from its row-major values.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of values is not the product of the lengths.
    pub fn from_vec(values: Vec<bool>, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len("Mask::from_vec")? != values.len() {
            let reason = format!("{} values do not fill the shape", values.len());
            return Err(Error::shape("Mask::from_vec", reason, &[&shape]));
        }
        Ok(Self {
            values: values.into(),
            shape,
        })
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values in row-major order.
    pub fn as_slice(&self) -> &[bool] {
        &self.values
    }

    /// How many values are true.
    pub fn count(&self) -> usize {
        self.values.iter().filter(|&&value| value).count()
    }
}
