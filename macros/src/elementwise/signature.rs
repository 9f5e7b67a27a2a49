//! Reads the signature of a function of numbers.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{FnArg, ItemFn, Pat, ReturnType, Type};

use crate::errors::Errors;

/// A parameter of the function, in the order of the source.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    pub(crate) kind: ParameterKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterKind {
    /// A tensor, by its index among the tensors.
    Operand(usize),
    /// `f64`
    Number,
    /// `i32`
    Integer,
    /// The axes of the reduction.
    Axes,
}

/// What the function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Tensor,
    Sum,
    Mean,
}

pub(crate) struct Signature {
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) output: Output,
}

/// The largest number of operands.
pub(crate) const OPERANDS: usize = 8;

impl Signature {
    /// Reads the signature. If there is an error, the rest is still read.
    pub(crate) fn from_syn(item: &ItemFn, errors: &mut Errors) -> Self {
        let signature = &item.sig;
        refuse_qualifiers(signature, errors);
        let output = output(&signature.output, signature, errors);
        let mut parameters = Vec::new();
        let mut operands = 0;
        for input in &signature.inputs {
            let Some((name, kind)) = parameter(input, output, errors) else {
                continue;
            };
            if parameters
                .iter()
                .any(|other: &Parameter| other.name == name)
            {
                errors.push(&name, format!("`{name}` is the name of two parameters"));
            }
            let kind = match kind {
                ParameterKind::Operand(_) => {
                    operands += 1;
                    if operands == OPERANDS + 1 {
                        errors.push(input, format!("at most {OPERANDS} operands are possible"));
                    }
                    ParameterKind::Operand(operands - 1)
                }
                other => other,
            };
            let again = parameters
                .iter()
                .any(|other: &Parameter| other.kind == kind);
            if kind == ParameterKind::Axes && again {
                errors.push(input, "there is one parameter for the axes already");
            }
            parameters.push(Parameter { name, kind });
        }
        if operands == 0 {
            let message = "expected at least one operand, a parameter of the type `Tensor`";
            let inputs = &signature.inputs;
            if inputs.is_empty() {
                errors.push(&signature.ident, message);
            } else {
                errors.push(inputs, message);
            }
        }
        Self { parameters, output }
    }

    /// Returns the number of operands.
    pub(crate) fn operands(&self) -> usize {
        let is_operand = |parameter: &&Parameter| parameter.kind.is_operand();
        self.parameters.iter().filter(is_operand).count()
    }

    /// Returns whether a parameter says which axes are reduced.
    pub(crate) fn takes_axes(&self) -> bool {
        let mut parameters = self.parameters.iter();
        parameters.any(|parameter| parameter.kind == ParameterKind::Axes)
    }

    /// Returns whether the generated function can fail.
    pub(crate) fn can_fail(&self) -> bool {
        self.operands() > 1 || self.output == Output::Mean || self.takes_axes()
    }
}

impl ParameterKind {
    pub(crate) fn is_operand(self) -> bool {
        matches!(self, Self::Operand(_))
    }

    /// Returns whether it is a number that is the same for all elements.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Number | Self::Integer)
    }
}

fn refuse_qualifiers(signature: &syn::Signature, errors: &mut Errors) {
    if !signature.generics.params.is_empty() {
        errors.push(
            &signature.generics,
            "a formula is not generic: tensors have their dtype at run time, and the formula is \
             compiled for `f32` and `f64`",
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.push(clause, "a formula is not generic and needs no where-clause");
    }
    let qualifiers = [
        (signature.constness.to_token_stream(), "const"),
        (signature.asyncness.to_token_stream(), "async"),
        (signature.safety.to_token_stream(), "unsafe"),
        (signature.abi.to_token_stream(), "extern"),
    ];
    for (tokens, word) in qualifiers {
        if !tokens.is_empty() {
            errors.push(
                tokens,
                format!("a formula is a plain function, without `{word}`"),
            );
        }
    }
    if let Some(variadic) = &signature.variadic {
        errors.push(variadic, "a formula has a fixed number of parameters");
    }
}

const OUTPUTS: &str = "`Tensor`, or `Sum` or `Mean` to reduce the result";

fn output(output: &ReturnType, signature: &syn::Signature, errors: &mut Errors) -> Output {
    let ty = match output {
        ReturnType::Type(_, ty) => ungrouped(ty),
        ReturnType::Default => {
            errors.push(
                &signature.ident,
                format!("expected a return type: {OUTPUTS}"),
            );
            return Output::Tensor;
        }
    };
    match last_segment(ty).as_deref() {
        Some("Tensor") => return Output::Tensor,
        Some("Sum") => return Output::Sum,
        Some("Mean") => return Output::Mean,
        Some("Result") => errors.push(
            ty,
            "write `-> Tensor`: the generated function returns a `Result` if it can fail",
        ),
        _ if matches!(ty, Type::Tuple(_)) => errors.push(
            ty,
            "a formula has one result: write a function for each, which may call each other",
        ),
        _ => errors.push(ty, format!("expected the return type {OUTPUTS}")),
    }
    Output::Tensor
}

fn parameter(input: &FnArg, output: Output, errors: &mut Errors) -> Option<(Ident, ParameterKind)> {
    let FnArg::Typed(input) = input else {
        errors.push(input, "a formula is a function, not a method");
        return None;
    };
    for attr in &input.attrs {
        errors.push(attr, "a parameter of a formula takes no attributes");
    }
    let ty = ungrouped(&input.ty);
    let reference = match ty {
        Type::Reference(reference) if reference.mutability.is_none() => {
            Some(ungrouped(&reference.elem))
        }
        _ => None,
    };
    let kind = match (last_segment(reference.unwrap_or(ty)).as_deref(), reference) {
        (Some("Tensor"), _) => Some(ParameterKind::Operand(0)),
        (Some("f64"), None) => Some(ParameterKind::Number),
        (Some("i32"), None) => Some(ParameterKind::Integer),
        (Some("Axes"), None) if output == Output::Tensor => {
            let message = "axes are for a function that returns `Sum` or `Mean`";
            errors.push(ty, message);
            None
        }
        (Some("Axes"), None) => Some(ParameterKind::Axes),
        (Some("f32"), None) => {
            errors.push(ty, "numbers are `f64`; they take the dtype of the tensors");
            None
        }
        _ => {
            let message = "expected `Tensor` (an operand), `f64` or `i32` (a number)";
            errors.push(ty, message);
            None
        }
    };
    let name = match &*input.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.mutability.is_none() => {
            if pat.subpat.is_some() {
                errors.push(pat, "expected a name");
            }
            pat.ident.clone()
        }
        pat => {
            errors.push(
                pat,
                "expected a name: a formula takes no patterns, references or `mut`",
            );
            // A name that nothing in the body can have.
            Ident::new("__pattern", pat.span())
        }
    };
    Some((name, kind?))
}

/// Returns the last segment of a path without arguments.
fn last_segment(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            Some(path.path.segments.last()?.ident.to_string())
        }
        _ => None,
    }
}

/// Returns the type within the invisible delimiters of a macro's fragment, and parentheses.
fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        ty => ty,
    }
}
