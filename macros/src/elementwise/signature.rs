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
    /// The type as it is written, without a reference.
    pub(crate) ty: Type,
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
    /// A parameter with an error, which is reported once and not again at its uses.
    Faulty,
}

/// The result of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Tensor,
    Sum,
    Mean,
}

pub(crate) struct Signature {
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) output: Output,
    /// The type `Tensor` as it is written for the result.
    pub(crate) tensor: Option<Type>,
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
        let mut any_faulty = false;
        for input in &signature.inputs {
            let Some(Parameter { name, kind, ty }) = parameter(input, output, errors) else {
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
            any_faulty |= kind == ParameterKind::Faulty;
            let again = parameters
                .iter()
                .any(|other: &Parameter| other.kind == kind);
            if kind == ParameterKind::Axes && again {
                errors.push(input, "there is one parameter for the axes already");
            }
            parameters.push(Parameter { name, kind, ty });
        }
        if operands == 0 && !any_faulty {
            let message = "expected at least one operand, a parameter of the type `Tensor`";
            let inputs = &signature.inputs;
            if inputs.is_empty() {
                errors.push(&signature.ident, message);
            } else {
                errors.push(inputs, message);
            }
        }
        let tensor = match &signature.output {
            ReturnType::Type(_, ty) if plain_name(ungrouped(ty)).as_deref() == Some("Tensor") => {
                Some((**ty).clone())
            }
            _ => None,
        };
        Self {
            parameters,
            output,
            tensor,
        }
    }

    /// Returns the number of operands.
    pub(crate) fn operands(&self) -> usize {
        let is_operand = |parameter: &&Parameter| parameter.kind.is_operand();
        self.parameters.iter().filter(is_operand).count()
    }

    /// Returns the kind of the parameter of this name.
    pub(crate) fn kind_of(&self, name: &Ident) -> Option<ParameterKind> {
        let mut parameters = self.parameters.iter();
        let parameter = parameters.find(|parameter| parameter.name == *name)?;
        Some(parameter.kind)
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
            "a formula is not generic: it is compiled for `f32` and `f64`, and tensors have their \
             dtype at run time",
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
    match plain_name(ty).as_deref() {
        Some("Tensor") => return Output::Tensor,
        Some("Sum") => return Output::Sum,
        Some("Mean") => return Output::Mean,
        _ if is_result(ty) => errors.push(
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

fn parameter(input: &FnArg, output: Output, errors: &mut Errors) -> Option<Parameter> {
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
    let kind = match (plain_name(reference.unwrap_or(ty)).as_deref(), reference) {
        (Some("Tensor"), _) => Ok(ParameterKind::Operand(0)),
        (Some("f64"), None) => Ok(ParameterKind::Number),
        (Some("i32"), None) => Ok(ParameterKind::Integer),
        (Some("Axes"), None) if output == Output::Tensor => {
            Err("axes are for a function that returns `Sum` or `Mean`")
        }
        (Some("Axes"), None) => Ok(ParameterKind::Axes),
        (Some("f32"), _) => {
            Err("expected `f64`: numbers are `f64` and take the dtype of the tensors")
        }
        (Some("f64" | "i32" | "Axes"), Some(_)) => Err("expected the type without `&`"),
        (
            Some(
                "i8" | "i16" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128"
                | "usize",
            ),
            _,
        ) => Err("expected `i32`: integers, as exponents of `powi`, are `i32`"),
        _ => Err(
            "expected `Tensor` (an operand), `f64` or `i32` (a number), or `Axes` (the axes \
                  of a reduction)",
        ),
    };
    let kind = kind.unwrap_or_else(|message| {
        errors.push(ty, message);
        ParameterKind::Faulty
    });
    let name = match &*input.pat {
        Pat::Ident(pat) => {
            if pat.by_ref.is_some() || pat.mutability.is_some() || pat.subpat.is_some() {
                let message = format!("expected a name: write `{}`", pat.ident);
                errors.push(pat, message);
            }
            pat.ident.clone()
        }
        pat => {
            errors.push(
                pat,
                "expected a name: a parameter of a formula is no pattern",
            );
            // A name that nothing in the body can have.
            Ident::new("__pattern", pat.span())
        }
    };
    let ty = reference.unwrap_or(ty).clone();
    Some(Parameter { name, kind, ty })
}

/// Returns the last segment of a path without generic arguments.
fn plain_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            let last = path.path.segments.last()?;
            last.arguments.is_none().then(|| last.ident.to_string())
        }
        _ => None,
    }
}

fn is_result(ty: &Type) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == "Result")
}

/// Returns the type within the invisible delimiters of a macro's fragment, and parentheses.
fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        ty => ty,
    }
}
