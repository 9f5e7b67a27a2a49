//! Generates `impl Sample`, which treats each field as a part of the sample.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ast::{Field, Input, Shape};
use crate::bounds;
use crate::expand::local;

pub(crate) fn expand(input: &Input) -> TokenStream {
    let krate = input.options.krate();
    let sample = quote!(#krate::data::Sample);
    let (ident, lints) = (&input.ident, &input.lints);
    let (impl_generics, ty_generics, _) = input.generics.split_for_impl();
    let where_clause = bounds::where_clause(input, &sample);
    let result = |ty: TokenStream| quote!(::core::result::Result<#ty, #krate::Error>);
    let (own, count) = (result(quote!(Self)), result(quote!(usize)));
    let Shape::Struct(fields) = &input.shape else {
        return TokenStream::new();
    };
    let error = local("error");
    let part = |field: &Field, call: TokenStream| {
        let name = field.name();
        quote!(#call.map_err(|#error| #error.within(#name))?)
    };
    let each = |call: &dyn Fn(&Field) -> TokenStream| {
        let parts = fields.all.iter().map(|field| {
            let (member, value) = (&field.member, part(field, call(field)));
            quote!(#member: #value)
        });
        quote!(::core::result::Result::Ok(Self { #(#parts),* }))
    };
    let of = |field: &Field| {
        let ty = &field.ty;
        quote!(<#ty as #sample>)
    };
    let [samples, one, rows, row, start, len] =
        ["samples", "one", "rows", "row", "start", "len"].map(local);
    let digest = local("digest");
    let stack = each(&|field| {
        let (of, member) = (of(field), &field.member);
        quote!(#of::stack(&#samples.iter()
            .map(|#one| ::core::clone::Clone::clone(&#one.#member))
            .collect::<::std::vec::Vec<_>>()))
    });
    let select = each(&|field| {
        let (of, member) = (of(field), &field.member);
        quote!(#of::select(&self.#member, #rows))
    });
    let narrow = each(&|field| {
        let (of, member) = (of(field), &field.member);
        quote!(#of::narrow(&self.#member, #start, #len))
    });
    let single = each(&|field| {
        let (of, member) = (of(field), &field.member);
        quote!(#of::row(&self.#member, #row))
    });
    let counts = fields.all.iter().map(|field| {
        let (of, member) = (of(field), &field.member);
        part(field, quote!(#of::rows(&self.#member)))
    });
    let digests = fields.all.iter().map(|field| {
        let (of, member) = (of(field), &field.member);
        quote!(#of::digest(&self.#member, #digest);)
    });
    quote! {
        #[automatically_derived]
        #(#lints)*
        impl #impl_generics #sample for #ident #ty_generics #where_clause {
            fn stack(#samples: &[Self]) -> #own { #stack }
            fn rows(&self) -> #count { #krate::data::same_rows(&[#(#counts),*]) }
            fn select(&self, #rows: &[usize]) -> #own { #select }
            fn narrow(&self, #start: usize, #len: usize) -> #own { #narrow }
            fn row(&self, #row: usize) -> #own { #single }
            fn digest(&self, #digest: &mut dyn ::core::hash::Hasher) { #(#digests)* }
        }
    }
}
