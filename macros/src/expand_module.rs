//! Generates `impl Module`: a `visit` and a `visit_mut` that name the children in order.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;

use crate::ast::{Field, Fields, Input, Shape};
use crate::bounds;
use crate::expand::{local, pattern};

/// What tells the two methods apart: whether the children are lent to look at or to change.
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
        // A reference is never known to be empty; what it refers to can be.
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

/// Names `visit` of every child's type, which does nothing at run time and says that the type is a
/// `Module`. Where it is not, the compiler finds this to be wrong first, with the whole type in the
/// struct's definition underlined and in words that are the same in both methods. It prints equal
/// errors once, and of several about one place and one trait only the first; so [`call`] puts what
/// it says of a field at the very same place, and each field is reported a single time.
fn assertion(input: &Input, krate: &Path) -> Option<TokenStream> {
    let types: Vec<_> = input.children().map(|child| &child.ty).collect();
    (!types.is_empty()).then(|| quote!(let _ = (#(<#types as #krate::module::Module>::visit,)*);))
}

/// Makes the compiler check, in a closure that is never called, that skipped fields hold no
/// parameters. Its error points at the word `skip`.
fn skipped(input: &Input, krate: &Path) -> Option<TokenStream> {
    let mut checks = TokenStream::new();
    for field in input.fields() {
        let Some(skip) = field.options.skip.as_ref().filter(|skip| !skip.params) else {
            continue;
        };
        let (ty, skipped) = (&field.ty, local("skipped"));
        let verdict = quote_spanned! {
            skip.word.span().resolved_at(Span::mixed_site())=> (&&&#skipped).verdict()
        };
        checks.extend(quote! {
            let #skipped = #krate::module::skipped::Skipped::<#ty>::new();
            #skipped.check(#verdict);
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

/// Says that the type has no leaves, if it has no fields that could have any.
fn leafless(input: &Input, krate: &Path) -> Option<TokenStream> {
    let skips_params = |field: &Field| field.options.skip.as_ref().is_some_and(|skip| skip.params);
    if input.children().next().is_some() || input.fields().any(skips_params) {
        return None;
    }
    let ident = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    Some(quote! {
        #[automatically_derived]
        impl #impl_generics #krate::module::skipped::Leafless for #ident #ty_generics #where_clause {}
    })
}

fn calls(fields: &Fields, prefix: Option<&str>, krate: &Path, access: Access) -> TokenStream {
    fields
        .children()
        .map(|child| call(child, prefix, krate, access))
        .collect()
}

/// Hands one child to the walk.
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
    // From the first to the last token of the type, as the compiler measures the type itself.
    let (first, _) = ends(child);
    let borrow = match access {
        Access::Shared => quote_spanned!(first=> &*),
        Access::Mutable => quote_spanned!(first=> &mut *),
    };
    quote!(#walk.field(#path, #borrow #binding);)
}

/// What the field is called in the body. It is placed at the end of the field's type, for
/// [`assertion`]'s sake.
fn binding(child: &Field) -> Ident {
    let (_, last) = ends(child);
    Ident::new(&format!("__{}", child.index), last)
}

/// Where the field's type begins and where it ends.
fn ends(child: &Field) -> (Span, Span) {
    let mut spans = Vec::new();
    visible_spans(child.ty.to_token_stream(), &mut spans);
    let at = |span: Option<&Span>| span.copied().unwrap_or_else(Span::call_site);
    (at(spans.first()), at(spans.last()))
}

/// A type that a macro was given comes in a group that is nowhere in the source.
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
