//! A formula as a graph, in which equal subexpressions are one node.

use std::collections::HashMap;

/// A node of a [`Graph`]. The operands of a node have smaller numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node(pub(crate) usize);

/// A function of one number that has its own rule of differentiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    Neg,
    Abs,
    Square,
    Sqrt,
    Recip,
    Exp,
    ExpM1,
    Ln,
    Ln1p,
    Sin,
    Cos,
    Tanh,
    Sigmoid,
    Floor,
    Round,
    /// A method of `Real` that only its own definition in the library uses.
    Primitive(&'static str),
}

/// An operation of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    Pow,
    /// Used only by its own definition in the library.
    Atan2,
}

/// A comparison, false if either side is NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Equal,
}

/// An integer that is known when the function is called: a name and an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Whole {
    /// The index of a parameter or a constant, if it is not a literal.
    pub(crate) name: Option<usize>,
    pub(crate) offset: i64,
}

/// The operation of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    /// An operand of the function.
    Operand(usize),
    /// The cotangent of the result.
    Cotangent,
    /// A number, by its bits.
    Literal(u64),
    /// A parameter or a constant in scope, by its index in the list of names.
    Name(usize),
    /// An integer as a number.
    Whole(Whole),
    /// An integer, only as an argument of a call.
    Integer(Whole),
    /// A constant in scope, only as an argument of a call, where it may be an integer.
    Constant(usize),
    Unary(Function, Node),
    Binary(Binary, Node, Node),
    Powi(Node, Whole),
    /// a b + c, fused if that is one instruction.
    MulAdd(Node, Node, Node),
    Compare(Comparison, Node, Node),
    And(Node, Node),
    Or(Node, Node),
    Not(Node),
    Select(Node, Node, Node),
    /// The value of another function, by its index in the list of functions.
    Call(usize, Vec<Node>),
    /// The cotangents of all arguments of a call, given that of its value.
    Pull(usize, Node, Vec<Node>),
    /// One of the cotangents of [`Op::Pull`].
    Part(Node, usize),
}

impl Op {
    /// Returns the nodes that this one uses, in order.
    pub(crate) fn inputs(&self) -> Vec<Node> {
        match self {
            Self::Operand(_)
            | Self::Cotangent
            | Self::Literal(_)
            | Self::Name(_)
            | Self::Whole(_)
            | Self::Integer(_)
            | Self::Constant(_) => vec![],
            Self::Unary(_, a) | Self::Powi(a, _) | Self::Not(a) | Self::Part(a, _) => vec![*a],
            Self::Binary(_, a, b) | Self::Compare(_, a, b) | Self::And(a, b) | Self::Or(a, b) => {
                vec![*a, *b]
            }
            Self::Select(a, b, c) | Self::MulAdd(a, b, c) => vec![*a, *b, *c],
            Self::Call(_, arguments) => arguments.clone(),
            Self::Pull(_, g, arguments) => [&[*g], &arguments[..]].concat(),
        }
    }
}

/// The nodes of a function: its value, and later its derivatives.
#[derive(Default)]
pub(crate) struct Graph {
    nodes: Vec<Op>,
    known: HashMap<Op, Node>,
    /// Whether a node is the same for all elements.
    uniform: Vec<bool>,
    /// The names that `let` gave to nodes, for the generated code.
    hints: HashMap<Node, String>,
    /// Whether products with 0 are 0 and sums with 0 are dropped, which would change NaN,
    /// infinities and the sign of zero in the value of a formula.
    pub(crate) derives: bool,
}

impl Graph {
    pub(crate) fn op(&self, node: Node) -> &Op {
        &self.nodes[node.0]
    }

    pub(crate) fn is_uniform(&self, node: Node) -> bool {
        self.uniform[node.0]
    }

    /// Returns the value of a literal.
    pub(crate) fn number(&self, node: Node) -> Option<f64> {
        match *self.op(node) {
            Op::Literal(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }

    /// Remembers the name of a variable.
    pub(crate) fn name(&mut self, node: Node, name: &str) {
        self.hints.entry(node).or_insert_with(|| name.to_owned());
    }

    pub(crate) fn hint(&self, node: Node) -> Option<&str> {
        self.hints.get(&node).map(String::as_str)
    }

    /// Returns the node of this operation, a new one if there is none yet.
    pub(crate) fn add(&mut self, op: Op) -> Node {
        if let Some(&node) = self.known.get(&op) {
            return node;
        }
        let varies = matches!(op, Op::Operand(_) | Op::Cotangent);
        let uniform = !varies && op.inputs().iter().all(|&input| self.is_uniform(input));
        let node = Node(self.nodes.len());
        self.nodes.push(op.clone());
        self.uniform.push(uniform);
        self.known.insert(op, node);
        node
    }

    pub(crate) fn literal(&mut self, value: f64) -> Node {
        self.add(Op::Literal(value.to_bits()))
    }

    pub(crate) fn unary(&mut self, function: Function, a: Node) -> Node {
        if function == Function::Neg {
            if let Some(a) = self.number(a) {
                return self.literal(-a);
            }
            if let Op::Unary(Function::Neg, inner) = *self.op(a) {
                return inner;
            }
        }
        self.add(Op::Unary(function, a))
    }

    pub(crate) fn neg(&mut self, a: Node) -> Node {
        self.unary(Function::Neg, a)
    }

    pub(crate) fn binary(&mut self, op: Binary, a: Node, b: Node) -> Node {
        let (left, right) = (self.number(a), self.number(b));
        if let (Some(a), Some(b)) = (left, right) {
            match op {
                Binary::Add => return self.literal(a + b),
                Binary::Sub => return self.literal(a - b),
                Binary::Mul => return self.literal(a * b),
                Binary::Div => return self.literal(a / b),
                _ => {}
            }
        }
        let zero = |x: Option<f64>| self.derives && x == Some(0.0);
        match op {
            Binary::Add if zero(left) => return b,
            Binary::Add | Binary::Sub if zero(right) => return a,
            Binary::Sub if zero(left) => return self.neg(b),
            Binary::Mul if zero(left) || zero(right) => return self.literal(0.0),
            Binary::Div if zero(left) => return self.literal(0.0),
            Binary::Mul if left == Some(1.0) => return b,
            Binary::Mul | Binary::Div if right == Some(1.0) => return a,
            Binary::Mul if left == Some(-1.0) => return self.neg(b),
            Binary::Mul | Binary::Div if right == Some(-1.0) => return self.neg(a),
            _ => {}
        }
        if self.derives
            && let Some(node) = self.without_signs(op, a, b)
        {
            return node;
        }
        // One order for both ways to write a commutative operation.
        let (a, b) = match op {
            Binary::Add | Binary::Mul if b < a => (b, a),
            _ => (a, b),
        };
        self.add(Op::Binary(op, a, b))
    }

    /// Moves negative signs outwards, where they may cancel.
    fn without_signs(&mut self, op: Binary, a: Node, b: Node) -> Option<Node> {
        let inner = |node: Node| match *self.op(node) {
            Op::Unary(Function::Neg, inner) => Some(inner),
            _ => None,
        };
        match (op, inner(a), inner(b)) {
            (Binary::Add, _, Some(b)) => Some(self.binary(Binary::Sub, a, b)),
            (Binary::Add, Some(a), _) => Some(self.binary(Binary::Sub, b, a)),
            (Binary::Sub, _, Some(b)) => Some(self.binary(Binary::Add, a, b)),
            (Binary::Mul | Binary::Div, Some(a), Some(b)) => Some(self.binary(op, a, b)),
            (Binary::Mul | Binary::Div, Some(a), None) => {
                let node = self.binary(op, a, b);
                Some(self.neg(node))
            }
            (Binary::Mul | Binary::Div, None, Some(b)) => {
                let node = self.binary(op, a, b);
                Some(self.neg(node))
            }
            _ => None,
        }
    }

    pub(crate) fn plus(&mut self, a: Node, b: Node) -> Node {
        self.binary(Binary::Add, a, b)
    }

    pub(crate) fn minus(&mut self, a: Node, b: Node) -> Node {
        self.binary(Binary::Sub, a, b)
    }

    pub(crate) fn times(&mut self, a: Node, b: Node) -> Node {
        self.binary(Binary::Mul, a, b)
    }

    pub(crate) fn over(&mut self, a: Node, b: Node) -> Node {
        self.binary(Binary::Div, a, b)
    }

    pub(crate) fn less(&mut self, a: Node, b: Node) -> Node {
        self.add(Op::Compare(Comparison::Less, a, b))
    }

    pub(crate) fn equal(&mut self, a: Node, b: Node) -> Node {
        self.add(Op::Compare(Comparison::Equal, a, b))
    }

    pub(crate) fn and(&mut self, a: Node, b: Node) -> Node {
        if a == b { a } else { self.add(Op::And(a, b)) }
    }

    pub(crate) fn or(&mut self, a: Node, b: Node) -> Node {
        if a == b { a } else { self.add(Op::Or(a, b)) }
    }

    pub(crate) fn not(&mut self, a: Node) -> Node {
        match *self.op(a) {
            Op::Not(inner) => inner,
            _ => self.add(Op::Not(a)),
        }
    }

    /// Returns `yes` where the condition is true, else `no`.
    pub(crate) fn select(&mut self, condition: Node, yes: Node, no: Node) -> Node {
        if yes == no {
            return yes;
        }
        if let Op::Not(inner) = *self.op(condition) {
            return self.select(inner, no, yes);
        }
        self.add(Op::Select(condition, yes, no))
    }

    /// Returns the nodes that `roots` depend on, each after its inputs. The nodes of `given` are
    /// included, but not what they depend on.
    pub(crate) fn reachable(&self, roots: &[Node], given: Option<Node>) -> Vec<Node> {
        let mut seen = vec![false; self.nodes.len()];
        let mut stack = roots.to_vec();
        while let Some(node) = stack.pop() {
            if std::mem::replace(&mut seen[node.0], true) || Some(node) == given {
                continue;
            }
            stack.extend(self.op(node).inputs());
        }
        (0..seen.len()).filter(|&i| seen[i]).map(Node).collect()
    }

    /// Returns the operands that `roots` depend on, a bit for each. `given` counts as independent.
    pub(crate) fn operands(&self, roots: &[Node], given: Option<Node>) -> u32 {
        let nodes = self.reachable(roots, given);
        let bit = |node: &Node| match self.op(*node) {
            Op::Operand(k) if Some(*node) != given => 1 << k,
            _ => 0,
        };
        nodes.iter().map(bit).sum()
    }
}
