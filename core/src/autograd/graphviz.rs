//! The graph of a tensor as text for Graphviz.

use super::gradients::{Leaf, LeafId};
use super::node::Node;
use super::tensor::Tensor;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The graph of a tensor in Graphviz' DOT language: operations as ellipses and leaves as boxes,
/// each with the shape of its result.
///
/// Print it with `{}`, and draw the text with `dot -Tsvg`.
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
    /// The names by node number.
    nodes: BTreeMap<u64, Drawn>,
    names: BTreeMap<LeafId, String>,
}

#[derive(Clone, Debug)]
struct Drawn {
    name: &'static str,
    shape: String,
    is_leaf: bool,
    /// The node numbers of the operands.
    parents: Vec<u64>,
}

impl Dot {
    /// Copies the graph of `tensor` as it is now. It ends at nodes that backward has used up.
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
        // Numbered from 0 in the order of creation, so that the same computation prints the same
        // text.
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
    fn an_operation_named_leaf_is_drawn_as_an_operation() {
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
