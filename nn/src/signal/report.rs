//! The report: the statistics of every layer, in order of use.

use super::findings::{Finding, Thresholds, Verdict, find};
use super::measured::{Channels, Measured, MeasuredRow};
use super::statistics::{Distribution, Share, Sizes, rms};
use cotangent_core::module::{LeafRef, Module, Walk};
use cotangent_core::{ModuleExt, OpKind, Tensor};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// The statistics of one batch on its way forward through a model and back.
///
/// It prints as a table. A row is one use of a layer: the operation that takes the layer's
/// parameters, the operations after it, and the activation that ends the row.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The number of the step, from 0.
    pub step: u64,
    /// The input, if the first layer takes a tensor.
    pub input: Option<Distribution>,
    /// The layers, in order of use.
    pub layers: Vec<LayerSignal>,
    /// The parameters that were read, by path, in the model's order.
    pub parameters: Vec<ParameterSignal>,
    /// The paths of parameters that were not read.
    pub unused: Vec<String>,
    /// The factor by which the gradient changes from a layer to the one below it: 10 to the slope
    /// of a straight line fitted to the logarithms of the gradients' root mean squares. `None` if
    /// fewer than three layers have a gradient other than 0.
    pub gradient_factor: Option<f64>,
    /// The problems found, causes before consequences. Empty for a healthy model.
    pub findings: Vec<Finding>,
}

/// One use of a layer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerSignal {
    /// The layer's path.
    pub path: String,
    /// The number of this use, from 1, if the layer is used several times, as in a recurrent
    /// network.
    pub nth_use: Option<usize>,
    /// The names of the operations, such as `linear` and `relu`.
    pub operations: Vec<String>,
    /// The kinds of these operations, in the same order. The first one tells the kind of layer.
    pub kinds: Vec<OpKind>,
    /// The shape of the result.
    pub shape: Vec<usize>,
    /// The distribution of the result, after the activation if there is one.
    pub activation: Distribution,
    /// How much the results differ between samples: the root of the mean, over the units, of the
    /// variance over the samples (axis 0). 0 if the results for all samples are equal.
    pub spread: f64,
    /// The number of channels, if they are the second axis of the result: for a convolution, and
    /// for a normalization of its result.
    pub channels: Option<usize>,
    /// The share of units that the activation sets to 0 for every sample. A unit is a channel, if
    /// there are [`channels`](Self::channels), a unit of the state of a recurrent layer, or else an
    /// element of one sample's result. `None` without an activation or with fewer than 4 samples.
    pub dead: Option<f64>,
    /// The share of elements where the derivative of the activation is near 0. Elements that a
    /// rectifier sets to 0 do not count. For a recurrent layer the elements are the gates of all
    /// steps. For attention they are the queries, which are saturated if their largest weight is
    /// near 1. `None` without any of these.
    pub saturated: Option<f64>,
    /// For attention, the mean over the queries of their largest weight. It is 1 if each query
    /// attends to one key alone, and 1 divided by the number of keys if it attends to all equally.
    pub largest_weight: Option<f64>,
    /// For a recurrent layer of at least three steps, the factor by which the size of a gradient
    /// changes per step on its way back through time. It is measured too near to 1 if the sequences
    /// have unequal lengths and the layer returns the last states alone.
    pub per_step: Option<f64>,
    /// For such a layer, the size of the gradient that arrives at the first step, divided by the
    /// largest one that a step gets from the layers above.
    pub through_time: Option<f64>,
    /// The gradient with respect to the input of the activation, or to the result if there is no
    /// activation. `None` if no gradient reaches it.
    pub gradient: Option<Distribution>,
    /// The root mean square of the gradient with respect to the result.
    pub result_gradient: Option<f64>,
    /// The root mean square of [`gradient`](Self::gradient), divided by that of the next layer that
    /// takes this layer's result.
    pub ratio: Option<f64>,
    /// The root mean square of the gradient with respect to the layer's weights. These are its
    /// parameters with two axes or more, or all parameters if there are none.
    pub weight_gradient: Option<f64>,
    /// The root mean square of the change of these weights in the optimizer's step, divided by that
    /// of the weights.
    pub update: Option<f64>,
    /// The difference between the running statistics of a batch normalization and those of the
    /// batch.
    pub drift: Option<Drift>,
    /// The layers whose results this layer takes, as indices into the report.
    pub inputs: Vec<usize>,
}

/// The difference between the running statistics of a batch normalization and those of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// The root mean square over the channels of the difference of the means, in running standard
    /// deviations.
    pub mean: f64,
    /// The geometric mean over the channels of the batch's variance divided by the running
    /// variance.
    pub variance: f64,
}

/// A parameter, its gradient, and its change in the optimizer's step.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ParameterSignal {
    /// The path.
    pub path: String,
    /// The root mean square of the parameter.
    pub rms: f64,
    /// The distribution of the elements.
    pub values: Distribution,
    /// The root mean square of the gradient. `None` if there is no gradient.
    pub gradient: Option<f64>,
    /// The distribution of the gradient's elements.
    pub gradients: Option<Distribution>,
    /// The root mean square of the change in the step, divided by that of the parameter. `None` if
    /// there was no step or the parameter was 0.
    pub update: Option<f64>,
}

impl Report {
    /// Judges the measurements of a whole batch. `factor` is that by which the gradients of its
    /// shards are those of the whole batch.
    pub(super) fn of(
        step: u64,
        measured: &Measured,
        net: &(impl Module + ?Sized),
        factor: f64,
        thresholds: &Thresholds,
    ) -> Self {
        let buffers = Buffers::of(net);
        let now = net.named_params();
        let rows = measured.rows.iter();
        let mut layers: Vec<LayerSignal> = rows
            .map(|row| {
                let weights = now.iter().filter_map(|(path, param)| {
                    let is_read = row.parameters.contains(path);
                    let signal = measured.parameters.get(path).filter(|_| is_read)?;
                    Some((param.value(), signal))
                });
                let normalized = row.normalized.as_ref();
                LayerSignal {
                    drift: normalized.and_then(|given| buffers.drift(&row.module, given)),
                    ..layer(row, factor, &weights.collect::<Vec<_>>())
                }
            })
            .collect();
        add_ratios(&mut layers);
        let input = measured.input.as_ref();
        let paths = now.iter().map(|(path, _)| path);
        let mut report = Self {
            step,
            input: input.map(|(values, _)| values.distribution(1.0)),
            gradient_factor: gradient_factor(&layers),
            unused: paths
                .clone()
                .filter(|path| !measured.parameters.contains_key(*path))
                .cloned()
                .collect(),
            layers,
            parameters: paths
                .filter_map(|path| measured.parameters.get(path).cloned())
                .collect(),
            findings: Vec::new(),
        };
        let input_spread = input.map(|(_, units)| units.spread());
        report.findings = find(&report, input_spread, thresholds);
        report
    }

    /// Returns the verdict of the first finding, or healthy if there is none.
    pub fn verdict(&self) -> Verdict {
        self.findings
            .first()
            .map_or(Verdict::Healthy, |finding| finding.verdict)
    }

    /// Returns the layer at this path, at its first use.
    pub fn layer(&self, path: &str) -> Option<&LayerSignal> {
        self.layers.iter().find(|layer| layer.path == path)
    }

    /// Returns the report as JSON. Missing values and numbers that are not finite are null.
    pub fn to_json(&self) -> String {
        let layers: Vec<Value> = self.layers.iter().map(LayerSignal::to_json).collect();
        let parameters: Vec<Value> = self
            .parameters
            .iter()
            .map(ParameterSignal::to_json)
            .collect();
        let findings: Vec<Value> = self.findings.iter().map(Finding::to_json).collect();
        let report = json!({
            "step": self.step,
            "verdict": self.verdict().to_string(),
            "findings": findings,
            "gradient_factor": self.gradient_factor,
            "input": self.input.as_ref().map(Distribution::to_json),
            "layers": layers,
            "parameters": parameters,
            "unused": self.unused,
        });
        format!("{report:#}")
    }

    /// Writes [`to_json`](Self::to_json) to a file. The file is replaced whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`](cotangent_core::Error::Io) if writing fails.
    pub fn save_json(&self, path: impl AsRef<Path>) -> cotangent_core::Result<()> {
        cotangent_core::replace_file(path.as_ref(), self.to_json().as_bytes())
    }
}

impl LayerSignal {
    /// Returns the path, with the number of the use if there are several: `cell (3)`.
    pub fn name(&self) -> String {
        match self.nth_use {
            Some(nth) => format!("{} ({nth})", self.path),
            None => self.path.clone(),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "path": self.path,
            "nth_use": self.nth_use,
            "operations": self.operations,
            "kinds": self.kinds.iter().map(OpKind::to_string).collect::<Vec<_>>(),
            "shape": self.shape,
            "activation": self.activation.to_json(),
            "spread": self.spread,
            "channels": self.channels,
            "dead": self.dead,
            "saturated": self.saturated,
            "largest_weight": self.largest_weight,
            "per_step": self.per_step,
            "through_time": self.through_time,
            "gradient": self.gradient.as_ref().map(Distribution::to_json),
            "result_gradient": self.result_gradient,
            "ratio": self.ratio,
            "weight_gradient": self.weight_gradient,
            "update": self.update,
            "drift": self.drift.map(Drift::to_json),
            "inputs": self.inputs,
        })
    }
}

impl Drift {
    fn to_json(self) -> Value {
        json!({ "mean": self.mean, "variance": self.variance })
    }
}

impl ParameterSignal {
    fn to_json(&self) -> Value {
        json!({
            "path": self.path,
            "rms": self.rms,
            "non_finite": self.values.non_finite,
            "gradient": self.gradient,
            "update": self.update,
        })
    }
}

/// Returns the statistics of a parameter with this value before the step, and this one after it.
pub(super) fn parameter(
    path: &str,
    before: &Tensor,
    after: Option<&Tensor>,
    gradient: Option<&Tensor>,
) -> ParameterSignal {
    let size = rms(before);
    let change = after.and_then(|after| after.sub(before).ok());
    ParameterSignal {
        path: path.to_owned(),
        rms: size,
        values: Distribution::of(before),
        gradient: gradient.map(rms),
        gradients: gradient.map(Distribution::of),
        update: change
            .map(|change| rms(&change) / size)
            .filter(|_| size > 0.0),
    }
}

fn layer(
    row: &MeasuredRow,
    factor: f64,
    parameters: &[(&Tensor, &ParameterSignal)],
) -> LayerSignal {
    let weights: Vec<&(&Tensor, &ParameterSignal)> =
        match parameters.iter().filter(|(w, _)| w.rank() > 1).collect() {
            none if Vec::is_empty(&none) => parameters.iter().collect(),
            weights => weights,
        };
    // Over the elements of all weights together.
    let mean = |value: &dyn Fn(&ParameterSignal) -> Option<f64>| {
        let (mut norm, mut count) = (0.0f64, 0.0f64);
        for (weight, signal) in &weights {
            let len = weight.len() as f64;
            norm = norm.hypot(value(signal)? * len.sqrt());
            count += len;
        }
        (count > 0.0).then(|| norm / count.sqrt())
    };
    let size = mean(&|p| Some(p.rms));
    let change = mean(&|p| Some(p.update.unwrap_or(0.0) * p.rms));
    let stepped = weights.iter().any(|(_, p)| p.update.is_some());
    let gradient = row.result_gradient.as_ref();
    let gradient = gradient.and_then(|gradient| gradient.rms.first());
    let per_step = row.steps.as_ref().and_then(per_step);
    let saturated = [row.saturated, row.inner_saturated];
    LayerSignal {
        path: row.path.clone(),
        nth_use: row.nth_use,
        operations: row.operations.clone(),
        kinds: row.kinds.clone(),
        shape: row.shape.clone(),
        activation: row.activation.distribution(1.0),
        spread: row.units.spread(),
        channels: row.channels,
        dead: (row.has_units && row.units.samples() >= 4).then(|| row.units.dead()),
        saturated: saturated
            .into_iter()
            .flatten()
            .map(Share::mean)
            .reduce(f64::max),
        largest_weight: row.largest_weight.map(Share::mean),
        per_step,
        through_time: per_step.and_then(|per_step| {
            let time = row.steps.as_ref()?.rms.len();
            through_time(&row.step_gradients.as_ref()?.rms, time, per_step)
        }),
        gradient: row.gradient.as_ref().map(|g| g.distribution(factor)),
        result_gradient: gradient.map(|gradient| gradient * factor),
        ratio: None,
        weight_gradient: mean(&|p| p.gradient),
        update: change
            .zip(size)
            .filter(|(_, size)| stepped && *size > 0.0)
            .map(|(change, size)| change / size),
        drift: None,
        inputs: row.inputs.clone(),
    }
}

/// Returns the factor by which a gradient changes per step on its way back, from its size at each
/// step: over the last steps, as far as the sizes are numbers other than 0.
fn per_step(steps: &Sizes) -> Option<f64> {
    let sizes = &steps.rms;
    let is_number = |size: &&f64| size.is_finite() && **size > 0.0;
    let count = sizes.iter().rev().take_while(is_number).count();
    let ratio = sizes.get(sizes.len().checked_sub(count)?)? / sizes.last()?;
    (count > 1).then(|| ratio.powf(1.0 / (count - 1) as f64))
}

/// Returns the size of the gradient that arrives at the first step of a recurrent layer, divided by
/// the largest one that a step gets from above. `sizes` are those of the gradient of the layer's
/// result: of the states of all steps, of the last ones, or of both one after the other.
fn through_time(sizes: &[f64], time: usize, per_step: f64) -> Option<f64> {
    let last = time.checked_sub(1)?;
    let step = |i: usize| {
        if sizes.len() < time {
            last
        } else {
            i.min(last)
        }
    };
    let arriving = |(i, size): (usize, &f64)| size * per_step.powf(step(i) as f64);
    let first = sizes.iter().enumerate().map(arriving).fold(0.0, f64::max);
    let largest = sizes.iter().copied().fold(0.0, f64::max);
    (largest > 0.0).then_some(first / largest)
}

fn add_ratios(layers: &mut [LayerSignal]) {
    let sizes: Vec<Option<f64>> = layers
        .iter()
        .map(|layer| layer.gradient.as_ref().map(|g| g.rms))
        .collect();
    for i in 0..layers.len() {
        let next = layers.iter().position(|layer| layer.inputs.contains(&i));
        let next = next.and_then(|next| sizes[next]).filter(|&size| size > 0.0);
        layers[i].ratio = sizes[i].zip(next).map(|(size, next)| size / next);
    }
}

/// Returns 10 to the slope of the least-squares line through the logarithms of the gradients, from
/// top to bottom.
fn gradient_factor(layers: &[LayerSignal]) -> Option<f64> {
    let points: Vec<(f64, f64)> = layers
        .iter()
        .rev()
        .enumerate()
        .filter_map(|(depth, layer)| Some((depth as f64, layer.gradient.as_ref()?.rms)))
        .filter(|(_, size)| *size > 0.0)
        .map(|(depth, size)| (depth, size.log10()))
        .collect();
    if points.len() < 3 {
        return None;
    }
    let n = points.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (depth, size) = (mean(&|p| p.0), mean(&|p| p.1));
    let slope = mean(&|p| (p.0 - depth) * (p.1 - size)) / mean(&|p| (p.0 - depth).powi(2));
    Some(10f64.powf(slope))
}

/// The running statistics of a model.
struct Buffers(BTreeMap<String, Tensor>);

impl Buffers {
    fn of(net: &(impl Module + ?Sized)) -> Self {
        let mut buffers = BTreeMap::new();
        Walk::over(net, |path, leaf| {
            if let LeafRef::Buffer(buffer) = leaf {
                buffers.insert(path.to_owned(), buffer.value());
            }
        });
        Self(buffers)
    }

    /// Returns the difference between the running statistics of the module at `path` and those of
    /// the batch. `None` if the module has no running statistics.
    fn drift(&self, path: &str, batch: &Channels) -> Option<Drift> {
        let prefix = if path.is_empty() { "" } else { "." };
        let get = |name: &str| self.0.get(&format!("{path}{prefix}{name}"));
        let (mean, variance) = (get(RUNNING_MEAN)?, get("running_var")?);
        if mean.shape() != [batch.means.len()] {
            return None; // The statistics do not belong to these channels.
        }
        let channels = mean.to_f64_vec().into_iter().zip(variance.to_f64_vec());
        let batch = batch.means.iter().zip(&batch.deviations);
        let (mut squares, mut logarithms, mut count) = (0.0, 0.0, 0.0);
        for ((mean, variance), (batch_mean, deviation)) in channels.zip(batch) {
            // Prevents a division by 0 if a channel is constant.
            let floor = 1e-12;
            squares += (batch_mean - mean).powi(2) / (variance + floor);
            logarithms += ((deviation.powi(2) + floor) / (variance + floor)).ln();
            count += 1.0;
        }
        Some(Drift {
            mean: f64::sqrt(squares / count),
            variance: f64::exp(logarithms / count),
        })
    }
}

/// The name of the running means in a batch normalization.
pub(super) const RUNNING_MEAN: &str = "running_mean";
