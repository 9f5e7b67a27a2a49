//! Writes formulas in the language of `#[elementwise]`, and as generic functions to compare with.

use std::fmt::Write;

use crate::draw::Random;
use crate::formula::{
    Block, Bound, COMPARISONS, CONSTANTS, Condition, Exponent, Expr, Function, Output,
};
use crate::functions::{OTHERS, UNARY};

/// A parameter of a function: its name and type, and what a call gives.
pub enum Parameter {
    Operand(usize),
    Number(usize),
    Whole(usize),
}

/// Returns the parameters in their order, which differs between functions.
pub fn parameters(index: usize, function: &Function) -> Vec<Parameter> {
    let mut all: Vec<Parameter> = (0..function.operands).map(Parameter::Operand).collect();
    all.extend((0..function.numbers).map(Parameter::Number));
    all.extend((0..function.wholes).map(Parameter::Whole));
    let shift = index % 3 % all.len();
    all.rotate_right(shift);
    all
}

/// Writes the language.
pub struct Language<'a> {
    pub random: Random,
    pub functions: &'a [Function],
}

impl Language<'_> {
    pub fn function(&mut self, index: usize, function: &Function) -> String {
        let mut list: Vec<String> = parameters(index, function)
            .into_iter()
            .map(|parameter| match parameter {
                Parameter::Operand(i) => format!("x{i}: Tensor"),
                Parameter::Number(i) => format!("p{i}: f64"),
                Parameter::Whole(i) => format!("n{i}: i32"),
            })
            .collect();
        let output = match function.output {
            Output::Tensor => "Tensor",
            Output::Sum | Output::SumOver => "Sum",
            Output::Mean | Output::MeanOver => "Mean",
        };
        if matches!(function.output, Output::SumOver | Output::MeanOver) {
            list.push("axes: Axes".to_owned());
        }
        let body = self.block(&function.body, 0);
        format!("fn formula{index}({}) -> {output} {body}", list.join(", "))
    }

    fn block(&mut self, block: &Block, depth: usize) -> String {
        let indent = "    ".repeat(depth + 1);
        let mut text = String::from("{\n");
        for (name, bound) in &block.lets {
            let value = match bound {
                Bound::Number(expr) => self.expr(expr, depth + 1),
                Bound::Condition(condition) => self.condition(condition, depth + 1),
            };
            writeln!(text, "{indent}let v{name} = {value};").unwrap();
        }
        let value = self.expr(&block.value, depth + 1);
        writeln!(text, "{indent}{value}").unwrap();
        text + &"    ".repeat(depth) + "}"
    }

    fn expr(&mut self, expr: &Expr, depth: usize) -> String {
        match expr {
            Expr::Operand(i) => format!("x{i}"),
            Expr::Number(i) => format!("p{i}"),
            Expr::Whole(i) if self.random.chance(50) => format!("f64::from(n{i})"),
            Expr::Whole(i) => format!("(n{i} as f64)"),
            Expr::Literal(value) if value.is_sign_negative() => format!("({value:?})"),
            Expr::Literal(value) => format!("{value:?}"),
            Expr::Constant(i) => CONSTANTS[*i].0.to_owned(),
            Expr::Variable(name) => format!("v{name}"),
            Expr::Neg(a) => format!("(-{})", self.expr(a, depth)),
            Expr::Binary(op, a, b) => {
                format!("({} {op} {})", self.expr(a, depth), self.expr(b, depth))
            }
            Expr::Unary(i, a) => {
                let a = self.expr(a, depth);
                self.called(UNARY[*i].name, vec![a])
            }
            Expr::Other(i, arguments) => {
                let arguments = arguments.iter().map(|a| self.expr(a, depth)).collect();
                self.called(OTHERS[*i].name, arguments)
            }
            Expr::Powi(a, exponent) => {
                let exponent = match exponent {
                    Exponent::Literal(n) => n.to_string(),
                    Exponent::Parameter(i) => format!("n{i}"),
                };
                let a = self.expr(a, depth);
                self.called("powi", vec![a, exponent])
            }
            Expr::If(condition, yes, no) => {
                let condition = self.condition(condition, depth);
                let yes = self.block(yes, depth);
                let no = match (&no.lets[..], &no.value) {
                    ([], inner @ Expr::If(..)) => self.expr(inner, depth),
                    _ => self.block(no, depth),
                };
                // In parentheses only where an operator may follow.
                if no.starts_with('(') {
                    format!("(if {condition} {yes} else {})", &no[1..no.len() - 1])
                } else {
                    format!("(if {condition} {yes} else {no})")
                }
            }
            Expr::Block(block) => format!("({})", self.block(block, depth)),
            Expr::Call(callee, operands, numbers) => {
                let parameters = parameters(*callee, &self.functions[*callee]);
                let arguments: Vec<String> = parameters
                    .into_iter()
                    .map(|parameter| match parameter {
                        Parameter::Operand(i) => self.expr(&operands[i], depth),
                        Parameter::Number(i) => self.expr(&numbers[i], depth),
                        Parameter::Whole(_) => unreachable!("such functions are not called"),
                    })
                    .collect();
                format!("formula{callee}({})", arguments.join(", "))
            }
        }
    }

    /// Writes a call of the library as a function or as a method.
    fn called(&mut self, name: &str, arguments: Vec<String>) -> String {
        if self.random.chance(40) {
            format!("{}.{name}({})", arguments[0], arguments[1..].join(", "))
        } else {
            format!("{name}({})", arguments.join(", "))
        }
    }

    fn condition(&mut self, condition: &Condition, depth: usize) -> String {
        match condition {
            Condition::Compare(op, a, b) => {
                let (a, b) = (self.expr(a, depth), self.expr(b, depth));
                format!("({a} {} {b})", COMPARISONS[*op].0)
            }
            Condition::And(a, b) => {
                format!(
                    "({} && {})",
                    self.condition(a, depth),
                    self.condition(b, depth)
                )
            }
            Condition::Or(a, b) => {
                format!(
                    "({} || {})",
                    self.condition(a, depth),
                    self.condition(b, depth)
                )
            }
            Condition::Not(a) => format!("(!{})", self.condition(a, depth)),
            Condition::Variable(name) => format!("v{name}"),
            Condition::If(condition, yes, no) => format!(
                "(if {} {{ {} }} else {{ {} }})",
                self.condition(condition, depth),
                self.condition(yes, depth),
                self.condition(no, depth)
            ),
        }
    }
}

/// Writes a function that is generic over the type of number.
pub fn reference(index: usize, function: &Function) -> String {
    let body = reference_block(&function.body);
    format!("fn r{index}<N: Num>(x: &[N], p: &[f64], n: &[i32]) -> N {body}\n")
}

fn reference_block(block: &Block) -> String {
    let mut text = String::from("{ ");
    for (name, bound) in &block.lets {
        let value = match bound {
            Bound::Number(expr) => reference_expr(expr, true),
            Bound::Condition(condition) => reference_condition(condition),
        };
        write!(text, "let v{name} = {value}; ").unwrap();
    }
    text + &reference_expr(&block.value, true) + " }"
}

/// Writes an expression of the type `N`, or one of `f64` that is the same for all elements.
fn reference_expr(expr: &Expr, varies: bool) -> String {
    let ty = if varies { "N" } else { "f64" };
    let lifted = |number: String| {
        if varies {
            format!("x[0].number({number})")
        } else {
            format!("({number})")
        }
    };
    let inner = |expr: &Expr| reference_expr(expr, varies);
    match expr {
        Expr::Operand(i) => format!("x[{i}].clone()"),
        Expr::Number(i) => lifted(format!("p[{i}]")),
        Expr::Whole(i) => lifted(format!("f64::from(n[{i}])")),
        Expr::Literal(value) => lifted(format!("{value:?}f64")),
        Expr::Constant(i) => lifted(CONSTANTS[*i].0.to_owned()),
        Expr::Variable(name) => format!("v{name}.clone()"),
        Expr::Neg(a) => format!("{ty}::unary(1, {})", inner(a)),
        Expr::Binary(op, a, b) => format!("{ty}::binary('{op}', {}, {})", inner(a), inner(b)),
        Expr::Unary(i, a) => format!("{ty}::unary({i}, {})", inner(a)),
        Expr::Other(i, arguments) => {
            let mut all: Vec<String> = arguments.iter().map(inner).collect();
            all.resize(3, lifted("0.0f64".to_owned()));
            format!("{ty}::other({i}, [{}])", all.join(", "))
        }
        Expr::Powi(a, exponent) => {
            let exponent = match exponent {
                Exponent::Literal(n) => n.to_string(),
                Exponent::Parameter(i) => format!("n[{i}]"),
            };
            format!("{ty}::powi({}, {exponent})", inner(a))
        }
        Expr::If(condition, yes, no) => format!(
            "N::choose({}, || {}, || {})",
            reference_condition(condition),
            reference_block(yes),
            reference_block(no)
        ),
        Expr::Block(block) => reference_block(block),
        Expr::Call(callee, operands, numbers) => {
            let operands: Vec<String> = operands.iter().map(inner).collect();
            let numbers: Vec<String> = numbers.iter().map(|e| reference_expr(e, false)).collect();
            format!(
                "r{callee}::<N>(&[{}], &[{}], &[])",
                operands.join(", "),
                numbers.join(", ")
            )
        }
    }
}

fn reference_condition(condition: &Condition) -> String {
    match condition {
        Condition::Compare(op, a, b) => {
            let (a, b) = (reference_expr(a, true), reference_expr(b, true));
            format!("N::compare({op}, {a}, {b})")
        }
        Condition::And(a, b) => {
            format!(
                "N::and({}, || {})",
                reference_condition(a),
                reference_condition(b)
            )
        }
        Condition::Or(a, b) => {
            let (a, b) = (reference_condition(a), reference_condition(b));
            format!("N::not(N::and(N::not({a}), || N::not({b})))")
        }
        Condition::Not(a) => format!("N::not({})", reference_condition(a)),
        Condition::Variable(name) => format!("v{name}.clone()"),
        Condition::If(condition, yes, no) => format!(
            "N::choose_condition({}, || {}, || {})",
            reference_condition(condition),
            reference_condition(yes),
            reference_condition(no)
        ),
    }
}
