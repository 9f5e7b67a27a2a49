//! Activations over rows: softmax. Elementwise activations are formulas, which `elementwise::map`
//! runs.

pub(crate) mod softmax;
