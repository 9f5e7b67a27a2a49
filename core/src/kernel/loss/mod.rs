//! Losses over rows: cross-entropy. Elementwise losses are formulas, which `elementwise::map` runs.

pub(crate) mod cross_entropy;
