//! Formulas as trees, and their values.

use crate::functions::{OTHERS, UNARY};

/// An expression whose value is a number.
#[derive(Clone)]
pub enum Expr {
    Operand(usize),
    /// An `f64` parameter.
    Number(usize),
    /// An `i32` parameter as a number.
    Whole(usize),
    Literal(f64),
    /// A constant in scope.
    Constant(usize),
    Variable(usize),
    Neg(Box<Expr>),
    Binary(char, Box<Expr>, Box<Expr>),
    Unary(usize, Box<Expr>),
    Other(usize, Vec<Expr>),
    Powi(Box<Expr>, Exponent),
    If(Box<Condition>, Box<Block>, Box<Block>),
    Block(Box<Block>),
    /// A call of an earlier function: its operands and its `f64` parameters.
    Call(usize, Vec<Expr>, Vec<Expr>),
}

#[derive(Clone, Copy)]
pub enum Exponent {
    Literal(i32),
    Parameter(usize),
}

#[derive(Clone)]
pub enum Condition {
    /// A comparison, by its index in [`COMPARISONS`].
    Compare(usize, Expr, Expr),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Variable(usize),
    If(Box<Condition>, Box<Condition>, Box<Condition>),
}

#[derive(Clone)]
pub enum Bound {
    Number(Expr),
    Condition(Condition),
}

#[derive(Clone)]
pub struct Block {
    pub lets: Vec<(usize, Bound)>,
    pub value: Expr,
}

/// What a function returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Tensor,
    Sum,
    Mean,
    SumOver,
    MeanOver,
}

#[derive(Clone)]
pub struct Function {
    pub operands: usize,
    pub numbers: usize,
    pub wholes: usize,
    pub output: Output,
    pub body: Block,
    /// Whether its derivative by the first operand is wrong.
    pub planted: bool,
    /// How many nodes a value takes, with those of the functions that it calls.
    pub steps: usize,
}

pub const COMPARISONS: &[(&str, fn(f64, f64) -> bool)] = &[
    ("<", |a, b| a < b),
    ("<=", |a, b| a <= b),
    (">", |a, b| a > b),
    (">=", |a, b| a >= b),
    ("==", |a, b| a == b),
    ("!=", |a, b| a != b),
];

/// The constants in scope of the formulas.
pub const CONSTANTS: &[(&str, f64)] = &[
    ("ALPHA", 0.75),
    ("scope::BETA", -1.25),
    (
        "std::f64::consts::FRAC_1_SQRT_2",
        std::f64::consts::FRAC_1_SQRT_2,
    ),
];

/// The numbers of one element.
pub struct Point<'a> {
    pub functions: &'a [Function],
    pub operands: Vec<f64>,
    pub numbers: Vec<f64>,
    pub wholes: Vec<i32>,
    /// The values of variables, the innermost last.
    pub variables: Vec<(usize, Value)>,
    /// How many nodes were evaluated.
    pub steps: usize,
}

#[derive(Clone, Copy)]
pub enum Value {
    Number(f64),
    Condition(bool),
}

impl Point<'_> {
    pub fn number(&mut self, expr: &Expr) -> f64 {
        self.steps += 1;
        match expr {
            Expr::Operand(i) => self.operands[*i],
            Expr::Number(i) => self.numbers[*i],
            Expr::Whole(i) => f64::from(self.wholes[*i]),
            Expr::Literal(value) => *value,
            Expr::Constant(i) => CONSTANTS[*i].1,
            Expr::Variable(name) => match self.variable(*name) {
                Value::Number(value) => value,
                Value::Condition(_) => unreachable!("a number has a name of its own"),
            },
            Expr::Neg(a) => -self.number(a),
            Expr::Binary(op, a, b) => {
                let (a, b) = (self.number(a), self.number(b));
                match op {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    _ => a / b,
                }
            }
            Expr::Unary(i, a) => (UNARY[*i].value)(self.number(a)),
            Expr::Other(i, arguments) => {
                let mut all = [0.0; 3];
                for (slot, argument) in all.iter_mut().zip(arguments) {
                    *slot = self.number(argument);
                }
                (OTHERS[*i].value)(all)
            }
            Expr::Powi(a, exponent) => {
                let exponent = match *exponent {
                    Exponent::Literal(n) => n,
                    Exponent::Parameter(i) => self.wholes[i],
                };
                self.number(a).powi(exponent)
            }
            Expr::If(condition, yes, no) => {
                let side = if self.condition(condition) { yes } else { no };
                self.block(side)
            }
            Expr::Block(block) => self.block(block),
            Expr::Call(callee, operands, numbers) => {
                let functions = self.functions;
                let mut inner = Point {
                    functions,
                    operands: operands.iter().map(|e| self.number(e)).collect(),
                    numbers: numbers.iter().map(|e| self.number(e)).collect(),
                    wholes: vec![],
                    variables: vec![],
                    steps: 0,
                };
                let value = inner.block(&functions[*callee].body);
                self.steps += inner.steps;
                value
            }
        }
    }

    pub fn condition(&mut self, condition: &Condition) -> bool {
        match condition {
            Condition::Compare(op, a, b) => (COMPARISONS[*op].1)(self.number(a), self.number(b)),
            Condition::And(a, b) => self.condition(a) && self.condition(b),
            Condition::Or(a, b) => self.condition(a) || self.condition(b),
            Condition::Not(a) => !self.condition(a),
            Condition::Variable(name) => match self.variable(*name) {
                Value::Condition(value) => value,
                Value::Number(_) => unreachable!("a condition has a name of its own"),
            },
            Condition::If(condition, yes, no) => {
                let side = if self.condition(condition) { yes } else { no };
                self.condition(side)
            }
        }
    }

    fn variable(&self, name: usize) -> Value {
        let mut known = self.variables.iter().rev();
        known
            .find(|(other, _)| *other == name)
            .expect("a variable in scope")
            .1
    }

    pub fn block(&mut self, block: &Block) -> f64 {
        let depth = self.variables.len();
        for (name, bound) in &block.lets {
            let value = match bound {
                Bound::Number(expr) => Value::Number(self.number(expr)),
                Bound::Condition(condition) => Value::Condition(self.condition(condition)),
            };
            self.variables.push((*name, value));
        }
        let value = self.number(&block.value);
        self.variables.truncate(depth);
        value
    }
}

/// Finds operands on which a value depends for certain, a bit for each.
#[derive(Default)]
pub struct Uses {
    variables: Vec<(usize, u32)>,
}

impl Uses {
    pub fn block(&mut self, block: &Block) -> u32 {
        let depth = self.variables.len();
        for (name, bound) in &block.lets {
            let uses = match bound {
                Bound::Number(expr) => self.expr(expr),
                Bound::Condition(condition) => self.condition(condition),
            };
            self.variables.push((*name, uses));
        }
        let uses = self.expr(&block.value);
        self.variables.truncate(depth);
        uses
    }

    fn variable(&self, name: usize) -> u32 {
        let mut known = self.variables.iter().rev();
        known
            .find(|(other, _)| *other == name)
            .expect("a variable in scope")
            .1
    }

    fn all(&mut self, list: &[Expr]) -> u32 {
        list.iter().fold(0, |uses, expr| uses | self.expr(expr))
    }

    fn expr(&mut self, expr: &Expr) -> u32 {
        match expr {
            Expr::Operand(i) => 1 << i,
            Expr::Number(_) | Expr::Whole(_) | Expr::Literal(_) | Expr::Constant(_) => 0,
            Expr::Variable(name) => self.variable(*name),
            Expr::Neg(a) | Expr::Unary(_, a) | Expr::Powi(a, _) => self.expr(a),
            Expr::Binary(_, a, b) => self.expr(a) | self.expr(b),
            Expr::Other(_, arguments) => self.all(arguments),
            Expr::If(condition, yes, no) => {
                let (yes, no) = (self.block(yes), self.block(no));
                // The macro drops the condition if both sides are the same.
                if yes == no {
                    yes
                } else {
                    self.condition(condition) | yes | no
                }
            }
            Expr::Block(block) => self.block(block),
            Expr::Call(_, operands, _) => self.all(operands),
        }
    }

    fn condition(&mut self, condition: &Condition) -> u32 {
        match condition {
            Condition::Compare(_, a, b) => self.expr(a) | self.expr(b),
            Condition::And(a, b) | Condition::Or(a, b) => self.condition(a) | self.condition(b),
            Condition::Not(a) => self.condition(a),
            Condition::Variable(name) => self.variable(*name),
            Condition::If(a, b, c) => self.condition(a) | self.condition(b) | self.condition(c),
        }
    }
}
