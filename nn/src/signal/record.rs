//! Records a computation in rows. A row is one use of a layer, recognized by the parameters that an
//! operation takes and by the origins of its operands.

use super::statistics::{Share, Sizes};
use cotangent_core::{Forward, LeafId, OpKind, Tensor};
use std::collections::{BTreeMap, HashMap};

/// The origin of a tensor.
#[derive(Clone, Debug)]
enum Origin {
    /// Computed from these parameters alone.
    Parameters(Vec<LeafId>),
    /// Computed from data. The number is that of the last row it went through.
    Data(usize),
}

/// One use of a layer.
#[derive(Debug)]
pub(super) struct Row {
    /// The parameters of the row, in order of use.
    pub parameters: Vec<LeafId>,
    /// Its operations, up to the activation.
    pub operations: Vec<(&'static str, OpKind)>,
    /// The input of the activation, or the result if there is no activation.
    pub before: (LeafId, Tensor),
    /// The result of the activation, and its saturated share if known.
    pub activation: Option<(LeafId, Tensor, Option<Share>)>,
    /// The rows whose results this row takes.
    pub inputs: Vec<usize>,
    /// The input from outside the model.
    pub outside: Option<Tensor>,
    /// The operand of a normalization.
    pub normalized: Option<Tensor>,
    /// The number of channels, if they are the second axis of the result, as for a convolution.
    pub channels: Option<usize>,
    /// The measurements of a recurrent layer or of attention.
    pub inside: Inside,
    /// The last tensor in the chain of operations that an activation may be applied to, and its
    /// number of elements.
    head: (LeafId, usize),
}

/// Measurements of the values inside an operation.
#[derive(Debug, Default)]
pub(super) struct Inside {
    /// The share of activations with a derivative near 0.
    pub saturated: Option<Share>,
    /// The mean, over the queries, of the largest weight of attention.
    pub largest_weight: Option<Share>,
    /// The way of a gradient through the steps of a recurrent layer.
    pub steps: Option<Steps>,
}

/// The way of a gradient through the steps of a recurrent layer.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    /// The result of the layer.
    pub result: LeafId,
    /// The size at each step of a gradient from the last step.
    pub sizes: Sizes,
}

impl Row {
    /// Returns the result of the row.
    pub fn output(&self) -> &Tensor {
        match &self.activation {
            Some((_, output, _)) => output,
            None => &self.before.1,
        }
    }

    /// Returns the identity of the row's result.
    pub fn output_id(&self) -> LeafId {
        self.activation
            .as_ref()
            .map_or(self.before.0, |(id, ..)| *id)
    }

    /// Adds an operation whose result replaces that of the row.
    fn replace(&mut self, step: &Forward<'_>) {
        self.operations.push((step.name(), step.kind()));
        self.before = (step.id(), value(step));
        self.head = (step.id(), step.output().len());
    }

    /// Adds an operation on the head, and returns whether it is the activation.
    fn extend(&mut self, step: &Forward<'_>) -> bool {
        let kind = step.kind();
        match (kind, step.operands().next()) {
            (OpKind::Activation, Some((_, operand))) => {
                self.before = (self.head.0, operand);
                self.activation = Some((step.id(), step.output(), None));
            }
            // The result of a normalization is what the activation is applied to.
            (OpKind::Normalization, _) => self.before = (step.id(), step.output()),
            _ => {}
        }
        self.head = (step.id(), step.output().len());
        self.operations.push((step.name(), kind));
        kind == OpKind::Activation
    }
}

/// Returns the result of an operation with the samples along the first axis.
fn value(step: &Forward<'_>) -> Tensor {
    let output = step.output();
    if step.kind() == OpKind::Recurrence {
        return output.transpose(0, 1).unwrap_or(output);
    }
    output
}

/// Returns whether an operation pools the places of each channel: the first two axes, samples and
/// channels, stay as they are.
fn pools(step: &Forward<'_>) -> bool {
    let (operand, output) = (step.operands().next(), step.output());
    step.kind() == OpKind::Reduction
        && operand.is_some_and(|(_, x)| {
            x.rank() > 2 && output.rank() > 1 && x.shape()[..2] == output.shape()[..2]
        })
}

/// The limit of rows: an endless forward pass must not fill the memory.
const MOST_ROWS: usize = 10_000;

/// The record of one training step.
#[derive(Debug, Default)]
pub(super) struct Record {
    origins: HashMap<LeafId, Origin>,
    /// In order of first use.
    pub rows: Vec<Row>,
    /// The parameters that were read, with their values at that time.
    pub values: BTreeMap<LeafId, Tensor>,
    /// The gradients of parameters and of the rows' tensors.
    pub gradients: HashMap<LeafId, Tensor>,
    /// Whether backward has begun.
    pub backward: bool,
}

impl Record {
    /// Records that a parameter is read.
    pub fn read(&mut self, leaf: LeafId, value: &Tensor) {
        self.origins.insert(leaf, Origin::Parameters(vec![leaf]));
        self.values.insert(leaf, value.clone());
    }

    /// Returns whether the gradient with respect to this tensor belongs in the report.
    fn is_reported(&self, id: LeafId) -> bool {
        match self.origins.get(&id) {
            Some(Origin::Parameters(_)) => self.values.contains_key(&id),
            Some(Origin::Data(row)) => {
                let row = &self.rows[*row];
                let steps = row.inside.steps.as_ref();
                let recurrent = steps.is_some_and(|steps| steps.result == id);
                row.before.0 == id || row.output_id() == id || recurrent
            }
            None => false,
        }
    }

    pub fn gradient(&mut self, of: LeafId, gradient: &Tensor) {
        self.backward |= !self.rows.is_empty();
        if self.is_reported(of) {
            self.gradients.insert(of, gradient.detach());
        }
    }

    /// Records the result of an operation. If it is the activation of a row, a recurrent layer or
    /// attention, the row is returned, so that the caller can set what it measures:
    /// [`set_saturation`](Self::set_saturation), [`set_inside`](Self::set_inside).
    pub fn forward(
        &mut self,
        step: &Forward<'_>,
        module_of: impl Fn(LeafId) -> String,
    ) -> Option<usize> {
        let (mut parameters, mut rows, mut outside) = (Vec::new(), Vec::new(), Vec::new());
        let mut of_parameters = Vec::new();
        for (id, tensor) in step.operands() {
            match id.and_then(|id| self.origins.get(&id)) {
                Some(Origin::Parameters(leaves)) => {
                    parameters.extend(leaves);
                    of_parameters.push(tensor);
                }
                Some(Origin::Data(row)) => rows.push((id, *row, tensor)),
                None => outside.push(tensor),
            }
        }
        let output = step.output();
        let stays_parameter = if outside.is_empty() {
            step.kind() != OpKind::Lookup
        } else {
            // A parameter combined with a constant, such as a mask, or a normalized weight.
            let keeps = [OpKind::Elementwise, OpKind::Blend, OpKind::Normalization];
            keeps.contains(&step.kind())
                && of_parameters.iter().any(|p| p.shape() == output.shape())
        };
        if rows.is_empty() && stays_parameter {
            self.origins
                .insert(step.id(), Origin::Parameters(parameters));
            return None;
        }
        let operands: Vec<Option<LeafId>> = rows.iter().map(|(id, ..)| *id).collect();
        let mut activated = None;
        let row = if parameters.is_empty() || output.rank() == 0 {
            let last = rows.iter().map(|(_, row, _)| *row).max()?;
            let others = rows.iter().map(|(_, row, _)| *row);
            self.rows[last]
                .inputs
                .extend(others.filter(|&row| row != last));
            if self.continue_row(step, &operands, !outside.is_empty(), last) {
                activated = Some(last);
            }
            last
        } else if let [(_, row, _)] = rows[..]
            && step.kind() == OpKind::Activation
            && self.continue_row(step, &operands, false, row)
        {
            // A parametric activation belongs to the row that it is applied to.
            self.rows[row].parameters.extend(parameters);
            activated = Some(row);
            row
        } else {
            let inputs = rows.iter().map(|(_, row, _)| *row).collect::<Vec<_>>();
            let given = rows
                .into_iter()
                .map(|(_, _, tensor)| tensor)
                .chain(outside.iter().cloned())
                .next();
            self.apply(step, parameters, inputs, outside, given, module_of)?
        };
        self.origins.insert(step.id(), Origin::Data(row));
        let measured = [OpKind::Recurrence, OpKind::Attention].contains(&step.kind());
        activated.or(measured.then_some(row))
    }

    /// Records an operation on the result of a row, and returns whether it is the row's activation.
    fn continue_row(
        &mut self,
        step: &Forward<'_>,
        operands: &[Option<LeafId>],
        with_outside: bool,
        row: usize,
    ) -> bool {
        let row = &mut self.rows[row];
        let keeps = step.output().len() == row.head.1 || pools(step);
        if row.activation.is_some() || !keeps {
            return false;
        }
        match (step.kind(), operands) {
            // A comparison with targets, in the library's losses or in a hand-written one.
            (OpKind::Loss, _) => false,
            (OpKind::Elementwise, _) if with_outside => false,
            (_, [id]) => *id == Some(row.head.0) && row.extend(step),
            // A sum of the results of several rows, as in a recurrent or residual network.
            (_, [_, _, ..]) if !with_outside => {
                row.replace(step);
                false
            }
            _ => false,
        }
    }

    /// Sets the saturated share of an activation's result.
    pub fn set_saturation(&mut self, row: usize, result: LeafId, found: Share) {
        // Other tasks may have recorded operations since `forward`.
        if let Some((id, _, share)) = self.rows.get_mut(row).and_then(|r| r.activation.as_mut())
            && *id == result
        {
            *share = Some(found);
        }
    }

    /// Sets the measurements inside an operation of a row.
    pub fn set_inside(&mut self, row: usize, inside: Inside) {
        if let Some(row) = self.rows.get_mut(row) {
            row.inside = inside;
        }
    }

    /// Records an operation that takes parameters: it continues the row that is not finished yet,
    /// or begins a new one.
    fn apply(
        &mut self,
        step: &Forward<'_>,
        parameters: Vec<LeafId>,
        inputs: Vec<usize>,
        outside: Vec<Tensor>,
        given: Option<Tensor>,
        module_of: impl Fn(LeafId) -> String,
    ) -> Option<usize> {
        let module = module_of(*parameters.first()?);
        let open = self
            .rows
            .iter()
            .rposition(|row| module_of(row.parameters[0]) == module);
        // A second weight or a normalization applied to the row's own result is another layer. A
        // bias is not.
        let kind = step.kind();
        let has_weight = matches!(
            kind,
            OpKind::Product | OpKind::Convolution | OpKind::Recurrence | OpKind::Normalization
        ) || parameters
            .iter()
            .any(|p| self.values.get(p).is_some_and(|p| p.rank() > 1));
        let open = open.filter(|&open| {
            let row = &self.rows[open];
            // Each direction of a recurrent layer is measured by itself.
            kind != OpKind::Recurrence
                && row.activation.is_none()
                && inputs.iter().all(|&input| input <= open)
                && !(has_weight && inputs.contains(&open))
                && !parameters.iter().any(|p| row.parameters.contains(p))
        });
        if let Some(open) = open {
            let row = &mut self.rows[open];
            row.parameters.extend(parameters);
            row.inputs
                .extend(inputs.into_iter().filter(|&input| input != open));
            row.replace(step);
            return Some(open);
        }
        if self.rows.len() == MOST_ROWS {
            return None;
        }
        let output = step.output();
        let has_channels = output.rank() > 2
            && match kind {
                OpKind::Convolution => true,
                OpKind::Normalization => inputs
                    .iter()
                    .any(|&input| self.rows[input].channels.is_some()),
                _ => false,
            };
        self.rows.push(Row {
            parameters,
            operations: vec![(step.name(), kind)],
            channels: has_channels.then(|| output.shape()[1]),
            inside: Inside::default(),
            head: (step.id(), output.len()),
            before: (step.id(), value(step)),
            activation: None,
            inputs,
            outside: outside.into_iter().next(),
            normalized: given.filter(|_| kind == OpKind::Normalization),
        });
        Some(self.rows.len() - 1)
    }
}
