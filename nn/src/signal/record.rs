//! What a computation was, row by row: a row is one use of a layer, found by the parameters that an
//! operation takes and by where its operands come from.

use cotangent_core::{Forward, LeafId, OpKind, Tensor};
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
    pub operations: Vec<(&'static str, OpKind)>,
    /// What the activation is applied to; the result, where there is none.
    pub before: (LeafId, Tensor),
    /// The activation's result and the share of it that is saturated, where that is known.
    pub activation: Option<(LeafId, Tensor, Option<f64>)>,
    /// The rows whose results it takes.
    pub inputs: Vec<usize>,
    /// What comes in from outside.
    pub outside: Option<Tensor>,
    /// The operand of a normalization.
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

    /// Adds an operation whose result takes the place of the row's.
    fn replace(&mut self, step: &Forward<'_>) {
        self.operations.push((step.name(), step.kind()));
        self.before = (step.id(), step.output());
        self.head = step.id();
    }

    /// Adds an operation on the head. Whether it is the activation.
    fn extend(&mut self, step: &Forward<'_>) -> bool {
        let kind = step.kind();
        match (kind, step.operands().next()) {
            (OpKind::Activation, Some((_, operand))) => {
                self.before = (self.head, operand);
                self.activation = Some((step.id(), step.output(), None));
            }
            // What is normalized is the result.
            (OpKind::Normalization, _) => self.before = (step.id(), step.output()),
            _ => {}
        }
        self.head = step.id();
        self.operations.push((step.name(), kind));
        kind == OpKind::Activation
    }
}

/// More rows than this are not kept: a forward without end must not fill the memory.
const MOST_ROWS: usize = 10_000;

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

    /// An operation has given a result. If it is the activation of a row, that row, to be
    /// [told](Self::saturates) which share of the result is saturated.
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
            // A parameter and a constant, a mask say, or a normalized weight.
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
            if self.goes_on(step, &operands, !outside.is_empty(), last) {
                activated = Some(last);
            }
            last
        } else if let [(_, row, _)] = rows[..]
            && step.kind() == OpKind::Activation
            && self.goes_on(step, &operands, false, row)
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
        activated
    }

    /// An operation on the result of a row. Whether it is the row's activation.
    fn goes_on(
        &mut self,
        step: &Forward<'_>,
        operands: &[Option<LeafId>],
        with_outside: bool,
        row: usize,
    ) -> bool {
        let row = &mut self.rows[row];
        if row.activation.is_some() || step.output().len() != row.before.1.len() {
            return false;
        }
        match (step.kind(), operands) {
            // A comparison with targets, in the library's losses and in those that are written out.
            (OpKind::Loss, _) => false,
            (OpKind::Elementwise, _) if with_outside => false,
            (_, [id]) => *id == Some(row.head) && row.extend(step),
            // A sum of several rows' results, as in a recurrent or a residual net.
            (_, [_, _, ..]) if !with_outside => {
                row.replace(step);
                false
            }
            _ => false,
        }
    }

    /// The share of an activation's result that is saturated.
    pub fn saturates(&mut self, row: usize, result: LeafId, found: f64) {
        // Other tasks may have been here since `forward`.
        if let Some((id, _, share)) = self.rows.get_mut(row).and_then(|r| r.activation.as_mut())
            && *id == result
        {
            *share = Some(found);
        }
    }

    /// An operation that takes parameters: another of the row that is not finished yet, or the
    /// first of a new one.
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
        // A second weight applied to the row's own result is another layer, and so is a
        // normalization of it; a bias is not.
        let kind = step.kind();
        let weighs = matches!(kind, OpKind::Product | OpKind::Normalization)
            || parameters
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
            row.inputs
                .extend(inputs.into_iter().filter(|&input| input != open));
            row.replace(step);
            return Some(open);
        }
        if self.rows.len() == MOST_ROWS {
            return None;
        }
        self.rows.push(Row {
            parameters,
            operations: vec![(step.name(), kind)],
            head: step.id(),
            before: (step.id(), step.output()),
            activation: None,
            inputs,
            outside: outside.into_iter().next(),
            normalized: given.filter(|_| kind == OpKind::Normalization),
        });
        Some(self.rows.len() - 1)
    }
}
