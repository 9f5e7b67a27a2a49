//! What a computation was, row by row: a row is one use of a layer, found by the parameters that an
//! operation takes and by where its operands come from.

use cotangent_core::{Forward, LeafId, Tensor};
use std::collections::{BTreeMap, HashMap};

/// Where a tensor comes from.
#[derive(Clone, Debug)]
enum Origin {
    /// It is made of parameters alone, these.
    Parameters(Vec<LeafId>),
    /// It is made of data: the last row that it went through.
    Data(usize),
}

/// One use of a layer.
#[derive(Debug)]
pub(super) struct Row {
    /// The parameters that it took, in order.
    pub parameters: Vec<LeafId>,
    /// Its operations, up to the activation.
    pub operations: Vec<&'static str>,
    /// What the activation is applied to; the result, where there is none.
    pub before: (LeafId, Tensor),
    /// The activation's result and the share of it that is saturated.
    pub activation: Option<(LeafId, Tensor, Option<f64>)>,
    /// The rows whose results it takes.
    pub inputs: Vec<usize>,
    /// What comes in from outside.
    pub outside: Option<Tensor>,
    /// What batch normalization was given.
    pub normalized: Option<Tensor>,
    /// The last of the tensors, each made of the one before, that an activation may be applied to.
    head: LeafId,
}

impl Row {
    /// The row's result.
    pub fn output(&self) -> &Tensor {
        match &self.activation {
            Some((_, output, _)) => output,
            None => &self.before.1,
        }
    }

    /// The identity of the row's result.
    pub fn output_id(&self) -> LeafId {
        self.activation
            .as_ref()
            .map_or(self.before.0, |(id, ..)| *id)
    }
}

/// More rows than this are not kept: a forward without end must not fill the memory.
const MOST_ROWS: usize = 10_000;

/// Operations that look things up in a parameter, and so make data of it.
const LOOKUPS: &[&str] = &["embedding", "index_select", "gather"];

/// Elementwise operations that make a parameter of a parameter and a constant.
const BLENDS: &[&str] = &["add", "sub", "mul", "div"];

/// A step of training as it was seen.
#[derive(Debug, Default)]
pub(super) struct Record {
    origins: HashMap<LeafId, Origin>,
    /// In the order in which they were first used.
    pub rows: Vec<Row>,
    /// The parameters that were read, as they were then.
    pub values: BTreeMap<LeafId, Tensor>,
    /// Of parameters and of the rows' tensors.
    pub gradients: HashMap<LeafId, Tensor>,
    /// Whether backward has begun.
    pub backward: bool,
}

impl Record {
    /// A parameter is read.
    pub fn read(&mut self, leaf: LeafId, value: &Tensor) {
        self.origins.insert(leaf, Origin::Parameters(vec![leaf]));
        self.values.insert(leaf, value.clone());
    }

    /// Whether the gradient with respect to this tensor belongs into the report.
    fn wants(&self, id: LeafId) -> bool {
        match self.origins.get(&id) {
            Some(Origin::Parameters(_)) => self.values.contains_key(&id),
            Some(Origin::Data(row)) => {
                let row = &self.rows[*row];
                row.before.0 == id || row.output_id() == id
            }
            None => false,
        }
    }

    pub fn gradient(&mut self, of: LeafId, gradient: &Tensor) {
        self.backward |= !self.rows.is_empty();
        if self.wants(of) {
            self.gradients.insert(of, gradient.detach());
        }
    }

    /// An operation has given a result. If it may be the activation of a row, that row, to be
    /// [told](Self::follow) which share of the result is saturated.
    pub fn forward(
        &mut self,
        step: &Forward<'_>,
        module_of: impl Fn(LeafId) -> String,
    ) -> Option<usize> {
        let mut follows = None;
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
            !LOOKUPS.contains(&step.name())
        } else {
            BLENDS.contains(&step.name())
                && of_parameters.iter().any(|p| p.shape() == output.shape())
        };
        let origin = if rows.is_empty() && stays_parameter {
            Origin::Parameters(parameters)
        } else if parameters.is_empty() || output.rank() == 0 {
            let last = rows.iter().map(|(_, row, _)| *row).max();
            let last = last?;
            let others = rows
                .iter()
                .map(|(_, row, _)| *row)
                .filter(|&row| row != last);
            self.rows[last].inputs.extend(others);
            let operands: Vec<Option<LeafId>> = rows.iter().map(|(id, ..)| *id).collect();
            follows = self
                .goes_on(step, &operands, !outside.is_empty(), last)
                .then_some(last);
            Origin::Data(last)
        } else {
            let inputs = rows.iter().map(|(_, row, _)| *row).collect::<Vec<_>>();
            let given = rows
                .into_iter()
                .map(|(_, _, tensor)| tensor)
                .chain(outside.iter().cloned())
                .next();
            Origin::Data(self.apply(step, parameters, inputs, outside, given, module_of)?)
        };
        self.origins.insert(step.id(), origin);
        follows
    }

    /// An operation on data alone. Whether it is perhaps the activation of the row that the data went
    /// through.
    fn goes_on(
        &mut self,
        step: &Forward<'_>,
        operands: &[Option<LeafId>],
        with_outside: bool,
        row: usize,
    ) -> bool {
        let row = &mut self.rows[row];
        let output = step.output();
        if row.activation.is_some() || output.len() != row.before.1.len() {
            return false;
        }
        if with_outside && step.name() == "sub" {
            return false; // The difference to a target, in a loss.
        }
        match operands {
            [id] => *id == Some(row.head),
            // A sum of several rows' results, as in a recurrent or a residual net.
            [_, _, ..] if !with_outside => {
                row.before = (step.id(), output);
                row.head = step.id();
                row.operations.push(step.name());
                false
            }
            _ => false,
        }
    }

    /// An operation on the result of a row: its activation, if `saturated`, the share of the result that
    /// is, is known.
    pub fn follow(&mut self, step: &Forward<'_>, row: usize, saturated: Option<f64>) {
        // Other tasks may have been here since `forward`.
        let Some(row) = self
            .rows
            .get_mut(row)
            .filter(|row| row.activation.is_none())
        else {
            return;
        };
        if let Some(share) = saturated {
            if let Some((_, operand)) = step.operands().next() {
                row.before = (row.head, operand);
            }
            row.activation = Some((step.id(), step.output(), Some(share)));
        } else {
            row.head = step.id();
        }
        row.operations.push(step.name());
    }

    /// An operation that takes parameters: another of the row that is not finished yet, or the first of
    /// a new one.
    fn apply(
        &mut self,
        step: &Forward<'_>,
        parameters: Vec<LeafId>,
        inputs: Vec<usize>,
        outside: Vec<Tensor>,
        given: Option<Tensor>,
        module_of: impl Fn(LeafId) -> String,
    ) -> Option<usize> {
        let output = (step.id(), step.output());
        // A parametric activation belongs to the row that it is applied to.
        if let ("prelu", [row]) = (step.name(), &inputs[..]) {
            let place = &mut self.rows[*row];
            if place.activation.is_none() {
                place.parameters.extend(parameters);
                place.operations.push(step.name());
                place.activation = Some((output.0, output.1, None));
                return Some(*row);
            }
        }
        let module = module_of(*parameters.first()?);
        let open = self
            .rows
            .iter()
            .rposition(|row| module_of(row.parameters[0]) == module);
        // A second weight applied to the row's own result is another layer; a bias is not.
        let weighs = parameters
            .iter()
            .any(|p| self.values.get(p).is_some_and(|p| p.rank() > 1));
        let open = open.filter(|&open| {
            let row = &self.rows[open];
            row.activation.is_none()
                && inputs.iter().all(|&input| input <= open)
                && !(weighs && inputs.contains(&open))
                && !parameters.iter().any(|p| row.parameters.contains(p))
        });
        if let Some(open) = open {
            let row = &mut self.rows[open];
            row.parameters.extend(parameters);
            row.operations.push(step.name());
            row.inputs
                .extend(inputs.into_iter().filter(|&input| input != open));
            row.head = output.0;
            row.before = output;
            return Some(open);
        }
        if self.rows.len() == MOST_ROWS {
            return None;
        }
        self.rows.push(Row {
            parameters,
            operations: vec![step.name()],
            head: output.0,
            before: output,
            activation: None,
            inputs,
            outside: outside.into_iter().next(),
            normalized: given.filter(|_| step.name() == "batch_norm"),
        });
        Some(self.rows.len() - 1)
    }
}
