//! The lints that an impl allows. There are no more than needed, because an `allow` does not
//! compile under a `forbid` of the user.

use syn::{Attribute, Data, DeriveInput, parse_quote};

/// Returns the attributes of an impl. The lints that the user allows for the item are allowed for
/// its impl, as with the derives of the language. Visiting a deprecated field of the item itself is
/// no reason for a warning.
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

/// Returns the attributes of the item, its variants and their fields.
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
