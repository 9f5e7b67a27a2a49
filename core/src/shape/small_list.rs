//! Short lists of numbers, one for each axis. Up to four are stored in place, where they are copied
//! and compared without a loop, because they take much of the time of an operation on a scalar.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};

const IN_PLACE: usize = 4;

/// A list of numbers, seldom more than four.
#[derive(Clone)]
pub(crate) struct SmallList<T> {
    /// The items if they fit; places behind the last have the default value.
    in_place: [T; IN_PLACE],
    len: usize,
    /// All items if they do not fit.
    #[allow(
        clippy::box_collection,
        reason = "one word in place of three, seldom needed"
    )]
    more: Option<Box<Vec<T>>>,
}

impl<T: Copy + Default> SmallList<T> {
    /// Changes the number of items with the methods of `Vec`.
    pub(crate) fn edit<R>(&mut self, change: impl FnOnce(&mut Vec<T>) -> R) -> R {
        let mut items = self.to_vec();
        let result = change(&mut items);
        *self = Self::from(&items[..]);
        result
    }

    #[inline]
    pub(crate) fn filled(item: T, len: usize) -> Self {
        (0..len).map(|_| item).collect()
    }
}

impl<T: Copy + Default> Default for SmallList<T> {
    #[inline]
    fn default() -> Self {
        Self {
            in_place: [T::default(); IN_PLACE],
            len: 0,
            more: None,
        }
    }
}

impl<T> Deref for SmallList<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        match &self.more {
            None => &self.in_place[..self.len],
            Some(items) => items,
        }
    }
}

impl<T> DerefMut for SmallList<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.more {
            None => &mut self.in_place[..self.len],
            Some(items) => items,
        }
    }
}

impl<T: Copy + Default> From<&[T]> for SmallList<T> {
    #[inline]
    fn from(items: &[T]) -> Self {
        items.iter().copied().collect()
    }
}

impl<T: Copy + Default> FromIterator<T> for SmallList<T> {
    #[inline]
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        let mut list = Self::default();
        let mut iter = iter.into_iter();
        while let Some(item) = iter.next() {
            if list.len == IN_PLACE {
                let first = std::mem::take(&mut list.in_place).into_iter();
                let all: Vec<T> = first.chain([item]).chain(iter).collect();
                list.len = all.len();
                list.more = Some(Box::new(all));
                break;
            }
            list.in_place[list.len] = item;
            list.len += 1;
        }
        list
    }
}

impl<T: PartialEq> PartialEq for SmallList<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // Faster than comparing slices: no call, and no branch for each item.
        let mut equal = self.len == other.len;
        for (item, other) in self.in_place.iter().zip(&other.in_place) {
            equal &= item == other;
        }
        equal && self.more == other.more
    }
}

impl<T: Eq> Eq for SmallList<T> {}

impl<T: Hash> Hash for SmallList<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: fmt::Debug> fmt::Debug for SmallList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaves_like_a_vector() {
        for len in 0..8 {
            let vector: Vec<usize> = (10..10 + len).collect();
            let mut list: SmallList<usize> = vector.iter().copied().collect();
            assert_eq!(*list, *vector);
            assert_eq!(list, SmallList::from(&vector[..]));
            assert_eq!(list.clone(), list);
            assert_eq!(list.edit(Vec::pop), vector.last().copied());
            assert_eq!(*list, vector[..len.saturating_sub(1)]);
            assert_eq!(list, list.iter().copied().collect());
            list.edit(|items| items.insert(0, 9));
            assert_eq!((list.len(), list[0]), (len.max(1), 9));
            assert_ne!(list, SmallList::default());
            list[0] = 8;
            assert_eq!(list[0], 8);
            assert_eq!(*SmallList::filled(7, len), vec![7; len]);
        }
    }
}
