//! Tests of the generated code and of the text of every error.

// Expected texts are written as `UPDATE_EXPECT` writes them.
#![allow(clippy::needless_raw_string_hashes)]

use std::fmt::Write;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::DeriveInput;

use crate::expand;

mod bounds;
mod diagnostics;
mod elementwise;
mod layer;
mod module;

/// Returns the formatted code that `#[derive(Module)]` generates for the item.
fn module(item: &str) -> String {
    pretty(expand::module(parse(item)))
}

/// Returns the formatted code that `#[derive(Layer)]` generates for the item.
fn layer(item: &str) -> String {
    pretty(expand::layer(parse(item)))
}

fn parse(item: &str) -> DeriveInput {
    syn::parse_str(item).unwrap()
}

fn pretty(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

/// Returns the errors in an expansion, one per line: the source text that each points at, and its
/// message.
fn errors(expansion: TokenStream) -> String {
    let tokens: Vec<TokenTree> = expansion.into_iter().collect();
    let mut lines = String::new();
    for window in tokens.windows(3) {
        let [
            TokenTree::Ident(name),
            TokenTree::Punct(_),
            TokenTree::Group(group),
        ] = window
        else {
            continue;
        };
        if name != "compile_error" || group.delimiter() != Delimiter::Brace {
            continue;
        }
        let message: syn::LitStr = syn::parse2(group.stream()).unwrap();
        let source = name
            .span()
            .join(group.span())
            .and_then(|span| span.source_text());
        writeln!(lines, "{}: {}", source.unwrap(), message.value()).unwrap();
    }
    lines
}
