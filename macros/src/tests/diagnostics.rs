//! The message about each mistake, and the source text that it points at.

use expect_test::{Expect, expect};

use super::{errors, parse, pretty};
use crate::expand;

fn check(item: &str, expected: &Expect) {
    expected.assert_eq(&errors(expand::module(parse(item))));
}

fn check_layer(item: &str, expected: &Expect) {
    expected.assert_eq(&errors(expand::layer(parse(item))));
}

#[test]
fn valid_input_has_no_errors() {
    let item = "struct Net { hidden: Linear, #[module(skip)] name: String }";
    assert_eq!(errors(expand::module(parse(item))), "");
    assert_eq!(errors(expand::layer(parse(item))), "");
}

#[test]
fn mistakes_with_stateful() {
    let check = |item: &str, expected: &Expect| {
        expected.assert_eq(&errors(crate::stateful::derive(parse(item))));
    };
    check(
        "#[state(crate = \"c\")] struct Run { net: Net, #[state(skip)] name: String }",
        &expect![[""]],
    );
    check(
        "enum Run { A(Net) }",
        &expect![[r#"
        Run: `Stateful` can be derived for structs only: write `state` and `load_state` by hand
    "#]],
    );
    check(
        "#[state(krate = \"c\")] struct Run { #[state(skp)] a: Net, #[state(flatten)] b: Net }",
        &expect![[r#"
            krate: expected `crate = "…"`, the only option of a struct
            skp: expected `skip`, the only option of a field
            flatten: expected `skip`, the only option of a field
        "#]],
    );
}

#[test]
fn unknown_options() {
    check(
        "struct Net { #[module(skp)] a: Linear }",
        &expect![[r#"
        skp: unknown option `skp`: did you mean `skip`?
    "#]],
    );
    check(
        "struct Net { #[module(freeze)] a: Linear }",
        &expect![[r#"
        freeze: unknown option `freeze`: to freeze a field, give it the type `Frozen<…>` and build it with `Frozen::new(…)`
    "#]],
    );
    check(
        "struct Net { #[module(frozen, rename = \"b\")] a: Linear }",
        &expect![[r#"
        frozen: unknown option `frozen`: to freeze a field, give it the type `Frozen<…>` and build it with `Frozen::new(…)`
    "#]],
    );
    check(
        "struct Net { #[module(krate = \"c\")] a: Linear }",
        &expect![[r#"
            krate: unknown option `krate`: did you mean `crate`, which goes on the struct or enum itself?
        "#]],
    );
    check(
        "struct Net { #[module(colour = \"red\")] a: Linear }",
        &expect![[r#"
            colour: unknown option `colour`: a field takes `skip`, `rename = "…"` or `flatten`
        "#]],
    );
    check(
        "#[module(colour)] struct Net;",
        &expect![[r#"
        colour: unknown option `colour`: a struct takes `bound = "…"` or `crate = "…"`
    "#]],
    );
    check(
        "#[module(colour)] enum Net {}",
        &expect![[r#"
        colour: unknown option `colour`: an enum takes `bound = "…"`, `crate = "…"` or `variant_path`
    "#]],
    );
    check(
        "enum Net { #[module(colour)] A }",
        &expect![[r#"
        colour: unknown option `colour`: a variant takes no options
    "#]],
    );
    check(
        "struct Net { #[module(module::skip)] a: Linear }",
        &expect![[r#"
            module::skip: an option is a single word: a field takes `skip`, `rename = "…"` or `flatten`
        "#]],
    );
}

#[test]
fn misplaced_options() {
    check(
        "#[module(skip)] struct Net;",
        &expect![[r#"
        skip: `skip` goes on a field, not on a struct
    "#]],
    );
    check(
        "#[module(rename = \"x\")] enum Net {}",
        &expect![[r#"
        rename: `rename` goes on a field, not on an enum
    "#]],
    );
    check(
        "enum Net { #[module(flatten)] A }",
        &expect![[r#"
        flatten: `flatten` goes on a field, not on a variant
    "#]],
    );
    check(
        "struct Net { #[module(bound = \"\")] a: Linear }",
        &expect![[r#"
            bound: `bound` goes on the struct or enum itself, not on a field
        "#]],
    );
    check(
        "enum Net { #[module(crate = \"x\")] A }",
        &expect![[r#"
        crate: `crate` goes on the struct or enum itself, not on a variant
    "#]],
    );
    check(
        "#[module(variant_path)] struct Net;",
        &expect![[r#"
        variant_path: `variant_path` goes on an enum, not on a struct
    "#]],
    );
    check(
        "struct Net(#[module(variant_path)] Linear);",
        &expect![[r#"
            variant_path: `variant_path` goes on an enum, not on a field
        "#]],
    );
}

#[test]
fn options_given_twice() {
    check(
        "struct Net { #[module(skip, skip)] a: Linear }",
        &expect![[r#"
            skip: `skip` is given twice: remove one
        "#]],
    );
    check(
        "struct Net { #[module(rename = \"x\")] #[module(rename = \"y\")] a: Linear }",
        &expect![[r#"
            rename: `rename` is given twice: remove one
        "#]],
    );
    check(
        "#[module(bound = \"\", bound = \"\")] struct Net;",
        &expect![[r#"
            bound: `bound` is given twice: remove one
        "#]],
    );
}

#[test]
fn options_that_exclude_each_other() {
    check(
        "struct Net { #[module(skip, rename = \"x\")] a: Linear }",
        &expect![[r#"
            rename: a skipped field has no path, so `rename` has no effect: remove it or `skip`
        "#]],
    );
    check(
        "struct Net { #[module(flatten, rename = \"x\", skip)] a: Linear }",
        &expect![[r#"
            rename: a skipped field has no path, so `rename` has no effect: remove it or `skip`
            flatten: a skipped field has no path, so `flatten` has no effect: remove it or `skip`
        "#]],
    );
    check(
        "struct Net { #[module(flatten, rename = \"x\")] a: Linear }",
        &expect![[r#"
            rename: a flattened field has no path component to rename: remove `rename` or `flatten`
        "#]],
    );
}

#[test]
fn malformed_options() {
    check(
        "struct Net { #[module] a: Linear }",
        &expect![[r#"
        module: `#[module]` takes its options in parentheses: a field takes `skip`, `rename = "…"` or `flatten`
    "#]],
    );
    check(
        "#[module = \"skip\"] enum Net {}",
        &expect![[r#"
        module = "skip": `#[module]` takes its options in parentheses: an enum takes `bound = "…"`, `crate = "…"` or `variant_path`
    "#]],
    );
    check(
        "struct Net { #[module(\"skip\")] a: Linear }",
        &expect![[r#"
            "skip": expected an option: a field takes `skip`, `rename = "…"` or `flatten`
        "#]],
    );
    check(
        "struct Net { #[module(skip,,)] a: Linear }",
        &expect![[r#"
            ,: expected an option: a field takes `skip`, `rename = "…"` or `flatten`
        "#]],
    );
    check(
        "struct Net { #[module(skip = true)] a: Linear }",
        &expect![[r#"
            = true: `skip` takes no value: `#[module(skip)]`
        "#]],
    );
    check(
        "struct Net { #[module(skip(always))] a: Linear }",
        &expect![[r#"
            (always): expected `skip` or `skip(params)`
        "#]],
    );
    check(
        "struct Net { #[module(flatten rename = \"x\")] a: Linear }",
        &expect![[r#"
            rename = "x": expected a comma after `flatten`
        "#]],
    );
    check(
        "struct Net { #[module(rename)] a: Linear }",
        &expect![[r#"
        rename: `rename` takes a string: `#[module(rename = "weight")]`
    "#]],
    );
    check(
        "struct Net { #[module(rename = weight)] a: Linear }",
        &expect![[r#"
            = weight: `rename` takes a string: `#[module(rename = "weight")]`
        "#]],
    );
    check(
        "struct Net { #[module(rename(\"weight\"))] a: Linear }",
        &expect![[r#"
            ("weight"): `rename` takes a string: `#[module(rename = "weight")]`
        "#]],
    );
    check(
        "struct Net { #[module(rename \"weight\")] a: Linear }",
        &expect![[r#"
            "weight": `rename` takes a string: `#[module(rename = "weight")]`
        "#]],
    );
}

#[test]
fn malformed_values() {
    check(
        "#[module(bound = \"T Module\")] struct Net<T>(T);",
        &expect![[r#"
            "T Module": `bound` takes where-predicates (expected `:`): `#[module(bound = "T: Module")]`
        "#]],
    );
    check(
        "#[module(bound = T: Into<A, B>)] struct Net<T>(T);",
        &expect![[r#"
            = T: Into<A: `bound` takes a string: `#[module(bound = "T: Module")]`
        "#]],
    );
    check(
        "#[module(crate = \"my-crate\")] struct Net;",
        &expect![[r#"
            "my-crate": `crate` takes the path of a crate (unexpected token): `#[module(crate = "::cotangent")]`
        "#]],
    );
    check(
        "#[module(crate = \"\")] struct Net;",
        &expect![[r#"
        "": `crate` takes the path of a crate (unexpected end of input, expected identifier): `#[module(crate = "::cotangent")]`
    "#]],
    );
}

#[test]
fn names_that_cannot_be_path_components() {
    check(
        "struct Net { #[module(rename = \"\")] a: Linear }",
        &expect![[r#"
            "": a path component cannot be empty: to have none, write `#[module(flatten)]`
        "#]],
    );
    check(
        "struct Net { #[module(rename = \"a.b\")] a: Linear }",
        &expect![[r#"
            "a.b": a path component cannot contain a dot: dots separate the components
        "#]],
    );
}

#[test]
fn names_that_are_taken() {
    check(
        "struct Net { weight: A, #[module(rename = \"weight\")] w: B }",
        &expect![[r#"
            "weight": the path component `weight` is taken by the field `weight`: paths must differ
        "#]],
    );
    check(
        "struct Net { #[module(rename = \"weight\")] w: A, weight: B }",
        &expect![[r#"
            "weight": the path component `weight` is taken by the field `weight`: paths must differ
        "#]],
    );
    check(
        "struct Net(A, #[module(rename = \"0\")] B);",
        &expect![[r#"
            "0": the path component `0` is taken by the field `0`: paths must differ
        "#]],
    );
    check(
        "enum Net { A { a: A, #[module(rename = \"a\")] b: B }, B { a: A } }",
        &expect![[r#"
            "a": the path component `a` is taken by the field `a`: paths must differ
        "#]],
    );
    check(
        "struct Net { #[module(rename = \"x\")] a: A, #[module(rename = \"x\")] b: B }",
        &expect![[r#"
            "x": the path component `x` is taken by the field `a`: paths must differ
        "#]],
    );
}

#[test]
fn names_that_are_free() {
    check(
        "struct Net { #[module(skip)] a: A, #[module(rename = \"a\")] b: B }",
        &expect![[""]],
    );
    check(
        "struct Net { #[module(flatten)] a: A, #[module(rename = \"a\")] b: B }",
        &expect![[""]],
    );
    check(
        "enum Net { A { a: A }, B { #[module(rename = \"a\")] b: B } }",
        &expect![[""]],
    );
    check(
        "struct Net { #[module(rename = \"b\")] a: A, #[module(rename = \"a\")] b: B }",
        &expect![[""]],
    );
}

#[test]
fn types_that_cannot_be_modules() {
    check(
        "struct Net<'a, 'b: 'a, T>(&'a T, &'b T);",
        &expect![[r#"
        'a: a module owns its parameters, so it cannot borrow them for `'a`: hold them by value
        'b: a module owns its parameters, so it cannot borrow them for `'b`: hold them by value
    "#]],
    );
    check(
        "union Net { a: u32, b: f32 }",
        &expect![[r#"
            union: a union cannot be a module, because it is not known which field is in use: use a struct or an enum
        "#]],
    );
    check_layer(
        "union Net { a: u32, b: f32 }",
        &expect![[r#"
            union: a union cannot be a module, because it is not known which field is in use: use a struct or an enum
        "#]],
    );
}

#[test]
fn types_that_cannot_be_layers() {
    check_layer(
        "struct Net;",
        &expect![[r#"
            Net: `Layer` runs the fields in order, but this struct has no field to run: write `impl Layer` by hand
        "#]],
    );
    check_layer(
        "struct Net { #[module(skip)] name: String }",
        &expect![[r#"
            Net: `Layer` runs the fields in order, but this struct has no field to run: write `impl Layer` by hand
        "#]],
    );
    check_layer(
        "enum Net {}",
        &expect![[r#"
            Net: `Layer` runs the fields in order, but this enum has no variant to run: write `impl Layer` by hand
        "#]],
    );
    check_layer(
        "enum Net { Dense(Linear), Identity, Named { #[module(skip)] x: u8 } }",
        &expect![[r#"
            Named: `Layer` runs the fields in order, but this variant has no field to run: write `impl Layer` by hand
        "#]],
    );
}

#[test]
fn all_errors_are_reported_together() {
    let item = "
        #[module(crat = \"x\", skip)]
        struct Net<'a, T> {
            #[module(skp, rename = weight)]
            a: &'a T,
            #[module(rename = \"\", flatten)]
            b: Linear,
            #[module(skip = true)]
            c: Linear,
            #[module(rename = \"c\")]
            d: Linear,
        }";
    check(
        item,
        &expect![[r#"
            crat: unknown option `crat`: did you mean `crate`?
            skip: `skip` goes on a field, not on a struct
            skp: unknown option `skp`: did you mean `skip`?
            = weight: `rename` takes a string: `#[module(rename = "weight")]`
            = true: `skip` takes no value: `#[module(skip)]`
            'a: a module owns its parameters, so it cannot borrow them for `'a`: hold them by value
            rename: a flattened field has no path component to rename: remove `rename` or `flatten`
            "": a path component cannot be empty: to have none, write `#[module(flatten)]`
            "c": the path component `c` is taken by the field `c`: paths must differ
        "#]],
    );
    assert_eq!(
        errors(expand::layer(parse(item))),
        errors(expand::module(parse(item)))
    );
}

/// With an impl, uses of the type are not errors too.
#[test]
fn errors_come_with_an_empty_impl() {
    let item = "#[module(crate = \"facade\", skip)] struct Net<T>(T) where T: Clone;";
    expect![[r#"
        ::core::compile_error! {
            "`skip` goes on a field, not on a struct"
        }
        #[automatically_derived]
        impl<T> facade::module::Module for Net<T>
        where
            T: Clone,
        {
            fn visit<'module>(&'module self, _: &mut facade::module::Walk<'module, '_>) {}
            fn visit_mut<'module>(
                &'module mut self,
                _: &mut facade::module::WalkMut<'module, '_>,
            ) {}
        }
    "#]]
    .assert_eq(&pretty(expand::module(parse(item))));
    expect![[r#"
        ::core::compile_error! {
            "`skip` goes on a field, not on a struct"
        }
        #[automatically_derived]
        impl<T> facade::module::Layer for Net<T>
        where
            T: Clone,
        {
            fn compute(
                &self,
                _: &facade::Tensor,
                _: &facade::module::Pass,
            ) -> ::core::result::Result<facade::Tensor, facade::Error> {
                ::core::unreachable!()
            }
        }
    "#]]
    .assert_eq(&pretty(expand::layer(parse(item))));
}
