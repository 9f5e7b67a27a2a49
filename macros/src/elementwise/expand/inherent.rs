//! Writes the constructor of a formula, and what other formulas need to call it.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;
use syn::Path;

use super::super::emit::{self, Coefficients};
use super::super::signature::{Output, ParameterKind};
use super::Expansion;

impl Expansion {
    /// Returns the items through which other formulas call this one.
    #[allow(clippy::too_many_lines)] // The text of the code that it writes.
    pub(super) fn inherent_impl(
        &mut self,
        support: &Path,
        coefficients: &mut Coefficients,
    ) -> TokenStream {
        let name = self.item.sig.ident.clone();
        let names = self.generated_names();
        let count = Literal::usize_unsuffixed(names.operands.len());
        let operands = &names.operands;
        let like = Ident::new("like", Span::mixed_site());

        let mut declared = Vec::new();
        let mut order = Vec::new();
        let mut numbers = Vec::new();
        let mut of_numbers = Vec::new();
        for parameter in &self.signature.parameters {
            let own = &parameter.name;
            match parameter.kind {
                ParameterKind::Operand(k) => {
                    let operand = &operands[k];
                    declared.push(quote!(#operand: impl #support::Argument<T>));
                    order.push(Literal::usize_unsuffixed(k));
                }
                ParameterKind::Number => {
                    declared.push(quote!(#own: impl #support::Argument<T>));
                    numbers.push(quote!(#own: ::core::primitive::f64));
                    of_numbers.push(quote!(#support::Argument::<T>::number(#own)));
                    order.push(Literal::usize_unsuffixed(0));
                }
                ParameterKind::Integer => {
                    declared.push(quote!(#own: impl #support::Argument<T>));
                    numbers.push(quote!(#own: ::core::primitive::i32));
                    of_numbers.push(quote!(#support::Argument::<T>::integer(#own)));
                    order.push(Literal::usize_unsuffixed(0));
                }
                ParameterKind::Axes => declared.push(quote!(_: impl ::core::marker::Sized)),
                ParameterKind::Faulty => {}
            }
        }
        let roots = coefficients.numbers.clone();
        let integers: Vec<_> = coefficients
            .integers
            .iter()
            .map(|whole| {
                let name = whole.name.expect("a literal is no coefficient");
                emit::integer(&self.formula.names[name], whole.offset)
            })
            .collect();
        let mut ignored = Coefficients::default();
        let mut program = Self::program(&mut self.formula, &mut ignored, support, &names);
        program.is_uniform = true;
        let conditions: Vec<bool> = roots
            .iter()
            .map(|&root| program.is_condition(root))
            .collect();
        let (statements, values) = program.write(&roots);
        let values = values.iter().zip(conditions).map(|(value, is_condition)| {
            if is_condition {
                quote!(::core::primitive::f64::from(::core::primitive::u8::from(#value)))
            } else {
                quote!(#value.0)
            }
        });
        let callable = (self.signature.output == Output::Tensor).then(|| {
            quote! {
                #[diagnostic::do_not_recommend]
                impl #support::check::Callable for #name {}
            }
        });
        let import = (!statements.is_empty()).then(|| {
            quote! {
                #[allow(unused_imports)]
                use #support::Real as _;
            }
        });
        quote! {
            #[allow(dead_code, deprecated, non_snake_case, clippy::too_many_arguments)]
            impl #name {
                #[inline(always)]
                fn new(#(#numbers),*) -> Self {
                    #import
                    #statements
                    Self { numbers: [#(#values),*], integers: [#(#integers),*] }
                }

                pub const TRIGONOMETRIC: ::core::primitive::bool =
                    <Self as #support::Formula<#count>>::TRIGONOMETRIC;
                /// The operand of each argument of a call, and any for a number.
                pub const OPERANDS: &'static [::core::primitive::usize] = &[#(#order),*];

                #[inline(always)]
                pub fn bind<T: #support::Real>(
                    #(#declared),*
                ) -> impl ::core::ops::FnOnce(T) -> (Self, [T; #count]) {
                    move |#like: T| (
                        Self::new(#(#of_numbers),*),
                        [#(#support::Argument::operand(#operands, #like)),*],
                    )
                }
            }
            #callable
        }
    }

    /// Returns code that only compiles if all functions that the formula calls can be called.
    pub(super) fn calls(&self, support: &Path) -> Option<TokenStream> {
        let mut places: Vec<_> = self.formula.places.iter().collect();
        places.sort_by_key(|(call, _)| *call);
        let calls = places.iter().map(|((_, arguments), place)| {
            let arguments = emit::checks(&self.formula, arguments, support);
            place.checked(arguments, support)
        });
        (!places.is_empty()).then(|| {
            quote! {
                #[allow(deprecated)]
                const _: fn() = || {
                    #(#calls)*
                };
            }
        })
    }
}
