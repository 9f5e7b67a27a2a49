//! Short lists of numbers, one for each axis: four fit in place, where they are copied and compared
//! without a loop. (As much of the time of an operation on a scalar goes to them as to anything.)

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};

const IN_PLACE: usize = 4;

/// A list of numbers, of which there are seldom more than four.
#[derive(Clone)]
pub(crate) enum Few<T> {
    /// The first `len`; the others are the default.
    InPlace {
        len: u8,
        items: [T; IN_PLACE],
    },
    Heap(Vec<T>),
}

impl<T: Copy + Default> Few<T> {
    /// As `Vec` does it, where the number of items changes.
    pub(crate) fn edit<R>(&mut self, change: impl FnOnce(&mut Vec<T>) -> R) -> R {
        let mut items = self.to_vec();
        let result = change(&mut items);
        *self = Self::from(&items[..]);
        result
    }

    pub(crate) fn filled(item: T, len: usize) -> Self {
        (0..len).map(|_| item).collect()
    }
}

impl<T: Copy + Default> Default for Few<T> {
    #[inline]
    fn default() -> Self {
        Self::InPlace {
            len: 0,
            items: [T::default(); IN_PLACE],
        }
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::InPlace { len, items } => &items[..usize::from(*len)],
            Self::Heap(items) => items,
        }
    }
}

impl<T> DerefMut for Few<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::InPlace { len, items } => &mut items[..usize::from(*len)],
            Self::Heap(items) => items,
        }
    }
}

impl<T: Copy + Default> From<&[T]> for Few<T> {
    #[inline]
    fn from(items: &[T]) -> Self {
        items.iter().copied().collect()
    }
}

impl<T: Copy + Default> FromIterator<T> for Few<T> {
    #[inline]
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        let mut items = [T::default(); IN_PLACE];
        let mut iter = iter.into_iter();
        for len in 0..IN_PLACE {
            match iter.next() {
                Some(item) => items[len] = item,
                None => {
                    return Self::InPlace {
                        len: len as u8,
                        items,
                    };
                }
            }
        }
        match iter.next() {
            Some(fifth) => Self::Heap(items.into_iter().chain([fifth]).chain(iter).collect()),
            None => Self::InPlace {
                len: IN_PLACE as u8,
                items,
            },
        }
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::InPlace { len, items },
                Self::InPlace {
                    len: other_len,
                    items: others,
                },
            ) => {
                // No call to compare memory, and no branch for each item.
                let mut equal = len == other_len;
                for (item, other) in items.iter().zip(others) {
                    equal &= item == other;
                }
                equal
            }
            _ => **self == **other,
        }
    }
}

impl<T: Eq> Eq for Few<T> {}

impl<T: Hash> Hash for Few<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: fmt::Debug> fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_what_a_vector_of_them_is() {
        for len in 0..8 {
            let vector: Vec<usize> = (10..10 + len).collect();
            let mut few: Few<usize> = vector.iter().copied().collect();
            assert_eq!(*few, *vector);
            assert_eq!(few, Few::from(&vector[..]));
            assert_eq!(few.clone(), few);
            assert_eq!(few.edit(Vec::pop), vector.last().copied());
            assert_eq!(*few, vector[..len.saturating_sub(1)]);
            assert_eq!(few, few.iter().copied().collect());
            few.edit(|items| items.insert(0, 9));
            assert_eq!((few.len(), few[0]), (len.max(1), 9));
            assert_ne!(few, Few::default());
            few[0] = 8;
            assert_eq!(few[0], 8);
            assert_eq!(*Few::filled(7, len), vec![7; len]);
        }
    }
}
