//! Writes the items that replace a function of numbers.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Item, ItemFn, Path, TraitItemFn, parse_quote};

use super::differentiate::{pull, scaled};
use super::emit::{self, Coefficients, Program};
use super::graph::{Function, Graph, Node, Op};
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
    let tensor = match &signature.tensor {
        Some(ty) => quote!(#ty),
        _ => quote!(#krate::Tensor),
    };
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

    fn formula_impl(&mut self, support: &Path, coefficients: &mut Coefficients) -> TokenStream {
        let name = self.item.sig.ident.clone();
        let names = self.generated_names();
        let count = Literal::usize_unsuffixed(names.operands.len());
        let given = self.result_suffices().then_some(self.root);
        let (operands, g, result) = (&names.operands, &names.cotangent, &names.result);

        let program = Self::program(&mut self.formula, coefficients, support, &names);
        let (statements, values) = program.write(&[self.root]);
        let value = quote! {
            #[inline(always)]
            fn value<T: #support::Real>(self, [#(#operands),*]: [T; #count]) -> T {
                #statements
                #(#values)*
            }
        };

        let mut needs = Vec::new();
        let mut factors = Vec::new();
        for (k, &cotangent) in self.cotangents.clone().iter().enumerate() {
            if let Some(factor) = factor(&mut self.formula.graph, cotangent) {
                let mut program = Self::program(&mut self.formula, coefficients, support, &names);
                let factor = program.number(factor);
                let k = Literal::usize_unsuffixed(k);
                factors.push(quote!(#k => ::core::option::Option::Some(#factor),));
            }
            let graph = &self.formula.graph;
            let uses = Literal::u32_unsuffixed(graph.operands(&[cotangent], given));
            let of_result = given
                .is_some_and(|given| graph.reachable(&[cotangent], Some(given)).contains(&given));
            needs.push(quote!(#support::Needs { operands: #uses, result: #of_result }));
        }
        let factor = (!factors.is_empty()).then(|| {
            quote! {
                #[inline]
                fn factor(
                    self,
                    operand: ::core::primitive::usize,
                ) -> ::core::option::Option<::core::primitive::f64> {
                    match operand {
                        #(#factors)*
                        _ => ::core::option::Option::None,
                    }
                }
            }
        });

        // A program for each operand alone, and one for all.
        let mut programs = Vec::new();
        let all: Vec<usize> = (0..self.cotangents.len()).collect();
        let singles = all.iter().map(|&k| vec![k]).filter(|_| all.len() > 1);
        for wanted in singles.chain([all.clone()]) {
            let roots: Vec<Node> = wanted.iter().map(|&k| self.cotangents[k]).collect();
            let mut program = Self::program(&mut self.formula, coefficients, support, &names);
            program.given = given.map(|node| (node, result));
            program.guarded = true;
            let (statements, values) = program.write(&roots);
            let mut all_values: Vec<_> = all.iter().map(|_| g.to_token_stream()).collect();
            for (k, value) in wanted.iter().zip(values) {
                all_values[*k] = value;
            }
            let body = quote!(#statements [#(#all_values),*]);
            if wanted.len() < all.len() {
                let mask = Literal::u32_unsuffixed(1 << wanted[0]);
                programs.push(quote!(if WANTED == #mask { #body } else));
            } else if all.len() > 1 {
                programs.push(quote!({ #body }));
            } else {
                programs.push(body);
            }
        }
        let angle = self.angle(support, coefficients, &names);
        quote! {
            impl #support::Formula<#count> for #name {
                const NEEDS: [#support::Needs; #count] = [#(#needs),*];

                #value

                #[inline(always)]
                fn pullback<T: #support::Real, const WANTED: ::core::primitive::u32>(
                    self,
                    #g: T,
                    [#(#operands),*]: [T; #count],
                    #result: T,
                ) -> [T; #count] {
                    #(#programs)*
                }

                #factor
                #angle
            }
        }
    }

    /// Returns whether the cotangents that use the value of the function use no operand besides, so
    /// that the value is saved and not the operands.
    fn result_suffices(&self) -> bool {
        let (graph, root) = (&self.formula.graph, self.root);
        if self.signature.output != Output::Tensor || matches!(graph.op(root), Op::Operand(_)) {
            return false;
        }
        let mut any = false;
        for &cotangent in &self.cotangents {
            if graph.reachable(&[cotangent], Some(root)).contains(&root) {
                if graph.operands(&[cotangent], Some(root)) != 0 {
                    return false;
                }
                any = true;
            }
        }
        any
    }

    /// Returns whether the formula has sines and cosines, and their largest argument.
    fn angle(
        &mut self,
        support: &Path,
        coefficients: &mut Coefficients,
        names: &Names,
    ) -> Option<TokenStream> {
        let graph = &self.formula.graph;
        let roots = [&[self.root], &self.cotangents[..]].concat();
        let (mut angles, mut calls) = (Vec::new(), Vec::new());
        for node in graph.reachable(&roots, None) {
            match graph.op(node) {
                _ if graph.is_uniform(node) => {}
                Op::Unary(Function::Sin | Function::Cos, angle) if !angles.contains(angle) => {
                    angles.push(*angle);
                }
                Op::Call(callee, arguments) => calls.push((*callee, arguments.clone())),
                _ => {}
            }
        }
        if angles.is_empty() && calls.is_empty() {
            return None;
        }
        let arguments = calls.iter().flat_map(|(_, arguments)| arguments);
        let varies = arguments.filter(|&&node| !graph.is_uniform(node));
        let roots: Vec<Node> = angles.iter().chain(varies).copied().collect();
        let is_trigonometric = if angles.is_empty() {
            let callees = calls.iter().map(|(callee, _)| {
                let path = emit::callee(&self.formula.callees[*callee], support);
                quote!(#path::TRIGONOMETRIC)
            });
            quote!(#(#callees)||*)
        } else {
            quote!(true)
        };
        let count = Literal::usize_unsuffixed(names.operands.len());
        let operands = &names.operands;
        let like = &operands[0];
        let program = Self::program(&mut self.formula, coefficients, support, names);
        let (statements, mut values) = program.write(&roots);
        let mut of_arguments = values.split_off(angles.len()).into_iter();
        let mut of_calls = Vec::new();
        for (callee, arguments) in &calls {
            let path = emit::callee(&self.formula.callees[*callee], support);
            let mut program = Self::program(&mut self.formula, coefficients, support, names);
            let mut all = Vec::new();
            for &argument in arguments {
                all.push(if program.formula.graph.is_uniform(argument) {
                    program.argument(argument)
                } else {
                    of_arguments.next().expect("one value for each argument")
                });
            }
            let bound = program.bound(*callee, arguments, &all);
            of_calls.push(quote! {
                if #path::TRIGONOMETRIC {
                    largest = #support::larger_size(largest, #support::angle(#bound));
                }
            });
        }
        Some(quote! {
            const TRIGONOMETRIC: ::core::primitive::bool = #is_trigonometric;

            #[inline(always)]
            fn angle<T: #support::Real>(self, [#(#operands),*]: [T; #count]) -> T {
                #statements
                let mut largest = #like.zero();
                #(largest = #support::larger_size(largest, #values);)*
                #(#of_calls)*
                largest
            }
        })
    }

    /// Returns the items through which other formulas call this one.
    #[allow(clippy::too_many_lines)] // The text of the code that it writes.
    fn inherent_impl(&mut self, support: &Path, coefficients: &mut Coefficients) -> TokenStream {
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
    fn calls(&self, support: &Path) -> Option<TokenStream> {
        let mut places: Vec<_> = self.formula.places.iter().collect();
        places.sort_by(|(a, _), (b, _)| a.cmp(b));
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

    /// Returns the test of the derivatives.
    fn test(&self) -> Option<TokenStream> {
        let (word, ranges) = self.options.check.as_ref()?;
        let (krate, name) = (&self.krate, &self.item.sig.ident);
        let range = |parameter: &super::signature::Parameter| {
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

/// Returns the factor of the cotangent, if the node is the cotangent times a number that is the
/// same for all elements.
fn factor(graph: &mut Graph, node: Node) -> Option<Node> {
    let g = graph.add(Op::Cotangent);
    if node == g {
        return Some(graph.literal(1.0));
    }
    match *graph.op(node) {
        Op::Unary(Function::Neg, inner) => {
            let inner = factor(graph, inner)?;
            Some(graph.neg(inner))
        }
        Op::Binary(super::graph::Binary::Mul, a, b) if a == g && graph.is_uniform(b) => Some(b),
        Op::Binary(super::graph::Binary::Mul, a, b) if b == g && graph.is_uniform(a) => Some(a),
        _ => None,
    }
}
