//! Reductions over axes, and running results along them.

pub(crate) mod extremes;
pub(crate) mod fold;
pub(crate) mod product;
pub(crate) mod range;
pub(crate) mod scan;
