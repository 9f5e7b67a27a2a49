//! Reads the options of `#[elementwise(…)]` and the attributes `#[derivative(…)]`.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, LitStr, Meta, Path, Token, parenthesized};

use super::signature::Signature;
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
        input.parse::<Token![=]>()?;
        let value = input.parse()?;
        Ok(Self { name, value })
    }
}

/// The options of `#[elementwise(…)]`.
#[derive(Default)]
pub(crate) struct Options {
    /// The word `check` and the ranges of the parameters.
    pub(crate) check: Option<(Ident, Vec<Given>)>,
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
    Check(Ident, Vec<Given>),
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
                let example = "expected ranges: `check(x = -1.0..1.0)`";
                if !input.peek(syn::token::Paren) {
                    return Err(syn::Error::new(word.span(), example));
                }
                let content;
                parenthesized!(content in input);
                let ranges = Punctuated::<Given, Token![,]>::parse_terminated(&content)?;
                Ok(Self::Check(word, ranges.into_iter().collect()))
            }
            "kind" => {
                input.parse::<Token![=]>()?;
                Ok(Self::Kind(word, input.parse()?))
            }
            "name" => {
                input.parse::<Token![=]>()?;
                Ok(Self::Name(word, input.parse()?))
            }
            "crate" => {
                input.parse::<Token![=]>()?;
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

/// The options in their order.
struct Choices(Vec<Choice>);

impl Parse for Choices {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let choices = Punctuated::<Choice, Token![,]>::parse_terminated(input)?;
        Ok(Self(choices.into_iter().collect()))
    }
}

impl Options {
    pub(crate) fn read(tokens: proc_macro2::TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let choices = match syn::parse2::<Choices>(tokens) {
            Ok(Choices(choices)) => choices,
            Err(error) => {
                errors.add(error);
                return options;
            }
        };
        for choice in choices {
            let word = choice.word().clone();
            let is_new = match choice {
                Choice::Check(word, ranges) => options.check.replace((word, ranges)).is_none(),
                Choice::Kind(_, kind) => options.kind.replace(kind).is_none(),
                Choice::Name(_, name) => options.name.replace(name).is_none(),
                Choice::Crate(_, path) => options.krate.replace(path).is_none(),
            };
            if !is_new {
                errors.push(&word, format!("`{word}` is given twice: remove one"));
            }
        }
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
        let mut drawn = signature
            .parameters
            .iter()
            .filter(|parameter| parameter.kind.is_operand() || parameter.kind.is_number());
        let names: Vec<_> = drawn
            .by_ref()
            .map(|parameter| parameter.name.clone())
            .collect();
        for (i, range) in ranges.iter().enumerate() {
            let name = &range.name;
            if !names.contains(name) {
                let message = format!("`{name}` is no operand and no number of this function");
                errors.push(name, message);
            }
            if ranges[..i].iter().any(|other| other.name == *name) {
                errors.push(name, format!("`{name}` has a range already"));
            }
            if !is_range(&range.value) {
                let example = format!("expected a range with two ends: `{name} = -1.0..1.0`");
                errors.push(&range.value, example);
            }
        }
        let missing = names
            .iter()
            .filter(|name| ranges.iter().all(|range| range.name != **name));
        let missing: Vec<_> = missing
            .map(|name| format!("`{name} = -1.0..1.0`"))
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "expected a range for each parameter: {}",
                missing.join(", ")
            );
            errors.push(word, message);
        }
    }
}

fn is_range(expression: &Expr) -> bool {
    match expression {
        Expr::Group(group) => is_range(&group.expr),
        Expr::Range(range) => range.start.is_some() && range.end.is_some(),
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
        if !matches!(attr.meta, Meta::List(_)) {
            errors.push(attr, example);
            return false;
        }
        match attr.parse_args_with(Punctuated::<Given, Token![,]>::parse_terminated) {
            Ok(given) if given.is_empty() => errors.push(attr, example),
            Ok(given) => {
                for given in given {
                    let name = &given.name;
                    if all.iter().any(|other| other.name == *name) {
                        let message = format!("the derivative by `{name}` is given twice");
                        errors.push(name.to_token_stream(), message);
                    } else {
                        all.push(given);
                    }
                }
            }
            Err(error) => errors.add(error),
        }
        false
    });
    all
}
