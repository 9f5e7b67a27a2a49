//! Which warnings an impl must not repeat. What is not needed here is not allowed either, since an
//! `allow` does not compile where the user has a `forbid`.

use syn::{Attribute, Data, DeriveInput, parse_quote};

/// The attributes to put on an impl. What the user allows of the item is allowed of its impl, as
/// the language's own derives have it; and to visit what the item itself deprecates is no use of
/// it that the user should be warned of.
pub(crate) fn of(input: &DeriveInput) -> Vec<Attribute> {
    let allows = input
        .attrs
        .iter()
        .filter(|attr| attr.path().is_ident("allow"));
    let mut lints: Vec<Attribute> = allows.cloned().collect();
    let all = attributes(input).into_iter().flatten();
    if all
        .into_iter()
        .any(|attr| attr.path().is_ident("deprecated"))
    {
        lints.push(parse_quote!(#[allow(deprecated)]));
    }
    lints
}

/// The attributes of the item, its variants and their fields.
fn attributes(input: &DeriveInput) -> Vec<&[Attribute]> {
    let mut all = vec![input.attrs.as_slice()];
    match &input.data {
        Data::Struct(data) => all.extend(data.fields.iter().map(|field| field.attrs.as_slice())),
        Data::Enum(data) => {
            for variant in &data.variants {
                all.push(&variant.attrs);
                all.extend(variant.fields.iter().map(|field| field.attrs.as_slice()));
            }
        }
        Data::Union(_) => {}
    }
    all
}
