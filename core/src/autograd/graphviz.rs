//! The graph of a tensor as text that Graphviz draws.

use super::gradients::{Leaf, LeafId};
use super::node::Node;
use super::tensor::Tensor;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The graph that a tensor was computed by, in Graphviz' DOT language: operations as ellipses,
/// leaves as boxes, each with the shape of what it gives.
///
/// Prints with `{}`; `dot -Tsvg` draws it.
///
/// ```
/// use cotangent::{Dot, Tensor};
/// let x = Tensor::from([1.0f32, 2.0]).tracked();
/// let text = Dot::new(&x.exp().sum()).name(&x, "x").to_string();
/// assert!(text.contains("\"x (2,)\""), "{text}");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Dot {
    /// By number.
    nodes: BTreeMap<u64, Drawn>,
    names: BTreeMap<LeafId, String>,
}

#[derive(Clone, Debug)]
struct Drawn {
    name: &'static str,
    shape: String,
    is_leaf: bool,
    /// The operands' numbers.
    parents: Vec<u64>,
}

impl Dot {
    /// The graph as it is now: where backward has been, it ends.
    pub fn new(output: &Tensor) -> Self {
        let mut nodes = BTreeMap::new();
        let mut open: Vec<Arc<Node>> = output.node().cloned().into_iter().collect();
        while let Some(node) = open.pop() {
            if nodes.contains_key(&node.id) {
                continue;
            }
            let parents = node.parents();
            let drawn = Drawn {
                name: node.name,
                shape: node.shape.to_string(),
                is_leaf: node.is_leaf(),
                parents: parents.iter().flatten().map(|parent| parent.id).collect(),
            };
            nodes.insert(node.id, drawn);
            open.extend(parents.into_iter().flatten());
        }
        Self {
            nodes,
            names: BTreeMap::new(),
        }
    }

    /// Names a leaf, or an intermediate tensor.
    pub fn name(mut self, leaf: &impl Leaf, name: impl Into<String>) -> Self {
        if let Some(id) = leaf.leaf_id() {
            self.names.insert(id, name.into());
        }
        self
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "digraph {{")?;
        // The order of creation, which is that of the forward pass; numbered from 0, so that the
        // same computation gives the same text.
        let numbers: BTreeMap<u64, usize> = self.nodes.keys().copied().zip(0..).collect();
        for (id, node) in &self.nodes {
            let name = match self.names.get(&LeafId(*id)) {
                Some(given) if node.is_leaf => given.clone(),
                Some(given) => format!("{given} = {}", node.name),
                None => node.name.to_owned(),
            };
            let name = name.replace('\\', "\\\\").replace('"', "\\\"");
            let shape = if node.is_leaf { "box" } else { "ellipse" };
            let number = numbers[id];
            writeln!(
                f,
                "  n{number} [shape={shape}, label=\"{name} {}\"];",
                node.shape
            )?;
            for parent in &node.parents {
                writeln!(f, "  n{} -> n{number};", numbers[parent])?;
            }
        }
        writeln!(f, "}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::{Cotangents, Op, Vjp};
    use crate::error::Result;

    struct Misnamed;

    impl Op for Misnamed {
        fn name(&self) -> &'static str {
            "leaf"
        }
        fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
            Ok([Some(cotangent)].into_iter().collect())
        }
    }

    #[test]
    fn a_box_is_drawn_where_the_graph_begins_whatever_an_operation_is_called() {
        let x = Tensor::from([1.0f32]).tracked();
        let y = Tensor::from_op(x.detach(), &[&x], || Misnamed);
        let text = Dot::new(&y).name(&x, "x").name(&y, "y").to_string();
        assert!(text.contains("[shape=box, label=\"x (1,)\"]"), "{text}");
        assert!(
            text.contains("[shape=ellipse, label=\"y = leaf (1,)\"]"),
            "{text}"
        );
    }
}
