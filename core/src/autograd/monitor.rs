//! The observer of a checked pass, which finds the first value that is not finite.

use super::gradients::LeafId;
use super::node::Node;
use super::observer::{Forward, Observer, Pulled};
use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::kernel::Float;
use crate::tensor::with_dtype;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The first value that is not finite among the parameters, results and gradients of a checked
/// pass, with the names of the parameters.
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

    /// Locks the finding; never held across a parallel region.
    fn lock(&self) -> MutexGuard<'_, Option<Finding>> {
        // The finding is written as a whole, so a panic cannot leave it half-written.
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(
        &self,
        op: &'static str,
        value: &Tensor,
        of: impl FnOnce() -> String,
        path: impl FnOnce() -> Option<String>,
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
        let finding = Finding {
            op,
            what: format!("element {index:?}{}", of()),
            value: number,
            path: path(),
        };
        self.lock().get_or_insert(finding);
    }

    /// Returns the name of the nearest named leaf upstream of `node`, or of `node` itself.
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

impl Observer for Monitor {
    fn read(&self, leaf: LeafId, value: &Tensor) {
        self.look("parameter", value, String::new, || {
            self.names.get(&leaf).cloned()
        });
    }

    fn forward(&self, step: &Forward<'_>) {
        let of = || {
            let bad = |input: &&Tensor| input.node().is_none() && first_non_finite(input).is_some();
            match step.operands.iter().position(bad) {
                Some(operand) => format!(
                    " of the output (operand {operand}, which is not tracked, is not finite)"
                ),
                None => " of the output".to_owned(),
            }
        };
        self.look(step.name(), step.output, of, || self.nearest(step.node));
    }

    fn pulled(&self, pulled: &Pulled<'_>) {
        let of = || {
            format!(
                " of the gradient for operand {}, in backward,",
                pulled.operand
            )
        };
        self.look(pulled.op, pulled.cotangent, of, || {
            self.nearest(pulled.parent)
        });
    }

    /// Returns the first finding as an error.
    fn result(&self) -> Result<()> {
        let Some(finding) = self.lock().clone() else {
            return Ok(());
        };
        let Finding {
            op, what, value, ..
        } = finding;
        let error = Error::non_finite(op, what, value);
        Err(match finding.path {
            Some(path) => error.within(&path),
            None => error,
        })
    }
}

/// Returns the first element that is infinite or NaN, with its row-major number.
fn first_non_finite(tensor: &Tensor) -> Option<(usize, f64)> {
    with_dtype!(tensor.dtype(), F => {
        if let Some(rows) = tensor.array().rows() {
            let xs = &*rows.values::<F>();
            let width = xs.len() / rows.indices.len();
            let place = |i: usize| rows.indices[i / width] * width + i % width;
            return xs.iter().position(|x| !x.is_finite()).map(|i| (place(i), xs[i].to_f64()));
        }
        let xs = &*tensor.array().contiguous::<F>();
        xs.iter().position(|x| !x.is_finite()).map(|i| (i, xs[i].to_f64()))
    })
}
