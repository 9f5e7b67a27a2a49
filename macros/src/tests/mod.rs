//! The expansions as a reader sees them, and the text of every error.

// Snapshots are written by the test library, which puts hashes around all of them.
#![allow(clippy::needless_raw_string_hashes)]

use std::fmt::Write;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::DeriveInput;

use crate::expand;

mod bounds;
mod diagnostics;
mod layer;
mod module;

/// What `#[derive(Module)]` makes of the item, formatted.
fn module(item: &str) -> String {
    pretty(expand::module(parse(item)))
}

/// What `#[derive(Layer)]` makes of the item, formatted.
fn layer(item: &str) -> String {
    pretty(expand::layer(parse(item)))
}

fn parse(item: &str) -> DeriveInput {
    syn::parse_str(item).unwrap()
}

fn pretty(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

/// The errors in an expansion, one a line: the source text that each points at, and its message.
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
