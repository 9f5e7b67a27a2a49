//! Calls of functions: those of the library and others.

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Expr, ExprCall, ExprMethodCall, Ident, Path};

use super::super::graph::{Node, Op, Whole};
use super::super::library::{self, Kind};
use super::statements::last_in;
use super::{Lowering, Place, Value, index_of};

impl Lowering<'_> {
    pub(super) fn method(&mut self, call: &ExprMethodCall) -> Option<Value> {
        if let Some(turbofish) = &call.turbofish {
            self.errors
                .push(turbofish, "functions of a formula are not generic");
        }
        let mut arguments = vec![&*call.receiver];
        arguments.extend(&call.args);
        let name = call.method.to_string();
        if library::find(&name).is_none() {
            self.expressions(arguments);
            let message = match (&*name, library::similar(&name)) {
                ("select", _) => "write `if condition { … } else { … }`".to_owned(),
                ("clone" | "detach" | "into", _) => {
                    "operands are numbers here: leave it out".to_owned()
                }
                ("sum" | "mean", _) => {
                    let output = if name == "sum" { "Sum" } else { "Mean" };
                    format!("only the result of a formula is reduced: return `-> {output}`")
                }
                (_, Some(operator @ ("+" | "-" | "*" | "/"))) => {
                    format!("there is no function `{name}`: write `a {operator} b`")
                }
                (_, Some(known)) => format!(
                    "there is no function `{name}`: did you mean `{known}`? A function of your own \
                     is called as `{name}(x)`"
                ),
                (_, None) => {
                    let all: Vec<&str> = library::LIBRARY.iter().map(|entry| entry.name).collect();
                    format!(
                        "there is no function `{name}`: methods are {}. A function of your own is \
                         called as `{name}(x)`",
                        all.join(", ")
                    )
                }
            };
            return self.error(&call.method, message);
        }
        self.library(&call.method, &arguments, true)
    }

    pub(super) fn call(&mut self, call: &ExprCall) -> Option<Value> {
        let arguments: Vec<&Expr> = call.args.iter().collect();
        let mut function = &*call.func;
        while let Expr::Group(group) = function {
            function = &group.expr;
        }
        let path = match function {
            Expr::Path(path) if path.qself.is_none() => &path.path,
            _ => {
                self.expressions(arguments);
                return self.error(function, "expected the name of a function");
            }
        };
        if path
            .segments
            .iter()
            .any(|segment| !segment.arguments.is_none())
        {
            self.expressions(arguments);
            return self.error(path, "functions of a formula are not generic");
        }
        if let Some(name) = path.get_ident() {
            let text = name.to_string();
            if self.scope.iter().any(|(other, _)| *other == text) {
                self.expressions(arguments);
                return self.error(name, format!("`{text}` is a number, not a function"));
            }
            if library::find(&text).is_some() {
                return self.library(name, &arguments, false);
            }
        }
        let names: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match names[..] {
            [name] | ["self" | "Self", name] if name == self.formula.own_name => {
                self.expressions(arguments);
                return self.error(path, "a formula cannot call itself");
            }
            [.., "f64", "from"] if arguments.len() == 1 => {
                return match self.expression(arguments[0])? {
                    Value::Integer(whole) => Some(Value::Number(self.whole(whole))),
                    _ => self.error(
                        path,
                        "the only conversion is that of an integer, `n as f64`",
                    ),
                };
            }
            [.., "f64" | "f32" | "Tensor", name] => {
                self.expressions(arguments);
                let name = library::similar(name).unwrap_or(name);
                let message = format!("operands are numbers here: write `{name}(x)`");
                return self.error(path, message);
            }
            _ => {}
        }
        let nodes: Vec<_> = arguments
            .iter()
            .map(|argument| self.argument(argument))
            .collect();
        let nodes: Vec<Node> = nodes.into_iter().collect::<Option<_>>()?;
        let place = Place {
            path: path.clone(),
            arguments: arguments.iter().map(|argument| ends(argument)).collect(),
            close: call.paren_token.span.close(),
        };
        let callee = index_of(&mut self.formula.callees, path.clone());
        let places = &mut self.formula.places;
        places.entry((callee, nodes.clone())).or_insert(place);
        Some(Value::Number(self.graph().add(Op::Call(callee, nodes))))
    }

    /// Returns the node of an argument of a function whose parameters are not known here.
    fn argument(&mut self, expression: &Expr) -> Option<Node> {
        if let Some(path) = self.constant(expression) {
            let index = self.formula.named(path.to_token_stream());
            return Some(self.graph().add(Op::Constant(index)));
        }
        match self.expression(expression)? {
            Value::Integer(whole) => Some(self.graph().add(Op::Integer(whole))),
            value => self.number(value, last_in(expression)),
        }
    }

    /// Returns the path of a constant in scope.
    fn constant<'a>(&self, expression: &'a Expr) -> Option<&'a Path> {
        match expression {
            Expr::Group(group) => self.constant(&group.expr),
            Expr::Paren(paren) => self.constant(&paren.expr),
            Expr::Path(path) if path.qself.is_none() && path.attrs.is_empty() => {
                let is_known = path.path.get_ident().is_some_and(|name| {
                    let axes = self.formula.axes.as_ref();
                    let name = name.to_string();
                    let mut known = self.scope.iter().map(|(other, _)| other);
                    known.any(|other| *other == name)
                        || axes.is_some_and(|axes| *axes == name)
                        || name == "self"
                });
                (!is_known).then_some(&path.path)
            }
            _ => None,
        }
    }

    /// Returns the value of a function of the library.
    fn library(&mut self, name: &Ident, arguments: &[&Expr], is_method: bool) -> Option<Value> {
        let text = name.to_string();
        let entry = library::find(&text)?;
        if arguments.len() != entry.arguments.len() {
            self.expressions(arguments.iter().copied());
            let names = entry.arguments;
            let call = if is_method {
                format!("{}.{text}({})", names[0], names[1..].join(", "))
            } else {
                format!("{text}({})", names.join(", "))
            };
            let found = counted(arguments.len() - usize::from(is_method));
            return self.error(name, format!("expected `{call}`, found {found}"));
        }
        if let Kind::Powi = entry.kind {
            let base = self.number_or_advice(arguments[0]);
            let exponent = self.exponent(arguments[1]);
            let (base, exponent) = (base?, exponent?);
            return Some(Value::Number(self.graph().add(Op::Powi(base, exponent))));
        }
        let nodes: Vec<_> = arguments
            .iter()
            .map(|argument| self.number_or_advice(argument))
            .collect();
        let nodes: Vec<Node> = nodes.into_iter().collect::<Option<_>>()?;
        if let Some(node) = library::node(self.graph(), entry.kind, &nodes) {
            return Some(Value::Number(node));
        }
        let is_itself = self.formula.is_own && text == self.formula.own_name;
        if let (Kind::Operation(primitive), true) = (entry.kind, is_itself) {
            return match primitive {
                Some(primitive) => {
                    let graph = self.graph();
                    let node = library::primitive(graph, entry.name, primitive, &nodes);
                    Some(Value::Number(node))
                }
                None => self.error(name, "a formula cannot call itself"),
            };
        }
        if entry.takes_numbers() {
            for (k, node) in nodes.iter().enumerate().skip(1) {
                if !self.graph().is_uniform(*node) {
                    let message = format!(
                        "expected a number, found an operand: `{}` is the same for all elements",
                        entry.arguments[k]
                    );
                    self.errors.push(arguments[k], message);
                }
            }
        }
        let path = syn::parse_str(&format!("__library::{text}")).expect("a path");
        let callee = index_of(&mut self.formula.callees, path);
        Some(Value::Number(self.graph().add(Op::Call(callee, nodes))))
    }

    /// Returns the exponent of `powi`.
    fn exponent(&mut self, expression: &Expr) -> Option<Whole> {
        let message = "expected an integer: a literal such as `3`, an `i32` parameter or a \
                       constant; `powf` takes other exponents";
        match expression {
            Expr::Group(group) => self.exponent(&group.expr),
            Expr::Paren(paren) => self.exponent(&paren.expr),
            Expr::Path(path) if path.qself.is_none() => {
                let known = path.path.get_ident().and_then(|name| {
                    let name = name.to_string();
                    self.scope.iter().rev().find(|(other, _)| *other == name)
                });
                match known {
                    Some((_, Value::Integer(whole))) => Some(*whole),
                    Some((_, value)) if self.is_faulty(*value) => None,
                    Some(_) => self.error(expression, message),
                    None => {
                        let name = Some(self.formula.named(path.to_token_stream()));
                        Some(Whole { name, offset: 0 })
                    }
                }
            }
            _ => match self.expression(expression)? {
                Value::Integer(whole) => Some(whole),
                _ => self.error(expression, message),
            },
        }
    }
}

fn counted(count: usize) -> String {
    match count {
        0 => "none".to_owned(),
        1 => "1 argument".to_owned(),
        count => format!("{count} arguments"),
    }
}

/// Returns where an expression begins and ends.
fn ends(expression: &Expr) -> [Span; 2] {
    let mut spans = expression
        .to_token_stream()
        .into_iter()
        .map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    [first, spans.last().unwrap_or(first)]
}
