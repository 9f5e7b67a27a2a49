//! Elements by number, and in order.

pub(in crate::ops) mod gather;
pub(in crate::ops) mod order;
