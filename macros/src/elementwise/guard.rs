//! The condition under which the value of a node matters.
//!
//! Both sides of an `if` are computed for every element, and one of them is selected. A node that
//! only one side uses may be infinite or NaN where the other side is selected. Its guard is the
//! condition of that side. Gradients select by guards and never multiply by a mask, since 0 times
//! infinity is NaN.

use std::collections::HashMap;

use super::graph::{Graph, Node, Op};

/// A side of an `if`: its condition, and whether it must be true.
type Side = (Node, bool);

/// The sides that have to be selected together, from the outermost `if` inwards.
type Path = Vec<Side>;

/// A condition: at least one of the paths is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guard(Vec<Path>);

/// The number of paths from which they are combined into one condition.
const PATHS: usize = 8;

impl Guard {
    /// Returns the condition that is always true.
    pub(crate) fn always() -> Self {
        Self(vec![vec![]])
    }

    pub(crate) fn is_always(&self) -> bool {
        *self == Self::always()
    }

    /// Returns whether no element fulfils the condition.
    pub(crate) fn is_never(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the only path.
    pub(crate) fn path(&self) -> Option<&[Side]> {
        match &self.0[..] {
            [path] => Some(path),
            _ => None,
        }
    }

    /// Returns this condition and that of a side.
    pub(crate) fn and(&self, side: Side) -> Self {
        let mut paths = Vec::new();
        for path in &self.0 {
            if path.contains(&(side.0, !side.1)) {
                continue;
            }
            let mut path = path.clone();
            if !path.contains(&side) {
                path.push(side);
            }
            paths.push(path);
        }
        Self(paths).simplified()
    }

    /// Adds the paths of another condition.
    fn or(&mut self, other: &Self, graph: &mut Graph) {
        self.0.extend(other.0.iter().cloned());
        *self = std::mem::take(self).simplified();
        if self.0.len() > PATHS {
            let condition = self.condition(graph);
            *self = Self(vec![vec![(condition, true)]]);
        }
    }

    /// Drops paths that others imply, and merges those that differ in one side only.
    fn simplified(mut self) -> Self {
        let implies = |a: &Path, b: &Path| b.iter().all(|side| a.contains(side));
        'again: loop {
            for i in 0..self.0.len() {
                for j in 0..self.0.len() {
                    if i == j {
                        continue;
                    }
                    if implies(&self.0[i], &self.0[j]) {
                        self.0.remove(i);
                        continue 'again;
                    }
                    let (a, b) = (&self.0[i], &self.0[j]);
                    let differs = |side: &&Side| !b.contains(side);
                    let mut different = a.iter().filter(differs);
                    if let (Some(&side), None, true) =
                        (different.next(), different.next(), a.len() == b.len())
                        && b.contains(&(side.0, !side.1))
                    {
                        self.0[i].retain(|other| *other != side);
                        self.0.remove(j);
                        continue 'again;
                    }
                }
            }
            self.0.sort();
            return self;
        }
    }

    /// Returns the node of the condition.
    pub(crate) fn condition(&self, graph: &mut Graph) -> Node {
        let mut any = None;
        for path in &self.0 {
            let mut all = None;
            for &(condition, holds) in path {
                let side = if holds {
                    condition
                } else {
                    graph.not(condition)
                };
                all = Some(all.map_or(side, |all| graph.and(all, side)));
            }
            let all = all.expect("a guard that is always true has no condition");
            any = Some(any.map_or(all, |any| graph.or(any, all)));
        }
        any.expect("a guard that is never true has no condition")
    }
}

/// Returns the guard under which a node with this guard uses each of its inputs; `None` for inputs
/// through which no gradient flows.
pub(crate) fn uses(op: &Op, guard: &Guard) -> Vec<(Node, Option<Guard>)> {
    match *op {
        Op::Select(condition, yes, no) => vec![
            (condition, None),
            (yes, Some(guard.and((condition, true)))),
            (no, Some(guard.and((condition, false)))),
        ],
        Op::Compare(..) | Op::And(..) | Op::Or(..) | Op::Not(..) => {
            let inputs = op.inputs().into_iter();
            inputs.map(|input| (input, None)).collect()
        }
        _ => {
            let inputs = op.inputs().into_iter();
            inputs.map(|input| (input, Some(guard.clone()))).collect()
        }
    }
}

/// Returns the guards of the nodes that `roots` depend on. Nodes that only conditions use have
/// none.
pub(crate) fn guards(
    graph: &mut Graph,
    roots: &[Node],
    given: Option<Node>,
) -> HashMap<Node, Guard> {
    let mut guards: HashMap<Node, Guard> = HashMap::new();
    for &root in roots {
        guards.insert(root, Guard::always());
    }
    for node in graph.reachable(roots, given).into_iter().rev() {
        let Some(guard) = guards.get(&node).cloned() else {
            continue;
        };
        if Some(node) == given {
            continue;
        }
        for (input, used) in uses(&graph.op(node).clone(), &guard) {
            if let Some(used) = used {
                guards.entry(input).or_default().or(&used, graph);
            }
        }
    }
    guards
}
