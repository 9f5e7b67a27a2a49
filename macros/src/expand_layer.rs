//! Generates `impl Layer`, which runs the fields in order.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Path;

use crate::ast::{Field, Fields, Input, Shape};
use crate::bounds;
use crate::expand::{local, pattern};

pub(crate) fn expand(input: &Input) -> TokenStream {
    let krate = input.options.krate();
    let (ident, lints) = (&input.ident, &input.lints);
    let (impl_generics, ty_generics, _) = input.generics.split_for_impl();
    let where_clause = bounds::where_clause(input, &quote!(#krate::module::Layer));
    let (x, pass) = (local("x"), local("pass"));
    let body = body(input, &krate);
    quote! {
        #[automatically_derived]
        #(#lints)*
        impl #impl_generics #krate::module::Layer for #ident #ty_generics #where_clause {
            fn compute(
                &self,
                #x: &#krate::Tensor,
                #pass: &#krate::module::Pass,
            ) -> ::core::result::Result<#krate::Tensor, #krate::Error> {
                #body
            }
        }
    }
}

fn body(input: &Input, krate: &Path) -> TokenStream {
    match &input.shape {
        Shape::Struct(fields) => {
            let place = |child: &Field| {
                let member = &child.member;
                quote!(&self.#member)
            };
            pipeline(fields, None, place, krate)
        }
        Shape::Enum(variants) => {
            let arms = variants.iter().map(|variant| {
                let ident = &variant.ident;
                let pattern = pattern(&quote!(Self::#ident), &variant.fields, binding);
                let prefix = input.prefix(variant);
                let place = |child: &Field| {
                    let binding = binding(child);
                    quote!(#binding)
                };
                let steps = pipeline(&variant.fields, prefix.as_deref(), place, krate);
                quote!(#pattern => { #steps })
            });
            quote!(match self { #(#arms)* })
        }
    }
}

/// Generates the calls of the children, in declaration order.
fn pipeline(
    fields: &Fields,
    prefix: Option<&str>,
    place: impl Fn(&Field) -> TokenStream,
    krate: &Path,
) -> TokenStream {
    let (x, pass, error) = (local("x"), local("pass"), local("error"));
    let mut steps: Vec<TokenStream> = Vec::new();
    for child in fields.children() {
        let (ty, place) = (&child.ty, place(child));
        let input = if steps.is_empty() {
            quote!(#x)
        } else {
            quote!(&#x)
        };
        let output = quote!(<#ty as #krate::module::Layer>::forward(#place, #input, #pass));
        steps.push(match child.path(prefix) {
            Some(path) => quote!(#output.map_err(|#error| #error.within(#path))),
            None => output,
        });
    }
    let Some(last) = steps.pop() else {
        return quote!(::core::result::Result::Ok(::core::clone::Clone::clone(#x)));
    };
    quote! {
        #(let #x = #steps?;)*
        #last
    }
}

fn binding(child: &Field) -> Ident {
    local(&child.index.to_string())
}
