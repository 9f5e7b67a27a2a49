//! The where-clause of an impl: what must hold of the fields' types, for generic ones.

use std::collections::HashSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Ident, WhereClause, WherePredicate, parse_quote};

use crate::ast::{Field, Input};

/// The input's own where-clause and the bounds under which `trait_path` can be implemented.
pub(crate) fn where_clause(input: &Input, trait_path: &TokenStream) -> WhereClause {
    let mut generics = input.generics.clone();
    let clause = generics.make_where_clause();
    match &input.options.bound {
        Some(predicates) => clause.predicates.extend(predicates.iter().cloned()),
        None => clause.predicates.extend(inferred(input, trait_path)),
    }
    clause.clone()
}

/// One predicate for each type that mentions a parameter: not the parameter but the field's type
/// is bound, since `PhantomData<T>` asks nothing of `T`, and `T::Inner` asks more.
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

/// The types that must implement the trait for the field to.
fn bounded_types(field: &Field, own: &Ident, parameters: &[&Ident]) -> Vec<TokenStream> {
    let ty = field.ty.to_token_stream();
    let mut mentioned = Mentioned::default();
    mentioned.scan(ty.clone(), own, parameters);
    if mentioned.own {
        // That `Tree<T>` is a module if `Option<Box<Tree<T>>>` is one goes in circles.
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

/// What a field's type speaks of. Tokens are read rather than syntax, so that what stands inside
/// a macro or a const expression counts as well.
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

/// Whether a path that starts with `first` can lead to the type itself: one through another
/// crate's name, as in `struct Linear<T>(other::Linear<T>)`, is a wrapped namesake.
fn is_in_this_crate(first: &Ident) -> bool {
    first == "crate" || first == "self" || first == "super"
}
