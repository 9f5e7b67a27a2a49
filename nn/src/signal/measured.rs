//! The measurements of a batch, or of a part of it, as a value to which those of other parts can be
//! added.

use super::record::{Record, Row};
use super::report::ParameterSignal;
use super::statistics::{Merge, Share, Sizes, Values, pooled, shares};
use super::units::Units;
use super::wire::{Wire, wire};
use cotangent_core::{DType, LeafId, OpKind, Result, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// The measurements of a batch, or of a part of it, such as one of its shards.
#[derive(Clone, Default)]
pub(super) struct Measured {
    /// Whether a backward pass went through the model.
    pub backward: bool,
    /// The layers in order of use.
    pub rows: Vec<MeasuredRow>,
    /// The input from outside the model.
    pub input: Option<(Values, Units)>,
    /// The parameters that were read, by path. They and their gradients are those of the whole
    /// batch on every rank.
    pub parameters: BTreeMap<String, ParameterSignal>,
}

/// The measurements of one use of a layer.
#[derive(Clone)]
pub(super) struct MeasuredRow {
    pub path: String,
    pub nth_use: Option<usize>,
    /// The path of the module that contains the first parameter.
    pub module: String,
    /// The paths of the parameters, in order of use.
    pub parameters: Vec<String>,
    pub operations: Vec<String>,
    pub kinds: Vec<OpKind>,
    pub shape: Vec<usize>,
    pub activation: Values,
    pub units: Units,
    pub channels: Option<usize>,
    /// Whether dead units are those of an activation, or of a recurrent layer.
    pub has_units: bool,
    /// The saturated elements of the activation.
    pub saturated: Option<Share>,
    /// Those inside a recurrent layer or attention.
    pub inner_saturated: Option<Share>,
    pub largest_weight: Option<Share>,
    /// The size at each step of a gradient from the last step of a recurrent layer.
    pub steps: Option<Sizes>,
    /// The size of the gradient that each step gets from the layers above.
    pub step_gradients: Option<Sizes>,
    pub gradient: Option<Values>,
    pub result_gradient: Option<Sizes>,
    /// The statistics of the operand of a batch normalization.
    pub normalized: Option<Channels>,
    /// The rows whose results this row takes.
    pub inputs: Vec<usize>,
}

/// The statistics of the channels of a batch.
#[derive(Clone)]
pub(super) struct Channels {
    /// The number of values of a channel.
    count: usize,
    pub means: Vec<f64>,
    pub deviations: Vec<f64>,
}

wire! {
    Measured { backward, rows, input, parameters }
    MeasuredRow {
        path, nth_use, module, parameters, operations, kinds, shape, activation, units, channels,
        has_units, saturated, inner_saturated, largest_weight, steps, step_gradients, gradient,
        result_gradient, normalized, inputs,
    }
    Channels { count, means, deviations }
    ParameterSignal { path, rms, values, gradient, gradients, update }
}

/// Returns the measurements of two parts of a batch together, as bytes.
pub(super) fn merge(left: &[u8], right: &[u8]) -> Result<Vec<u8>> {
    let mut whole = Measured::from_bytes(left)?;
    whole.merge(Measured::from_bytes(right)?);
    Ok(whole.to_bytes())
}

impl Measured {
    /// Measures what was recorded. `running` are the modules with running statistics.
    pub fn of(
        record: &Record,
        paths: &BTreeMap<LeafId, String>,
        running: &BTreeSet<String>,
    ) -> Self {
        let rows = record.rows.iter().zip(labels(record, paths));
        let input = record.rows.first().and_then(|row| row.outside.as_ref());
        Self {
            backward: record.backward,
            rows: rows
                .map(|(row, label)| measure(row, label, record, paths, running))
                .collect(),
            input: input.map(|input| (Values::of(input), Units::of(input, None))),
            parameters: BTreeMap::new(),
        }
    }

    /// Adds up the measurements of shards in the order of a binary tree over their numbers, so that
    /// the result has the same bits wherever they were measured.
    pub fn sum(shards: BTreeMap<u64, Self>) -> Self {
        let mut parts: Vec<(u64, Self)> = shards.into_iter().collect();
        while parts.len() > 1 {
            let mut sums: Vec<(u64, Self)> = Vec::new();
            for (number, part) in parts {
                match sums.last_mut() {
                    Some((left, sum)) if *left == number / 2 => sum.merge(part),
                    _ => sums.push((number / 2, part)),
                }
            }
            parts = sums;
        }
        parts.pop().map(|(_, sum)| sum).unwrap_or_default()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self> {
        Self::read(&mut bytes)
    }
}

impl Merge for Measured {
    /// Rows are the same if they are the same use of a layer. A part may lack some, as a net does
    /// whose forward pass depends on the data.
    fn merge(&mut self, other: Self) {
        self.backward |= other.backward;
        self.input.merge(other.input);
        for (path, parameter) in other.parameters {
            self.parameters.entry(path).or_insert(parameter);
        }
        let mut places = Vec::new();
        for mut row in other.rows {
            let is_same =
                |left: &MeasuredRow| (&left.path, left.nth_use) == (&row.path, row.nth_use);
            let place = self.rows.iter().position(is_same);
            places.push(place.unwrap_or(self.rows.len()));
            // A row takes the results of rows before it, and seldom its own.
            let inputs = row.inputs.iter();
            row.inputs = inputs.filter_map(|&i| places.get(i).copied()).collect();
            match place {
                Some(place) => self.rows[place].merge(row),
                None => self.rows.push(row),
            }
        }
    }
}

impl Merge for MeasuredRow {
    fn merge(&mut self, other: Self) {
        if let (Some((left, rest)), Some((right, others))) =
            (self.shape.split_first_mut(), other.shape.split_first())
        {
            *left += right;
            // Sequences may have unequal lengths.
            for (left, right) in rest.iter_mut().zip(others) {
                *left = (*left).max(*right);
            }
        }
        self.activation.merge(other.activation);
        self.units.merge(other.units);
        self.channels = self.channels.or(other.channels);
        self.has_units |= other.has_units;
        self.saturated.merge(other.saturated);
        self.inner_saturated.merge(other.inner_saturated);
        self.largest_weight.merge(other.largest_weight);
        self.steps.merge(other.steps);
        self.step_gradients.merge(other.step_gradients);
        self.gradient.merge(other.gradient);
        self.result_gradient.merge(other.result_gradient);
        self.normalized.merge(other.normalized);
        for parameter in other.parameters {
            if !self.parameters.contains(&parameter) {
                self.parameters.push(parameter);
            }
        }
        for input in other.inputs {
            if !self.inputs.contains(&input) {
                self.inputs.push(input);
            }
        }
    }
}

impl Merge for (Values, Units) {
    fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
        self.1.merge(other.1);
    }
}

impl Channels {
    fn of(given: &Tensor) -> Option<Self> {
        let given = given.detach().to_dtype(DType::F64);
        let (_, batch) = given.batch_norm(None, None, 0.0).ok()?;
        Some(Self {
            count: batch.count,
            means: batch.mean.to_f64_vec(),
            deviations: batch.variance.sqrt().to_f64_vec(),
        })
    }
}

impl Merge for Channels {
    fn merge(&mut self, other: Self) {
        let shares = shares(self.count, other.count);
        let left = self.means.iter_mut().zip(&mut self.deviations);
        let right = other.means.into_iter().zip(other.deviations);
        for ((mean, deviation), (other_mean, other_deviation)) in left.zip(right) {
            let apart = (other_mean - *mean) * (shares[0] * shares[1]).sqrt();
            *deviation = pooled(shares, *deviation, other_deviation).hypot(apart);
            *mean = *mean * shares[0] + other_mean * shares[1];
        }
        self.count += other.count;
    }
}

/// Returns the path of the module that contains the parameter. It is empty for the model itself.
pub(super) fn module_of(paths: &BTreeMap<LeafId, String>, leaf: LeafId) -> String {
    let path = paths.get(&leaf).map_or("", String::as_str);
    path.rsplit_once('.')
        .map_or("", |(module, _)| module)
        .to_owned()
}

/// Returns the path of each row, and the number of the use if there are several.
fn labels(record: &Record, paths: &BTreeMap<LeafId, String>) -> Vec<(String, Option<usize>)> {
    let first = |row: &Row| row.parameters[0];
    let label = |row: &Row| {
        let module = module_of(paths, first(row));
        let alone =
            |other: &Row| module_of(paths, first(other)) != module || first(other) == first(row);
        if !module.is_empty() && record.rows.iter().all(alone) {
            module
        } else {
            // A module that directly contains the weights of several layers.
            paths.get(&first(row)).cloned().unwrap_or_default()
        }
    };
    let labels: Vec<String> = record.rows.iter().map(label).collect();
    let uses =
        |rows: &[String], label: &String| rows.iter().filter(|other| *other == label).count();
    let nth = |i: usize| (uses(&labels, &labels[i]) > 1).then(|| uses(&labels[..=i], &labels[i]));
    labels
        .iter()
        .cloned()
        .enumerate()
        .map(|(i, label)| (label, nth(i)))
        .collect()
}

fn measure(
    row: &Row,
    (path, nth_use): (String, Option<usize>),
    record: &Record,
    paths: &BTreeMap<LeafId, String>,
    running: &BTreeSet<String>,
) -> MeasuredRow {
    let output = row.output();
    let kinds: Vec<OpKind> = row.operations.iter().map(|(_, kind)| *kind).collect();
    let recurs = kinds.contains(&OpKind::Recurrence);
    let channels = row
        .channels
        .filter(|&channels| output.rank() > 2 && output.shape()[1] == channels);
    let axis = match channels {
        Some(_) => Some(1),
        None if recurs && output.rank() > 0 => Some(output.rank() - 1),
        None => None,
    };
    let module = module_of(paths, row.parameters[0]);
    let normalized = row.normalized.as_ref();
    let gradient = |of: &LeafId| record.gradients.get(of);
    let steps = row.inside.steps.as_ref();
    let parameters = row.parameters.iter();
    MeasuredRow {
        path,
        nth_use,
        parameters: parameters.filter_map(|id| paths.get(id).cloned()).collect(),
        operations: row
            .operations
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        kinds,
        shape: output.shape().to_vec(),
        activation: Values::of(output),
        units: Units::of(output, axis),
        channels,
        has_units: row.activation.is_some() || recurs,
        saturated: row.activation.as_ref().and_then(|(.., share)| *share),
        inner_saturated: row.inside.saturated,
        largest_weight: row.inside.largest_weight,
        steps: steps.map(|steps| steps.sizes.clone()),
        step_gradients: steps.and_then(|steps| Sizes::along_first(gradient(&steps.result)?)),
        gradient: gradient(&row.before.0).map(Values::of),
        result_gradient: gradient(&row.output_id()).map(Sizes::of),
        normalized: normalized
            .filter(|_| running.contains(&module))
            .and_then(Channels::of),
        module,
        inputs: row.inputs.clone(),
    }
}
