//! The metrics: running measures of a model's outputs.
