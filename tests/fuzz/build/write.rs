//! Writes functions as source.

use crate::plain::UNARY;
use crate::rng::Rng;
use crate::tree::{Block, Bound, Condition, Exponent, Function, Number, Parameter, Reduction};
use std::fmt::Write;

#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// A function for `#[elementwise]`.
    Formula,
    /// A function of numbers.
    Plain,
    /// A function of tensors.
    Composed,
}

struct Writer<'a> {
    form: Form,
    functions: &'a [Function],
    /// Chooses between ways to write the same.
    rng: Rng,
}

/// Only the compiler reads the generated source.
const ALLOWED: &str = "#[allow(warnings, clippy::all, clippy::pedantic)]";

/// Returns the modules with all functions.
pub fn all(seed: u64, functions: &[Function]) -> String {
    let write = |form| {
        let each = functions.iter().enumerate().map(|(k, function)| {
            let rng = Rng(seed ^ (k as u64) << 8);
            Writer {
                form,
                functions,
                rng,
            }
            .function(function, &function.name, "")
        });
        each.collect::<Vec<String>>()
    };
    let [formulas, plain, composed] = [Form::Formula, Form::Plain, Form::Composed].map(write);
    let mut text = String::new();
    let mut module = |name: &str, imports: &str, items: &[String]| {
        let _ = writeln!(
            text,
            "/// Functions that were drawn.\n{ALLOWED}\n\
             pub mod {name} {{\n{imports}\n{}\n}}",
            items.join("\n")
        );
    };
    module(
        "formulas",
        "use cotangent::prelude::*;\nconst HALF: f64 = 0.5;",
        &formulas,
    );
    module(
        "plain_forms",
        "use crate::plain::*;\nconst HALF: f64 = 0.5;",
        &plain,
    );
    module(
        "composed_forms",
        "use crate::composed::*;\nuse cotangent::prelude::*;\nconst HALF: f64 = 0.5;",
        &composed,
    );
    let _ = writeln!(
        text,
        "/// A constant of another module.\npub const SLOPE: f64 = 0.3;"
    );
    let cases: Vec<String> = functions
        .iter()
        .zip(&formulas)
        .map(|(function, source)| case(function, source, "formulas", "", None))
        .collect();
    let _ = writeln!(
        text,
        "/// All functions.\n{ALLOWED}\npub const CASES: &[Case] = &[\n{}];",
        cases.concat()
    );

    // The same functions with a faulty one around.
    let (mut planted, mut cases) = (vec![FAULTY.to_owned()], String::new());
    let plain = |function: &&Function| function.reduction == Reduction::Tensor;
    for (k, function) in functions.iter().filter(plain).take(6).enumerate() {
        let faulty = ["slope_is_wrong", "curvature_is_wrong"][k % 2];
        let rng = Rng(k as u64);
        let name = format!("planted{k}");
        let writer = Writer {
            form: Form::Formula,
            functions,
            rng,
        };
        let source = { writer }
            .function(function, &name, faulty)
            .replace("super::SLOPE", "crate::SLOPE");
        planted.push(source.clone());
        cases += &case(function, &source, "planted", &name, Some(faulty));
    }
    let _ = writeln!(
        text,
        "/// Functions with a fault.\n{ALLOWED}\n\
         pub mod planted {{\nuse cotangent::prelude::*;\nuse crate::formulas::*;\n\
         const HALF: f64 = 0.5;\n{}\n}}\n/// Functions with a wrong derivative.\n{ALLOWED}\n\
         pub const PLANTED: &[Case] = &[\n{cases}];",
        planted.join("\n")
    );
    text
}

/// Sines whose derivatives are wrong: by a factor, and in the second derivative only.
const FAULTY: &str = "
#[elementwise(check(x = -1.0..1.0))]
#[derivative(x = 1.0001 * cos(x))]
pub fn slope_is_wrong(x: Tensor) -> Tensor { sin(x) }
#[elementwise(check(x = -1.0..1.0))]
#[derivative(x = cos(x) + 0.001 * (x - floor(x * 1e9) * 1e-9))]
pub fn curvature_is_wrong(x: Tensor) -> Tensor { sin(x) }
";

fn case(
    function: &Function,
    source: &str,
    module: &str,
    name: &str,
    faulty: Option<&str>,
) -> String {
    let own = &function.name;
    let name = if name.is_empty() { own } else { name };
    let (mut tensors, mut numbers, mut composed) = (vec![], vec![], vec![]);
    let mut operands = 0;
    for (_, parameter) in &function.parameters {
        match parameter {
            Parameter::Operand => {
                tensors.push(format!("&x[{operands}]"));
                numbers.push(format!("x[{operands}]"));
                composed.push(format!("x[{operands}].clone()"));
                operands += 1;
            }
            Parameter::Number(value) => {
                tensors.push(format!("{value:?}"));
                numbers.push(format!("{value:?}"));
                composed.push(format!("composed::num(&x[0], {value:?})"));
            }
            Parameter::Integer(value) => {
                tensors.push(value.to_string());
                numbers.push(value.to_string());
                composed.push(value.to_string());
            }
        }
    }
    let can_fail = operands > 1 || function.reduction == Reduction::Mean;
    let call = format!("{module}::{name}({})", tensors.join(", "));
    let call = if can_fail {
        call
    } else {
        format!("Ok({call})")
    };
    let mut plain = format!("plain_forms::{own}(trace, {})", numbers.join(", "));
    let mut of_tensors = format!("composed_forms::{own}({})", composed.join(", "));
    if faulty.is_some() {
        plain = format!("plain::sin(trace, {plain})");
        of_tensors = format!("composed::sin({of_tensors})");
    }
    let points: Vec<String> = function
        .points
        .iter()
        .map(|point| format!("&{point:?}"))
        .collect();
    let settings: Vec<String> = function
        .parameters
        .iter()
        .filter_map(|(name, parameter)| match parameter {
            Parameter::Operand => None,
            Parameter::Number(value) => Some(format!("{name} = {value:?}")),
            Parameter::Integer(value) => Some(format!("{name} = {value}")),
        })
        .collect();
    format!(
        "Case {{ name: {name:?}, source: r#\"{source}\"#, settings: {:?}, operands: {operands}, \
         reduction: Reduction::{:?}, points: &[{}], apply: |x| {call}, \
         plain: |trace, x| {plain}, composed: |x| {of_tensors} }},\n",
        settings.join(", "),
        function.reduction,
        points.join(", "),
    )
}

impl Writer<'_> {
    /// Returns a function, with another one applied to its value unless `around` is empty.
    fn function(mut self, function: &Function, name: &str, around: &str) -> String {
        let parameters: Vec<String> = function
            .parameters
            .iter()
            .map(|(name, parameter)| {
                let ty = match (parameter, self.form) {
                    (Parameter::Integer(_), _) => "i32",
                    (Parameter::Operand, Form::Formula) | (_, Form::Composed) => "Tensor",
                    _ => "f64",
                };
                format!("{name}: {ty}")
            })
            .collect();
        let parameters = parameters.join(", ");
        let body = self.block(&function.body, 1);
        match self.form {
            Form::Formula => {
                let body = match around {
                    "" => body,
                    around => format!("let whole = {{\n{body}}};\n    {around}(whole)\n"),
                };
                format!(
                    "#[elementwise]\npub fn {name}({parameters}) -> {:?} {{\n{body}}}\n",
                    function.reduction
                )
            }
            Form::Plain => {
                format!("pub fn {name}(t: &Trace, {parameters}) -> f64 {{\n{body}}}\n")
            }
            Form::Composed => format!(
                "pub fn {name}({parameters}) -> Tensor {{\nlet like = a.clone();\n{body}}}\n"
            ),
        }
    }

    fn block(&mut self, block: &Block, depth: usize) -> String {
        let indent = "    ".repeat(depth);
        let mut text = String::new();
        for (name, bound) in &block.lets {
            let bound = match bound {
                Bound::Number(number) => self.number(number, depth),
                Bound::Condition(condition) => self.condition(condition, depth),
            };
            let _ = writeln!(text, "{indent}let {name} = {bound};");
        }
        let _ = writeln!(text, "{indent}{}", self.number(&block.value, depth));
        text
    }

    fn name(&self, name: &str) -> String {
        match self.form {
            Form::Composed => format!("{name}.clone()"),
            _ => name.to_owned(),
        }
    }

    /// Returns a number that is the same for all elements.
    fn constant(&self, text: &str) -> String {
        match self.form {
            Form::Composed => format!("num(&like, {text})"),
            _ if text.starts_with('-') => format!("({text})"),
            _ => text.to_owned(),
        }
    }

    fn number(&mut self, number: &Number, depth: usize) -> String {
        match number {
            Number::Literal(value) => self.constant(&format!("{value:?}")),
            Number::Constant(path, _) => self.constant(path),
            Number::Name(name) => self.name(name),
            Number::Whole(name) => match self.form {
                Form::Formula if self.rng.chance(0.5) => format!("f64::from({name})"),
                Form::Formula => format!("({name} as f64)"),
                _ => self.constant(&format!("f64::from({name})")),
            },
            Number::Unary(k, x) => {
                let name = UNARY[*k].0;
                let x = self.number(x, depth);
                if name == "neg" && self.form == Form::Formula && self.rng.chance(0.7) {
                    return format!("(-{x})");
                }
                self.applied(name, &[x])
            }
            Number::Binary(op, a, b) => {
                let (a, b) = (self.number(a, depth), self.number(b, depth));
                let name = match (*op, self.form) {
                    ("+" | "-" | "*" | "/", Form::Formula) => return format!("({a} {op} {b})"),
                    ("+", _) => "add",
                    ("-", _) => "sub",
                    ("*", _) => "mul",
                    ("/", _) => "div",
                    (name, Form::Formula) => name,
                    ("maximum", _) => "max",
                    ("minimum", _) => "min",
                    ("powf", _) => "pow",
                    (name, _) => name,
                };
                self.applied(name, &[a, b])
            }
            Number::Powi(x, exponent) => {
                let x = self.number(x, depth);
                let exponent = match exponent {
                    Exponent::Literal(value) => value.to_string(),
                    Exponent::Name(name) => name.clone(),
                };
                self.applied("powi", &[x, exponent])
            }
            Number::Library(name, arguments) => {
                let arguments: Vec<String> = arguments
                    .iter()
                    .map(|argument| self.number(argument, depth))
                    .collect();
                self.applied(name, &arguments)
            }
            Number::If(condition, yes, no) => {
                let condition = self.condition(condition, depth);
                let indent = "    ".repeat(depth);
                let yes = self.block(yes, depth + 1);
                match (self.form, &no.value, &no.lets[..]) {
                    (Form::Composed, ..) => {
                        let no = self.block(no, depth + 1);
                        format!("select({condition}, {{\n{yes}{indent}}}, {{\n{no}{indent}}})")
                    }
                    (Form::Formula, Number::If(..), []) => {
                        let no = self.number(&no.value, depth);
                        let no = no.trim_start_matches('(').trim_end_matches(')').to_owned();
                        format!("(if {condition} {{\n{yes}{indent}}} else {no})")
                    }
                    _ => {
                        let no = self.block(no, depth + 1);
                        format!("(if {condition} {{\n{yes}{indent}}} else {{\n{no}{indent}}})")
                    }
                }
            }
            Number::Call(callee, arguments) => {
                let name = &self.functions[*callee].name;
                let arguments: Vec<String> = arguments
                    .iter()
                    .map(|argument| self.number(argument, depth))
                    .collect();
                let arguments = arguments.join(", ");
                match self.form {
                    Form::Formula => {
                        let paths = ["", "", "crate::formulas::", "super::formulas::"];
                        format!("{}{name}({arguments})", self.rng.pick(&paths))
                    }
                    Form::Plain => format!("{name}(t, {arguments})"),
                    Form::Composed => format!("{name}({arguments})"),
                }
            }
        }
    }

    /// Returns a call of a function of the library, in formulas also as a method.
    fn applied(&mut self, name: &str, arguments: &[String]) -> String {
        match self.form {
            Form::Formula if self.rng.chance(0.4) => {
                format!("({}).{name}({})", arguments[0], arguments[1..].join(", "))
            }
            Form::Plain => format!("{name}(t, {})", arguments.join(", ")),
            _ => format!("{name}({})", arguments.join(", ")),
        }
    }

    fn condition(&mut self, condition: &Condition, depth: usize) -> String {
        match condition {
            Condition::Name(name) => self.name(name),
            Condition::Compare(op, a, b) => {
                let (a, b) = (self.number(a, depth), self.number(b, depth));
                let name = match *op {
                    "<" => "lt",
                    "<=" => "le",
                    ">" => "gt",
                    ">=" => "ge",
                    "==" => "eq",
                    _ => "ne",
                };
                match self.form {
                    Form::Formula => format!("({a} {op} {b})"),
                    _ => self.applied(name, &[a, b]),
                }
            }
            Condition::And(a, b) => self.joined("&&", "and", a, b, depth),
            Condition::Or(a, b) => self.joined("||", "or", a, b, depth),
            Condition::Not(a) => {
                let a = self.condition(a, depth);
                match self.form {
                    Form::Composed => format!("not({a})"),
                    _ => format!("!({a})"),
                }
            }
        }
    }

    fn joined(
        &mut self,
        op: &str,
        name: &str,
        a: &Condition,
        b: &Condition,
        depth: usize,
    ) -> String {
        let (a, b) = (self.condition(a, depth), self.condition(b, depth));
        match self.form {
            Form::Composed => format!("{name}({a}, {b})"),
            _ => format!("({a} {op} {b})"),
        }
    }
}
