//! Numbers, conditions, operators and branches.

use quote::ToTokens;
use syn::{BinOp, Expr, ExprIf, ExprLit, Lit, Path, UnOp};

use super::super::graph::{Binary, Comparison, Node, Op, Whole};
use super::statements::{last_in, last_of};
use super::{ALLOWED, Lowering, UNCHANGED, Value};

impl Lowering<'_> {
    pub(super) fn expression(&mut self, expression: &Expr) -> Option<Value> {
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

    /// Reads expressions for their errors.
    pub(super) fn expressions<'a>(&mut self, expressions: impl IntoIterator<Item = &'a Expr>) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    fn condition_of(&mut self, expression: &Expr) -> Option<Node> {
        match self.expression(expression)? {
            Value::Condition(node) => Some(node),
            value if self.is_faulty(value) => None,
            _ => self.error(expression, "expected a condition, such as `x > 0.0`"),
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

    /// Returns the node of an integer as a number.
    pub(super) fn whole(&mut self, whole: Whole) -> Node {
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
