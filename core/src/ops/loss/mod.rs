//! Losses, a file each, and the accuracy. Prediction and target have one shape: losses do not
//! broadcast. [`labels`], [`options`] and [`reduction`] hold the parts that they share.

pub(in crate::ops) mod accuracy;
pub(in crate::ops) mod bce;
pub(in crate::ops) mod bce_with_logits;
pub(in crate::ops) mod cosine;
pub(in crate::ops) mod cross_entropy;
pub(in crate::ops) mod ctc;
mod ctc_recorded;
pub(in crate::ops) mod distance;
pub(in crate::ops) mod focal;
pub(in crate::ops) mod kl_div;
pub(in crate::ops) mod labels;
pub(in crate::ops) mod likelihood;
pub(in crate::ops) mod multi_margin;
pub(in crate::ops) mod nll_loss;
mod options;
pub(in crate::ops) mod ranking;
pub(in crate::ops) mod reduction;
