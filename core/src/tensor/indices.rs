//! `Indices`, an array of whole numbers. Indices are never differentiated, so they are not tensors.

use super::cells::{Cells, cells};
use super::checks::broadcast_shapes;
use super::mask::Mask;
use super::storage::{refusable, room};
use crate::error::{Error, Result};
use crate::kernel::index::are_within;
use crate::kernel::threads::parallel::{self, GRAIN};
use crate::shape::Shape;

/// An immutable array of whole numbers in row-major order: class labels, tokens, row numbers.
/// Cloning shares the memory.
///
/// ```
/// use cotangent::Indices;
/// let labels = Indices::from([3, 1, 2]);
/// assert_eq!(labels.shape(), [3]);
/// assert_eq!(labels.as_slice(), [3, 1, 2]);
///
/// let text: Indices = "hello".bytes().map(usize::from).collect();
/// let window = text.narrow(0, 1, 3)?;
/// assert_eq!(window.as_slice(), [101, 108, 108]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Indices(Cells<usize>);

/// # Creation
impl Indices {
    /// Creates indices of the given shape from their row-major values.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of values is not the product of the lengths.
    pub fn from_vec(values: Vec<usize>, shape: impl Into<Shape>) -> Result<Self> {
        Cells::from_vec("Indices::from_vec", values, shape.into()).map(Self)
    }

    /// Creates the `len` numbers 0, 1, 2 and so on.
    ///
    /// # Errors
    /// [`Error::Shape`] if that is more than memory can hold.
    ///
    /// ```
    /// # use cotangent::Indices;
    /// let places = Indices::range(4)?.reshape([2, 2])?;
    /// assert_eq!(places, Indices::from([[0, 1], [2, 3]]));
    /// assert_eq!(places.to_string(), "[[0 1]\n [2 3]]");
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "arange")]
    pub fn range(len: usize) -> Result<Self> {
        Shape::from(len).checked_len("Indices::range")?;
        refusable("Indices::range", || {
            let mut values = room(len);
            values.extend(0..len);
            Ok(values.into())
        })
    }

    /// Returns an error that names the first value that is not below `bound`.
    pub(crate) fn check(
        &self,
        op: &'static str,
        what: &'static str,
        bound: usize,
        of: &'static str,
    ) -> Result<()> {
        self.check_except(op, what, bound, of, None)
    }

    /// Does the same as [`check`](Self::check), but allows the value `except`.
    pub(crate) fn check_except(
        &self,
        op: &'static str,
        what: &'static str,
        bound: usize,
        of: &'static str,
        except: Option<usize>,
    ) -> Result<()> {
        let values = self.as_slice();
        if are_within(values, bound, except) {
            return Ok(());
        }
        let wrong = |&value: &usize| value >= bound && Some(value) != except;
        let Some(mut place) = values.iter().position(wrong) else {
            return Ok(());
        };
        let index = i64::try_from(values[place]).unwrap_or(i64::MAX);
        let error = Error::index(op, what, index, bound, of);
        if values.len() == 1 {
            return Err(error);
        }
        let mut position = self.shape().to_vec();
        for length in position.iter_mut().rev() {
            (*length, place) = (place % *length, place / *length);
        }
        Err(error.at_position(position))
    }
}

cells! { Indices of usize, "Indices::range(6)?" }

/// # Comparisons
///
/// The method [`eq`](Self::eq) compares elements. The operator `==` compares whole arrays,
/// including their shapes.
impl Indices {
    /// Returns a mask that is true where `self == other`, broadcast.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not broadcast.
    ///
    /// ```
    /// # use cotangent::{Indices, Mask};
    /// let hits = Indices::from([3, 1, 2]).eq(&Indices::from([3, 2, 2]))?;
    /// assert_eq!(hits, Mask::from([true, false, true]));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[allow(
        clippy::should_implement_trait,
        reason = "compares elements, not arrays"
    )]
    pub fn eq(&self, other: &Self) -> Result<Mask> {
        self.compare("eq", other, |a, b| a == b)
    }

    /// Returns a mask that is true where `self != other`, broadcast.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes do not broadcast.
    #[allow(
        clippy::should_implement_trait,
        reason = "compares elements, not arrays"
    )]
    pub fn ne(&self, other: &Self) -> Result<Mask> {
        self.compare("ne", other, |a, b| a != b)
    }

    /// Returns a mask that is true where the value is `number`, such as the padding token.
    ///
    /// ```
    /// # use cotangent::{Indices, Mask};
    /// let padding = Indices::from([5, 7, 0]).eq_scalar(0);
    /// assert_eq!(padding, Mask::from([false, false, true]));
    /// ```
    pub fn eq_scalar(&self, number: usize) -> Mask {
        self.mask(|value| value == number)
    }

    /// Returns a mask that is true where the value is not `number`.
    pub fn ne_scalar(&self, number: usize) -> Mask {
        self.mask(|value| value != number)
    }

    fn mask(&self, holds: impl Fn(usize) -> bool + Sync) -> Mask {
        Mask::build(self.0.shape().clone(), |out| {
            parallel::chunks_mut(out, GRAIN, &|start, out| {
                for (out, &value) in out.iter_mut().zip(&self.as_slice()[start..]) {
                    *out = holds(value);
                }
            });
        })
    }

    fn compare(
        &self,
        op: &'static str,
        other: &Self,
        holds: impl Fn(usize, usize) -> bool + Sync,
    ) -> Result<Mask> {
        let shape = broadcast_shapes(op, self.shape(), other.shape())?;
        shape.checked_len(op)?;
        refusable(op, || {
            let [a, b] = [&self.0, &other.0].map(|cells| cells.stretched(&shape));
            Ok(Mask::build(shape, |out| {
                parallel::chunks_mut(out, GRAIN, &|start, out| {
                    let pairs = a.as_slice()[start..].iter().zip(&b.as_slice()[start..]);
                    for (out, (&a, &b)) in out.iter_mut().zip(pairs) {
                        *out = holds(a, b);
                    }
                });
            }))
        })
    }
}
