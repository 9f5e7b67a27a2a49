//! Reductions over axes: [`sum`] (`mean`, `prod`), [`statistics`] (`var`, `norm`), [`extremes`]
//! (`max`, `argmin`), [`log_sum_exp`], and running results along an axis in [`cumulative`].

pub(in crate::ops) mod cumulative;
pub(in crate::ops) mod extremes;
pub(in crate::ops) mod log_sum_exp;
pub(in crate::ops) mod statistics;
pub(in crate::ops) mod sum;
