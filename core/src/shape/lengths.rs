//! `Shape`, the lengths of a tensor's axes.

use super::small_list::SmallList;
use std::fmt;
use std::ops::Deref;

/// The length of an axis that `reshape` computes from the number of elements, where PyTorch and
/// NumPy take -1: `x.reshape([n, INFER])`.
///
/// Lengths are `usize`, so that `[n, 3]` needs no conversion; -1 is none. At most one axis can be
/// inferred. Other operations return an error for this length, since no memory has room for it.
pub const INFER: usize = usize::MAX;

/// The lengths of the axes, outermost first. A scalar has no axes.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(SmallList<usize>);

impl Shape {
    /// Returns the number of elements. The shape must have passed
    /// [`checked_len`](Self::checked_len), or the product may overflow.
    pub(crate) fn element_count(&self) -> usize {
        self.0.iter().product()
    }

    pub(crate) fn as_mut(&mut self) -> &mut SmallList<usize> {
        &mut self.0
    }

    /// Returns the shape without axis `axis`.
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
    /// Prints the lengths as Python prints a tuple: `()`, `(3,)`, `(32, INFER)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths = self.0.iter().map(|&len| match len {
            INFER => "INFER".to_owned(),
            len => len.to_string(),
        });
        let lengths: Vec<String> = lengths.collect();
        let comma = if lengths.len() == 1 { "," } else { "" };
        write!(f, "({}{comma})", lengths.join(", "))
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
