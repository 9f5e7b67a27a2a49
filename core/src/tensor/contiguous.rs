//! The elements of an array as one slice, borrowed or copied.

use super::element::Element;
use super::storage::Storage;
use std::ops::Deref;

/// The elements of an array in row-major order, which dereferences to a slice: borrowed if the
/// array is row-major in memory, else a copy. [`Array::contiguous`](super::Array::contiguous)
/// creates it.
pub(crate) struct Contiguous<'a, F>(Memory<'a, F>);

enum Memory<'a, F> {
    Own(&'a [F]),
    Copy(Storage),
}

impl<'a, F: Element> Contiguous<'a, F> {
    #[inline]
    pub(super) fn own(elements: &'a [F]) -> Self {
        Self(Memory::Own(elements))
    }

    /// Takes the storage of a copy, all of whose elements are in row-major order.
    pub(super) fn copy(storage: Storage) -> Self {
        Self(Memory::Copy(storage))
    }
}

impl<F: Element> Deref for Contiguous<'_, F> {
    type Target = [F];

    #[inline]
    fn deref(&self) -> &[F] {
        match &self.0 {
            Memory::Own(elements) => elements,
            Memory::Copy(storage) => storage.as_slice(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::shape::{DType, Shape};
    use crate::tensor::Array;

    #[test]
    fn only_elements_out_of_order_are_copied() {
        let array = Array::from_slice(Shape::from([2, 3]), &[1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let address = |array: &Array| array.contiguous::<f64>().as_ptr();
        assert_eq!(address(&array), address(&array.clone()));
        let transposed = array.with_layout(array.layout.permute(&[1, 0]));
        assert_ne!(address(&array), address(&transposed));
        let elements = transposed.contiguous::<f64>();
        assert_eq!(*elements, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let empty = array.broadcast_to(&Shape::from([0, 2, 3]));
        assert!(empty.contiguous::<f64>().is_empty());
    }

    #[test]
    #[should_panic(expected = "elements of another dtype")]
    fn elements_of_another_dtype_panic() {
        let _ = Array::full(DType::F32, Shape::from([3]), 1.0).contiguous::<f64>();
    }

    #[test]
    fn writing_to_shared_elements_writes_to_a_copy() {
        let array = Array::full(DType::F32, Shape::from([100]), 1.0);
        let mut other = array.clone();
        other.elements_mut::<f32>().fill(2.0);
        assert_eq!(*array.contiguous::<f32>(), [1.0; 100]);
        assert_eq!(*other.contiguous::<f32>(), [2.0; 100]);
        let mut row = array.with_layout(array.layout.reshape(&Shape::from([100, 1])).unwrap());
        row.elements_mut::<f32>()[0] = 3.0;
        assert_eq!(array.contiguous::<f32>()[0], 1.0);
    }
}
