//! Turns the body of a function into a graph: `statements` reads blocks and `let`, `expressions`
//! what has a value, and `calls` the functions.

mod calls;
mod expressions;
mod statements;

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Block, Expr, Ident, Path};

use self::statements::{last_in, last_of};
use super::graph::{Graph, Node, Op, Whole};
use super::signature::{ParameterKind, Signature};
use crate::errors::Errors;

/// The value of an expression.
#[derive(Clone, Copy)]
pub(crate) enum Value {
    Number(Node),
    Condition(Node),
    Integer(Whole),
}

/// A function and the names in it.
pub(crate) struct Formula {
    pub(crate) graph: Graph,
    /// The parameters and constants of the graph, as expressions of the type `f64` or `i32`.
    pub(crate) names: Vec<TokenStream>,
    /// The paths of the functions that it calls.
    pub(crate) callees: Vec<Path>,
    /// The first place of each call, by the function and the arguments.
    pub(crate) places: HashMap<(usize, Vec<Node>), Place>,
    /// The name of the function itself.
    own_name: String,
    /// Whether it is one of the library's own, which may use a primitive of the same name.
    is_own: bool,
    parameters: Vec<(String, Value)>,
    /// The name of the parameter for the axes.
    axes: Option<Ident>,
}

/// The place of a call in the source, for errors that the compiler finds in the generated code.
pub(crate) struct Place {
    pub(crate) path: Path,
    /// Where each argument begins and ends.
    pub(crate) arguments: Vec<[Span; 2]>,
    /// The closing parenthesis.
    pub(crate) close: Span,
}

const ALLOWED: &str = "a formula consists of arithmetic, comparisons, `let`, `if` with `else`, and \
                       calls of elementary functions and of other `#[elementwise]` functions";

const UNCHANGED: &str = "variables do not change: write `let` again, the name may be the same";

impl Formula {
    /// Creates a formula without a value.
    pub(crate) fn new(own_name: &Ident, signature: &Signature, is_own: bool) -> Self {
        let mut formula = Self {
            graph: Graph::default(),
            names: Vec::new(),
            callees: Vec::new(),
            places: HashMap::new(),
            own_name: own_name.to_string(),
            is_own,
            parameters: Vec::new(),
            axes: None,
        };
        for parameter in &signature.parameters {
            let name = parameter.name.to_string();
            let value = match parameter.kind {
                ParameterKind::Operand(k) => {
                    let node = formula.graph.add(Op::Operand(k));
                    formula.graph.name(node, &name);
                    Value::Number(node)
                }
                ParameterKind::Number => {
                    let index = formula.named(parameter.name.to_token_stream());
                    Value::Number(formula.graph.add(Op::Name(index)))
                }
                ParameterKind::Integer => Value::Integer(Whole {
                    name: Some(formula.named(parameter.name.to_token_stream())),
                    offset: 0,
                }),
                ParameterKind::Axes => {
                    formula.axes = Some(parameter.name.clone());
                    continue;
                }
                ParameterKind::Faulty => Value::Number(formula.graph.literal(f64::NAN)),
            };
            formula.parameters.push((name, value));
        }
        formula
    }

    /// Returns the index of a name.
    fn named(&mut self, tokens: TokenStream) -> usize {
        index_of(&mut self.names, tokens)
    }

    /// Adds the value of a block to the graph.
    pub(crate) fn block(&mut self, block: &Block, errors: &mut Errors) -> Option<Node> {
        let scope = self.parameters.clone();
        let mut lowering = Lowering {
            formula: self,
            scope,
            errors,
        };
        let value = lowering.block(block)?;
        lowering.number_at(value, last_of(block))
    }

    /// Adds the value of an expression to the graph. It may use `result`, if this is given.
    pub(crate) fn expression(
        &mut self,
        expression: &Expr,
        result: Node,
        errors: &mut Errors,
    ) -> Option<Node> {
        let mut scope = vec![("result".to_owned(), Value::Number(result))];
        scope.extend(self.parameters.clone());
        let mut lowering = Lowering {
            formula: self,
            scope,
            errors,
        };
        lowering.number_or_advice(expression)
    }
}

struct Lowering<'a> {
    formula: &'a mut Formula,
    /// The names in scope, the innermost last.
    scope: Vec<(String, Value)>,
    errors: &'a mut Errors,
}

impl Lowering<'_> {
    fn graph(&mut self) -> &mut Graph {
        &mut self.formula.graph
    }

    fn error<T>(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) -> Option<T> {
        self.errors.push(tokens, message);
        None
    }

    /// Returns the node of a number.
    fn number(&mut self, value: Value, source: impl ToTokens) -> Option<Node> {
        match value {
            Value::Number(node) => Some(node),
            Value::Condition(_) => {
                let message = "expected a number, found a condition: select one with `if condition \
                               { 1.0 } else { 0.0 }`";
                self.error(source, message)
            }
            Value::Integer(_) => {
                let message = "expected a number, found an integer: integers are exponents of \
                               `powi`; `n as f64` converts one";
                self.error(source, message)
            }
        }
    }

    /// Returns the node of an expression that must be a number.
    fn number_or_advice(&mut self, expression: &Expr) -> Option<Node> {
        let value = self.expression(expression)?;
        self.number_at(value, last_in(expression))
    }

    /// Returns the node of a number. An integer literal is an error that says how it is written.
    fn number_at(&mut self, value: Value, source: impl ToTokens) -> Option<Node> {
        match value {
            Value::Integer(whole) if whole.name.is_none() => {
                let message = format!("numbers have a decimal point: write `{}.0`", whole.offset);
                self.error(source, message)
            }
            value => self.number(value, source),
        }
    }

    /// Returns whether it is the value of a name with an error, which is reported only there.
    fn is_faulty(&self, value: Value) -> bool {
        let number = match value {
            Value::Number(node) => self.formula.graph.number(node),
            _ => None,
        };
        number.is_some_and(f64::is_nan)
    }
}

/// Returns the index of an item in a list, to which it is added if it is new.
fn index_of<T: ToTokens>(list: &mut Vec<T>, item: T) -> usize {
    let text = item.to_token_stream().to_string();
    let same = |other: &T| other.to_token_stream().to_string() == text;
    list.iter().position(same).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
