//! Reverse-mode differentiation of a graph.

use std::collections::HashMap;

use super::graph::{Binary, Comparison, Function, Graph, Node, Op, Whole};
use super::guard::{self, Guard};

/// A part of the cotangent of a node. It is arbitrary where its guard is false.
struct Part {
    guard: Guard,
    value: Node,
}

/// Returns the cotangents of the operands, given that of `root`; `None` for an operand that `root`
/// does not depend on.
pub(crate) fn pull(graph: &mut Graph, root: Node, g: Node, operands: usize) -> Vec<Option<Node>> {
    graph.derives = true;
    let guards = guard::guards(graph, &[root], None);
    let mut parts: HashMap<Node, Vec<Part>> = HashMap::new();
    parts.insert(
        root,
        vec![Part {
            guard: Guard::always(),
            value: g,
        }],
    );
    let mut cotangents = vec![None; operands];
    for node in graph.reachable(&[root], None).into_iter().rev() {
        let Some(arrived) = parts.remove(&node) else {
            continue;
        };
        let guard = &guards[&node];
        if let Op::Operand(k) = *graph.op(node) {
            let cotangent = joined(graph, arrived, &Guard::always());
            cotangents[k] = Some(cotangent).filter(|&sum| graph.number(sum) != Some(0.0));
            continue;
        }
        let g = joined(graph, arrived, guard);
        if graph.number(g) == Some(0.0) {
            continue;
        }
        let used = guard::uses(&graph.op(node).clone(), guard);
        let given = rule(graph, node, g);
        for ((input, guard), value) in used.into_iter().zip(given) {
            if let (Some(guard), Some(value)) = (guard, value)
                && !graph.is_uniform(input)
                && !guard.is_never()
            {
                parts.entry(input).or_default().push(Part { guard, value });
            }
        }
    }
    cotangents
}

/// Returns the sum of the parts: where the guard of a part is false, it counts as 0.
fn joined(graph: &mut Graph, parts: Vec<Part>, whole: &Guard) -> Node {
    let mut sum = graph.literal(0.0);
    let mut sides = Vec::new();
    for part in parts {
        let within = whole.path().zip(part.guard.path());
        let rest = within.and_then(|(whole, path)| path.strip_prefix(whole));
        if part.guard == *whole {
            sum = graph.plus(sum, part.value);
        } else if let Some(rest) = rest {
            sides.push((rest.to_vec(), part.value));
        } else {
            let condition = part.guard.condition(graph);
            sides.push((vec![(condition, true)], part.value));
        }
    }
    let selected = select(graph, sides);
    graph.plus(sum, selected)
}

/// Returns the sum of values that each count on one path of sides.
fn select(graph: &mut Graph, paths: Vec<(Vec<(Node, bool)>, Node)>) -> Node {
    let mut sum = graph.literal(0.0);
    let mut rest = Vec::new();
    for (path, value) in paths {
        if path.is_empty() {
            sum = graph.plus(sum, value);
        } else {
            rest.push((path, value));
        }
    }
    while let Some(&(condition, _)) = rest.first().and_then(|(path, _)| path.first()) {
        let (mut sides, mut others) = ([vec![], vec![]], vec![]);
        for (mut path, value) in rest {
            if path[0].0 == condition {
                let (_, holds) = path.remove(0);
                sides[usize::from(holds)].push((path, value));
            } else {
                others.push((path, value));
            }
        }
        let [no, yes] = sides.map(|side| select(graph, side));
        let selected = graph.select(condition, yes, no);
        sum = graph.plus(sum, selected);
        rest = others;
    }
    sum
}

/// Returns the cotangent g times a derivative. A selected derivative selects the product, so that a
/// derivative of 0 gives 0 for every cotangent.
pub(crate) fn scaled(graph: &mut Graph, g: Node, derivative: Node) -> Node {
    match *graph.op(derivative) {
        Op::Select(condition, yes, no) => {
            let [yes, no] = [yes, no].map(|side| scaled(graph, g, side));
            graph.select(condition, yes, no)
        }
        Op::Unary(Function::Neg, inner) => {
            let product = scaled(graph, g, inner);
            graph.neg(product)
        }
        _ => graph.times(g, derivative),
    }
}

/// Returns what each input of the node gets of its cotangent g, in the order of [`Op::inputs`].
fn rule(graph: &mut Graph, node: Node, g: Node) -> Vec<Option<Node>> {
    match graph.op(node).clone() {
        Op::Unary(function, x) => vec![unary(graph, function, x, node, g)],
        Op::Binary(op, a, b) => binary(graph, op, [a, b], node, g),
        Op::Powi(x, exponent) => vec![powi(graph, x, exponent, g)],
        Op::MulAdd(a, b, _) => {
            vec![Some(graph.times(g, b)), Some(graph.times(g, a)), Some(g)]
        }
        Op::Select(..) => vec![None, Some(g), Some(g)],
        Op::Call(callee, arguments) => {
            let pull = graph.add(Op::Pull(callee, g, arguments.clone()));
            let part = |k| Some(graph.add(Op::Part(pull, k)));
            (0..arguments.len()).map(part).collect()
        }
        _ => vec![],
    }
}

fn unary(graph: &mut Graph, function: Function, x: Node, y: Node, g: Node) -> Option<Node> {
    let [zero, one] = [0.0, 1.0].map(|value| graph.literal(value));
    let derivative = match function {
        Function::Neg => return Some(graph.neg(g)),
        Function::Abs => {
            let (positive, negative) = (graph.less(zero, x), graph.less(x, zero));
            let down = graph.neg(g);
            let rest = graph.select(negative, down, zero);
            return Some(graph.select(positive, g, rest));
        }
        Function::Square => {
            let two = graph.literal(2.0);
            graph.times(x, two)
        }
        Function::Sqrt => {
            let half = graph.literal(0.5);
            let half = graph.times(g, half);
            return Some(graph.over(half, y));
        }
        Function::Recip => {
            let square = graph.times(y, y);
            graph.neg(square)
        }
        Function::Exp => y,
        Function::ExpM1 => graph.plus(y, one),
        Function::Ln => return Some(graph.over(g, x)),
        Function::Ln1p => {
            let above = graph.plus(x, one);
            return Some(graph.over(g, above));
        }
        Function::Sin => graph.unary(Function::Cos, x),
        Function::Cos => {
            let sine = graph.unary(Function::Sin, x);
            graph.neg(sine)
        }
        Function::Tanh => {
            let square = graph.times(y, y);
            graph.minus(one, square)
        }
        Function::Sigmoid => {
            let rest = graph.minus(one, y);
            graph.times(y, rest)
        }
        // The library states the derivatives of primitives.
        Function::Floor | Function::Round | Function::Primitive(_) => return None,
    };
    Some(scaled(graph, g, derivative))
}

fn binary(graph: &mut Graph, op: Binary, [a, b]: [Node; 2], y: Node, g: Node) -> Vec<Option<Node>> {
    let [zero, half, one] = [0.0, 0.5, 1.0].map(|value| graph.literal(value));
    match op {
        Binary::Add => vec![Some(g), Some(g)],
        Binary::Sub => vec![Some(g), Some(graph.neg(g))],
        Binary::Mul if a == b => {
            let two = graph.literal(2.0);
            let double = graph.times(a, two);
            vec![Some(graph.times(g, double)), None]
        }
        Binary::Mul => vec![Some(graph.times(g, b)), Some(graph.times(g, a))],
        Binary::Div => {
            let first = graph.over(g, b);
            let slope = graph.over(y, b);
            let second = graph.times(g, slope);
            vec![Some(first), Some(graph.neg(second))]
        }
        Binary::Max | Binary::Min => {
            let tied = graph.equal(a, b);
            let shared = graph.times(g, half);
            let share = graph.select(tied, shared, g);
            let (first, second) = (graph.less(a, b), graph.less(b, a));
            let [of_a, of_b] = match op {
                Binary::Max => [first, second],
                _ => [second, first],
            };
            vec![
                Some(graph.select(of_a, zero, share)),
                Some(graph.select(of_b, zero, share)),
            ]
        }
        Binary::Pow => {
            let exponent = graph.minus(b, one);
            let power = graph.binary(Binary::Pow, a, exponent);
            let slope = graph.times(power, b);
            let of_base = graph.times(g, slope);
            let of_base = match graph.number(b) {
                Some(0.0) => zero,
                Some(_) => of_base,
                // 0 for an exponent of 0 and every cotangent, as PyTorch's, although the derivative
                // of this by the exponent is then 0 too.
                None => {
                    let flat = graph.equal(b, zero);
                    graph.select(flat, zero, of_base)
                }
            };
            let logarithm = graph.unary(Function::Ln, a);
            let slope = graph.times(y, logarithm);
            let of_exponent = graph.times(g, slope);
            let base = graph.equal(a, zero);
            let exponent = graph.add(Op::Compare(Comparison::LessOrEqual, zero, b));
            let flat = graph.and(base, exponent);
            vec![Some(of_base), Some(graph.select(flat, zero, of_exponent))]
        }
        Binary::Atan2 => vec![None, None],
    }
}

fn powi(graph: &mut Graph, x: Node, exponent: Whole, g: Node) -> Option<Node> {
    let less = Whole {
        offset: exponent.offset - 1,
        ..exponent
    };
    if exponent.name.is_none() {
        match exponent.offset {
            0 => return None,
            1 => return Some(g),
            2 => {
                let two = graph.literal(2.0);
                let double = graph.times(x, two);
                return Some(graph.times(g, double));
            }
            _ => {}
        }
    }
    let power = graph.add(Op::Powi(x, less));
    let factor = match exponent.name {
        None => graph.literal(exponent.offset as f64),
        Some(_) => graph.add(Op::Whole(exponent)),
    };
    let slope = graph.times(power, factor);
    let slope = graph.times(g, slope);
    if exponent.name.is_none() {
        return Some(slope);
    }
    let zero = graph.literal(0.0);
    let flat = graph.equal(factor, zero);
    Some(graph.select(flat, zero, slope))
}
