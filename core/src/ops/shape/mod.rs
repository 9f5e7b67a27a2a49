//! Rearrangements of elements: other shapes and orders of axes in [`view`] (`reshape`,
//! `transpose`), parts in [`slice`] (`narrow`, `split`, `flip`, `pad`), replaced parts in
//! [`assign`], joined tensors in [`join`] (`cat`, `stack`), repeated slices in [`stretch`], cyclic
//! shifts in [`roll`], padding with elements of the tensor in [`padding`].
//!
//! [`window`] is the mechanism behind the parts.

pub(in crate::ops) mod assign;
pub(in crate::ops) mod join;
pub(in crate::ops) mod padding;
pub(in crate::ops) mod roll;
pub(in crate::ops) mod slice;
pub(in crate::ops) mod stretch;
pub(in crate::ops) mod view;
pub(in crate::ops) mod window;
