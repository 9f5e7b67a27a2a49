//! Reductions over axes, and running results along them.

pub(in crate::ops) mod cumulative;
pub(in crate::ops) mod extremes;
pub(in crate::ops) mod log_sum_exp;
pub(in crate::ops) mod statistics;
pub(in crate::ops) mod sum;
