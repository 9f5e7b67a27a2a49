//! Writes the implementation of `Formula`: the value and the cotangents.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};
use syn::Path;

use super::super::emit::{self, Coefficients};
use super::super::graph::{Binary, Function, Graph, Node, Op};
use super::super::signature::Output;
use super::{Expansion, Names};

impl Expansion {
    pub(super) fn formula_impl(
        &mut self,
        support: &Path,
        coefficients: &mut Coefficients,
    ) -> TokenStream {
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
        Op::Binary(Binary::Mul, a, b) if a == g && graph.is_uniform(b) => Some(b),
        Op::Binary(Binary::Mul, a, b) if b == g && graph.is_uniform(a) => Some(a),
        _ => None,
    }
}
