//! Stands in for the impl when the input has mistakes, so that the compiler reports those and not,
//! at every use of the type, that it is no module.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::attr;

/// An `impl Module` without children.
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

/// An `impl Layer` that is never run.
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
