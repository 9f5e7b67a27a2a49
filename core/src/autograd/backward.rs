//! The backward loop. It always visits the pending node with the largest number next, and so needs
//! neither recursion nor a topological sort.

use super::accumulate::{add_cotangents, sum_to_shape};
use super::gradients::{Gradients, Leaf, LeafId};
use super::node::{Links, Node, Operation};
use super::observer::Pulled;
use super::op::Vjp;
use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::tensor::{broadcast_shapes, refusable};
use std::borrow::Borrow;
use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A backward pass with options; [`Tensor::backward`] is the pass without.
///
/// ```
/// use cotangent::{Backward, Tensor};
/// // d²(x³)/dx² = 6x
/// let x = Tensor::from([2.0f64]).tracked();
/// let first = Backward::new().create_graph().run(&x.square().mul(&x)?.sum())?;
/// let second = first.get(&x).unwrap().sum().backward()?;
/// assert_eq!(second.get(&x).unwrap().item()?, 12.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Backward {
    retain_graph: bool,
    create_graph: bool,
    allow_nonfinite: bool,
    also: Vec<LeafId>,
}

impl Backward {
    /// Creates a pass that drops saved values as soon as they are used and records nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the saved values, so that backward can run through the graph again. PyTorch:
    /// `retain_graph=True`.
    pub fn retain_graph(mut self) -> Self {
        self.retain_graph = true;
        self
    }

    /// Records the backward pass, so that the gradients can be differentiated themselves. It keeps
    /// the saved values too. PyTorch: `create_graph=True`.
    pub fn create_graph(mut self) -> Self {
        self.create_graph = true;
        self
    }

    /// Allows an output that is infinite or NaN. By default [`run`](Self::run) returns an error for
    /// it, because most of its gradients are NaN and an optimizer would write them into the
    /// parameters. PyTorch does not check.
    ///
    /// ```
    /// use cotangent::{Backward, Tensor};
    /// let x = Tensor::from([0.0f32]).tracked();
    /// let loss = x.ln().sum();
    /// let error = loss.backward().unwrap_err().to_string();
    /// assert!(error.starts_with("backward: the output is not finite (-inf); "), "{error}");
    /// let gradients = Backward::new().allow_nonfinite().run(&loss)?;
    /// assert_eq!(gradients.get(&x).unwrap().item()?, f64::INFINITY);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn allow_nonfinite(mut self) -> Self {
        self.allow_nonfinite = true;
        self
    }

    /// Keeps the gradient of an intermediate tensor too: [`Gradients::get`] of that tensor returns
    /// it. PyTorch: `tensor.retain_grad()`.
    ///
    /// ```
    /// use cotangent::{Backward, Tensor};
    /// let x = Tensor::from([1.0f32, 2.0]).tracked();
    /// let hidden = x.square();
    /// let grads = Backward::new().gradient_of(&hidden).run(&hidden.square().sum())?;
    /// assert_eq!(grads.get(&hidden).unwrap().to_vec::<f32>()?, [2.0, 8.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn gradient_of(mut self, intermediate: &Tensor) -> Self {
        self.also.extend(intermediate.leaf_id());
        self
    }

    /// Computes the gradients of `output`, a tensor of one element, with respect to all leaves that
    /// it depends on.
    ///
    /// # Errors
    /// Those of [`Tensor::backward`].
    pub fn run(&self, output: &Tensor) -> Result<Gradients> {
        let (root, cotangent) = self.start("backward", output, &one(output)?)?;
        if !self.allow_nonfinite {
            finite(output)?;
        }
        self.leaves(root, cotangent)
    }

    /// Computes the vector-Jacobian product of `output` with `cotangent`, which has the same shape
    /// and dtype. Neither is checked for values that are not finite.
    ///
    /// # Errors
    /// Those of [`Tensor::backward_with`].
    pub fn run_with(&self, output: &Tensor, cotangent: &Tensor) -> Result<Gradients> {
        let (root, cotangent) = self.start("backward", output, cotangent)?;
        self.leaves(root, cotangent)
    }

    /// Computes as [`run_with`](Self::run_with) does, and gives `complete` the gradient of each
    /// leaf as soon as nothing else is added to it, while backward still runs. So gradients can be
    /// sent to other processes meanwhile. An error of `complete` ends the pass. An output of one
    /// element must be finite, as in [`run`](Self::run).
    ///
    /// ```
    /// use cotangent::{Backward, Tensor};
    /// let (first, last) = (Tensor::scalar(2.0f64).tracked(), Tensor::scalar(3.0f64).tracked());
    /// let loss = first.square().mul(&last)?;
    /// let mut order = Vec::new();
    /// Backward::new().run_each(&loss, &Tensor::scalar(1.0f64), |leaf, gradient| {
    ///     order.push((leaf, gradient.item()?));
    ///     Ok(())
    /// })?;
    /// assert_eq!(order, [(last.leaf_id().unwrap(), 4.0), (first.leaf_id().unwrap(), 12.0)]);
    /// # use cotangent::Leaf;
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Tensor::backward`], but the output may have any shape; [`Error::Shape`] or
    /// [`Error::DType`] if the cotangent has another shape or dtype; the errors of `complete`.
    pub fn run_each(
        &self,
        output: &Tensor,
        cotangent: &Tensor,
        mut complete: impl FnMut(LeafId, Tensor) -> Result<()>,
    ) -> Result<()> {
        let (root, cotangent) = self.start("backward", output, cotangent)?;
        if output.len() == 1 && !self.allow_nonfinite {
            finite(output)?;
        }
        let leaves = Some(edges_to_leaves(&root));
        let scope = self.all(leaves);
        self.walk(root, cotangent, scope, &mut complete)
    }

    /// Propagates `cotangent` from `root` to all leaves.
    fn leaves(&self, root: Arc<Node>, cotangent: Tensor) -> Result<Gradients> {
        self.collect(root, cotangent, self.all(None))
    }

    /// Returns the scope of a pass to all leaves.
    fn all(&self, edges: Option<HashMap<u64, usize>>) -> Scope {
        Scope {
            keep: self.also.iter().map(|id| id.0).collect(),
            within: None,
            edges,
        }
    }

    /// Computes the gradients of `output`, a tensor of one element, with respect to `inputs`, in
    /// their order. The inputs are leaves or intermediate tensors. Parts of the graph that lead to
    /// none of them are skipped.
    ///
    /// # Errors
    /// Those of [`grad`].
    pub fn grad(&self, output: &Tensor, inputs: &[impl Borrow<Tensor>]) -> Result<Vec<Tensor>> {
        self.grad_with(output, &one(output)?, inputs)
    }

    /// Computes the vector-Jacobian product of `output`, of any shape, with `cotangent` for each of
    /// `inputs`, as [`grad`](Self::grad) does for one element.
    ///
    /// # Errors
    /// Those of [`grad`], and [`Error::Shape`] or [`Error::DType`] if the cotangent has another
    /// shape or dtype than the output.
    pub fn grad_with(
        &self,
        output: &Tensor,
        cotangent: &Tensor,
        inputs: &[impl Borrow<Tensor>],
    ) -> Result<Vec<Tensor>> {
        if !output.is_tracked() {
            return Err(Error::untracked("grad"));
        }
        let mut consumed = Vec::new();
        let found = self.grad_found(output, cotangent, inputs, &mut consumed)?;
        let named = found.into_iter().zip(inputs).enumerate();
        named
            .map(|(i, (gradient, input))| {
                // A node that an earlier backward used up may have led to any older input.
                let older =
                    |node: &&Arc<Node>| input.borrow().node().is_some_and(|x| x.id < node.id);
                gradient.ok_or_else(|| match consumed.iter().find(older) {
                    Some(node) => Error::graph_consumed(node.name),
                    None => {
                        Error::argument("grad", format!("the output does not depend on input {i}"))
                    }
                })
            })
            .collect()
    }

    /// Computes as [`grad_with`](Self::grad_with) does, with `None` for inputs on which the output
    /// does not depend. The output may be untracked.
    pub(crate) fn grad_or_none(
        &self,
        output: &Tensor,
        cotangent: &Tensor,
        inputs: &[impl Borrow<Tensor>],
    ) -> Result<Vec<Option<Tensor>>> {
        self.grad_found(output, cotangent, inputs, &mut Vec::new())
    }

    /// Computes as [`grad_or_none`](Self::grad_or_none) does, and adds the nodes that an earlier
    /// backward used up to `consumed`.
    fn grad_found(
        &self,
        output: &Tensor,
        cotangent: &Tensor,
        inputs: &[impl Borrow<Tensor>],
        consumed: &mut Vec<Arc<Node>>,
    ) -> Result<Vec<Option<Tensor>>> {
        let nodes = inputs.iter().filter_map(|x| x.borrow().node());
        let keep: HashSet<u64> = nodes.map(|node| node.id).collect();
        if output.node().is_none() {
            return Ok(vec![None; inputs.len()]);
        }
        let (root, cotangent) = self.start("grad", output, cotangent)?;
        let within = leading_to(&root, &keep, consumed);
        let gradients = if within.contains(&root.id) {
            let within = Some(within);
            let scope = Scope {
                keep,
                within,
                edges: None,
            };
            self.collect(root, cotangent, scope)?
        } else {
            Gradients::default()
        };
        let found = inputs.iter().map(|x| gradients.get(x.borrow()).cloned());
        Ok(found.collect())
    }

    /// Returns the node and the cotangent from which the loop starts.
    fn start(
        &self,
        op: &'static str,
        output: &Tensor,
        cotangent: &Tensor,
    ) -> Result<(Arc<Node>, Tensor)> {
        let Some(root) = output.node() else {
            return Err(Error::untracked(op));
        };
        if let Some(observer) = &root.observer {
            observer.result()?;
        }
        Tensor::expect_one_dtype(
            op,
            &[
                ("the output", Some(output)),
                ("the cotangent", Some(cotangent)),
            ],
        )?;
        if cotangent.shape() != output.shape() {
            let shapes = [cotangent.shape(), output.shape()];
            let reason = "the cotangent must have the shape of the output";
            return Err(Error::shape(op, reason, &shapes));
        }
        let cotangent = if self.create_graph {
            cotangent.clone()
        } else {
            cotangent.detach()
        };
        Ok((Arc::clone(root), cotangent))
    }

    fn collect(&self, root: Arc<Node>, cotangent: Tensor, scope: Scope) -> Result<Gradients> {
        let mut gradients = Gradients::default();
        self.walk(root, cotangent, scope, &mut |leaf, gradient| {
            gradients.insert_id(leaf, gradient);
            Ok(())
        })?;
        Ok(gradients)
    }

    fn walk(
        &self,
        root: Arc<Node>,
        cotangent: Tensor,
        scope: Scope,
        complete: Complete<'_>,
    ) -> Result<()> {
        refusable("backward", || self.walked(root, cotangent, scope, complete))
    }

    fn walked(
        &self,
        root: Arc<Node>,
        cotangent: Tensor,
        mut scope: Scope,
        complete: Complete<'_>,
    ) -> Result<()> {
        let mut pending = Pending::default();
        pending.add(root, cotangent);
        let mut complete_leaves = Vec::new();
        while let Some((mut node, cotangent)) = complete_leaves.pop().or_else(|| pending.take()) {
            if scope.ends_at(&node) {
                complete(LeafId(node.id), cotangent)?;
                continue;
            }
            if let Some(observer) = &node.observer {
                observer.gradient(LeafId(node.id), &cotangent);
            }
            let (id, name, observer) = (node.id, node.name, node.observer.clone());
            let keep = self.retain_graph || self.create_graph;
            let recorded = self.create_graph.then(|| Arc::clone(&node));
            let mut taken;
            let (links, operation) = match Arc::get_mut(&mut node) {
                // Usually nothing else holds the node any more, and no lock is needed.
                Some(node) if !keep => node.parts(),
                _ => {
                    taken = node.links(keep);
                    (&mut taken, Operation::Shared(&node))
                }
            };
            let parents = match links {
                Links::Leaf => {
                    complete(LeafId(id), cotangent)?;
                    continue;
                }
                Links::Frozen => continue,
                Links::Consumed => return Err(Error::graph_consumed(name)),
                Links::To(parents) => parents,
            };
            if scope.keep.contains(&id) {
                complete(LeafId(id), cotangent.clone())?;
            }
            if let Some(within) = &scope.within {
                for parent in &mut *parents {
                    *parent = parent.take().filter(|parent| within.contains(&parent.id));
                }
            }
            let context = Vjp {
                node: recorded.as_ref(),
                parents,
            };
            let Some(cotangents) = operation.vjp(cotangent, &context) else {
                return Err(Error::graph_consumed(name));
            };
            let mut cotangents = cotangents?;
            if cotangents.len() != parents.len() {
                let reason = format!(
                    "the vjp of `{name}` returned {} cotangents for {} operands",
                    cotangents.len(),
                    parents.len()
                );
                return Err(Error::argument("backward", reason));
            }
            for (operand, (parent, cotangent)) in
                parents.iter_mut().zip(&mut cotangents).enumerate()
            {
                let Some(parent) = parent.take() else {
                    continue;
                };
                let is_complete = scope.follow(parent.id);
                let Some(cotangent) = cotangent.take() else {
                    complete_leaves.extend(pending.remove_if(is_complete, parent.id));
                    continue;
                };
                fits(&cotangent, &parent, name)?;
                if let Some(observer) = &observer {
                    observer.pulled(&Pulled {
                        op: name,
                        operand,
                        parent: &parent,
                        cotangent: &cotangent,
                    });
                    observer.result()?;
                }
                let cotangent = if *cotangent.array().shape() == parent.shape {
                    cotangent
                } else {
                    sum_to_shape(&cotangent, &parent.shape)
                };
                let id = parent.id;
                pending.add(parent, cotangent);
                complete_leaves.extend(pending.remove_if(is_complete, id));
            }
            if !keep {
                *links = Links::Consumed;
            }
        }
        Ok(())
    }
}

/// Computes the gradients of `output`, a tensor of one element, with respect to `inputs`, in their
/// order. PyTorch: `torch.autograd.grad`.
///
/// The inputs are tracked tensors, or tensors computed from such. Parts of the graph that lead to
/// none of them are skipped. Unlike [`Tensor::backward`], it does not check that the output is
/// finite.
///
/// # Errors
/// Those of [`Tensor::backward`], except [`Error::NonFinite`] of the output; and
/// [`Error::Argument`] if the output does not depend on an input.
///
/// ```
/// use cotangent::{Tensor, grad};
/// let x = Tensor::from([3.0f64]).tracked();
/// let hidden = x.square();
/// let gradients = grad(&hidden.square().sum(), &[&x, &hidden])?;
/// assert_eq!(gradients[0].item()?, 108.0);
/// assert_eq!(gradients[1].item()?, 18.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn grad(output: &Tensor, inputs: &[impl Borrow<Tensor>]) -> Result<Vec<Tensor>> {
    if !output.is_tracked() {
        return Err(Error::untracked("grad"));
    }
    Backward::new().grad(output, inputs)
}

/// The nodes still to visit, each with the sum of the cotangents that have reached it.
#[derive(Default)]
struct Pending {
    /// The node with the largest number, unless it is in `others`. A chain has no others.
    last: Option<(Arc<Node>, Tensor)>,
    others: BTreeMap<u64, (Arc<Node>, Tensor)>,
}

impl Pending {
    /// Adds `cotangent` to that of a node.
    fn add(&mut self, node: Arc<Node>, cotangent: Tensor) {
        let last = match &mut self.last {
            Some((last, sum)) if last.id == node.id => return add_to(sum, &cotangent),
            Some((last, _)) => last.id,
            None => self.others.last_key_value().map_or(0, |(&id, _)| id),
        };
        let smaller = if last < node.id {
            self.last.replace((node, cotangent))
        } else {
            Some((node, cotangent))
        };
        let Some((node, cotangent)) = smaller else {
            return;
        };
        match self.others.entry(node.id) {
            Entry::Occupied(mut entry) => add_to(&mut entry.get_mut().1, &cotangent),
            Entry::Vacant(entry) => {
                entry.insert((node, cotangent));
            }
        }
    }

    /// Removes and returns a node if it is complete and a cotangent has reached it.
    fn remove_if(&mut self, is_complete: bool, id: u64) -> Option<(Arc<Node>, Tensor)> {
        if !is_complete {
            return None;
        }
        let last = self.last.take_if(|(last, _)| last.id == id);
        last.or_else(|| self.others.remove(&id))
    }

    /// Removes and returns the node with the largest number.
    fn take(&mut self) -> Option<(Arc<Node>, Tensor)> {
        let others = &mut self.others;
        self.last
            .take()
            .or_else(|| others.pop_last().map(|(_, pending)| pending))
    }
}

fn add_to(sum: &mut Tensor, cotangent: &Tensor) {
    // Moving the first tensor out lets the sum reuse its storage; any tensor may fill the place.
    let first = std::mem::replace(sum, cotangent.clone());
    *sum = add_cotangents(first, cotangent);
}

/// The part of a graph that a walk visits.
struct Scope {
    /// Nodes inside the graph whose cotangents are kept.
    keep: HashSet<u64>,
    /// The only nodes that the walk visits; `None` for all.
    within: Option<HashSet<u64>>,
    /// The number of edges to each leaf that the walk has not followed yet, if leaves are visited
    /// as soon as there are none. Otherwise they are visited last, since they are older than all
    /// results.
    edges: Option<HashMap<u64, usize>>,
}

/// A function of each leaf and its gradient.
type Complete<'a> = &'a mut dyn FnMut(LeafId, Tensor) -> Result<()>;

impl Scope {
    /// Follows an edge to a node, and returns whether it was the last edge to a leaf.
    fn follow(&mut self, id: u64) -> bool {
        let edges = self.edges.as_mut().and_then(|edges| edges.get_mut(&id));
        edges.is_some_and(|edges| {
            *edges -= 1;
            *edges == 0
        })
    }

    /// Returns whether the walk visits no parent of this node.
    fn ends_at(&self, node: &Node) -> bool {
        self.within.as_ref().is_some_and(|within| {
            !node
                .parents()
                .iter()
                .flatten()
                .any(|parent| within.contains(&parent.id))
        })
    }
}

/// Returns the nodes from which one of `targets` can be reached, the targets included. Nodes that
/// an earlier backward used up lead nowhere; they are added to `consumed`.
fn leading_to(
    root: &Arc<Node>,
    targets: &HashSet<u64>,
    consumed: &mut Vec<Arc<Node>>,
) -> HashSet<u64> {
    // Parents have smaller numbers: a node older than all targets leads to none.
    let oldest = targets.iter().copied().min().unwrap_or(u64::MAX);
    let mut found = BTreeMap::new();
    let mut open = vec![Arc::clone(root)];
    while let Some(node) = open.pop() {
        if node.id < oldest || found.contains_key(&node.id) {
            continue;
        }
        let parents = node.parents();
        if parents.is_empty() && node.is_consumed() {
            consumed.push(Arc::clone(&node));
        }
        found.insert(
            node.id,
            parents.iter().flatten().map(|p| p.id).collect::<Vec<_>>(),
        );
        open.extend(parents.into_iter().flatten());
    }
    let mut leading = HashSet::new();
    for (id, parents) in found {
        if targets.contains(&id) || parents.iter().any(|parent| leading.contains(parent)) {
            leading.insert(id);
        }
    }
    leading
}

/// Returns the nodes from which paths lead to the targets, and these, in the order of their
/// creation.
pub(crate) fn nodes_leading_to(root: &Arc<Node>, targets: &HashSet<u64>) -> Vec<Arc<Node>> {
    let leading = leading_to(root, targets, &mut Vec::new());
    let mut found = BTreeMap::new();
    let mut open = vec![Arc::clone(root)];
    while let Some(node) = open.pop() {
        if leading.contains(&node.id) && !found.contains_key(&node.id) {
            open.extend(node.parents().into_iter().flatten());
            found.insert(node.id, node);
        }
    }
    found.into_values().collect()
}

/// Counts the edges to each leaf of a graph.
fn edges_to_leaves(root: &Arc<Node>) -> HashMap<u64, usize> {
    let mut edges = HashMap::new();
    let mut seen = HashSet::new();
    let mut open = vec![Arc::clone(root)];
    while let Some(node) = open.pop() {
        for parent in node.parents().into_iter().flatten() {
            if parent.is_leaf() {
                *edges.entry(parent.id).or_default() += 1;
            } else if seen.insert(parent.id) {
                open.push(parent);
            }
        }
    }
    edges
}

/// Returns the cotangent from which backward starts.
fn one(output: &Tensor) -> Result<Tensor> {
    if output.len() != 1 {
        let reason = "expected an output of one element; reduce it with `sum` or `mean`, or pass a \
                      cotangent to `backward_with`";
        return Err(Error::shape("backward", reason, &[output.shape()]));
    }
    Ok(output.constant_like(1.0))
}

/// Returns an error if the only element of the output is infinite or NaN.
fn finite(output: &Tensor) -> Result<()> {
    let value = output.item()?;
    if value.is_finite() {
        return Ok(());
    }
    let remedy = "compute it under `Pass::checked` to find the operation that caused it, or allow \
                  it with `Backward::allow_nonfinite`";
    Err(Error::non_finite("backward", "the output", value).remedied_by(remedy))
}

/// Returns an error unless the cotangent has the dtype of `parent`, and its shape or one to which
/// that broadcasts.
fn fits(cotangent: &Tensor, parent: &Node, op: &'static str) -> Result<()> {
    cotangent.expect_dtype(op, parent.dtype)?;
    let shape = cotangent.array().shape();
    if *shape == parent.shape || broadcast_shapes(op, &parent.shape, shape)? == *shape {
        return Ok(());
    }
    let reason = "the vjp returned a cotangent of another shape than its operand";
    Err(Error::shape(op, reason, &[shape, &parent.shape]))
}

/// # Differentiation
impl Tensor {
    /// Computes the gradients of this tensor, which has one element, with respect to every leaf
    /// that it depends on: tracked tensors, and parameters read under a training pass.
    ///
    /// The gradients are returned, not stored in the leaves: there is nothing like PyTorch's
    /// `zero_grad` to call. Backward drops the saved values of the graph as it uses them. A second
    /// `backward` through the same graph is an error, as in PyTorch; [`Backward::retain_graph`]
    /// keeps the values.
    ///
    /// ```
    /// use cotangent::Tensor;
    /// let x = Tensor::from([1.0f32, 2.0]).tracked();
    /// let gradients = x.square().sum().backward()?;
    /// assert_eq!(gradients.get(&x).unwrap().to_vec::<f32>()?, [2.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Shape`]: the number of elements is not one, or the system refuses memory.
    /// - [`Error::Untracked`]: the tensor depends on no leaf.
    /// - [`Error::GraphConsumed`]: an earlier backward used up the saved values.
    /// - [`Error::NonFinite`]: the element is infinite or NaN.
    ///   [`Pass::checked`](crate::module::Pass::checked) finds the operation that caused it;
    ///   [`Backward::allow_nonfinite`] allows it.
    #[doc(alias = "zero_grad")]
    pub fn backward(&self) -> Result<Gradients> {
        Backward::new().run(self)
    }

    /// Computes the vector-Jacobian product of this tensor, of any shape, with `cotangent`, which
    /// has the same shape and dtype. PyTorch: `x.backward(cotangent)`.
    ///
    /// # Errors
    /// Those of [`backward`](Self::backward), except [`Error::NonFinite`]; and [`Error::Shape`] or
    /// [`Error::DType`] if the cotangent has another shape or dtype.
    pub fn backward_with(&self, cotangent: &Self) -> Result<Gradients> {
        Backward::new().run_with(self, cotangent)
    }
}
