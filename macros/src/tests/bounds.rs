//! The where-clauses of the impls.

use super::{layer, module};

/// Returns the header of the impl with its where-clause, on one line.
fn header(expansion: &str) -> String {
    let start = expansion.find("impl").unwrap();
    let end = expansion.find("fn ").unwrap();
    let words: Vec<&str> = expansion[start..end].split_whitespace().collect();
    words.join(" ").trim_end_matches(['{', ',', ' ']).to_owned()
}

/// Returns the header of the impl of `Module` without the path of the crate.
fn bounds(item: &str) -> String {
    header(&module(item)).replace("::cotangent::module::", "")
}

#[test]
fn types_without_parameters_are_not_bound() {
    assert_eq!(
        bounds("struct Net { a: Linear, b: Vec<Linear> }"),
        "impl Module for Net"
    );
    assert_eq!(
        bounds("struct Net<const N: usize> { a: [Linear; N] }"),
        "impl<const N: usize> Module for Net<N>"
    );
}

#[test]
fn the_type_of_the_field_is_bound_and_not_the_parameter() {
    assert_eq!(
        bounds("struct Net<L> { layers: Vec<L>, marker: PhantomData<L> }"),
        "impl<L> Module for Net<L> where Vec<L>: Module, PhantomData<L>: Module"
    );
    assert_eq!(
        bounds("struct Net<F: Family> { a: F::Layer, b: <F as Family>::Layer }"),
        "impl<F: Family> Module for Net<F> where F::Layer: Module, <F as Family>::Layer: Module"
    );
}

#[test]
fn a_type_is_bound_once() {
    assert_eq!(
        bounds("enum Net<L> { A(L), B { first: L, second: L } }"),
        "impl<L> Module for Net<L> where L: Module"
    );
}

#[test]
fn skipped_fields_have_no_bounds() {
    assert_eq!(
        bounds("struct Net<L, T> { layer: L, #[module(skip)] config: T }"),
        "impl<L, T> Module for Net<L, T> where L: Module"
    );
}

#[test]
fn the_clauses_of_the_type_are_kept_and_its_defaults_dropped() {
    assert_eq!(
        bounds("struct Net<L: Clone = Linear, const N: usize = 2> where L: Send { a: [L; N] }"),
        "impl<L: Clone, const N: usize> Module for Net<L, N> where L: Send, [L; N]: Module"
    );
}

#[test]
fn parameters_are_found_wherever_they_are_mentioned() {
    for ty in [
        "L",
        "&'static L",
        "Box<dyn Of<L>>",
        "fn(L) -> u8",
        "fn(x: L) -> u8",
        "layers!(L)",
        "[Linear; size::<L>()]",
        "L::Inner<u8>",
        "(Linear, L)",
    ] {
        assert_eq!(
            bounds(&format!("struct Net<L>({ty});")),
            format!("impl<L> Module for Net<L> where {ty}: Module"),
        );
    }
}

#[test]
fn a_namesake_of_a_parameter_is_not_the_parameter() {
    for ty in ["shapes::L", "::L", "Linear<shapes::L>", "<Linear as Of>::L"] {
        assert_eq!(
            bounds(&format!("struct Net<L>({ty});")),
            "impl<L> Module for Net<L>"
        );
    }
}

#[test]
fn recursion_binds_the_parameters() {
    for ty in [
        "Option<Box<Tree<L>>>",
        "Option<Box<self::Tree<L>>>",
        "Option<Box<crate::tree::Tree<L>>>",
        "Vec<super::Tree<L>>",
    ] {
        assert_eq!(
            bounds(&format!("struct Tree<L> {{ next: {ty} }}")),
            "impl<L> Module for Tree<L> where L: Module",
        );
    }
    assert_eq!(
        bounds("struct Tree<L, M> { layer: M, both: (L, Vec<Tree<L, M>>), next: Vec<Self> }"),
        "impl<L, M> Module for Tree<L, M> where M: Module, L: Module"
    );
    assert_eq!(
        bounds("struct Tree { next: Option<Box<Tree>> }"),
        "impl Module for Tree"
    );
}

#[test]
fn a_wrapped_namesake_is_no_recursion() {
    assert_eq!(
        bounds("struct Linear<T>(cotangent::nn::Linear<T>);"),
        "impl<T> Module for Linear<T> where cotangent::nn::Linear<T>: Module"
    );
}

#[test]
fn given_bounds_replace_the_inferred_ones() {
    assert_eq!(
        bounds(
            "#[module(bound = \"L: Module, M: Copy + 'static\")] \
             struct Net<L, M>(Vec<L>, M) where L: Send;"
        ),
        "impl<L, M> Module for Net<L, M> where L: Send, L: Module, M: Copy + 'static"
    );
    assert_eq!(
        bounds("#[module(bound = \"\")] struct Net<L>(Vec<L>);"),
        "impl<L> Module for Net<L>"
    );
}

#[test]
fn layers_are_bound_to_be_layers() {
    assert_eq!(
        header(&layer(
            "struct Net<L, M> { layers: Vec<L>, #[module(skip)] config: M }"
        )),
        "impl<L, M> ::cotangent::module::Layer for Net<L, M> \
         where Vec<L>: ::cotangent::module::Layer"
    );
    assert_eq!(
        header(&layer(
            "#[module(bound = \"L: Layer\")] struct Net<L>(Vec<L>);"
        )),
        "impl<L> ::cotangent::module::Layer for Net<L> where L: Layer"
    );
}
