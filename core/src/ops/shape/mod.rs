//! Views, parts and joins: the same elements in another arrangement.

pub(in crate::ops) mod join;
pub(in crate::ops) mod slice;
pub(in crate::ops) mod view;
pub(in crate::ops) mod window;
