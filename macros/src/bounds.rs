//! The where-clause of an impl.

use std::collections::HashSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Ident, WhereClause, WherePredicate, parse_quote};

use crate::ast::{Field, Input};

/// Returns the where-clause of the input, with the bounds for an impl of `trait_path`.
pub(crate) fn where_clause(input: &Input, trait_path: &TokenStream) -> WhereClause {
    let mut generics = input.generics.clone();
    let clause = generics.make_where_clause();
    match &input.options.bound {
        Some(predicates) => clause.predicates.extend(predicates.iter().cloned()),
        None => clause.predicates.extend(inferred(input, trait_path)),
    }
    clause.clone()
}

/// Returns one predicate for each field type that mentions a type parameter. The field type is
/// bound and not the parameter, because `PhantomData<T>` needs no bound of `T`, and `T::Inner`
/// needs another one.
fn inferred(input: &Input, trait_path: &TokenStream) -> Vec<WherePredicate> {
    let parameters: Vec<&Ident> = input
        .generics
        .type_params()
        .map(|param| &param.ident)
        .collect();
    let mut seen = HashSet::new();
    let mut predicates = Vec::new();
    for field in input.children() {
        for bounded in bounded_types(field, &input.ident, &parameters) {
            if seen.insert(bounded.to_string()) {
                predicates.push(parse_quote!(#bounded: #trait_path));
            }
        }
    }
    predicates
}

/// Returns the types to be bound for a field.
fn bounded_types(field: &Field, own: &Ident, parameters: &[&Ident]) -> Vec<TokenStream> {
    let ty = field.ty.to_token_stream();
    let mut mentioned = Mentioned::default();
    mentioned.scan(ty.clone(), own, parameters);
    if mentioned.own {
        // A bound `Option<Box<Tree<T>>>: Module` on `Tree<T>: Module` would be circular.
        mentioned
            .parameters
            .iter()
            .map(|parameter| quote!(#parameter))
            .collect()
    } else if mentioned.parameters.is_empty() {
        Vec::new()
    } else {
        vec![ty]
    }
}

/// The names in the type of a field. It is read as tokens, so that names inside macros and const
/// expressions are found too.
#[derive(Default)]
struct Mentioned {
    own: bool,
    parameters: Vec<Ident>,
}

impl Mentioned {
    fn scan(&mut self, tokens: TokenStream, own: &Ident, parameters: &[&Ident]) {
        let mut start: Option<Ident> = None;
        let mut colons = 0;
        for tree in tokens {
            match tree {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    let is_first = colons < 2;
                    if is_first {
                        start = Some(ident.clone());
                        if parameters.contains(&&ident) && !self.parameters.contains(&ident) {
                            self.parameters.push(ident.clone());
                        }
                    }
                    let is_here = is_first || start.as_ref().is_some_and(is_in_this_crate);
                    self.own |= ident == "Self" || (ident == *own && is_here);
                    colons = 0;
                }
                TokenTree::Group(group) => {
                    self.scan(group.stream(), own, parameters);
                    (start, colons) = (None, 0);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => (start, colons) = (None, 0),
            }
        }
    }
}

/// Returns whether a path that starts with `first` is in this crate. A path through the name of
/// another crate, as in `struct Linear<T>(other::Linear<T>)`, is another type of the same name.
fn is_in_this_crate(first: &Ident) -> bool {
    first == "crate" || first == "self" || first == "super"
}
