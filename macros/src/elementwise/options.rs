//! Reads the options of `#[elementwise(…)]` and the attributes `#[derivative(…)]`.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, Ident, Lit, LitStr, Meta, Path, RangeLimits, Token, parenthesized};

use super::signature::{ParameterKind, Signature};
use crate::errors::Errors;
use crate::manifest;

/// A name and the expression that it is given.
pub(crate) struct Given {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

impl Parse for Given {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let name = input.call(Ident::parse_any)?;
        equals(&name, input)?;
        let value = input.parse()?;
        Ok(Self { name, value })
    }
}

/// Reads the sign after a name, which a value must follow.
fn equals(name: &Ident, input: ParseStream) -> syn::Result<()> {
    let sign: Option<Token![=]> = input.parse()?;
    if sign.is_none() || input.is_empty() {
        let message = format!("expected a value: `{name} = …`");
        return Err(syn::Error::new(name.span(), message));
    }
    Ok(())
}

/// Parses the parts of a list that is separated by commas. An error in one of them does not hide
/// the errors in the others.
fn list<T: Parse>(tokens: TokenStream, errors: &mut Errors) -> Vec<T> {
    let mut parts = vec![TokenStream::new()];
    for token in tokens {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => {
                parts.push(TokenStream::new());
            }
            (_, Some(part)) => part.extend([token]),
            (_, None) => unreachable!("there is a part from the start"),
        }
    }
    // A comma may be the last token, and a second one is harmless.
    parts.retain(|part| !part.is_empty());
    let mut all = Vec::new();
    for part in parts {
        match syn::parse2(part) {
            Ok(item) => all.push(item),
            Err(error) => errors.add(error),
        }
    }
    all
}

/// The options of `#[elementwise(…)]`.
#[derive(Default)]
pub(crate) struct Options {
    /// The word `check` and the ranges of the parameters.
    pub(crate) check: Option<(Ident, Vec<Given>)>,
    /// Whether an option, perhaps `check`, has an error and is missing here.
    pub(crate) is_faulty: bool,
    /// A variant of `OpKind`.
    pub(crate) kind: Option<Ident>,
    /// The name in errors and drawings, if it is another than the function's.
    pub(crate) name: Option<LitStr>,
    krate: Option<Path>,
}

const OPTIONS: &str = "the options are `check(x = -1.0..1.0)`, `kind = Activation`, \
                       `name = \"…\"` and `crate = \"path\"`";

/// One option.
enum Choice {
    Check(Ident, TokenStream),
    Kind(Ident, Ident),
    Name(Ident, LitStr),
    Crate(Ident, Path),
}

impl Choice {
    fn word(&self) -> &Ident {
        match self {
            Self::Check(word, _)
            | Self::Kind(word, _)
            | Self::Name(word, _)
            | Self::Crate(word, _) => word,
        }
    }
}

impl Parse for Choice {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let word = input.call(Ident::parse_any)?;
        match &*word.to_string() {
            "check" => {
                if !input.peek(syn::token::Paren) {
                    let example = "expected ranges: `check(x = -1.0..1.0)`";
                    return Err(syn::Error::new(word.span(), example));
                }
                let content;
                parenthesized!(content in input);
                Ok(Self::Check(word, content.parse()?))
            }
            "kind" => {
                equals(&word, input)?;
                Ok(Self::Kind(word, input.parse()?))
            }
            "name" => {
                equals(&word, input)?;
                Ok(Self::Name(word, input.parse()?))
            }
            "crate" => {
                equals(&word, input)?;
                let path: LitStr = input.parse()?;
                Ok(Self::Crate(word, path.parse_with(Path::parse_mod_style)?))
            }
            _ => {
                let message = format!("unknown option `{word}`: {OPTIONS}");
                Err(syn::Error::new(word.span(), message))
            }
        }
    }
}

impl Options {
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let mut found = Errors::default();
        for choice in list::<Choice>(tokens, &mut found) {
            let word = choice.word().clone();
            let is_new = match choice {
                Choice::Check(word, ranges) => {
                    let ranges = list(ranges, &mut found);
                    options.check.replace((word, ranges)).is_none()
                }
                Choice::Kind(_, kind) => options.kind.replace(kind).is_none(),
                Choice::Name(_, name) => options.name.replace(name).is_none(),
                Choice::Crate(_, path) => options.krate.replace(path).is_none(),
            };
            if !is_new {
                found.push(&word, format!("`{word}` is given twice: remove one"));
            }
        }
        options.is_faulty = found.any();
        errors.append(found);
        options
    }

    /// Returns the path of the facade crate.
    pub(crate) fn krate(&self) -> Path {
        match &self.krate {
            Some(path) => path.clone(),
            None => manifest::facade(),
        }
    }

    /// Returns whether the function is one of the library's own.
    pub(crate) fn is_own(&self) -> bool {
        self.krate
            .as_ref()
            .is_some_and(|path| path.is_ident("crate"))
    }

    /// Checks that each parameter of the formula has a range, and nothing else has one.
    pub(crate) fn check_ranges(&self, signature: &Signature, errors: &mut Errors) {
        let Some((word, ranges)) = &self.check else {
            return;
        };
        for (i, range) in ranges.iter().enumerate() {
            let name = &range.name;
            match signature.kind_of(name) {
                None => errors.push(name, format!("there is no parameter `{name}`")),
                Some(ParameterKind::Axes) => {
                    errors.push(name, "axes take no range: the check chooses them");
                }
                Some(_) => {}
            }
            if ranges[..i].iter().any(|other| other.name == *name) {
                errors.push(name, format!("`{name}` has two ranges: remove one"));
            }
            let kind = signature.kind_of(name);
            if !is_range(&range.value) {
                let example = match kind {
                    Some(ParameterKind::Integer) => "1..4",
                    _ => "-1.0..1.0",
                };
                let example = format!("expected a range with two ends: `{name} = {example}`");
                errors.push(&range.value, example);
            }
            if kind.is_some_and(|kind| kind.is_operand() || kind == ParameterKind::Number) {
                for end in whole_ends(&range.value) {
                    let text = end.to_token_stream().to_string().replace(' ', "");
                    errors.push(
                        end,
                        format!("numbers have a decimal point: write `{text}.0`"),
                    );
                }
            }
        }
        // A faulty range may be that of any parameter.
        if self.is_faulty {
            return;
        }
        let missing = signature.parameters.iter().filter(|parameter| {
            (parameter.kind.is_operand() || parameter.kind.is_number())
                && ranges.iter().all(|range| range.name != parameter.name)
        });
        let missing: Vec<_> = missing
            .map(|parameter| match parameter.kind {
                ParameterKind::Integer => format!("`{} = 1..4`", parameter.name),
                _ => format!("`{} = -1.0..1.0`", parameter.name),
            })
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "expected a range for each parameter: add {}",
                missing.join(", ")
            );
            errors.push(word, message);
        }
    }
}

fn is_range(expression: &Expr) -> bool {
    match expression {
        Expr::Group(group) => is_range(&group.expr),
        Expr::Range(range) => {
            let is_half_open = matches!(range.limits, RangeLimits::HalfOpen(_));
            is_half_open && range.start.is_some() && range.end.is_some()
        }
        _ => false,
    }
}

/// Returns the ends of a range that are integer literals.
fn whole_ends(expression: &Expr) -> Vec<&Expr> {
    let ends = match expression {
        Expr::Group(group) => return whole_ends(&group.expr),
        Expr::Range(range) => [&range.start, &range.end],
        _ => return vec![],
    };
    let ends = ends.into_iter().flatten().map(|end| &**end);
    ends.filter(|end| is_whole(end)).collect()
}

fn is_whole(expression: &Expr) -> bool {
    match expression {
        Expr::Unary(unary) => is_whole(&unary.expr),
        Expr::Lit(literal) => matches!(&literal.lit, Lit::Int(int) if int.suffix() != "f64"),
        _ => false,
    }
}

/// Removes the attributes `#[derivative(…)]` and returns what they state.
pub(crate) fn derivatives(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<Given> {
    let mut all: Vec<Given> = Vec::new();
    attrs.retain(|attr| {
        if !attr.path().is_ident("derivative") {
            return true;
        }
        let example = "expected the derivative by an operand: `#[derivative(x = 2.0 * x)]`";
        let Meta::List(stated) = &attr.meta else {
            errors.push(attr, example);
            return false;
        };
        if stated.tokens.is_empty() {
            errors.push(attr, example);
        }
        for given in list::<Given>(stated.tokens.clone(), errors) {
            let name = &given.name;
            if all.iter().any(|other| other.name == *name) {
                let message = format!("the derivative by `{name}` is given twice: remove one");
                errors.push(name, message);
            }
            all.push(given);
        }
        false
    });
    all
}
