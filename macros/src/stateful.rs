//! Generates `impl Stateful`: each field is a part of the state.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Field, Ident, Index, Member, Path, Type, parse_quote};

use crate::errors::Errors;
use crate::expand::local;
use crate::{lints, manifest};

/// Returns the code that `#[derive(Stateful)]` adds.
pub(crate) fn derive(input: DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let lints = lints::of(&input);
    let krate = facade(&input, &mut errors);
    let parts = parts(&input, &mut errors);
    if let Some(errors) = errors.into_tokens() {
        return errors;
    }
    let (ident, mut generics) = (input.ident, input.generics);
    let parameters: Vec<Ident> = generics.type_params().map(|p| p.ident.clone()).collect();
    let clause = generics.make_where_clause();
    for (_, _, ty) in &parts {
        if mentions(ty, &parameters) {
            clause
                .predicates
                .push(parse_quote!(#ty: #krate::state::Stateful));
        }
    }
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let (state, all) = (local("state"), local("all"));
    let fields = quote!(#krate::state::fields);
    let (mut saved, mut loaded) = (TokenStream::new(), TokenStream::new());
    for (name, member, ty) in &parts {
        // Errors point at the type of the field.
        let span = ty.span().resolved_at(Span::call_site());
        let access = quote_spanned!(span=> (&&&#fields::Kind::<#ty>::new()).access());
        let save = quote_spanned!(span=> #access.save(&self.#member));
        let part = quote_spanned!(span=> #access.part(&mut self.#member));
        saved.extend(quote!(#all.insert_part(#name, #save?);));
        loaded.extend(quote!((#name, &mut #part),));
    }
    quote! {
        const _: () = {
            #[automatically_derived]
            #(#lints)*
            impl #impl_generics #krate::state::Stateful for #ident #ty_generics #where_clause {
                fn state(
                    &self,
                ) -> ::core::result::Result<#krate::state::StateDict, #krate::Error> {
                    #[allow(unused_imports)]
                    use #fields::accesses::*;
                    #[allow(unused_mut)]
                    let mut #all = #krate::state::StateDict::new();
                    #saved
                    ::core::result::Result::Ok(#all)
                }
                fn load_state(
                    &mut self,
                    #state: &#krate::state::StateDict,
                ) -> ::core::result::Result<(), #krate::Error> {
                    #[allow(unused_imports)]
                    use #fields::accesses::*;
                    #krate::state::load_parts(#state, &mut [#loaded])
                }
            }
        };
    }
}

/// Returns the fields that are part of the state: their names in it, members and types.
fn parts(input: &DeriveInput, errors: &mut Errors) -> Vec<(String, Member, Type)> {
    let Data::Struct(data) = &input.data else {
        errors.push(
            &input.ident,
            "`Stateful` can be derived for structs only: write `state` and `load_state` by hand",
        );
        return Vec::new();
    };
    let mut parts = Vec::new();
    for (index, field) in data.fields.iter().enumerate() {
        if skips(field, errors) {
            continue;
        }
        let (name, member) = match &field.ident {
            Some(ident) => (ident.unraw().to_string(), Member::Named(ident.clone())),
            None => (index.to_string(), Member::Unnamed(Index::from(index))),
        };
        parts.push((name, member, field.ty.clone()));
    }
    parts
}

/// Returns whether a field has the option `skip`.
fn skips(field: &Field, errors: &mut Errors) -> bool {
    let mut skips = false;
    options(&field.attrs, errors, |meta| {
        if !meta.path.is_ident("skip") {
            return Err(meta.error("expected `skip`, the only option of a field"));
        }
        if skips {
            return Err(meta.error("`skip` is given twice: remove one"));
        }
        skips = true;
        Ok(())
    });
    skips
}

/// Returns the path of the facade crate: from the attribute, from `Cargo.toml`, or the default.
fn facade(input: &DeriveInput, errors: &mut Errors) -> Path {
    let mut krate = None;
    options(&input.attrs, errors, |meta| {
        if !meta.path.is_ident("crate") {
            return Err(meta.error("expected `crate = \"…\"`, the only option of a struct"));
        }
        let path: syn::LitStr = meta.value()?.parse()?;
        if krate.is_some() {
            return Err(meta.error("`crate` is given twice: remove one"));
        }
        krate = Some(path.parse()?);
        Ok(())
    });
    krate.unwrap_or_else(manifest::facade)
}

/// Reads the options of all attributes `#[state(…)]`.
fn options(
    attrs: &[Attribute],
    errors: &mut Errors,
    mut read: impl FnMut(ParseNestedMeta<'_>) -> syn::Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("state")) {
        if let Err(error) = attr.parse_nested_meta(&mut read) {
            errors.add(error);
        }
    }
}

/// Returns whether one of the names occurs in a type.
fn mentions(ty: &Type, names: &[Ident]) -> bool {
    fn any(tokens: TokenStream, names: &[Ident]) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => names.contains(&ident),
            proc_macro2::TokenTree::Group(group) => any(group.stream(), names),
            _ => false,
        })
    }
    any(quote!(#ty), names)
}
