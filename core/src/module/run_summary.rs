//! The table of what a model computed for one input: shapes and multiply-adds.

use super::leaves::named_params;
use super::pass::Pass;
use super::summary::{grouped, short, write_table};
use super::walk::{LeafRef, Module, Walk};
use crate::autograd::{Forward, LeafId, Observer, OpKind, Tensor};
use crate::error::Result;
use crate::tensor::Shape;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The modules that took part in a run of a model, in order of use: the shape of each result and
/// the multiply-adds. `Display` prints a table with totals.
/// [`ModuleExt::run_summary`](crate::ModuleExt::run_summary) creates it.
///
/// It counts what ran: the operations on parameters and on everything computed from them, whatever
/// code calls them. An operation that takes a parameter belongs to the module that has the
/// parameter as a field, and so do the other operations of that layer. An operation without
/// parameters that keeps the shape, such as an activation, continues the row of its input. Others,
/// such as pooling, have a row under the path of the innermost module that contains both the layer
/// before and the layer after. Reshapes and other views are not listed, except for layers of their
/// own such as `Flatten`.
///
/// # Multiply-adds
///
/// A multiply-add is one term of a sum of products. [`Op::multiply_adds`](crate::Op::multiply_adds)
/// states them for an operation: matrix products, convolutions, recurrent layers and attention have
/// some. Everything else counts as 0: biases, activations, normalizations, pooling, interpolation.
/// Products with padding, masked keys and steps past the end of a sequence count like others.
///
/// PyTorch's `FlopCounterMode` counts each of them as 2 operations, and none for its recurrent
/// layers. fvcore's `FlopCountAnalysis` counts each as 1, and counts normalizations too.
///
/// # Limits
///
/// Operations before the first parameter are not seen, nor the inside of
/// [`recompute`](crate::transform::recompute) with a closure. [`Pass::recompute`] is seen.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let net = (Lstm::new(8, 16, &mut rng)?, Linear::new(16, 5, &mut rng)?);
/// let x = Tensor::zeros([4, 10, 8], DType::F32)?;
/// let summary = net.run_summary(|net, pass| net.1.forward(&net.0.forward(&x, pass)?, pass))?;
///
/// let paths: Vec<&str> = summary.rows.iter().map(|row| &row.path[..]).collect();
/// assert_eq!(paths, ["0", "1"]);
/// // 4 samples, 10 steps, 4 gates of 16 units with 8 inputs and 16 states.
/// assert_eq!(summary.multiply_adds_of("0"), 4 * 10 * (4 * 16) * (8 + 16));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunSummary {
    /// The rows, in order of use.
    pub rows: Vec<RunRow>,
}

/// A module that took part in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunRow {
    /// The dotted path of the module. It is empty for the model itself.
    pub path: String,
    /// The type of the layer, without the path to the type. It is empty for operations without
    /// parameters that are not a layer of their own.
    pub layer: String,
    /// The names of the operations, in order of first use.
    pub operations: Vec<&'static str>,
    /// The lengths of the axes of the result.
    pub shape: Shape,
    /// The number of elements of the parameters that are used here for the first time, frozen ones
    /// included.
    pub parameters: usize,
    /// The multiply-adds of all uses.
    pub multiply_adds: u64,
    /// How many times the module is used with these operations and this shape.
    pub uses: usize,
}

impl RunSummary {
    pub(crate) fn of<M: Module + ?Sized, T>(
        module: &M,
        run: impl FnOnce(&M, &Pass) -> Result<T>,
    ) -> Result<Self> {
        let mut owners = HashMap::new();
        Walk::places(module, |place, leaf| {
            if let LeafRef::Param(param) = leaf {
                let path = place.path.rsplit_once('.').map_or("", |(path, _)| path);
                owners.insert(param.id(), (path.to_owned(), short(place.layer)));
            }
        });
        let counter = Arc::new(Counter {
            owners,
            state: Mutex::default(),
        });
        let pass = Pass::inference().record().observed(Arc::clone(&counter));
        let result = run(module, &pass).map_err(|error| error.placed_in(module))?;
        drop(result);
        let state = std::mem::take(&mut *counter.lock());
        let mut sizes: HashMap<LeafId, usize> = named_params(module)
            .into_iter()
            .map(|(_, param)| (param.id(), param.value().len()))
            .collect();
        Ok(Self {
            rows: merged(state.rows, &mut sizes),
        })
    }

    /// Returns the multiply-adds of the whole run.
    pub fn multiply_adds(&self) -> u64 {
        self.rows.iter().map(|row| row.multiply_adds).sum()
    }

    /// Returns the multiply-adds of the module at this path, with those of all modules inside it.
    pub fn multiply_adds_of(&self, path: &str) -> u64 {
        let inside = |row: &&RunRow| common(path, &row.path) == path;
        let rows = self.rows.iter().filter(inside);
        rows.map(|row| row.multiply_adds).sum()
    }

    /// Returns the number of elements of the parameters that took part, frozen ones included.
    pub fn parameters(&self) -> usize {
        self.rows.iter().map(|row| row.parameters).sum()
    }
}

/// Observes the run.
struct Counter {
    /// The path and the type of the module that has each parameter.
    owners: HashMap<LeafId, (String, String)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The parameters, and the tensors that were computed from parameters alone.
    parameters: HashMap<LeafId, Vec<LeafId>>,
    /// The layers that are running, outermost first.
    frames: Vec<Frame>,
    /// How many layers have been entered.
    entered: usize,
    rows: Vec<Row>,
}

/// A layer that is running.
struct Frame {
    /// The number of this run, from 1. 0 is outside of all layers.
    number: usize,
    layer: &'static str,
    /// The number of rows before it.
    rows: usize,
}

/// Consecutive operations of one module.
struct Row {
    /// The path of the module that has the parameters, if an operation takes some.
    path: Option<String>,
    layer: String,
    operations: Vec<(&'static str, OpKind)>,
    shape: Shape,
    parameters: Vec<LeafId>,
    multiply_adds: u64,
    /// The number of the layer that was running.
    frame: usize,
}

impl Row {
    fn of(frame: usize) -> Self {
        Self {
            path: None,
            layer: String::new(),
            operations: Vec::new(),
            shape: Shape::default(),
            parameters: Vec::new(),
            multiply_adds: 0,
            frame,
        }
    }
}

impl Counter {
    /// Locks the state. The lock is never held across a parallel region.
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Counter {
    fn sees_frozen(&self) -> bool {
        true
    }

    fn sees_recomputed(&self) -> bool {
        true
    }

    fn entered(&self, layer: &'static str) {
        let state = &mut *self.lock();
        state.entered += 1;
        state.frames.push(Frame {
            number: state.entered,
            layer,
            rows: state.rows.len(),
        });
    }

    fn left(&self, result: Option<&Tensor>) {
        let state = &mut *self.lock();
        let (frame, rows) = (state.frames.pop(), state.rows.len());
        let (Some(frame), Some(result), Some(row)) = (frame, result, state.rows.last_mut()) else {
            return;
        };
        if row.frame != frame.number {
            return; // A layer inside has computed the result.
        }
        row.shape = Shape::from(result.shape());
        if row.path.is_none() && rows == frame.rows + 1 {
            row.layer = short(frame.layer);
        }
    }

    fn read(&self, leaf: LeafId, _: &Tensor) {
        self.lock().parameters.insert(leaf, vec![leaf]);
    }

    fn forward(&self, step: &Forward<'_>) {
        let state = &mut *self.lock();
        let (mut parameters, mut others) = (Vec::new(), false);
        for (id, _) in step.operands() {
            match id.and_then(|id| state.parameters.get(&id)) {
                Some(leaves) => parameters.extend(leaves),
                None => others = true,
            }
        }
        let multiply_adds = step.multiply_adds();
        if !others && step.kind() != OpKind::Lookup {
            state.parameters.insert(step.id(), parameters.clone());
            // Only a product of parameters has a row.
            if multiply_adds == 0 {
                return;
            }
        }
        let owner = parameters.iter().find_map(|leaf| self.owners.get(leaf));
        let shape = Shape::from(step.output().shape());
        let frame = state.frames.last().map_or(0, |frame| frame.number);
        let last = state.rows.last_mut().filter(|last| {
            let here = last.frame == frame;
            match (owner, &last.path) {
                (Some((owner, _)), Some(path)) => owner == path,
                (Some(_), None) => here && frame > 0,
                (None, _) => here || (last.shape == shape && multiply_adds == 0),
            }
        });
        let row = if let Some(last) = last {
            last
        } else {
            let rows = state.rows.len();
            state.rows.push(Row::of(frame));
            &mut state.rows[rows]
        };
        if let Some((path, layer)) = owner.filter(|_| row.path.is_none()) {
            (row.path, row.layer) = (Some(path.clone()), layer.clone());
        }
        row.operations.push((step.name(), step.kind()));
        row.shape = shape;
        row.parameters.extend(parameters);
        row.multiply_adds += multiply_adds;
    }
}

/// Returns the longest path that contains both.
fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let mut end = 0;
    for (name, other) in a.split('.').zip(b.split('.')) {
        if name != other {
            break;
        }
        // Each name but the first has a point before it.
        end += name.len() + usize::from(end > 0);
    }
    &a[..end]
}

/// Returns the path of each row. A row without parameters belongs to the innermost module that
/// contains the layers before and after it.
fn paths(rows: &[Row]) -> Vec<String> {
    let of = |row: &Row| row.path.clone();
    let path = |(i, row): (usize, &Row)| {
        of(row).unwrap_or_else(|| {
            let before = rows[..i].iter().rev().find_map(of);
            let after = rows[i..].iter().find_map(of);
            let both = before.zip(after);
            both.map_or(String::new(), |(before, after)| {
                common(&before, &after).to_owned()
            })
        })
    };
    rows.iter().enumerate().map(path).collect()
}

/// Turns the rows into those of the table. Further uses of a module are added to the row of the
/// first. `sizes` has the parameters that are not counted yet.
fn merged(rows: Vec<Row>, sizes: &mut HashMap<LeafId, usize>) -> Vec<RunRow> {
    let mut merged: Vec<RunRow> = Vec::new();
    for (path, row) in paths(&rows).into_iter().zip(rows) {
        // Views and the like are listed only if they are a layer of their own.
        let only_moves = row
            .operations
            .iter()
            .all(|(_, kind)| *kind == OpKind::Shape);
        if only_moves && row.layer.is_empty() {
            continue;
        }
        let mut seen = HashSet::new();
        let operations = row.operations.iter();
        let operations = operations.filter(|(_, kind)| only_moves || *kind != OpKind::Shape);
        let operations: Vec<_> = operations
            .map(|(name, _)| *name)
            .filter(|name| seen.insert(*name))
            .collect();
        let same = |other: &&mut RunRow| {
            (&other.path, &other.layer, &other.shape) == (&path, &row.layer, &row.shape)
                && other.operations == operations
        };
        let new = row.parameters.iter().filter_map(|leaf| sizes.remove(leaf));
        let parameters = new.sum();
        if let Some(first) = merged.iter_mut().find(same) {
            first.uses += 1;
            first.parameters += parameters;
            first.multiply_adds += row.multiply_adds;
            continue;
        }
        merged.push(RunRow {
            path,
            layer: row.layer,
            operations,
            shape: row.shape,
            parameters,
            multiply_adds: row.multiply_adds,
            uses: 1,
        });
    }
    merged
}

impl fmt::Display for RunSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = [
            "path",
            "layer",
            "operations",
            "shape",
            "parameters",
            "multiply-adds",
        ];
        let row = |row: &RunRow| {
            let times = match row.uses {
                1 => String::new(),
                uses => format!(" × {uses}"),
            };
            [
                format!("{}{times}", row.path),
                row.layer.clone(),
                row.operations.join(", "),
                row.shape.to_string(),
                grouped(row.parameters),
                grouped(row.multiply_adds),
            ]
        };
        let header = std::iter::once(header.map(str::to_owned));
        let rows = header.chain(self.rows.iter().map(row)).collect();
        write_table(f, rows, [false, false, false, false, true, true])?;
        let (parameters, multiply_adds) = (self.parameters(), self.multiply_adds());
        let (parameters, multiply_adds) = (grouped(parameters), grouped(multiply_adds));
        write!(f, "{parameters} parameters; {multiply_adds} multiply-adds")
    }
}

#[cfg(test)]
mod tests {
    use super::common;

    #[test]
    fn common_paths_end_at_whole_names() {
        assert_eq!(common("a.b.c", "a.b.d"), "a.b");
        assert_eq!(common("blocks.1", "blocks.10"), "blocks");
        assert_eq!(common("a.b", "a.b.c"), "a.b");
        assert_eq!(common("a.b.c", "a.b"), "a.b");
        assert_eq!(common("a", "b"), "");
        assert_eq!(common("", "b"), "");
    }
}
