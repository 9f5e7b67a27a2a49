//! The signal report: the layers whose activations or gradients vanish, explode, die or saturate.
//!
//! [`inspect`] reports on one batch, and a [`Signal`] on every k-th step of a training run. Both
//! work for any model without hooks in its code. The pass is observed: the report sees every
//! operation on the model's parameters, and every operation on tensors computed from these.
//!
//! # Rows
//!
//! A row is one use of a layer. An operation that takes data and a parameter begins a new row,
//! under the path of the module that contains the parameter. A second such operation of the same
//! module continues the row, until an activation ends it. The rest depends on the
//! [kind](cotangent_core::OpKind) of the operation. A custom operation is included if it returns
//! its kind:
//!
//! - A product or a convolution begins a row even if the previous row belongs to the same module.
//!   So does a recurrent layer, whose row has the states after all steps.
//! - A normalization does so too. It undoes the scale of its input, so that scale is not judged. A
//!   normalization without parameters continues the row that it is applied to.
//! - A lookup turns a parameter into data, and so begins a row. Other results computed from
//!   parameters alone still count as parameters.
//! - An elementwise operation or a blend continues a row. Applied to a parameter and a constant of
//!   its shape, such as a mask or noise, it gives a parameter. With data and a constant, only a
//!   blend continues the row: an elementwise operation, such as a difference, is a comparison with
//!   a target.
//! - An activation, including its own parameters, ends the row that it is applied to. Dead units
//!   and saturation are those of its result.
//! - Pooling continues a row, so that an activation after it belongs to the row of the convolution.
//! - Attention continues the row of the values.
//! - A loss does not continue a row.
//! - Other operations continue a row if they keep the number of elements.
//!
//! # Findings
//!
//! A [`Report`] prints as a table and can be written as JSON. With the feature `figures` it draws
//! itself as SVG or PNG (it is a `Figure`). Each problem is a [`Finding`]: a [`Verdict`] with the
//! layer, the value that revealed it, and the standard remedy. With the default [`Thresholds`]:
//!
//! - **Exploding**: a value is not finite, activations grow 1,000 times on the way forward or
//!   gradients on the way back, or one step changes a layer's weights by half of their size.
//! - **Vanishing**: differences between samples shrink 1,000 times on the way forward, gradients
//!   shrink as much on the way back, or a layer gets no gradient at all.
//!   The way back through the steps of a recurrent layer counts as well.
//! - **Dead**: three quarters of a hidden layer's units are 0 for every sample. The units of a
//!   convolution are its channels.
//! - **Saturated**: a quarter of a hidden layer's activations have a derivative below 0.01. Zeros
//!   of a ReLU do not count. For a recurrent layer half of the gates must have, in attention three
//!   quarters of the queries one weight of about 0.99 or more.
//!
//! If one layer alone contributes half of the change, measured in logarithms, it is reported as the
//! cause. Otherwise each layer contributes its share, and the most affected layer is reported. The
//! ideas are from Glorot and Bengio (2010, Understanding the difficulty of training deep
//! feedforward neural networks). The thresholds are our own.
//!
//! # Batches in parts
//!
//! A report is of a whole batch, also if it is computed in shards, by one process or by several
//! ([`Signal::step_on`]). The measurements of the shards are added up, and the sum is judged: a
//! unit is dead if it is 0 for every sample of the batch. Of sequences of unequal lengths, only
//! those of equal lengths are compared unit by unit.
//!
//! # Limits
//!
//! The report does not see parameters that `forward` reads by `Param::value`, inference passes, or
//! computations before the first parameter. It measures the weights of attention only inside
//! `scaled_dot_product_attention`, not in attention written with products and a softmax. Layers
//! inside a [recomputed segment](cotangent_core::module::Pass::recompute) share one row. A batch
//! normalization that is synchronized over shards is seen as the operations of which it is
//! composed: it has no drift, and the row before it has the normalized values.

mod bins;
#[cfg(feature = "figures")]
mod figure;
mod findings;
mod inside;
mod measured;
mod record;
mod report;
mod shard;
mod statistics;
mod table;
mod units;
mod watch;
mod wire;

pub use bins::Histogram;
pub use findings::{Finding, Thresholds, Verdict};
pub use report::{Drift, LayerSignal, ParameterSignal, Report};
pub use statistics::Distribution;
pub use watch::{Signal, inspect};
