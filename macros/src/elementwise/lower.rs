//! Turns the body of a function into a graph.

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{
    BinOp, Block, Expr, ExprCall, ExprIf, ExprLit, ExprMethodCall, Ident, Lit, Local, Pat, Path,
    Stmt, UnOp,
};

use super::graph::{Binary, Comparison, Graph, Node, Op, Whole};
use super::library::{self, Kind};
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

/// The place of a call in the source, for errors that the compiler finds in the generated code.
pub(crate) struct Place {
    pub(crate) path: Path,
    /// Where each argument begins and ends.
    pub(crate) arguments: Vec<[Span; 2]>,
    /// The closing parenthesis.
    pub(crate) close: Span,
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

    /// Returns whether it is the value of a name with an error, which is reported only there.
    fn is_faulty(&self, value: Value) -> bool {
        let number = match value {
            Value::Number(node) => self.formula.graph.number(node),
            _ => None,
        };
        number.is_some_and(f64::is_nan)
    }

    fn condition_of(&mut self, expression: &Expr) -> Option<Node> {
        match self.expression(expression)? {
            Value::Condition(node) => Some(node),
            value if self.is_faulty(value) => None,
            _ => self.error(expression, "expected a condition, such as `x > 0.0`"),
        }
    }

    fn block(&mut self, block: &Block) -> Option<Value> {
        let depth = self.scope.len();
        let value = self.statements(block);
        self.scope.truncate(depth);
        value
    }

    fn statements(&mut self, block: &Block) -> Option<Value> {
        for (i, statement) in block.stmts.iter().enumerate() {
            let is_last = i + 1 == block.stmts.len();
            match statement {
                Stmt::Local(local) => self.local(local),
                Stmt::Expr(expression, None) if is_last => {
                    return self.expression(expression);
                }
                Stmt::Expr(expression, _) => {
                    let errors = self.errors.count();
                    self.expression(expression);
                    // Loops, assignments and `return` have messages of their own.
                    if self.errors.count() == errors {
                        self.errors.push(
                            statement,
                            if is_last {
                                "expected a value at the end: remove the semicolon"
                            } else {
                                "the value of this expression is not used: write `let name = …;`"
                            },
                        );
                    }
                }
                Stmt::Item(item) => {
                    let message = "a formula contains no items: put it before the function";
                    self.errors.push(item, message);
                }
                Stmt::Macro(call) => {
                    self.errors
                        .push(call, format!("a formula has no macros; {ALLOWED}"));
                }
            }
        }
        if !matches!(block.stmts.last(), Some(Stmt::Expr(..) | Stmt::Macro(_))) {
            let message = "expected a value at the end of the block";
            match block.stmts.last() {
                Some(last) => self.errors.push(last, message),
                None => self.errors.push(block, message),
            }
        }
        None
    }

    /// Adds a variable to the scope. A name whose value is faulty is added too, so that its uses
    /// are no errors.
    fn local(&mut self, local: &Local) {
        for attr in &local.attrs {
            self.errors
                .push(attr, "a `let` of a formula takes no attributes");
        }
        let mut pattern = &local.pat;
        if let Pat::Type(typed) = pattern {
            self.errors.push(
                &typed.ty,
                "the types of variables are inferred: write `let name = …;`",
            );
            pattern = &typed.pat;
        }
        let name = match pattern {
            Pat::Ident(pat) if pat.mutability.is_some() || pat.by_ref.is_some() => {
                self.errors.push(pat, UNCHANGED);
                Some(pat.ident.to_string())
            }
            Pat::Ident(pat) if pat.subpat.is_none() => Some(pat.ident.to_string()),
            pattern => {
                self.errors
                    .push(pattern, "expected a name: `let name = …;`");
                None
            }
        };
        let value = match &local.init {
            None => self.error(local, "expected a value: `let name = …;`"),
            Some(init) => {
                if let Some((token, _)) = &init.diverge {
                    self.errors
                        .push(token, "a `let` of a formula has no `else`");
                }
                self.expression(&init.expr)
            }
        };
        let Some(name) = name else {
            return;
        };
        let value = value.unwrap_or_else(|| {
            // No literal has this value.
            Value::Number(self.graph().literal(f64::NAN))
        });
        if let Value::Number(node) = value {
            self.graph().name(node, &name);
        }
        self.scope.push((name, value));
    }

    fn expression(&mut self, expression: &Expr) -> Option<Value> {
        if let Some(attr) = attributes(expression).first() {
            self.errors
                .push(attr, "an expression of a formula takes no attributes");
        }
        match expression {
            Expr::Group(group) => self.expression(&group.expr),
            Expr::Paren(paren) => self.expression(&paren.expr),
            Expr::Block(block) if block.label.is_none() => self.block(&block.block),
            Expr::Lit(literal) => self.literal(literal),
            Expr::Path(path) if path.qself.is_none() => self.path(&path.path),
            Expr::Unary(unary) => match unary.op {
                UnOp::Neg(_) => match self.expression(&unary.expr)? {
                    Value::Integer(whole) if whole.name.is_none() => Some(Value::Integer(Whole {
                        offset: -whole.offset,
                        ..whole
                    })),
                    value => {
                        let node = self.number(value, &unary.expr)?;
                        Some(Value::Number(self.graph().neg(node)))
                    }
                },
                UnOp::Not(_) => {
                    let node = self.condition_of(&unary.expr)?;
                    Some(Value::Condition(self.graph().not(node)))
                }
                _ => self.error(unary, "operands are numbers here, not references"),
            },
            Expr::Binary(binary) => self.binary(&binary.left, &binary.op, &binary.right, binary),
            Expr::If(branch) => self.branch(branch),
            Expr::Call(call) => self.call(call),
            Expr::MethodCall(call) => self.method(call),
            Expr::Cast(cast) => match self.expression(&cast.expr)? {
                Value::Integer(whole) if cast.ty.to_token_stream().to_string() == "f64" => {
                    Some(Value::Number(self.whole(whole)))
                }
                _ => self.error(
                    cast,
                    "the only conversion is that of an integer, `n as f64`",
                ),
            },
            Expr::Reference(reference) => self.error(
                reference,
                "operands are numbers here: write them without `&`",
            ),
            Expr::ForLoop(_) | Expr::While(_) | Expr::Loop(_) => {
                let message = format!("a formula has no loops; {ALLOWED}");
                self.error(expression, message)
            }
            Expr::Match(_) | Expr::Let(_) => self.error(
                expression,
                "a formula has no patterns: write `if` and `else if`",
            ),
            Expr::Return(_) => self.error(
                expression,
                "a formula has no `return`: its value is the last expression",
            ),
            Expr::Tuple(_) => self.error(
                expression,
                "a formula has one result: write a function for each, which may call each other",
            ),
            Expr::Try(_) => self.error(
                expression,
                "operands are numbers here, whose functions cannot fail: write it without `?`",
            ),
            Expr::Assign(_) => self.error(expression, UNCHANGED),
            Expr::Index(_) | Expr::Field(_) => self.error(
                expression,
                "operands are numbers here, one element of each tensor: they have no elements and \
                 no fields",
            ),
            Expr::Closure(_) => self.error(
                expression,
                "a formula has no closures: write a function with `#[elementwise]` and call it",
            ),
            Expr::Macro(_) => self.error(expression, format!("a formula has no macros; {ALLOWED}")),
            _ => self.error(expression, ALLOWED),
        }
    }

    fn literal(&mut self, literal: &ExprLit) -> Option<Value> {
        match &literal.lit {
            Lit::Float(float) if matches!(float.suffix(), "" | "f64") => {
                match float.base10_parse::<f64>() {
                    Ok(value) => Some(Value::Number(self.graph().literal(value))),
                    Err(error) => {
                        self.errors.add(error);
                        None
                    }
                }
            }
            Lit::Float(float) => self.error(
                literal,
                format!(
                    "numbers are `f64` and take the dtype of the tensors: write `{}`",
                    float.base10_digits()
                ),
            ),
            Lit::Int(int) if int.suffix() == "f64" => match int.base10_parse::<f64>() {
                Ok(value) => Some(Value::Number(self.graph().literal(value))),
                Err(error) => {
                    self.errors.add(error);
                    None
                }
            },
            Lit::Int(int) if matches!(int.suffix(), "" | "i32") => {
                match int.base10_parse::<i32>() {
                    Ok(value) => Some(Value::Integer(Whole {
                        name: None,
                        offset: value.into(),
                    })),
                    Err(error) => {
                        self.errors.add(error);
                        None
                    }
                }
            }
            Lit::Bool(value) => {
                // 0 < 1
                let [zero, one] = [0.0, 1.0].map(|value| self.graph().literal(value));
                let (a, b) = if value.value {
                    (zero, one)
                } else {
                    (one, zero)
                };
                Some(Value::Condition(self.graph().less(a, b)))
            }
            _ => self.error(literal, "expected a number such as `2.0`"),
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

    /// Returns the node of an integer as a number.
    fn whole(&mut self, whole: Whole) -> Node {
        match whole.name {
            None => self.graph().literal(whole.offset as f64),
            Some(_) => self.graph().add(Op::Whole(whole)),
        }
    }

    fn path(&mut self, path: &Path) -> Option<Value> {
        if let Some(name) = path.get_ident() {
            let name = name.to_string();
            if let Some((_, value)) = self.scope.iter().rev().find(|(other, _)| *other == name) {
                return Some(*value);
            }
            if self.formula.axes.as_ref().is_some_and(|axes| *axes == name) {
                let message = format!("`{name}` are the axes of the reduction, not a number");
                return self.error(path, message);
            }
            if name == "self" {
                return self.error(path, "a formula is a function, not a method");
            }
        }
        let index = self.formula.named(path.to_token_stream());
        Some(Value::Number(self.graph().add(Op::Name(index))))
    }

    fn binary(
        &mut self,
        left: &Expr,
        op: &BinOp,
        right: &Expr,
        whole: impl ToTokens,
    ) -> Option<Value> {
        let arithmetic = match op {
            BinOp::Add(_) => Some(Binary::Add),
            BinOp::Sub(_) => Some(Binary::Sub),
            BinOp::Mul(_) => Some(Binary::Mul),
            BinOp::Div(_) => Some(Binary::Div),
            _ => None,
        };
        if let Some(op) = arithmetic {
            // Both sides first, so that the errors of both come out.
            let (a, b) = (self.number_or_advice(left), self.number_or_advice(right));
            return Some(Value::Number(self.graph().binary(op, a?, b?)));
        }
        let node = match op {
            BinOp::And(_) | BinOp::Or(_) => {
                let (a, b) = (self.condition_of(left), self.condition_of(right));
                let (a, b) = (a?, b?);
                match op {
                    BinOp::And(_) => self.graph().and(a, b),
                    _ => self.graph().or(a, b),
                }
            }
            BinOp::Lt(_)
            | BinOp::Le(_)
            | BinOp::Gt(_)
            | BinOp::Ge(_)
            | BinOp::Eq(_)
            | BinOp::Ne(_) => {
                let (a, b) = (self.number_or_advice(left), self.number_or_advice(right));
                let (a, b) = (a?, b?);
                let graph = self.graph();
                let less = Comparison::Less;
                match op {
                    BinOp::Lt(_) => graph.less(a, b),
                    BinOp::Gt(_) => graph.add(Op::Compare(less, b, a)),
                    BinOp::Le(_) => graph.add(Op::Compare(Comparison::LessOrEqual, a, b)),
                    BinOp::Ge(_) => graph.add(Op::Compare(Comparison::LessOrEqual, b, a)),
                    BinOp::Eq(_) => graph.equal(a, b),
                    _ => {
                        let equal = graph.equal(a, b);
                        graph.not(equal)
                    }
                }
            }
            BinOp::Rem(_) => {
                self.expressions([left, right]);
                return self.error(op, "a formula has no `%`: write `a - b * floor(a / b)`");
            }
            BinOp::BitXor(_) => {
                self.expressions([left, right]);
                return self.error(op, "a power is written `powi(x, 2)` or `powf(x, 2.5)`");
            }
            BinOp::BitAnd(_) | BinOp::BitOr(_) => {
                self.expressions([left, right]);
                return self.error(op, "conditions are combined with `&&` and `||`");
            }
            BinOp::Shl(_) | BinOp::Shr(_) => return self.error(op, ALLOWED),
            _ => return self.error(whole, UNCHANGED),
        };
        Some(Value::Condition(node))
    }

    fn branch(&mut self, branch: &ExprIf) -> Option<Value> {
        let condition = match &*branch.cond {
            Expr::Let(condition) => {
                self.error(condition, "a formula has no patterns: write a comparison")
            }
            condition => self.condition_of(condition),
        };
        let yes = self.block(&branch.then_branch);
        let Some((_, other)) = &branch.else_branch else {
            let message = "an `if` needs an `else`: both sides are numbers, and one is selected \
                           for each element";
            return self.error(branch, message);
        };
        let no = self.expression(other);
        if let (Some(Value::Condition(yes)), Some(Value::Condition(no))) = (yes, no) {
            let condition = condition?;
            let graph = self.graph();
            let (taken, otherwise) = (graph.and(condition, yes), graph.not(condition));
            let otherwise = graph.and(otherwise, no);
            return Some(Value::Condition(graph.or(taken, otherwise)));
        }
        let yes = yes.and_then(|yes| self.number_at(yes, last_of(&branch.then_branch)));
        let no = no.and_then(|no| self.number_at(no, last_in(other)));
        Some(Value::Number(self.graph().select(condition?, yes?, no?)))
    }

    /// Reads expressions for their errors.
    fn expressions<'a>(&mut self, expressions: impl IntoIterator<Item = &'a Expr>) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    fn method(&mut self, call: &ExprMethodCall) -> Option<Value> {
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

    fn call(&mut self, call: &ExprCall) -> Option<Value> {
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

/// Returns the index of an item in a list, to which it is added if it is new.
fn index_of<T: ToTokens>(list: &mut Vec<T>, item: T) -> usize {
    let text = item.to_token_stream().to_string();
    let same = |other: &T| other.to_token_stream().to_string() == text;
    list.iter().position(same).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
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

/// Returns the expression that an error about the value of a block points at.
fn last_of(block: &Block) -> &dyn ToTokens {
    match block.stmts.last() {
        Some(Stmt::Expr(expression, None)) => last_in(expression),
        _ => block,
    }
}

/// Returns the innermost expression that has the value of this one.
fn last_in(expression: &Expr) -> &dyn ToTokens {
    match expression {
        Expr::Block(block) => last_of(&block.block),
        _ => expression,
    }
}

fn attributes(expression: &Expr) -> &[syn::Attribute] {
    match expression {
        Expr::Block(e) => &e.attrs,
        Expr::Call(e) => &e.attrs,
        Expr::If(e) => &e.attrs,
        Expr::Lit(e) => &e.attrs,
        Expr::MethodCall(e) => &e.attrs,
        Expr::Paren(e) => &e.attrs,
        Expr::Path(e) => &e.attrs,
        _ => &[],
    }
}
