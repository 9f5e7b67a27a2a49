//! Elements by index: taking them in [`gather`], writing them in [`scatter`] and [`slices`],
//! several indices for each element in [`lists`], masks in [`masked`], reductions of the elements
//! for one place in [`reduce`]. The order of elements in [`order`], places in a sorted sequence in
//! [`search`].

pub(in crate::ops) mod gather;
pub(in crate::ops) mod lists;
pub(in crate::ops) mod masked;
pub(in crate::ops) mod order;
pub(in crate::ops) mod reduce;
pub(in crate::ops) mod scatter;
pub(in crate::ops) mod search;
pub(in crate::ops) mod slices;
