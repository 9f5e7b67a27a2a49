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
