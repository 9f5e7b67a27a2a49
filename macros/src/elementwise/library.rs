//! The functions that formulas can use, and how each becomes a part of a graph.

use super::graph::{Binary, Function, Graph, Node, Op};

/// How a function of the library becomes a node.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A node with its own rule of differentiation.
    Unary(Function),
    Binary(Binary),
    /// The formula of an operation of the library. Its own definition uses the primitive.
    Operation(Option<Primitive>),
    /// A combination of other nodes.
    Composed(fn(&mut Graph, &[Node]) -> Node),
    /// A power with an integer exponent.
    Powi,
}

/// The node that the definition of an operation uses under its own name.
#[derive(Clone, Copy)]
pub(crate) enum Primitive {
    Unary,
    Binary(Binary),
}

/// A function of the library.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// The names of the arguments.
    pub(crate) arguments: &'static [&'static str],
    pub(crate) kind: Kind,
}

impl Entry {
    /// Returns whether all arguments but the first are numbers that are the same for all elements.
    pub(crate) fn takes_numbers(&self) -> bool {
        matches!(self.kind, Kind::Operation(None))
    }
}

const X: &[&str] = &["x"];
const AB: &[&str] = &["a", "b"];
const OPERATION: Kind = Kind::Operation(None);
const PRIMITIVE: Kind = Kind::Operation(Some(Primitive::Unary));

macro_rules! entries {
    ($($name:ident $arguments:expr, $kind:expr;)*) => {
        &[$(Entry { name: stringify!($name), arguments: $arguments, kind: $kind }),*]
    };
}

/// All functions, in the order in which messages list them.
pub(crate) const LIBRARY: &[Entry] = entries! {
    abs X, Kind::Unary(Function::Abs);
    neg X, Kind::Unary(Function::Neg);
    square X, Kind::Unary(Function::Square);
    sqrt X, Kind::Unary(Function::Sqrt);
    rsqrt X, OPERATION;
    recip X, Kind::Unary(Function::Recip);
    exp X, Kind::Unary(Function::Exp);
    exp_m1 X, Kind::Unary(Function::ExpM1);
    ln X, Kind::Unary(Function::Ln);
    ln_1p X, Kind::Unary(Function::Ln1p);
    log2 X, PRIMITIVE;
    log10 X, PRIMITIVE;
    logit X, OPERATION;
    erf X, PRIMITIVE;
    erfc X, PRIMITIVE;
    erfinv X, OPERATION;
    sin X, Kind::Unary(Function::Sin);
    cos X, Kind::Unary(Function::Cos);
    tan X, PRIMITIVE;
    asin X, PRIMITIVE;
    acos X, PRIMITIVE;
    atan X, PRIMITIVE;
    sinh X, PRIMITIVE;
    cosh X, PRIMITIVE;
    tanh X, Kind::Unary(Function::Tanh);
    asinh X, PRIMITIVE;
    acosh X, PRIMITIVE;
    atanh X, PRIMITIVE;
    sigmoid X, Kind::Unary(Function::Sigmoid);
    softplus X, PRIMITIVE;
    log_sigmoid X, OPERATION;
    relu X, OPERATION;
    relu6 X, OPERATION;
    gelu X, OPERATION;
    gelu_tanh X, OPERATION;
    silu X, OPERATION;
    mish X, OPERATION;
    selu X, OPERATION;
    hard_sigmoid X, OPERATION;
    hard_swish X, OPERATION;
    hard_tanh X, OPERATION;
    floor X, Kind::Unary(Function::Floor);
    ceil X, Kind::Composed(ceil);
    round X, Kind::Unary(Function::Round);
    trunc X, Kind::Composed(trunc);
    sign X, Kind::Composed(sign);
    max AB, Kind::Binary(Binary::Max);
    maximum AB, Kind::Binary(Binary::Max);
    min AB, Kind::Binary(Binary::Min);
    minimum AB, Kind::Binary(Binary::Min);
    clamp &["x", "low", "high"], OPERATION;
    pow &["x", "exponent"], Kind::Binary(Binary::Pow);
    powf &["x", "exponent"], Kind::Binary(Binary::Pow);
    powi &["x", "exponent"], Kind::Powi;
    atan2 &["y", "x"], Kind::Operation(Some(Primitive::Binary(Binary::Atan2)));
    mul_add &["a", "b", "c"], Kind::Composed(mul_add);
    leaky_relu &["x", "negative_slope"], OPERATION;
    elu &["x", "alpha"], OPERATION;
    celu &["x", "alpha"], OPERATION;
};

/// Returns the function of this name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    LIBRARY.iter().find(|entry| entry.name == name)
}

/// Names of functions elsewhere, and the library's.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("log", "ln"),
    ("log1p", "ln_1p"),
    ("expm1", "exp_m1"),
    ("power", "powf"),
    ("arcsin", "asin"),
    ("arccos", "acos"),
    ("arctan", "atan"),
    ("arctan2", "atan2"),
    ("signum", "sign"),
    ("sgn", "sign"),
    ("clip", "clamp"),
    ("reciprocal", "recip"),
    ("negative", "neg"),
    ("absolute", "abs"),
    ("logistic", "sigmoid"),
    ("expit", "sigmoid"),
    ("logsigmoid", "log_sigmoid"),
    ("swish", "silu"),
    ("hardtanh", "hard_tanh"),
    ("hardswish", "hard_swish"),
    ("hardsigmoid", "hard_sigmoid"),
    ("add", "+"),
    ("sub", "-"),
    ("mul", "*"),
    ("div", "/"),
];

/// Returns the function that is probably meant by an unknown name.
pub(crate) fn similar(name: &str) -> Option<&'static str> {
    if let Some((_, own)) = OTHER_NAMES.iter().find(|(other, _)| *other == name) {
        return Some(own);
    }
    let distances = LIBRARY
        .iter()
        .map(|entry| (distance(name, entry.name), entry.name));
    let (distance, nearest) = distances.min()?;
    (distance <= 1 + name.len() / 6).then_some(nearest)
}

/// Returns the number of letters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j].min(diagonal) + 1);
        }
    }
    row[b.len()]
}

fn ceil(graph: &mut Graph, arguments: &[Node]) -> Node {
    let negative = graph.neg(arguments[0]);
    let floor = graph.unary(Function::Floor, negative);
    graph.neg(floor)
}

fn trunc(graph: &mut Graph, arguments: &[Node]) -> Node {
    let (up, down) = (
        ceil(graph, arguments),
        graph.unary(Function::Floor, arguments[0]),
    );
    let zero = graph.literal(0.0);
    let negative = graph.less(arguments[0], zero);
    graph.select(negative, up, down)
}

fn sign(graph: &mut Graph, arguments: &[Node]) -> Node {
    let [minus, zero, one] = [-1.0, 0.0, 1.0].map(|value| graph.literal(value));
    let (positive, negative) = (
        graph.less(zero, arguments[0]),
        graph.less(arguments[0], zero),
    );
    let rest = graph.select(negative, minus, zero);
    graph.select(positive, one, rest)
}

fn mul_add(graph: &mut Graph, arguments: &[Node]) -> Node {
    graph.add(Op::MulAdd(arguments[0], arguments[1], arguments[2]))
}

/// Returns the node of a function with plain arguments, or `None` if it is a call of an operation.
pub(crate) fn node(graph: &mut Graph, kind: Kind, arguments: &[Node]) -> Option<Node> {
    match kind {
        Kind::Unary(function) => Some(graph.unary(function, arguments[0])),
        Kind::Binary(op) => Some(graph.binary(op, arguments[0], arguments[1])),
        Kind::Composed(compose) => Some(compose(graph, arguments)),
        Kind::Operation(_) | Kind::Powi => None,
    }
}

/// Returns the node that the definition of an operation uses under its own name.
pub(crate) fn primitive(
    graph: &mut Graph,
    name: &'static str,
    primitive: Primitive,
    arguments: &[Node],
) -> Node {
    match primitive {
        Primitive::Unary => graph.add(Op::Unary(Function::Primitive(name), arguments[0])),
        Primitive::Binary(op) => graph.binary(op, arguments[0], arguments[1]),
    }
}
