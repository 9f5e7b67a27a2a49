//! The impl if the input has errors. With it the compiler reports these, and not that the type is
//! not a module wherever it is used.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::attr;

/// Returns an `impl Module` without children.
pub(crate) fn module(input: &DeriveInput) -> TokenStream {
    let (ident, krate) = (&input.ident, attr::krate(&input.attrs));
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::module::Module for #ident #ty_generics #where_clause {
            fn visit<'module>(&'module self, _: &mut #krate::module::Walk<'module, '_>) {}
            fn visit_mut<'module>(
                &'module mut self,
                _: &mut #krate::module::WalkMut<'module, '_>,
            ) {}
        }
    }
}

/// Returns an `impl Sample` that is never called, or nothing for a type that borrows: the compiler
/// would report it again.
pub(crate) fn sample(input: &DeriveInput) -> TokenStream {
    if input.generics.lifetimes().next().is_some() {
        return TokenStream::new();
    }
    let (ident, krate) = (&input.ident, attr::krate(&input.attrs));
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let result = |ty: TokenStream| quote!(::core::result::Result<#ty, #krate::Error>);
    let (own, count) = (result(quote!(Self)), result(quote!(usize)));
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::data::Sample for #ident #ty_generics #where_clause {
            fn stack(_: &[Self]) -> #own { ::core::unreachable!() }
            fn rows(&self) -> #count { ::core::unreachable!() }
            fn select(&self, _: &[usize]) -> #own { ::core::unreachable!() }
            fn narrow(&self, _: usize, _: usize) -> #own { ::core::unreachable!() }
            fn row(&self, _: usize) -> #own { ::core::unreachable!() }
        }
    }
}

/// Returns an `impl Layer` that is never called.
pub(crate) fn layer(input: &DeriveInput) -> TokenStream {
    let (ident, krate) = (&input.ident, attr::krate(&input.attrs));
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::module::Layer for #ident #ty_generics #where_clause {
            fn compute(
                &self,
                _: &#krate::Tensor,
                _: &#krate::module::Pass,
            ) -> ::core::result::Result<#krate::Tensor, #krate::Error> {
                ::core::unreachable!()
            }
        }
    }
}
