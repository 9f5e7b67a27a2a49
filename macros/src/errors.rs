//! Collects all errors in the input, so that one compilation shows them all.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The errors found so far, in this order.
#[derive(Default)]
pub(crate) struct Errors {
    all: Option<syn::Error>,
}

impl Errors {
    /// Reports `message` at the source text of `tokens`.
    pub(crate) fn push(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// Adds an error of `syn`.
    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.all {
            Some(all) => all.combine(error),
            None => self.all = Some(error),
        }
    }

    /// Adds the errors of another list.
    pub(crate) fn append(&mut self, other: Self) {
        if let Some(error) = other.all {
            self.add(error);
        }
    }

    /// Returns the number of errors.
    pub(crate) fn count(&self) -> usize {
        self.all.iter().flatten().count()
    }

    /// Returns whether there is an error.
    pub(crate) fn any(&self) -> bool {
        self.all.is_some()
    }

    /// Returns the `compile_error!` invocations, or `None` if there is no error.
    pub(crate) fn into_tokens(self) -> Option<TokenStream> {
        self.all.map(syn::Error::into_compile_error)
    }
}
