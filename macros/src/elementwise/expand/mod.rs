//! Writes the items that replace a function of numbers: `formula` writes the value and the
//! cotangents, `inherent` what calls need, and `test` the test of the derivatives.

mod formula;
mod inherent;
mod test;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Item, ItemFn, Path, TraitItemFn, parse_quote};

use super::differentiate::{pull, scaled};
use super::emit::{Coefficients, Program};
use super::graph::{Graph, Node, Op};
use super::lower::Formula;
use super::options::{Options, derivatives};
use super::signature::{Output, ParameterKind, Signature};
use crate::errors::Errors;

/// Returns the code that replaces the function.
#[allow(clippy::needless_pass_by_value)] // As the compiler calls it.
pub(crate) fn elementwise(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::read(options, &mut errors);
    let mut item: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            match syn::parse2::<Item>(item.clone()) {
                _ if syn::parse2::<TraitItemFn>(item.clone()).is_ok() => {
                    errors.push(
                        &item,
                        "expected a function with a body, which is the formula",
                    );
                }
                Ok(other) => errors.push(other, "`#[elementwise]` is for functions"),
                Err(_) => errors.add(error),
            }
            let errors = errors.into_tokens();
            return quote!(#errors #item);
        }
    };
    let stated = derivatives(&mut item.attrs, &mut errors);
    let signature = Signature::from_syn(&item, &mut errors);
    options.check_ranges(&signature, &mut errors);
    let krate = options.krate();

    let mut formula = Formula::new(&item.sig.ident, &signature, options.is_own());
    let root = formula.block(&item.block, &mut errors);
    if let (Some(root), false) = (root, errors.any()) {
        check_uses(&formula.graph, root, &signature, &mut errors);
    }
    formula.graph.derives = true;
    let mut known: Vec<Option<Node>> = vec![None; signature.operands()];
    // The library's own operations have tests in one place.
    let is_tested = options.check.is_some() || options.is_faulty || options.is_own();
    if let (Some(first), false) = (stated.first(), is_tested) {
        let message = "a stated derivative needs a test: add `check(…)` to `#[elementwise]`";
        errors.push(&first.name, message);
    }
    for given in &stated {
        let name = &given.name;
        let operand = match signature.kind_of(name) {
            Some(ParameterKind::Operand(k)) => Some(k),
            Some(ParameterKind::Faulty) => None,
            Some(_) => {
                let message = format!("`{name}` is no operand: gradients flow only to tensors");
                errors.push(name, message);
                None
            }
            None => {
                errors.push(name, format!("there is no operand `{name}`"));
                None
            }
        };
        // Without a value, the expression is read for its errors.
        let result = root.unwrap_or_else(|| formula.graph.literal(f64::NAN));
        let derivative = formula.expression(&given.value, result, &mut errors);
        if let Some(k) = operand {
            known[k] = derivative;
        }
    }
    match (root, errors.into_tokens()) {
        (Some(root), None) => {
            let cotangents = cotangents(&mut formula.graph, root, &known);
            let expansion = Expansion {
                options,
                item,
                signature,
                krate,
                formula,
                root,
                cotangents,
            };
            expansion.write()
        }
        (_, errors) => {
            let function = function(&item, &signature, &krate, &quote!(::core::unimplemented!()));
            let (vis, name) = (&item.vis, &item.sig.ident);
            quote! {
                #errors
                #[allow(unused_variables)]
                #function
                #[doc(hidden)]
                #[allow(non_camel_case_types, dead_code)]
                #vis struct #name {}
            }
        }
    }
}

/// Reports operands that the function does not use.
fn check_uses(graph: &Graph, root: Node, signature: &Signature, errors: &mut Errors) {
    let used = graph.operands(&[root], None);
    for parameter in &signature.parameters {
        if let ParameterKind::Operand(k) = parameter.kind
            && used & (1 << k) == 0
        {
            let name = &parameter.name;
            errors.push(name, format!("the operand `{name}` is not used: remove it"));
        }
    }
}

/// Returns the cotangents of all operands: by the stated derivatives, else by differentiation.
fn cotangents(graph: &mut Graph, root: Node, known: &[Option<Node>]) -> Vec<Node> {
    let g = graph.add(Op::Cotangent);
    let pulled = if known.iter().all(Option::is_some) {
        vec![None; known.len()]
    } else {
        pull(graph, root, g, known.len())
    };
    let pairs = known.iter().zip(pulled);
    pairs
        .map(|(known, pulled)| {
            let cotangent = match known {
                Some(derivative) => Some(scaled(graph, g, *derivative)),
                None => pulled,
            };
            match cotangent {
                Some(cotangent) if !graph.is_uniform(cotangent) => cotangent,
                // 0 as a function of the cotangent, so that it stays in a recorded graph.
                _ => {
                    let (never, zero) = (graph.less(g, g), graph.literal(0.0));
                    graph.select(never, g, zero)
                }
            }
        })
        .collect()
}

/// Returns the function that users call.
fn function(item: &ItemFn, signature: &Signature, krate: &Path, body: &TokenStream) -> TokenStream {
    let (attrs, vis, name) = (&item.attrs, &item.vis, &item.sig.ident);
    let parameters = signature.parameters.iter().map(|parameter| {
        // The types as they are written, so that their imports are used.
        let (name, ty) = (&parameter.name, &parameter.ty);
        match parameter.kind {
            ParameterKind::Operand(_) => quote!(#name: &#ty),
            ParameterKind::Number => quote!(#name: ::core::primitive::f64),
            ParameterKind::Integer => quote!(#name: ::core::primitive::i32),
            ParameterKind::Axes => quote!(#name: impl ::core::convert::Into<#ty>),
            // Calls have no errors that follow from this one.
            ParameterKind::Faulty => quote!(#name: impl ::core::marker::Sized),
        }
    });
    let tensor = signature.tensor.as_ref();
    let tensor = tensor.map_or_else(|| quote!(#krate::Tensor), ToTokens::to_token_stream);
    let output = if signature.can_fail() {
        quote!(#krate::Result<#tensor>)
    } else {
        tensor
    };
    // Refused memory panics at the caller's line.
    let has = |word: &str| attrs.iter().any(|attr| attr.path().is_ident(word));
    let track = (!signature.can_fail() && !has("track_caller")).then(|| quote!(#[track_caller]));
    quote! {
        #(#attrs)*
        #track
        #vis fn #name(#(#parameters),*) -> #output {
            #body
        }
    }
}

/// A function without errors.
struct Expansion {
    options: Options,
    item: ItemFn,
    signature: Signature,
    krate: Path,
    formula: Formula,
    root: Node,
    cotangents: Vec<Node>,
}

impl Expansion {
    fn write(mut self) -> TokenStream {
        let (krate, name, vis) = (&self.krate, &self.item.sig.ident, &self.item.vis);
        let support: Path = parse_quote!(#krate::elementwise);
        let is_cfg = |attr: &&Attribute| attr.path().is_ident("cfg");
        let cfgs: Vec<_> = self.item.attrs.iter().filter(is_cfg).cloned().collect();
        let function = function(&self.item, &self.signature, krate, &self.body(&support));
        let test = self.test();
        let count = Literal::usize_unsuffixed(self.signature.operands());
        let text = match &self.options.name {
            Some(name) => name.value(),
            None => raw_name(name),
        };
        let kind = match (&self.options.kind, self.signature.output) {
            (Some(kind), _) => kind.clone(),
            (None, Output::Tensor) => Ident::new("Elementwise", Span::call_site()),
            (None, _) => Ident::new("Loss", Span::call_site()),
        };
        let hidden = quote! {
            #(#cfgs)*
            #[doc(hidden)]
            #[allow(non_camel_case_types, dead_code)]
            #[derive(Clone, Copy)]
        };
        let operation = quote! {
            impl #support::Operation<#count> for #name {
                const NAME: &'static ::core::primitive::str = #text;
                const KIND: #krate::OpKind = #krate::OpKind::#kind;
            }
        };
        let (name, vis) = (name.clone(), vis.clone());
        let mut coefficients = Coefficients::default();
        let formula = self.formula_impl(&support, &mut coefficients);
        let inherent = self.inherent_impl(&support, &mut coefficients);
        let calls = self.calls(&support);
        let numbers = Literal::usize_unsuffixed(coefficients.numbers.len());
        let integers = Literal::usize_unsuffixed(coefficients.integers.len());
        quote! {
            #function

            #hidden
            #vis struct #name {
                numbers: [::core::primitive::f64; #numbers],
                integers: [::core::primitive::i64; #integers],
            }

            #(#cfgs)*
            const _: () = {
                #formula
                #operation
                #inherent
                #calls
            };

            #test
        }
    }

    /// Returns the body of the function that users call.
    fn body(&self, support: &Path) -> TokenStream {
        let name = &self.item.sig.ident;
        let numbers = self.names(ParameterKind::is_number);
        let operands = self.names(ParameterKind::is_operand);
        let formula = quote!(#name::new(#(#numbers),*));
        let reduced = match self.signature.output {
            Output::Tensor if self.signature.can_fail() => {
                return quote!(#support::apply(#formula, [#(#operands),*]));
            }
            Output::Tensor => return quote!(#support::apply_one(#formula, #(#operands),*)),
            Output::Sum if !self.signature.can_fail() => {
                return quote!(#support::sum_one(#formula, #(#operands),*));
            }
            Output::Sum => quote!(Sum),
            Output::Mean => quote!(Mean),
        };
        let is_axes = |kind| kind == ParameterKind::Axes;
        let axes = if let [axes] = &self.names(is_axes)[..] {
            quote!(::core::option::Option::Some(::core::convert::Into::into(#axes)))
        } else {
            quote!(::core::option::Option::None)
        };
        quote! {
            #support::reduce(#formula, #support::Reduced::#reduced, #axes, [#(#operands),*])
        }
    }

    /// Returns the names of the parameters of some kinds.
    fn names(&self, chosen: impl Fn(ParameterKind) -> bool) -> Vec<Ident> {
        let parameters = self.signature.parameters.iter();
        let chosen = parameters.filter(|parameter| chosen(parameter.kind));
        chosen.map(|parameter| parameter.name.clone()).collect()
    }

    fn program<'a>(
        formula: &'a mut Formula,
        coefficients: &'a mut Coefficients,
        support: &'a Path,
        names: &'a Names,
    ) -> Program<'a> {
        Program {
            formula,
            coefficients,
            support,
            operands: &names.operands,
            cotangent: &names.cotangent,
            given: None,
            guarded: false,
            is_uniform: false,
        }
    }

    /// Returns the names in the generated code. The underscore allows that a name is not used.
    /// After it an operand cannot have a digit.
    fn generated_names(&self) -> Names {
        let fresh = |name: &Ident| {
            let name = raw_name(name);
            format_ident!("_{name}", span = Span::mixed_site())
        };
        Names {
            operands: self
                .names(ParameterKind::is_operand)
                .iter()
                .map(fresh)
                .collect(),
            cotangent: Ident::new("_0g", Span::mixed_site()),
            result: Ident::new("_0y", Span::mixed_site()),
        }
    }
}

/// The names in the generated code.
struct Names {
    operands: Vec<Ident>,
    cotangent: Ident,
    result: Ident,
}

/// Returns a name without `r#`.
fn raw_name(name: &Ident) -> String {
    let text = name.to_string();
    text.strip_prefix("r#").map_or(text.clone(), str::to_owned)
}
