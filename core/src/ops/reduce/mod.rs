//! Reductions over axes: [`sum`] (`mean`, `prod`), [`statistics`] (`var`, `norm`), [`extremes`]
//! (`max`, `argmin`), `logsumexp`; and running results along them (`cumsum`).

pub(in crate::ops) mod cumulative;
pub(in crate::ops) mod extremes;
pub(in crate::ops) mod log_sum_exp;
pub(in crate::ops) mod statistics;
pub(in crate::ops) mod sum;
