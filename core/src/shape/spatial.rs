//! `Spatial`, one number for each spatial axis: the argument of convolutions and pooling.

use std::ops::Deref;

/// Numbers for `D` spatial axes, such as the lengths of a kernel or its strides, in the order of
/// the axes.
///
/// Functions take `impl Into<Spatial<D>>`: an array with a number for each axis, or one number for
/// all of them.
///
/// ```
/// use cotangent::Spatial;
/// assert_eq!(*Spatial::<2>::from(3), [3, 3]);
/// assert_eq!(*Spatial::from([1, 2]), [1, 2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spatial<const D: usize>([usize; D]);

impl<const D: usize> Deref for Spatial<D> {
    type Target = [usize; D];
    fn deref(&self) -> &[usize; D] {
        &self.0
    }
}

impl<const D: usize> From<usize> for Spatial<D> {
    fn from(all: usize) -> Self {
        Self([all; D])
    }
}

impl<const D: usize> From<[usize; D]> for Spatial<D> {
    fn from(each: [usize; D]) -> Self {
        Self(each)
    }
}
