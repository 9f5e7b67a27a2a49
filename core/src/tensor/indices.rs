//! Whole numbers: class labels, row numbers. Never differentiated, so they are a type of their own.

use super::storage::{refusable, room};
use crate::error::{Error, Result};
use crate::shape::Shape;
use std::sync::Arc;

/// An immutable array of indices, row-major; cloning shares it.
///
/// ```
/// use cotangent::Indices;
/// let labels = Indices::from([3, 1, 2]);
/// assert_eq!(labels.shape(), [3]);
/// assert_eq!(labels.as_slice(), [3, 1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indices {
    values: Arc<Vec<usize>>,
    shape: Shape,
}

impl Indices {
    /// Indices of the given shape from their row-major values.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of values is not the product of the lengths.
    pub fn from_vec(values: Vec<usize>, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len("Indices::from_vec")? != values.len() {
            let reason = format!("{} values do not fill the shape", values.len());
            return Err(Error::shape("Indices::from_vec", reason, &[&shape]));
        }
        Ok(Self {
            values: Arc::new(values),
            shape,
        })
    }

    /// 0, 1, 2 and so on, `len` numbers.
    ///
    /// # Errors
    /// [`Error::Shape`] if that is more than memory can hold.
    pub fn range(len: usize) -> Result<Self> {
        Shape::from(len).checked_len("Indices::range")?;
        refusable("Indices::range", || {
            let mut values = room(len);
            values.extend(0..len);
            Ok(values.into())
        })
    }

    /// The same values in row-major order under another shape.
    ///
    /// # Errors
    /// [`Error::Shape`] if the numbers of elements differ.
    ///
    /// ```
    /// # use cotangent::Indices;
    /// let places = Indices::range(4)?.reshape([2, 2])?;
    /// assert_eq!(places, Indices::from([[0, 1], [2, 3]]));
    /// assert_eq!(places.to_string(), "[[0 1]\n [2 3]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn reshape(&self, shape: impl Into<Shape>) -> Result<Self> {
        let shape = shape.into();
        if shape.checked_len("Indices::reshape")? != self.len() {
            let reason = format!("{} values do not fill the new shape", self.len());
            let shapes = [self.shape(), &shape];
            return Err(Error::shape("Indices::reshape", reason, &shapes));
        }
        Ok(Self {
            values: Arc::clone(&self.values),
            shape,
        })
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values in row-major order.
    pub fn as_slice(&self) -> &[usize] {
        &self.values
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// An error that names the first value that is not below `bound`.
    pub(crate) fn check(
        &self,
        op: &'static str,
        what: &'static str,
        bound: usize,
        of: &'static str,
    ) -> Result<()> {
        match self.values.iter().find(|&&value| value >= bound) {
            None => Ok(()),
            Some(&value) => {
                let index = i64::try_from(value).unwrap_or(i64::MAX);
                Err(Error::index(op, what, index, bound, of))
            }
        }
    }
}

impl From<Vec<usize>> for Indices {
    fn from(values: Vec<usize>) -> Self {
        Self {
            shape: Shape::from([values.len()]),
            values: Arc::new(values),
        }
    }
}

impl From<&[usize]> for Indices {
    fn from(values: &[usize]) -> Self {
        Self {
            shape: Shape::from([values.len()]),
            values: Arc::new(values.into()),
        }
    }
}

impl<const N: usize> From<[usize; N]> for Indices {
    fn from(values: [usize; N]) -> Self {
        Self::from(&values[..])
    }
}

impl<const N: usize, const M: usize> From<[[usize; N]; M]> for Indices {
    fn from(values: [[usize; N]; M]) -> Self {
        Self {
            shape: Shape::from([M, N]),
            values: Arc::new(values.as_flattened().into()),
        }
    }
}

impl FromIterator<usize> for Indices {
    fn from_iter<I: IntoIterator<Item = usize>>(values: I) -> Self {
        Self::from(values.into_iter().collect::<Vec<_>>())
    }
}
