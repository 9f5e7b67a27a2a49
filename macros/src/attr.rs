//! Reads the attributes `#[module(…)]`.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitStr, Meta, Path, Token, WherePredicate};

use crate::errors::Errors;
use crate::keyword::{self, Keyword, Place};
use crate::manifest;

/// The options of a struct or an enum.
#[derive(Default)]
pub(crate) struct ContainerOptions {
    /// The where-predicates that replace the inferred ones.
    pub(crate) bound: Option<Vec<WherePredicate>>,
    /// The path of the facade crate, if the attribute gives it.
    krate: Option<Path>,
    /// The option `variant_path`, if it is given.
    pub(crate) variant_path: Option<Ident>,
}

impl ContainerOptions {
    /// Returns the path of the facade crate: from the attribute, from `Cargo.toml`, or the default.
    pub(crate) fn krate(&self) -> Path {
        self.krate.clone().unwrap_or_else(manifest::facade)
    }
}

/// The options of a field, with their words, at which errors point.
#[derive(Default)]
pub(crate) struct FieldOptions {
    pub(crate) skip: Option<Skip>,
    pub(crate) rename: Option<(Ident, LitStr)>,
    pub(crate) flatten: Option<Ident>,
}

/// The option `skip`.
pub(crate) struct Skip {
    pub(crate) word: Ident,
    /// Whether the field may hold parameters: `skip(params)`.
    pub(crate) params: bool,
}

/// An option in its right place.
struct Given {
    keyword: Keyword,
    word: Ident,
    value: Value,
}

/// The part of an option after its word.
enum Value {
    None,
    /// `= "…"`
    Text(LitStr),
    /// `(params)`
    Params,
}

/// Reads the options of a struct or an enum.
pub(crate) fn container(
    attrs: &[Attribute],
    place: Place,
    errors: &mut Errors,
) -> ContainerOptions {
    let mut options = ContainerOptions::default();
    for given in read(attrs, place, errors) {
        match (given.keyword, given.value) {
            (Keyword::Bound, Value::Text(value)) => options.bound = parse_bound(&value, errors),
            (Keyword::Crate, Value::Text(value)) => options.krate = parse_crate(&value, errors),
            (Keyword::VariantPath, _) => options.variant_path = Some(given.word),
            _ => {}
        }
    }
    options
}

/// Reads the options of a field.
pub(crate) fn field(attrs: &[Attribute], errors: &mut Errors) -> FieldOptions {
    let mut options = FieldOptions::default();
    for given in read(attrs, Place::Field, errors) {
        match (given.keyword, given.value) {
            (Keyword::Skip, value) => {
                let params = matches!(value, Value::Params);
                let word = given.word;
                options.skip = Some(Skip { word, params });
            }
            (Keyword::Rename, Value::Text(value)) => options.rename = Some((given.word, value)),
            (Keyword::Flatten, _) => options.flatten = Some(given.word),
            _ => {}
        }
    }
    options
}

/// Reports all options of a variant, which takes none.
pub(crate) fn variant(attrs: &[Attribute], errors: &mut Errors) {
    read(attrs, Place::Variant, errors);
}

/// Returns the path of the facade crate. Errors are not reported, because [`container`] does so.
pub(crate) fn krate(attrs: &[Attribute]) -> Path {
    container(attrs, Place::Enum, &mut Errors::default()).krate()
}

fn read(attrs: &[Attribute], place: Place, errors: &mut Errors) -> Vec<Given> {
    let mut all = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("module")) {
        match &attr.meta {
            // Empty parentheses are allowed, because a macro may generate them.
            Meta::List(list) if list.tokens.is_empty() => {}
            Meta::List(_) => {
                let result = attr.parse_nested_meta(|meta| {
                    read_option(&meta, place, &mut all, errors);
                    Ok(())
                });
                if let Err(error) = result {
                    let message = format!("expected an option: {}", place.options());
                    errors.add(syn::Error::new(error.span(), message));
                }
            }
            meta => errors.push(
                meta,
                format!(
                    "`#[module]` takes its options in parentheses: {}",
                    place.options()
                ),
            ),
        }
    }
    all
}

/// Reads one option up to the comma, so that an error in it does not hide the options after it.
fn read_option(meta: &ParseNestedMeta, place: Place, all: &mut Vec<Given>, errors: &mut Errors) {
    let tokens = up_to_comma(meta.input);
    let Some(word) = meta.path.get_ident().cloned() else {
        errors.push(
            &meta.path,
            format!("an option is a single word: {}", place.options()),
        );
        return;
    };
    let Some(keyword) = Keyword::find(&word) else {
        errors.push(&word, keyword::unknown(&word, place));
        return;
    };
    if !keyword.belongs_on(place) {
        errors.push(&word, keyword::misplaced(keyword, place));
        return;
    }
    let blamed = if tokens.is_empty() {
        word.to_token_stream()
    } else {
        tokens.clone()
    };
    let value = match value(keyword, tokens) {
        Ok(value) => value,
        Err(message) => {
            errors.push(blamed, message);
            // The rest may belong to the malformed value.
            if keyword.takes_value() {
                rest(meta.input);
            }
            return;
        }
    };
    if all.iter().any(|given| given.keyword == keyword) {
        errors.push(
            &word,
            format!("`{}` is given twice: remove one", keyword.word()),
        );
        return;
    }
    all.push(Given {
        keyword,
        word,
        value,
    });
}

/// Reads the tokens after an option's word.
fn value(keyword: Keyword, tokens: TokenStream) -> Result<Value, String> {
    let (word, example) = (keyword.word(), keyword.example());
    let mut trees = tokens.into_iter();
    match trees.next() {
        None if !keyword.takes_value() => Ok(Value::None),
        Some(TokenTree::Punct(equals)) if equals.as_char() == '=' && keyword.takes_value() => {
            let value = syn::parse2(trees.collect()).map(Value::Text);
            value.map_err(|_| format!("`{word}` takes a string: {example}"))
        }
        Some(TokenTree::Group(group)) if keyword == Keyword::Skip => {
            let params = syn::parse2::<Ident>(group.stream()).is_ok_and(|word| word == "params");
            if params && trees.next().is_none() {
                Ok(Value::Params)
            } else {
                Err("expected `skip` or `skip(params)`".to_owned())
            }
        }
        _ if keyword.takes_value() => Err(format!("`{word}` takes a string: {example}")),
        Some(TokenTree::Ident(_) | TokenTree::Literal(_)) => {
            Err(format!("expected a comma after `{word}`"))
        }
        _ => Err(format!("`{word}` takes no value: {example}")),
    }
}

fn up_to_comma(input: ParseStream) -> TokenStream {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        match input.parse::<TokenTree>() {
            Ok(tree) => tokens.extend([tree]),
            Err(_) => break,
        }
    }
    tokens
}

fn rest(input: ParseStream) {
    while input.parse::<TokenTree>().is_ok() {}
}

fn parse_bound(value: &LitStr, errors: &mut Errors) -> Option<Vec<WherePredicate>> {
    let parser = Punctuated::<WherePredicate, Token![,]>::parse_terminated;
    match value.parse_with(parser) {
        Ok(predicates) => Some(predicates.into_iter().collect()),
        Err(error) => {
            let example = Keyword::Bound.example();
            errors.push(
                value,
                format!("`bound` takes where-predicates ({error}): {example}"),
            );
            None
        }
    }
}

fn parse_crate(value: &LitStr, errors: &mut Errors) -> Option<Path> {
    match value.parse_with(Path::parse_mod_style) {
        Ok(path) => Some(path),
        Err(error) => {
            let example = Keyword::Crate.example();
            errors.push(
                value,
                format!("`crate` takes the path of a crate ({error}): {example}"),
            );
            None
        }
    }
}
