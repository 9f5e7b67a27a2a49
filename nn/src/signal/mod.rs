//! The signal report: which layer's activations or gradients vanish, explode, die or saturate.
//!
//! [`inspect`] reports on one batch, a [`Signal`] on every k-th step of a training run. Both work
//! for any model, with no hook in its code: an observed pass shows them every operation on the
//! model's parameters and on what is computed from these.
//!
//! An operation that takes data and a parameter begins a new row of the report, under the path of
//! the module that the parameter belongs to; a second one of the same module continues the row
//! until an activation ends it. The rest depends on what the operations are, by their
//! [kinds](cotangent_core::OpKind); a custom operation takes part by returning its own:
//!
//! | kind | in the report |
//! |---|---|
//! | product | begins a row even if the row before is of the same module |
//! | normalization | likewise; the scale of what it takes does not matter, and is not judged. Without parameters it continues the row that it is applied to |
//! | lookup | makes data of a parameter, and so begins a row; what else is computed from parameters alone is still a parameter |
//! | elementwise, blend | continues a row, or makes a parameter of a parameter and a constant of its shape (a mask, noise). With a constant, a blend alone continues a row: an operation such as a difference compares with a target |
//! | activation | ends the row that it is applied to, with its own parameters: dead units and saturation are those of its result |
//! | loss | continues no row |
//! | others | continue a row if they keep the number of elements |
//!
//! A [`Report`] prints as a table, is written as JSON, and with the feature `figures` draws itself
//! as SVG or PNG (it is a `Figure`). What is not healthy is a [`Finding`]: a [`Verdict`] with the
//! layer, the figure that gave it away, and the textbook's remedy:
//!
//! | verdict | when, with the default [`Thresholds`] |
//! |---|---|
//! | exploding | something is not finite; activations grow 1,000 times on their way up, or gradients on their way down; one step changes a layer's weights by half their size |
//! | vanishing | samples differ, or gradients are, 1,000 times less after their way than before; no gradient comes at all |
//! | dead | three quarters of a hidden layer's units are 0 for every sample |
//! | saturated | a quarter of a hidden layer's activations have a derivative below 0.01 (zeros of a ReLU do not count) |
//!
//! A layer is named as the cause if it alone does half of the harm, counted in powers; else each
//! layer does its share, and the layer that has the worst of it is named. The ideas are those of
//! Glorot and Bengio (2010, Understanding the difficulty of training deep feedforward neural
//! networks); the thresholds are ours.
//!
//! What it does not see: parameters that `forward` reads by `Param::value`, inference passes, and
//! what is computed before the first parameter. Layers that run inside a [recomputed
//! segment](cotangent_core::module::Pass::recompute) are one row.

#[cfg(feature = "figures")]
mod figure;
mod findings;
mod record;
mod report;
mod statistics;
mod table;
mod watch;

pub use findings::{Finding, Thresholds, Verdict};
pub use report::{Drift, LayerSignal, ParameterSignal, Report};
pub use statistics::{Distribution, Histogram};
pub use watch::{Signal, inspect};
