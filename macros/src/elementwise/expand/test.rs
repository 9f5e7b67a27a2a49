//! Writes the test of the derivatives.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use syn::Attribute;

use super::super::signature::{Output, Parameter, ParameterKind};
use super::{Expansion, raw_name};

impl Expansion {
    /// Returns the test of the derivatives.
    pub(super) fn test(&self) -> Option<TokenStream> {
        let (word, ranges) = self.options.check.as_ref()?;
        let (krate, name) = (&self.krate, &self.item.sig.ident);
        let range = |parameter: &Parameter| {
            let text = raw_name(&parameter.name);
            let given = ranges.iter().find(|given| given.name == parameter.name)?;
            let value = &given.value;
            let value = if let (ParameterKind::Integer, syn::Expr::Range(range)) =
                (parameter.kind, value)
            {
                let (start, end) = (&range.start, &range.end);
                let number = quote!(::core::primitive::f64::from);
                quote!(#number(#start)..#number(#end))
            } else {
                quote!(#value)
            };
            Some(quote!((#text, #value)))
        };
        let parameters = &self.signature.parameters;
        let operands = parameters
            .iter()
            .filter(|parameter| parameter.kind.is_operand());
        let operands: Vec<_> = operands.filter_map(range).collect();
        let numbers: Vec<_> = parameters
            .iter()
            .filter(|parameter| parameter.kind.is_number())
            .collect();
        let arguments = numbers.iter().enumerate().map(|(i, parameter)| {
            let i = Literal::usize_unsuffixed(i);
            if parameter.kind == ParameterKind::Integer {
                quote!(numbers[#i] as ::core::primitive::i32)
            } else {
                quote!(numbers[#i])
            }
        });
        let ranges: Vec<_> = numbers
            .iter()
            .filter_map(|parameter| range(parameter))
            .collect();
        let reduced = match self.signature.output {
            Output::Tensor => quote!(None),
            Output::Sum => quote!(Some(#krate::elementwise::Reduced::Sum)),
            Output::Mean => quote!(Some(#krate::elementwise::Reduced::Mean)),
        };
        let test = format_ident!("check_{}", raw_name(name), span = word.span());
        let is_cfg = |attr: &&Attribute| attr.path().is_ident("cfg");
        let cfgs = self.item.attrs.iter().filter(is_cfg);
        Some(quote! {
            #(#cfgs)*
            #[cfg(test)]
            #[test]
            fn #test() {
                #krate::gradcheck::elementwise(
                    [#(#operands),*],
                    &[#(#ranges),*],
                    ::core::option::Option::#reduced,
                    |numbers: &[::core::primitive::f64]| #name::new(#(#arguments),*),
                );
            }
        })
    }
}
