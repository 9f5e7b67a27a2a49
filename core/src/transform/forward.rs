//! Forward mode: the derivative of a graph's output along tangents of its leaves.

use crate::autograd::{Backward, Node, Tensor, Vjp, nodes_leading_to, stretch};
use crate::error::{Error, Result};
use crate::ops::sum_of_some;
use crate::tensor::{Array, with_dtype};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;

type Tangents = SmallVec<[Option<Tensor>; 3]>;

/// Returns the derivative of `output` along `tangents` of the `leaves`; `None` if it depends on
/// none of them. It visits the nodes in the order in which they were computed, and drops a tangent
/// after its last use.
pub(super) fn push(
    output: &Tensor,
    leaves: &[Tensor],
    tangents: impl Iterator<Item = Tensor>,
) -> Result<Option<Tensor>> {
    let Some(root) = output.node() else {
        return Ok(None);
    };
    let mut along = HashMap::new();
    for (leaf, tangent) in leaves.iter().zip(tangents) {
        along.extend(leaf.node().map(|node| (node.id, tangent)));
    }
    let nodes = nodes_leading_to(root, &along.keys().copied().collect());
    let mut uses: HashMap<u64, usize> = HashMap::new();
    let parents: Vec<_> = nodes.iter().map(|node| node.parents()).collect();
    for parent in parents.iter().flatten().flatten() {
        *uses.entry(parent.id).or_default() += 1;
    }
    for (node, mut parents) in nodes.into_iter().zip(parents) {
        if parents.is_empty() {
            if node.is_leaf() {
                continue;
            }
            return Err(Error::graph_consumed(node.name));
        }
        let mut tangents = Tangents::new();
        for parent in &mut parents {
            let id = parent.as_ref().map_or(u64::MAX, |parent| parent.id);
            let left = uses.get_mut(&id).map_or(0, |left| {
                *left -= 1;
                *left
            });
            let tangent = if left == 0 {
                along.remove(&id)
            } else {
                along.get(&id).cloned()
            };
            if tangent.is_none() {
                *parent = None;
            }
            tangents.push(tangent);
        }
        let id = node.id;
        if tangents.iter().any(Option::is_some) {
            let context = Vjp {
                node: None,
                parents: &parents,
            };
            let slot = node.slot();
            let Some(op) = slot.as_ref().and_then(|slot| slot.op()) else {
                return Err(Error::graph_consumed(node.name));
            };
            let tangent = match op.jvp(&tangents, &context)? {
                Some(tangent) => tangent,
                None => transposed(&node, &tangents, &context)?,
            };
            if *tangent.array().shape() != node.shape {
                let reason = format!(
                    "the jvp of `{}` has another shape than its output",
                    node.name
                );
                let shapes = [tangent.shape(), &node.shape[..]];
                return Err(Error::shape("jvp", reason, &shapes));
            }
            along.insert(id, tangent);
        }
    }
    Ok(along.remove(&root.id))
}

/// Computes the derivative of a node's operation by transposing its vector-Jacobian product, which
/// is linear in the cotangent, at a cotangent of 0.
fn transposed(node: &Arc<Node>, tangents: &Tangents, context: &Vjp) -> Result<Tensor> {
    let zeros = || {
        with_dtype!(node.dtype, F => Tensor::from(Array::build::<F>(node.shape.clone(), |out| {
            out.fill(0.0);
        })))
    };
    let cotangent = zeros().tracked();
    let recorded = Vjp {
        node: Some(node),
        parents: context.parents,
    };
    let slot = node.slot();
    let Some(op) = slot.as_ref().and_then(|slot| slot.op()) else {
        return Err(Error::graph_consumed(node.name));
    };
    let mut sum: Option<Tensor> = None;
    for (pulled, tangent) in op.vjp(cotangent.clone(), &recorded)?.iter().zip(tangents) {
        let (Some(pulled), Some(tangent)) = (pulled, tangent) else {
            continue;
        };
        // The backward loop would sum a cotangent of the broadcast shape.
        let tangent = stretch(tangent, pulled.array().shape());
        let parts = Backward::new()
            .retain_graph()
            .grad_or_none(pulled, &tangent, &[&cotangent])?;
        for part in parts.into_iter().flatten() {
            sum = sum_of_some(sum, Some(part))?;
        }
    }
    Ok(sum.unwrap_or_else(zeros))
}
