//! Writes a graph as code over numbers of a type `T: Real`.

use std::collections::{HashMap, HashSet};

use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::Path;

use super::graph::{Binary, Comparison, Function, Graph, Node, Op, Whole};
use super::guard::{self, Guard};
use super::lower::{Formula, Place};

/// The numbers that are the same for all elements, computed once for each call.
#[derive(Default)]
pub(crate) struct Coefficients {
    pub(crate) numbers: Vec<Node>,
    pub(crate) integers: Vec<Whole>,
}

impl Coefficients {
    pub(crate) fn number(&mut self, node: Node) -> usize {
        position(&mut self.numbers, node)
    }

    fn integer(&mut self, whole: Whole) -> usize {
        position(&mut self.integers, whole)
    }
}

fn position<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter()
        .position(|other| *other == item)
        .unwrap_or_else(|| {
            list.push(item);
            list.len() - 1
        })
}

/// A node as it is computed: for gradients, the values that enter a side of an `if` are marked.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Form {
    node: Node,
    is_marked: bool,
}

/// The values of the forms that were written.
type Names = HashMap<Form, TokenStream>;

/// The places at which a value enters a side of an `if`.
#[derive(Default)]
struct Marks {
    /// The condition under which the first node uses the second one.
    conditions: HashMap<(Node, Node), Node>,
    /// Selections, and a side of them that is not selected wherever the selection matters.
    unused: HashSet<(Node, Node)>,
    /// The nodes that depend on such a place.
    forms: HashSet<Node>,
}

impl Marks {
    fn form(&self, node: Node, is_marked: bool) -> Form {
        let is_marked = is_marked && self.forms.contains(&node);
        Form { node, is_marked }
    }
}

/// The writer of one program: some statements and the values of the roots.
pub(crate) struct Program<'a> {
    pub(crate) formula: &'a mut Formula,
    pub(crate) coefficients: &'a mut Coefficients,
    /// The path of the module `elementwise` of the facade.
    pub(crate) support: &'a Path,
    /// The names of the operands.
    pub(crate) operands: &'a [Ident],
    /// The name of the cotangent.
    pub(crate) cotangent: &'a Ident,
    /// A node whose value is given, and its name.
    pub(crate) given: Option<(Node, &'a Ident)>,
    /// Whether to mark the values that enter a side of an `if`.
    pub(crate) guarded: bool,
    /// Whether numbers that are the same for all elements are computed here, and not read.
    pub(crate) is_uniform: bool,
}

impl Program<'_> {
    fn graph(&self) -> &Graph {
        &self.formula.graph
    }

    /// Returns the statements and the values of the roots.
    pub(crate) fn write(mut self, roots: &[Node]) -> (TokenStream, Vec<TokenStream>) {
        let marks = self.marks(roots);
        let mut order = Vec::new();
        let mut seen = HashSet::new();
        for &root in roots {
            self.visit(marks.form(root, true), &marks, &mut seen, &mut order);
        }
        let mut names = Names::new();
        let mut statements = TokenStream::new();
        for form in order {
            if let Some(name) = self.leaf(form.node) {
                names.insert(form, name);
                continue;
            }
            if self.is_read(form.node) {
                continue;
            }
            let value = self.operation(form, &names, &marks);
            let hint = self.graph().hint(form.node).unwrap_or("t");
            let base = hint.trim_start_matches("r#");
            let name = format_ident!("{base}_{}", names.len(), span = Span::mixed_site());
            statements.extend(quote!(let #name = #value;));
            names.insert(form, name.to_token_stream());
        }
        let values = roots
            .iter()
            .map(|&root| self.value(marks.form(root, true), &names));
        let values = values.collect();
        (statements, values)
    }

    /// Returns whether a node is a number that is read, and not computed here.
    fn is_read(&self, node: Node) -> bool {
        let is_integer = matches!(self.graph().op(node), Op::Integer(_));
        is_integer || (self.graph().is_uniform(node) && !self.is_uniform)
    }

    /// Finds the places at which a value enters a side of an `if`.
    fn marks(&mut self, roots: &[Node]) -> Marks {
        let mut marks = Marks::default();
        if !self.guarded {
            return marks;
        }
        let given = self.given.map(|(node, _)| node);
        let guards = guard::guards(&mut self.formula.graph, roots, given);
        for node in self.graph().reachable(roots, given) {
            let (Some(guard), false) = (guards.get(&node), Some(node) == given) else {
                continue;
            };
            for (input, used) in guard::uses(&self.graph().op(node).clone(), guard) {
                let is_unused = used.as_ref().is_some_and(Guard::is_never);
                if is_unused && !guard.is_never() && !self.graph().is_uniform(input) {
                    marks.unused.insert((node, input));
                    marks.forms.insert(node);
                    continue;
                }
                let condition = used.and_then(|used| self.mark(&guards, input, &used));
                if let Some(condition) = condition {
                    marks.conditions.insert((node, input), condition);
                    marks.forms.insert(node);
                } else if marks.forms.contains(&input) && !self.is_condition(node) {
                    marks.forms.insert(node);
                }
            }
        }
        marks
    }

    /// Returns the condition under which a value is used, if it is narrower than the value's guard.
    fn mark(&mut self, guards: &HashMap<Node, Guard>, input: Node, used: &Guard) -> Option<Node> {
        let of_input = guards.get(&input)?;
        // A value that is given comes from outside, whatever uses it.
        let is_wider = used != of_input || self.leaf(input).is_some();
        let is_wider = is_wider && !used.is_never() && !used.is_always();
        let varies = !self.graph().is_uniform(input);
        (is_wider && varies).then(|| used.condition(&mut self.formula.graph))
    }

    /// Returns the forms that a form uses, in the order of the inputs, and the conditions of marks.
    /// Conditions use plain forms: no gradient flows through them, and those of marks must not
    /// depend on marked values. A side that is never selected is left out: even a cotangent of 0
    /// would become NaN on its way through it, where it is infinite.
    fn inputs(&self, form: Form, marks: &Marks) -> Vec<(Form, Option<Form>)> {
        let op = self.graph().op(form.node);
        let inputs = op.inputs().into_iter().enumerate();
        let is_used = |(_, input): &(usize, Node)| {
            !form.is_marked || !marks.unused.contains(&(form.node, *input))
        };
        let input = |(i, input): (usize, Node)| {
            let plain = self.is_condition(form.node) || (i == 0 && matches!(op, Op::Select(..)));
            let is_marked = form.is_marked && !plain;
            let condition = marks
                .conditions
                .get(&(form.node, input))
                .filter(|_| is_marked);
            (
                marks.form(input, is_marked),
                condition.map(|&node| marks.form(node, false)),
            )
        };
        inputs.filter(is_used).map(input).collect()
    }

    fn visit(&self, form: Form, marks: &Marks, seen: &mut HashSet<Form>, order: &mut Vec<Form>) {
        if !seen.insert(form) {
            return;
        }
        if self.leaf(form.node).is_none() && !self.is_read(form.node) {
            for (input, condition) in self.inputs(form, marks) {
                if let Some(condition) = condition {
                    self.visit(condition, marks, seen, order);
                }
                self.visit(input, marks, seen, order);
            }
        }
        order.push(form);
    }

    /// Returns the name of a node that is given.
    fn leaf(&self, node: Node) -> Option<TokenStream> {
        if let Some((given, name)) = self.given
            && given == node
        {
            return Some(name.to_token_stream());
        }
        match *self.graph().op(node) {
            Op::Operand(k) => Some(self.operands[k].to_token_stream()),
            Op::Cotangent => Some(self.cotangent.to_token_stream()),
            _ => None,
        }
    }

    /// Returns a number of the type `T`.
    fn like(&self) -> TokenStream {
        if self.is_uniform {
            let support = self.support;
            return quote!(#support::number(0.0));
        }
        let operand = self.operands.first();
        operand.unwrap_or(self.cotangent).to_token_stream()
    }

    /// Returns a number that is the same for all elements, of the type `f64`.
    pub(crate) fn number(&mut self, node: Node) -> TokenStream {
        if let Some(value) = self.graph().number(node) {
            return literal(value);
        }
        let index = Literal::usize_unsuffixed(self.coefficients.number(node));
        quote!(self.numbers[#index])
    }

    /// Returns a value of the type `T`.
    fn value(&mut self, form: Form, names: &Names) -> TokenStream {
        if let Some(name) = names.get(&form) {
            return name.clone();
        }
        let node = form.node;
        if let Op::Integer(_) = self.graph().op(node) {
            return self.argument(node);
        }
        let number = self.number(node);
        let like = self.like();
        if self.is_condition(node) {
            quote!(#like.constant(#number).equals(#like.one()))
        } else {
            quote!(#like.constant(#number))
        }
    }

    pub(crate) fn is_condition(&self, node: Node) -> bool {
        let op = self.graph().op(node);
        matches!(op, Op::Compare(..) | Op::And(..) | Op::Or(..) | Op::Not(..))
    }

    #[allow(clippy::too_many_lines)] // A line or two for each operation.
    fn operation(&mut self, form: Form, names: &Names, marks: &Marks) -> TokenStream {
        let op = self.graph().op(form.node).clone();
        let support = self.support;
        let mut values = HashMap::new();
        for (input, condition) in self.inputs(form, marks) {
            let mut value = self.value(input, names);
            if let Some(condition) = condition {
                let condition = self.value(condition, names);
                if let Op::Part(pull, k) = op {
                    let part = self.part(pull, k, &value);
                    return quote!(#part.guard(#condition));
                }
                value = quote!(#value.guard(#condition));
            }
            values.insert(input.node, value);
        }
        // The right operand of an operator may be a plain `f64`.
        let plain = |program: &mut Self, node: Node| {
            let is_plain = if program.is_uniform {
                program.graph().number(node).is_some()
            } else {
                program.graph().is_uniform(node)
            };
            is_plain.then(|| program.number(node))
        };
        match op {
            Op::Operand(_) | Op::Cotangent | Op::Integer(_) => unreachable!("a leaf"),
            Op::Literal(bits) => {
                let value = literal(f64::from_bits(bits));
                quote!(#support::number(#value))
            }
            Op::Name(index) => {
                let name = &self.formula.names[index];
                quote!(#support::number(#name))
            }
            Op::Constant(index) => {
                let name = &self.formula.names[index];
                quote!(#support::named(#name))
            }
            Op::Whole(whole) => {
                let value = self.integer(whole);
                quote!(#support::number(#value as ::core::primitive::f64))
            }
            Op::Unary(Function::Neg, a) => {
                let a = &values[&a];
                quote!(-#a)
            }
            Op::Unary(Function::Primitive(name), a) => {
                let a = &values[&a];
                let method = format_ident!("{name}");
                quote!(#a.#method())
            }
            Op::Unary(function, a) => {
                let (a, method) = (&values[&a], format_ident!("{}", method(function)));
                quote!(#a.#method())
            }
            Op::Binary(op, a, b) => {
                let (left, right) = (plain(self, a), plain(self, b));
                let (of_a, of_b) = (&values[&a], &values[&b]);
                match (op, left, right) {
                    (Binary::Add, Some(left), _) => quote!(#of_b + #left),
                    (Binary::Add, _, Some(right)) => quote!(#of_a + #right),
                    (Binary::Add, ..) => quote!(#of_a + #of_b),
                    (Binary::Sub, Some(left), _) => quote!(-#of_b + #left),
                    (Binary::Sub, _, Some(right)) => quote!(#of_a - #right),
                    (Binary::Sub, ..) => quote!(#of_a - #of_b),
                    (Binary::Mul, Some(left), _) => quote!(#of_b * #left),
                    (Binary::Mul, _, Some(right)) => quote!(#of_a * #right),
                    (Binary::Mul, ..) => quote!(#of_a * #of_b),
                    (Binary::Div, _, Some(right)) => quote!(#of_a / #right),
                    (Binary::Div, ..) => quote!(#of_a / #of_b),
                    (Binary::Max, ..) => quote!(#support::larger(#of_a, #of_b)),
                    (Binary::Min, ..) => quote!(#support::smaller(#of_a, #of_b)),
                    (Binary::Pow, _, Some(right)) => quote!(#support::float_power(#of_a, #right)),
                    (Binary::Pow, ..) => quote!(#of_a.powf(#of_b)),
                    (Binary::Atan2, ..) => quote!(#of_a.atan2(#of_b)),
                }
            }
            Op::Powi(a, exponent) => {
                let a = values[&a].clone();
                let exponent = self.integer(exponent);
                quote!(#a.powi(#exponent))
            }
            Op::MulAdd(a, b, c) => {
                let (a, b, c) = (&values[&a], &values[&b], &values[&c]);
                quote!(#a.mul_add(#b, #c))
            }
            Op::Compare(comparison, a, b) => {
                let method = match comparison {
                    Comparison::Less => quote!(lt),
                    Comparison::LessOrEqual => quote!(le),
                    Comparison::Equal => quote!(equals),
                };
                let (a, b) = (&values[&a], &values[&b]);
                quote!(#a.#method(#b))
            }
            Op::And(a, b) => {
                let (a, b) = (&values[&a], &values[&b]);
                quote!(#a & #b)
            }
            Op::Or(a, b) => {
                let (a, b) = (&values[&a], &values[&b]);
                quote!(#a | #b)
            }
            Op::Not(a) => {
                let a = &values[&a];
                quote!(!#a)
            }
            Op::Select(condition, yes, no) => {
                // Any number serves as a side that is left out.
                let like = self.like();
                let side = |node| {
                    let value = values.get(&node).cloned();
                    value.unwrap_or_else(|| quote!(#like.zero()))
                };
                let (condition, yes, no) = (&values[&condition], side(yes), side(no));
                quote!(#support::select(#condition, #yes, #no))
            }
            Op::Call(callee, arguments) => {
                let values = self.arguments(&arguments, &values);
                let bound = self.bound(callee, &arguments, &values);
                quote!(#support::call(#bound))
            }
            Op::Pull(callee, g, arguments) => {
                let g = values[&g].clone();
                let values = self.arguments(&arguments, &values);
                let bound = self.bound(callee, &arguments, &values);
                quote!(#support::pull(#g, #bound))
            }
            Op::Part(pull, k) => self.part(pull, k, &values[&pull]),
        }
    }

    /// Returns the arguments of a call: plain numbers if they are the same for all elements.
    fn arguments(
        &mut self,
        arguments: &[Node],
        values: &HashMap<Node, TokenStream>,
    ) -> Vec<TokenStream> {
        let support = self.support;
        let argument = |&node: &Node| {
            let value = &values[&node];
            match self.graph().op(node) {
                _ if !self.graph().is_uniform(node) => value.clone(),
                Op::Constant(_) if self.is_uniform => quote!(#support::Named(#value.0)),
                Op::Integer(_) => self.argument(node),
                _ if self.is_uniform => quote!(#value.0),
                _ => self.argument(node),
            }
        };
        arguments.iter().map(argument).collect()
    }

    /// Returns an argument that is the same for all elements: of the type `f64` or `i32`.
    pub(crate) fn argument(&mut self, node: Node) -> TokenStream {
        match *self.graph().op(node) {
            Op::Integer(whole) => {
                let value = self.integer(whole);
                quote!(#value as ::core::primitive::i32)
            }
            Op::Constant(_) => {
                let (support, value) = (self.support, self.number(node));
                quote!(#support::Named(#value))
            }
            _ => self.number(node),
        }
    }

    /// Returns the called formula with its numbers set, and the operands. The code has the place of
    /// the call, so that the compiler's errors about it point there.
    pub(crate) fn bound(
        &self,
        callee: usize,
        arguments: &[Node],
        values: &[TokenStream],
    ) -> TokenStream {
        let like = self.like();
        let Some(place) = self.formula.places.get(&(callee, arguments.to_vec())) else {
            let path = self::callee(&self.formula.callees[callee], self.support);
            return quote!(#path::bind(#(#values),*)(#like));
        };
        let path = place.callee();
        let bind = Ident::new("bind", Span::mixed_site().located_at(place.end()));
        let values = values.iter().zip(&place.arguments);
        let values = values.map(|(value, &ends)| located(value.clone(), ends));
        quote!(#path::#bind(#(#values),*)(#like))
    }

    /// Returns the cotangent of an argument.
    fn part(&self, pull: Node, argument: usize, cotangents: &TokenStream) -> TokenStream {
        let Op::Pull(callee, ..) = *self.graph().op(pull) else {
            unreachable!("parts are those of a call");
        };
        let path = self::callee(&self.formula.callees[callee], self.support);
        let k = Literal::usize_unsuffixed(argument);
        quote!(#cotangents[#path::OPERANDS[#k]])
    }

    fn integer(&mut self, whole: Whole) -> TokenStream {
        let offset = Literal::i64_unsuffixed(whole.offset);
        match whole.name {
            None => quote!(#offset),
            Some(name) if self.is_uniform => {
                let name = &self.formula.names[name];
                integer(name, whole.offset)
            }
            Some(_) => {
                let index = Literal::usize_unsuffixed(self.coefficients.integer(whole));
                quote!(self.integers[#index])
            }
        }
    }
}

/// Returns an integer as an `i64`.
pub(crate) fn integer(name: &TokenStream, offset: i64) -> TokenStream {
    let i32 = quote!(::core::primitive::i32);
    let value = quote! {
        <::core::primitive::i64 as ::core::convert::From<#i32>>::from(#name)
    };
    if offset == 0 {
        return value;
    }
    let offset = Literal::i64_unsuffixed(offset);
    quote!((#value + #offset))
}

/// Returns the type of a called function.
pub(crate) fn callee(path: &Path, support: &Path) -> TokenStream {
    let mut segments = path.segments.iter();
    if segments
        .next()
        .is_some_and(|first| first.ident == "__library")
    {
        let rest = segments.next();
        return quote!(#support::library::#rest);
    }
    quote!(<#path>)
}

/// The arguments of a call that only the compiler sees.
pub(crate) struct Checks {
    all: Vec<TokenStream>,
    any_operand: bool,
}

/// Returns arguments that only fit parameters of the right types.
pub(crate) fn checks(formula: &Formula, arguments: &[Node], support: &Path) -> Checks {
    let check = |node: &Node| match *formula.graph.op(*node) {
        Op::Integer(_) => quote!(#support::check::integer()),
        Op::Constant(index) => {
            let name = &formula.names[index];
            quote!(#support::check::constant(#name))
        }
        _ if formula.graph.is_uniform(*node) => quote!(#support::check::number()),
        _ => quote!(#support::check::operand()),
    };
    let mut varies = arguments
        .iter()
        .map(|&node| !formula.graph.is_uniform(node));
    Checks {
        all: arguments.iter().map(check).collect(),
        any_operand: varies.any(|varies| varies),
    }
}

impl Place {
    /// Returns the type of the called function.
    pub(crate) fn callee(&self) -> TokenStream {
        let (path, [open, close]) = (&self.path, self.angles());
        quote!(#open #path #close)
    }

    fn angles(&self) -> [Punct; 2] {
        ['<', '>'].map(|angle| {
            let mut angle = Punct::new(angle, Spacing::Alone);
            angle.set_span(Span::mixed_site().located_at(self.end()));
            angle
        })
    }

    /// Returns code that only compiles if the function takes these arguments.
    pub(crate) fn checked(&self, arguments: Checks, support: &Path) -> TokenStream {
        let (path, [open, close]) = (&self.path, self.angles());
        let all = arguments.all.into_iter().zip(&self.arguments);
        let all = all.map(|(argument, &ends)| located(argument, ends));
        let mut list = Group::new(Delimiter::Parenthesis, quote!(#(#all),*));
        list.set_span(self.close);
        let check = quote!(#support::check);
        let call = if arguments.any_operand {
            quote!(#path #list)
        } else {
            quote!(#check::returned(#path #list))
        };
        quote!(#open #path as #check::Callable #close ::returns(#call);)
    }

    /// Returns the last part of the path.
    fn end(&self) -> Span {
        let last = self.path.segments.last();
        last.expect("a path has a segment").ident.span()
    }
}

/// Moves code to a place in the source, from the first token to the last.
fn located(code: TokenStream, [first, last]: [Span; 2]) -> TokenStream {
    let code: Vec<TokenTree> = code.into_iter().collect();
    let count = code.len();
    let moved = code.into_iter().enumerate().map(|(i, mut token)| {
        let place = if i + 1 == count { last } else { first };
        token.set_span(token.span().located_at(place));
        token
    });
    moved.collect()
}

fn method(function: Function) -> &'static str {
    match function {
        Function::Neg => "neg",
        Function::Abs => "abs",
        Function::Square => "square",
        Function::Sqrt => "sqrt",
        Function::Recip => "recip",
        Function::Exp => "exp",
        Function::ExpM1 => "exp_m1",
        Function::Ln => "ln",
        Function::Ln1p => "ln_1p",
        Function::Sin => "sin",
        Function::Cos => "cos",
        Function::Tanh => "tanh",
        Function::Sigmoid => "sigmoid",
        Function::Floor => "floor",
        Function::Round => "round",
        Function::Primitive(name) => name,
    }
}

/// Returns a number as an expression.
fn literal(value: f64) -> TokenStream {
    if !value.is_finite() {
        let bits = Literal::u64_unsuffixed(value.to_bits());
        return quote!(::core::primitive::f64::from_bits(#bits));
    }
    let size = Literal::f64_unsuffixed(value.abs());
    if value.is_sign_negative() {
        quote!((-#size))
    } else {
        quote!(#size)
    }
}
