//! Losses over rows: cross-entropy. Those of elements are formulas, which run in
//! `elementwise::map`.

pub(crate) mod cross_entropy;
