//! The steps that the derives share: parse, check, expand, wrap.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::DeriveInput;

use crate::ast::{Field, Fields, Input, Style};
use crate::errors::Errors;
use crate::{expand_layer, expand_module, expand_sample, fallback, valid};

/// Returns the code that `#[derive(Module)]` adds.
pub(crate) fn module(input: DeriveInput) -> TokenStream {
    let fallback = fallback::module(&input);
    derive(input, &fallback, valid::module, expand_module::expand)
}

/// Returns the code that `#[derive(Layer)]` adds.
pub(crate) fn layer(input: DeriveInput) -> TokenStream {
    let fallback = fallback::layer(&input);
    let check = |input: &Input, errors: &mut Errors| {
        valid::module(input, errors);
        valid::layer(input, errors);
    };
    derive(input, &fallback, check, expand_layer::expand)
}

/// Returns the code that `#[derive(Sample)]` adds.
pub(crate) fn sample(input: DeriveInput) -> TokenStream {
    let fallback = fallback::sample(&input);
    derive(input, &fallback, valid::sample, expand_sample::expand)
}

fn derive(
    input: DeriveInput,
    fallback: &TokenStream,
    check: impl FnOnce(&Input, &mut Errors),
    expand: impl FnOnce(&Input) -> TokenStream,
) -> TokenStream {
    let mut errors = Errors::default();
    let input = Input::from_syn(input, &mut errors);
    if let Some(input) = &input {
        check(input, &mut errors);
    }
    match (input, errors.into_tokens()) {
        (Some(input), None) => wrap(&expand(&input)),
        (_, errors) => quote!(#errors #fallback),
    }
}

fn wrap(item: &TokenStream) -> TokenStream {
    quote! {
        const _: () = {
            #item
        };
    }
}

/// Returns a name for the expansion. The underscores keep it different from constants and statics
/// of the user, with which a pattern would be compared.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(&format!("__{name}"), Span::mixed_site())
}

/// Returns the pattern that binds the children among the fields to the names from `binding`.
pub(crate) fn pattern(
    head: &TokenStream,
    fields: &Fields,
    binding: impl Fn(&Field) -> Ident,
) -> TokenStream {
    let has_skipped = fields.children().count() < fields.all.len();
    match fields.style {
        Style::Unit => quote!(#head),
        Style::Tuple => {
            let parts = fields.all.iter().map(|field| {
                if field.is_child() {
                    binding(field).to_token_stream()
                } else {
                    quote!(_)
                }
            });
            quote!(#head(#(#parts),*))
        }
        Style::Named => {
            let parts = fields.children().map(|field| {
                let (member, binding) = (&field.member, binding(field));
                quote!(#member: #binding)
            });
            let rest = has_skipped.then(|| quote!(..));
            let parts = parts.chain(rest);
            quote!(#head { #(#parts),* })
        }
    }
}
