//! Activations of rows: softmax. Those of elements are formulas, which run in `elementwise::map`.

pub(crate) mod softmax;
