//! Formulas as trees, and their values.

use crate::plain::{self, Trace};

#[derive(Clone, Debug)]
pub enum Number {
    Literal(f64),
    /// A constant in scope, by its path.
    Constant(&'static str, f64),
    Name(String),
    /// An integer parameter as a number.
    Whole(String),
    Unary(usize, Box<Number>),
    /// One of `+ - * /`, or a function of two numbers.
    Binary(&'static str, Box<Number>, Box<Number>),
    Powi(Box<Number>, Exponent),
    /// A function of the library with more arguments.
    Library(&'static str, Vec<Number>),
    If(Box<Condition>, Box<Block>, Box<Block>),
    Call(usize, Vec<Number>),
}

#[derive(Clone, Debug)]
pub enum Exponent {
    Literal(i32),
    Name(String),
}

#[derive(Clone, Debug)]
pub enum Condition {
    Name(String),
    Compare(&'static str, Number, Number),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

#[derive(Clone, Debug)]
pub struct Block {
    pub lets: Vec<(String, Bound)>,
    pub value: Number,
}

#[derive(Clone, Debug)]
pub enum Bound {
    Number(Number),
    Condition(Condition),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reduction {
    Tensor,
    Sum,
    Mean,
}

#[derive(Clone, Debug)]
pub enum Parameter {
    Operand,
    Number(f64),
    Integer(i32),
}

#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    pub parameters: Vec<(String, Parameter)>,
    pub reduction: Reduction,
    pub body: Block,
    /// The points at which it is tested, a number for each operand.
    pub points: Vec<Vec<f64>>,
    /// The number of functions that are called on the way, for a bound on the size of the code.
    pub weight: usize,
}

#[derive(Clone, Copy, Debug)]
pub enum Value {
    Number(f64),
    Integer(i32),
    Condition(bool),
}

pub type Scope = Vec<(String, Value)>;

fn find(scope: &Scope, name: &str) -> Value {
    let found = scope.iter().rev().find(|(other, _)| other == name);
    found
        .unwrap_or_else(|| panic!("`{name}` is not in scope"))
        .1
}

/// Evaluates trees.
pub struct Evaluation<'a> {
    pub trace: &'a Trace,
    pub functions: &'a [Function],
}

impl Evaluation<'_> {
    pub fn number(&self, number: &Number, scope: &mut Scope) -> f64 {
        let trace = self.trace;
        match number {
            Number::Literal(value) | Number::Constant(_, value) => *value,
            Number::Name(name) => match find(scope, name) {
                Value::Number(value) => value,
                other => panic!("`{name}` is {other:?}"),
            },
            Number::Whole(name) => f64::from(Self::integer(name, scope)),
            Number::Unary(k, x) => plain::UNARY[*k].1(trace, self.number(x, scope)),
            Number::Binary(op, a, b) => {
                let (a, b) = (self.number(a, scope), self.number(b, scope));
                match *op {
                    "+" => plain::add(trace, a, b),
                    "-" => plain::sub(trace, a, b),
                    "*" => plain::mul(trace, a, b),
                    "/" => plain::div(trace, a, b),
                    "max" | "maximum" => plain::max(trace, a, b),
                    "min" | "minimum" => plain::min(trace, a, b),
                    "pow" | "powf" => plain::pow(trace, a, b),
                    "atan2" => plain::atan2(trace, a, b),
                    op => panic!("`{op}`"),
                }
            }
            Number::Powi(x, exponent) => {
                let exponent = match exponent {
                    Exponent::Literal(value) => *value,
                    Exponent::Name(name) => Self::integer(name, scope),
                };
                plain::powi(trace, self.number(x, scope), exponent)
            }
            Number::Library(name, arguments) => {
                let values: Vec<f64> = arguments.iter().map(|x| self.number(x, scope)).collect();
                match (*name, &values[..]) {
                    ("clamp", &[x, low, high]) => plain::clamp(trace, x, low, high),
                    ("mul_add", &[a, b, c]) => plain::mul_add(trace, a, b, c),
                    ("leaky_relu", &[x, slope]) => plain::leaky_relu(trace, x, slope),
                    ("elu", &[x, alpha]) => plain::elu(trace, x, alpha),
                    ("celu", &[x, alpha]) => plain::celu(trace, x, alpha),
                    (name, _) => panic!("`{name}`"),
                }
            }
            Number::If(condition, yes, no) => {
                let side = if self.condition(condition, scope) {
                    yes
                } else {
                    no
                };
                self.block(side, scope)
            }
            Number::Call(callee, arguments) => {
                let function = &self.functions[*callee];
                let mut inner = Scope::new();
                for ((name, _), argument) in function.parameters.iter().zip(arguments) {
                    inner.push((name.clone(), Value::Number(self.number(argument, scope))));
                }
                self.block(&function.body, &mut inner)
            }
        }
    }

    fn integer(name: &str, scope: &Scope) -> i32 {
        match find(scope, name) {
            Value::Integer(value) => value,
            other => panic!("`{name}` is {other:?}"),
        }
    }

    pub fn condition(&self, condition: &Condition, scope: &mut Scope) -> bool {
        match condition {
            Condition::Name(name) => match find(scope, name) {
                Value::Condition(value) => value,
                other => panic!("`{name}` is {other:?}"),
            },
            Condition::Compare(op, a, b) => {
                let (a, b) = (self.number(a, scope), self.number(b, scope));
                match *op {
                    "<" => plain::lt(self.trace, a, b),
                    "<=" => plain::le(self.trace, a, b),
                    ">" => plain::gt(self.trace, a, b),
                    ">=" => plain::ge(self.trace, a, b),
                    "==" => plain::eq(self.trace, a, b),
                    "!=" => plain::ne(self.trace, a, b),
                    op => panic!("`{op}`"),
                }
            }
            Condition::And(a, b) => self.condition(a, scope) && self.condition(b, scope),
            Condition::Or(a, b) => self.condition(a, scope) || self.condition(b, scope),
            Condition::Not(a) => !self.condition(a, scope),
        }
    }

    pub fn block(&self, block: &Block, scope: &mut Scope) -> f64 {
        let depth = scope.len();
        for (name, bound) in &block.lets {
            let value = match bound {
                Bound::Number(number) => Value::Number(self.number(number, scope)),
                Bound::Condition(condition) => Value::Condition(self.condition(condition, scope)),
            };
            scope.push((name.clone(), value));
        }
        let value = self.number(&block.value, scope);
        scope.truncate(depth);
        value
    }
}
