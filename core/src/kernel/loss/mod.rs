//! Losses over rows: cross-entropy, margins, and sums over alignments. Elementwise losses are
//! formulas, which `elementwise::map` runs.

pub(crate) mod cross_entropy;
pub(crate) mod ctc;
pub(crate) mod margin;
