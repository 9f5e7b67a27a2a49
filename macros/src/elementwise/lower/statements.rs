//! Blocks and variables.

use quote::ToTokens;
use syn::{Block, Expr, Local, Pat, Stmt};

use super::{ALLOWED, Lowering, UNCHANGED, Value};

impl Lowering<'_> {
    pub(super) fn block(&mut self, block: &Block) -> Option<Value> {
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
}

/// Returns the expression that an error about the value of a block points at.
pub(super) fn last_of(block: &Block) -> &dyn ToTokens {
    match block.stmts.last() {
        Some(Stmt::Expr(expression, None)) => last_in(expression),
        _ => block,
    }
}

/// Returns the innermost expression that has the value of this one.
pub(super) fn last_in(expression: &Expr) -> &dyn ToTokens {
    match expression {
        Expr::Block(block) => last_of(&block.block),
        _ => expression,
    }
}
