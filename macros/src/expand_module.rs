//! Generates `impl Module`, whose `visit` and `visit_mut` name the children in order.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;

use crate::ast::{Field, Fields, Input, Shape};
use crate::bounds;
use crate::expand::{local, pattern};

/// The difference between the two methods: shared or mutable references to the children.
#[derive(Clone, Copy)]
enum Access {
    Shared,
    Mutable,
}

pub(crate) fn expand(input: &Input) -> TokenStream {
    let krate = input.options.krate();
    let (ident, lints) = (&input.ident, &input.lints);
    let (impl_generics, ty_generics, _) = input.generics.split_for_impl();
    let where_clause = bounds::where_clause(input, &quote!(#krate::module::Module));
    let leafless = leafless(input, &krate);
    let visit = method(input, &krate, Access::Shared);
    let visit_mut = method(input, &krate, Access::Mutable);
    quote! {
        #[automatically_derived]
        #(#lints)*
        impl #impl_generics #krate::module::Module for #ident #ty_generics #where_clause {
            #visit
            #visit_mut
        }
        #leafless
    }
}

fn method(input: &Input, krate: &Path, access: Access) -> TokenStream {
    let walk = if input.children().next().is_some() {
        local("walk").to_token_stream()
    } else {
        quote!(_)
    };
    let body = body(input, krate, access);
    match access {
        Access::Shared => {
            let skipped = skipped(input, krate);
            quote! {
                fn visit<'module>(&'module self, #walk: &mut #krate::module::Walk<'module, '_>) {
                    #skipped
                    #body
                }
            }
        }
        Access::Mutable => quote! {
            fn visit_mut<'module>(
                &'module mut self,
                #walk: &mut #krate::module::WalkMut<'module, '_>,
            ) {
                #body
            }
        },
    }
}

fn body(input: &Input, krate: &Path, access: Access) -> TokenStream {
    let assertion = assertion(input, krate);
    match &input.shape {
        Shape::Struct(fields) if fields.children().next().is_none() => TokenStream::new(),
        Shape::Struct(fields) => {
            let pattern = pattern(&quote!(Self), fields, binding);
            let calls = calls(fields, None, krate, access);
            quote! {
                #assertion
                let #pattern = self;
                #calls
            }
        }
        // The compiler knows that an enum without variants has no values, but not that a reference
        // to it has none.
        Shape::Enum(variants) if variants.is_empty() => quote!(match *self {}),
        Shape::Enum(variants) => {
            let arms = variants.iter().map(|variant| {
                let ident = &variant.ident;
                let pattern = pattern(&quote!(Self::#ident), &variant.fields, binding);
                let calls = calls(
                    &variant.fields,
                    input.prefix(variant).as_deref(),
                    krate,
                    access,
                );
                quote!(#pattern => { #calls })
            });
            quote! {
                #assertion
                match self {
                    #(#arms)*
                }
            }
        }
    }
}

/// Names `visit` of the type of each child, which needs the type to be a `Module` and does nothing
/// at run time. If it is not, this is the first error that the compiler reports. It underlines the
/// whole type in the definition, with the same text in both methods.
///
/// The compiler prints equal errors once, and only the first of several errors at one place about
/// one trait. So [`call`] gives its tokens the same place, and each field is reported once.
fn assertion(input: &Input, krate: &Path) -> Option<TokenStream> {
    let types: Vec<_> = input.children().map(|child| &child.ty).collect();
    (!types.is_empty()).then(|| quote!(let _ = (#(<#types as #krate::module::Module>::visit,)*);))
}

/// Generates a closure that is never called, in which the compiler checks that skipped fields hold
/// no parameters. Its error points at the word `skip`.
fn skipped(input: &Input, krate: &Path) -> Option<TokenStream> {
    let mut checks = TokenStream::new();
    for field in input.fields() {
        let Some(skip) = field.options.skip.as_ref().filter(|skip| !skip.params) else {
            continue;
        };
        let (ty, skipped) = (&field.ty, local("skipped"));
        let verdict = quote_spanned! {
            skip.word.span().resolved_at(Span::mixed_site())=> (&&&#skipped).skipped_field_verdict()
        };
        checks.extend(quote! {
            let #skipped = #krate::module::skipped::Skipped::<#ty>::new();
            #krate::module::skipped::Skipped::check(&#skipped, #verdict);
        });
    }
    (!checks.is_empty()).then(|| {
        quote! {
            let _ = || {
                use #krate::module::skipped::verdicts::*;
                #checks
            };
        }
    })
}

/// Generates `impl Leafless` if no field can have leaves.
fn leafless(input: &Input, krate: &Path) -> Option<TokenStream> {
    let skips_params = |field: &Field| field.options.skip.as_ref().is_some_and(|skip| skip.params);
    if input.children().next().is_some() || input.fields().any(skips_params) {
        return None;
    }
    let ident = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    Some(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::module::skipped::Leafless
            for #ident #ty_generics #where_clause {}
    })
}

fn calls(fields: &Fields, prefix: Option<&str>, krate: &Path, access: Access) -> TokenStream {
    fields
        .children()
        .map(|child| call(child, prefix, krate, access))
        .collect()
}

/// Generates the call of the walk for one child.
fn call(child: &Field, prefix: Option<&str>, krate: &Path, access: Access) -> TokenStream {
    let walk = local("walk");
    let binding = binding(child);
    let Some(path) = child.path(prefix) else {
        let ty = &child.ty;
        let visit = match access {
            Access::Shared => quote!(visit),
            Access::Mutable => quote!(visit_mut),
        };
        return quote!(<#ty as #krate::module::Module>::#visit(#binding, #walk););
    };
    // From the first to the last token of the type, which is the place of the type to the compiler.
    let (first, _) = ends(child);
    let borrow = match access {
        Access::Shared => quote_spanned!(first=> &*),
        Access::Mutable => quote_spanned!(first=> &mut *),
    };
    quote!(#walk.field(#path, #borrow #binding);)
}

/// Returns the name of the field in the body. Its place is the end of the type of the field: see
/// [`assertion`].
fn binding(child: &Field) -> Ident {
    let (_, last) = ends(child);
    Ident::new(&format!("__{}", child.index), last)
}

/// Returns the places of the first and the last token of the type of a field.
fn ends(child: &Field) -> (Span, Span) {
    let mut spans = Vec::new();
    visible_spans(child.ty.to_token_stream(), &mut spans);
    let at = |span: Option<&Span>| span.copied().unwrap_or_else(Span::call_site);
    (at(spans.first()), at(spans.last()))
}

/// Collects the spans of tokens. The type that a macro got is in a group which is not in the
/// source.
fn visible_spans(tokens: TokenStream, spans: &mut Vec<Span>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                visible_spans(group.stream(), spans);
            }
            token => spans.push(token.span()),
        }
    }
}
