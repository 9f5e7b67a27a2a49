//! Reductions over axes: [`sum`] (`mean`, `prod`), [`statistics`] (`var`), [`norms`], [`extremes`]
//! (`max`, `argmin`), [`log_sum_exp`], [`numbers`] (`nansum`), [`order_statistics`] (`median`),
//! running results along an axis in [`cumulative`], [`running_extremes`] and [`log_cumulative`],
//! [`distances`], [`counts`] (`unique`) and [`histogram`].

pub(in crate::ops) mod counts;
pub(in crate::ops) mod cumulative;
pub(in crate::ops) mod distances;
pub(in crate::ops) mod extremes;
pub(in crate::ops) mod histogram;
pub(in crate::ops) mod log_cumulative;
pub(in crate::ops) mod log_sum_exp;
pub(in crate::ops) mod norms;
pub(in crate::ops) mod numbers;
pub(in crate::ops) mod order_statistics;
pub(in crate::ops) mod running_extremes;
pub(in crate::ops) mod statistics;
pub(in crate::ops) mod sum;
