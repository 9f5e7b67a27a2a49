//! Watching a computation for the first value that is not finite.

use super::gradients::LeafId;
use super::node::Node;
use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::tensor::with_dtype;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What nodes report to. It travels with the leaves that are read under a checked pass, and with all
/// that is computed from them.
#[derive(Debug, Default)]
pub(crate) struct Monitor {
    names: BTreeMap<LeafId, String>,
    first: Mutex<Option<Finding>>,
}

/// A value that is not finite.
#[derive(Clone, Debug)]
struct Finding {
    op: &'static str,
    what: String,
    value: f64,
    path: Option<String>,
}

impl Monitor {
    pub(crate) fn new(names: BTreeMap<LeafId, String>) -> Self {
        Self {
            names,
            first: Mutex::new(None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Finding>> {
        // The finding is written as a whole: a panic elsewhere cannot leave it half-written.
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first finding as an error.
    pub(crate) fn result(&self) -> Result<()> {
        let Some(finding) = self.lock().clone() else {
            return Ok(());
        };
        let Finding {
            op, what, value, ..
        } = finding;
        let error = Error::NonFinite { op, what, value };
        Err(match finding.path {
            Some(path) => error.within(&path),
            None => error,
        })
    }

    /// Looks at a leaf as it is read.
    pub(crate) fn leaf(&self, node: &Arc<Node>, value: &Tensor) {
        self.look("parameter", node, value, String::new);
    }

    /// Looks at the output of an operation.
    pub(crate) fn forward(&self, node: &Arc<Node>, output: &Tensor, inputs: &[&Tensor]) {
        self.look(node.name, node, output, || {
            let bad = |input: &&Tensor| input.node().is_none() && first_non_finite(input).is_some();
            match inputs.iter().position(bad) {
                Some(operand) => format!(
                    " of the output (operand {operand}, which is not tracked, is not finite)"
                ),
                None => " of the output".to_owned(),
            }
        });
    }

    /// Looks at the cotangent that an operation gave its operand `parent`.
    pub(crate) fn backward(
        &self,
        op: &'static str,
        operand: usize,
        parent: &Arc<Node>,
        cotangent: &Tensor,
    ) {
        self.look(op, parent, cotangent, || {
            format!(" of the gradient for operand {operand}, in backward,")
        });
    }

    fn look(
        &self,
        op: &'static str,
        node: &Arc<Node>,
        value: &Tensor,
        of: impl FnOnce() -> String,
    ) {
        if self.lock().is_some() {
            return;
        }
        let Some((mut flat, number)) = first_non_finite(value) else {
            return;
        };
        let mut index = vec![0; value.rank()];
        for (place, &len) in index.iter_mut().zip(value.shape()).rev() {
            (*place, flat) = (flat % len, flat / len);
        }
        *self.lock() = Some(Finding {
            op,
            what: format!("element {index:?}{}", of()),
            value: number,
            path: self.nearest(node),
        });
    }

    /// The name of the nearest named leaf that `node` is, or was computed from.
    fn nearest(&self, node: &Arc<Node>) -> Option<String> {
        let mut level = vec![Arc::clone(node)];
        let mut seen = BTreeSet::new();
        while !level.is_empty() {
            if let Some(name) = level
                .iter()
                .find_map(|node| self.names.get(&LeafId(node.id)))
            {
                return Some(name.clone());
            }
            let parents = level.iter().flat_map(|node| node.parents());
            level = parents
                .flatten()
                .filter(|node| seen.insert(node.id))
                .collect();
        }
        None
    }
}

/// The first element that is infinite or NaN, with its row-major number.
fn first_non_finite(tensor: &Tensor) -> Option<(usize, f64)> {
    let array = tensor.array().contiguous();
    with_dtype!(tensor.dtype(), F => {
        let xs = array.as_slice::<F>().unwrap_or_default();
        xs.iter().position(|x| !x.is_finite()).map(|i| (i, xs[i].to_f64()))
    })
}
