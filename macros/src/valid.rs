//! Checks options that are right alone but wrong together, and inputs that cannot be derived.

use std::collections::HashMap;

use syn::spanned::Spanned;
use syn::{GenericParam, Ident};

use crate::ast::{Field, Fields, Input, Shape, Style};
use crate::errors::Errors;

/// Reports all reasons why the input cannot be a module.
pub(crate) fn module(input: &Input, errors: &mut Errors) {
    for param in &input.generics.params {
        if let GenericParam::Lifetime(param) = param {
            errors.push(
                &param.lifetime,
                format!(
                    "a module owns its parameters, so it cannot borrow them for `{}`: \
                     hold them by value",
                    param.lifetime
                ),
            );
        }
    }
    match &input.shape {
        Shape::Struct(fields) => siblings(fields, errors),
        Shape::Enum(variants) => {
            for variant in variants {
                siblings(&variant.fields, errors);
            }
        }
    }
}

/// Reports all reasons why the input cannot be a layer.
pub(crate) fn layer(input: &Input, errors: &mut Errors) {
    match &input.shape {
        Shape::Struct(fields) => pipeline(&input.ident, "struct", fields, errors),
        Shape::Enum(variants) if variants.is_empty() => {
            errors.push(&input.ident, no_pipeline("enum", "variant"));
        }
        Shape::Enum(variants) => {
            // A unit variant is the identity.
            let variants = variants.iter();
            for variant in variants.filter(|variant| !matches!(variant.fields.style, Style::Unit)) {
                pipeline(&variant.ident, "variant", &variant.fields, errors);
            }
        }
    }
}

/// Reports all reasons why the input cannot be a sample.
pub(crate) fn sample(input: &Input, errors: &mut Errors) {
    for param in &input.generics.params {
        if let GenericParam::Lifetime(param) = param {
            errors.push(
                &param.lifetime,
                format!(
                    "a sample may go to another thread, so it cannot borrow for `{}`: hold \
                     tensors by value, whose clones share the memory",
                    param.lifetime
                ),
            );
        }
    }
    match &input.shape {
        Shape::Struct(fields) if fields.all.is_empty() => errors.push(
            &input.ident,
            "a sample needs a field, such as a `Tensor`, whose rows a batch counts",
        ),
        Shape::Struct(fields) => {
            for field in &fields.all {
                let options = &field.options;
                let rename = options.rename.as_ref().map(|(word, _)| word);
                let skip = options.skip.as_ref().map(|skip| &skip.word);
                let words = [rename, skip, options.flatten.as_ref()];
                for word in words.into_iter().flatten() {
                    let text = format!("`{word}` is no option of a sample's field: remove it");
                    errors.push(word, text);
                }
            }
        }
        Shape::Enum(_) => errors.push(
            &input.ident,
            "a batch has all fields for each of its samples, so an enum cannot be a sample: use a \
             struct, with `Indices` for the kind and a `Mask` for values that may be missing",
        ),
    }
}

fn pipeline(ident: &Ident, kind: &str, fields: &Fields, errors: &mut Errors) {
    if fields.children().next().is_none() {
        errors.push(ident, no_pipeline(kind, "field"));
    }
}

fn no_pipeline(kind: &str, part: &str) -> String {
    format!(
        "`Layer` runs the fields in order, but this {kind} has no {part} to run: write \
         `impl Layer` by hand"
    )
}

/// Checks the fields of one struct or variant. Their names must differ.
fn siblings(fields: &Fields, errors: &mut Errors) {
    let mut taken = HashMap::new();
    for field in &fields.all {
        conflicts(field, errors);
        if !field.is_child() || !name(field, errors) {
            continue;
        }
        if let Some(component) = field.component()
            && let Some(first) = taken.insert(component, field)
        {
            duplicate(first, field, errors);
        }
    }
}

fn conflicts(field: &Field, errors: &mut Errors) {
    let options = &field.options;
    let rename = options.rename.as_ref().map(|(word, _)| word);
    if options.skip.is_some() {
        let others = [rename, options.flatten.as_ref()];
        for word in others.into_iter().flatten() {
            errors.push(
                word,
                format!(
                    "a skipped field has no path, so `{word}` has no effect: remove it or `skip`"
                ),
            );
        }
        return;
    }
    if options.flatten.is_some()
        && let Some(word) = rename
    {
        errors.push(
            word,
            "a flattened field has no path component to rename: remove `rename` or `flatten`",
        );
    }
}

/// Returns whether the name from `rename` can be a path component.
fn name(field: &Field, errors: &mut Errors) -> bool {
    let Some((_, literal)) = &field.options.rename else {
        return true;
    };
    let name = literal.value();
    if name.is_empty() {
        errors.push(
            literal,
            "a path component cannot be empty: to have none, write `#[module(flatten)]`",
        );
    } else if name.contains('.') {
        errors.push(
            literal,
            "a path component cannot contain a dot: dots separate the components",
        );
    }
    !name.is_empty() && !name.contains('.')
}

fn duplicate(first: &Field, second: &Field, errors: &mut Errors) {
    // The error points at the name that was chosen with `rename`.
    let (blamed, other) = match (&first.options.rename, &second.options.rename) {
        (Some(_), None) => (first, second),
        _ => (second, first),
    };
    let (span, component) = match &blamed.options.rename {
        Some((_, literal)) => (literal.span(), literal.value()),
        None => (blamed.member.span(), blamed.name()),
    };
    errors.add(syn::Error::new(
        span,
        format!(
            "the path component `{component}` is taken by the field `{}`: paths must differ",
            other.name()
        ),
    ));
}
