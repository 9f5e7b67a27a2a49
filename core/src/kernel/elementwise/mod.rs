//! One formula over all elements, in one sweep.

pub(crate) mod compare;
pub(crate) mod map;
