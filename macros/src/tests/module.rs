//! The code that `#[derive(Module)]` generates.

use expect_test::expect;

use super::module;

#[test]
fn named_fields() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl ::cotangent::module::Module for Net {
                fn visit<'module>(
                    &'module self,
                    __walk: &mut ::cotangent::module::Walk<'module, '_>,
                ) {
                    let _ = (
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                    );
                    let Self { hidden: __0, out: __1 } = self;
                    __walk.field("hidden", &*__0);
                    __walk.field("out", &*__1);
                }
                fn visit_mut<'module>(
                    &'module mut self,
                    __walk: &mut ::cotangent::module::WalkMut<'module, '_>,
                ) {
                    let _ = (
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                    );
                    let Self { hidden: __0, out: __1 } = self;
                    __walk.field("hidden", &mut *__0);
                    __walk.field("out", &mut *__1);
                }
            }
        };
    "#]]
    .assert_eq(&module("struct Net { hidden: Linear, out: Linear }"));
}

#[test]
fn tuple_fields_are_numbered() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl ::cotangent::module::Module for Pair {
                fn visit<'module>(
                    &'module self,
                    __walk: &mut ::cotangent::module::Walk<'module, '_>,
                ) {
                    let _ = || {
                        use ::cotangent::module::skipped::verdicts::*;
                        let __skipped = ::cotangent::module::skipped::Skipped::<String>::new();
                        ::cotangent::module::skipped::Skipped::check(
                            &__skipped,
                            (&&&__skipped).skipped_field_verdict(),
                        );
                    };
                    let _ = (
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                    );
                    let Self(__0, _, __2) = self;
                    __walk.field("0", &*__0);
                    __walk.field("2", &*__2);
                }
                fn visit_mut<'module>(
                    &'module mut self,
                    __walk: &mut ::cotangent::module::WalkMut<'module, '_>,
                ) {
                    let _ = (
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                    );
                    let Self(__0, _, __2) = self;
                    __walk.field("0", &mut *__0);
                    __walk.field("2", &mut *__2);
                }
            }
        };
    "#]]
    .assert_eq(&module(
        "struct Pair(Linear, #[module(skip)] String, Linear);",
    ));
}

#[test]
fn nothing_to_visit() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl ::cotangent::module::Module for Relu {
                fn visit<'module>(
                    &'module self,
                    _: &mut ::cotangent::module::Walk<'module, '_>,
                ) {}
                fn visit_mut<'module>(
                    &'module mut self,
                    _: &mut ::cotangent::module::WalkMut<'module, '_>,
                ) {}
            }
            #[automatically_derived]
            impl ::cotangent::module::skipped::Leafless for Relu {}
        };
    "#]]
    .assert_eq(&module("struct Relu;"));
    for item in ["struct Relu {}", "struct Relu();"] {
        assert_eq!(module(item), module("struct Relu;"), "{item}");
    }
    // A type that skips parameters is not one without leaves.
    let named = module("struct Relu { #[module(skip)] name: String }");
    let tuple = module("struct Relu(#[module(skip)] String);");
    assert_eq!(named, tuple);
    assert!(named.contains("Skipped::<String>") && named.contains("Leafless for Relu"));
    let params = module("struct Relu(#[module(skip(params))] Linear);");
    assert!(!params.contains("Skipped") && !params.contains("Leafless"));
}

#[test]
fn every_field_option() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl ::cotangent::module::Module for Net {
                fn visit<'module>(
                    &'module self,
                    __walk: &mut ::cotangent::module::Walk<'module, '_>,
                ) {
                    let _ = || {
                        use ::cotangent::module::skipped::verdicts::*;
                        let __skipped = ::cotangent::module::skipped::Skipped::<String>::new();
                        ::cotangent::module::skipped::Skipped::check(
                            &__skipped,
                            (&&&__skipped).skipped_field_verdict(),
                        );
                    };
                    let _ = (
                        <Frozen<Backbone> as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                        <Vec<Linear> as ::cotangent::module::Module>::visit,
                        <Embedding as ::cotangent::module::Module>::visit,
                    );
                    let Self { backbone: __1, classifier: __2, rest: __3, embedding: __4, .. } = self;
                    __walk.field("backbone", &*__1);
                    __walk.field("head", &*__2);
                    <Vec<Linear> as ::cotangent::module::Module>::visit(__3, __walk);
                    __walk.field("table", &*__4);
                }
                fn visit_mut<'module>(
                    &'module mut self,
                    __walk: &mut ::cotangent::module::WalkMut<'module, '_>,
                ) {
                    let _ = (
                        <Frozen<Backbone> as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                        <Vec<Linear> as ::cotangent::module::Module>::visit,
                        <Embedding as ::cotangent::module::Module>::visit,
                    );
                    let Self { backbone: __1, classifier: __2, rest: __3, embedding: __4, .. } = self;
                    __walk.field("backbone", &mut *__1);
                    __walk.field("head", &mut *__2);
                    <Vec<Linear> as ::cotangent::module::Module>::visit_mut(__3, __walk);
                    __walk.field("table", &mut *__4);
                }
            }
        };
    "#]].assert_eq(&module(
        "struct Net {
            #[module(skip)]
            name: String,
            backbone: Frozen<Backbone>,
            #[module(rename = \"head\")]
            classifier: Linear,
            #[module(flatten)]
            rest: Vec<Linear>,
            #[module(rename = \"table\")]
            embedding: Embedding,
        }",
    ));
}

#[test]
fn options_may_stand_in_several_attributes() {
    let one = "#[module(crate = \"c\", bound = \"L: Module\")] struct Net<L>(L);";
    let two = "#[module(crate = \"c\")] /** Doc. */ #[module()] \
               #[module(bound = \"L: Module\",)] struct Net<L>(L);";
    assert_eq!(module(one), module(two));
}

#[test]
fn raw_identifiers_have_no_prefix_in_the_path() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl ::cotangent::module::Module for r#struct {
                fn visit<'module>(
                    &'module self,
                    __walk: &mut ::cotangent::module::Walk<'module, '_>,
                ) {
                    let _ = (<Linear as ::cotangent::module::Module>::visit,);
                    let Self { r#type: __0 } = self;
                    __walk.field("type", &*__0);
                }
                fn visit_mut<'module>(
                    &'module mut self,
                    __walk: &mut ::cotangent::module::WalkMut<'module, '_>,
                ) {
                    let _ = (<Linear as ::cotangent::module::Module>::visit,);
                    let Self { r#type: __0 } = self;
                    __walk.field("type", &mut *__0);
                }
            }
        };
    "#]]
    .assert_eq(&module("struct r#struct { r#type: Linear }"));
}

#[test]
fn enums_visit_their_variant() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl ::cotangent::module::Module for Block {
                fn visit<'module>(
                    &'module self,
                    __walk: &mut ::cotangent::module::Walk<'module, '_>,
                ) {
                    let _ = || {
                        use ::cotangent::module::skipped::verdicts::*;
                        let __skipped = ::cotangent::module::skipped::Skipped::<f64>::new();
                        ::cotangent::module::skipped::Skipped::check(
                            &__skipped,
                            (&&&__skipped).skipped_field_verdict(),
                        );
                        let __skipped = ::cotangent::module::skipped::Skipped::<f64>::new();
                        ::cotangent::module::skipped::Skipped::check(
                            &__skipped,
                            (&&&__skipped).skipped_field_verdict(),
                        );
                        let __skipped = ::cotangent::module::skipped::Skipped::<String>::new();
                        ::cotangent::module::skipped::Skipped::check(
                            &__skipped,
                            (&&&__skipped).skipped_field_verdict(),
                        );
                    };
                    let _ = (
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                    );
                    match self {
                        Self::Identity => {}
                        Self::Dense(__0) => {
                            __walk.field("0", &*__0);
                        }
                        Self::Gated { gate: __0, value: __1, .. } => {
                            __walk.field("gate", &*__0);
                            __walk.field("value", &*__1);
                        }
                        Self::Constant { .. } => {}
                        Self::Named(_, __1) => {
                            __walk.field("1", &*__1);
                        }
                    }
                }
                fn visit_mut<'module>(
                    &'module mut self,
                    __walk: &mut ::cotangent::module::WalkMut<'module, '_>,
                ) {
                    let _ = (
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                    );
                    match self {
                        Self::Identity => {}
                        Self::Dense(__0) => {
                            __walk.field("0", &mut *__0);
                        }
                        Self::Gated { gate: __0, value: __1, .. } => {
                            __walk.field("gate", &mut *__0);
                            __walk.field("value", &mut *__1);
                        }
                        Self::Constant { .. } => {}
                        Self::Named(_, __1) => {
                            __walk.field("1", &mut *__1);
                        }
                    }
                }
            }
        };
    "#]]
    .assert_eq(&module(
        "enum Block {
            Identity,
            Dense(Linear),
            Gated { gate: Linear, value: Linear, #[module(skip)] scale: f64 },
            Constant { #[module(skip)] value: f64 },
            Named(#[module(skip)] String, Linear),
        }",
    ));
}

#[test]
fn variant_path_puts_the_variant_before_the_field() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl ::cotangent::module::Module for Block {
                fn visit<'module>(
                    &'module self,
                    __walk: &mut ::cotangent::module::Walk<'module, '_>,
                ) {
                    let _ = (
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                        <Frozen<Linear> as ::cotangent::module::Module>::visit,
                    );
                    match self {
                        Self::Identity => {}
                        Self::Dense(__0) => {
                            __walk.field("Dense", &*__0);
                        }
                        Self::Gated { gate: __0, value: __1 } => {
                            __walk.field("Gated.gate", &*__0);
                            __walk.field("Gated.value", &*__1);
                        }
                    }
                }
                fn visit_mut<'module>(
                    &'module mut self,
                    __walk: &mut ::cotangent::module::WalkMut<'module, '_>,
                ) {
                    let _ = (
                        <Linear as ::cotangent::module::Module>::visit,
                        <Linear as ::cotangent::module::Module>::visit,
                        <Frozen<Linear> as ::cotangent::module::Module>::visit,
                    );
                    match self {
                        Self::Identity => {}
                        Self::Dense(__0) => {
                            __walk.field("Dense", &mut *__0);
                        }
                        Self::Gated { gate: __0, value: __1 } => {
                            __walk.field("Gated.gate", &mut *__0);
                            __walk.field("Gated.value", &mut *__1);
                        }
                    }
                }
            }
        };
    "#]]
    .assert_eq(&module(
        "#[module(variant_path)]
        enum Block {
            Identity,
            Dense(#[module(flatten)] Linear),
            Gated { gate: Linear, value: Frozen<Linear> },
        }",
    ));
}

#[test]
fn an_empty_enum_has_nothing_to_visit() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl ::cotangent::module::Module for Never {
                fn visit<'module>(
                    &'module self,
                    _: &mut ::cotangent::module::Walk<'module, '_>,
                ) {
                    match *self {}
                }
                fn visit_mut<'module>(
                    &'module mut self,
                    _: &mut ::cotangent::module::WalkMut<'module, '_>,
                ) {
                    match *self {}
                }
            }
            #[automatically_derived]
            impl ::cotangent::module::skipped::Leafless for Never {}
        };
    "#]]
    .assert_eq(&module("enum Never {}"));
}

#[test]
fn the_crate_may_have_another_name() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl<L> cotangent_core::module::Module for Net<L>
            where
                L: cotangent_core::module::Module,
            {
                fn visit<'module>(
                    &'module self,
                    __walk: &mut cotangent_core::module::Walk<'module, '_>,
                ) {
                    let _ = (<L as cotangent_core::module::Module>::visit,);
                    let Self(__0) = self;
                    __walk.field("0", &*__0);
                }
                fn visit_mut<'module>(
                    &'module mut self,
                    __walk: &mut cotangent_core::module::WalkMut<'module, '_>,
                ) {
                    let _ = (<L as cotangent_core::module::Module>::visit,);
                    let Self(__0) = self;
                    __walk.field("0", &mut *__0);
                }
            }
        };
    "#]]
    .assert_eq(&module(
        "#[module(crate = \"cotangent_core\")] struct Net<L>(L);",
    ));
}

#[test]
fn allowed_lints_are_allowed_in_the_impl() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            #[allow(deprecated)]
            impl ::cotangent::module::Module for Net {
                fn visit<'module>(
                    &'module self,
                    __walk: &mut ::cotangent::module::Walk<'module, '_>,
                ) {
                    let _ = (<OldLayer as ::cotangent::module::Module>::visit,);
                    let Self { old: __0 } = self;
                    __walk.field("old", &*__0);
                }
                fn visit_mut<'module>(
                    &'module mut self,
                    __walk: &mut ::cotangent::module::WalkMut<'module, '_>,
                ) {
                    let _ = (<OldLayer as ::cotangent::module::Module>::visit,);
                    let Self { old: __0 } = self;
                    __walk.field("old", &mut *__0);
                }
            }
        };
    "#]]
    .assert_eq(&module(
        "#[allow(deprecated)] #[derive(Clone)] struct Net { old: OldLayer }",
    ));
}

#[test]
fn deprecated_fields_are_visited_without_a_warning() {
    let allowed = "#[allow(deprecated)]";
    for item in [
        "#[deprecated] struct Net { a: Linear }",
        "struct Net { #[deprecated = \"use b\"] a: Linear }",
        "enum Net { #[deprecated] A, B }",
        "enum Net { A(#[deprecated(note = \"use B\")] Linear), B }",
    ] {
        assert!(module(item).contains(allowed), "{item}");
    }
    assert!(!module("struct Net { a: Linear }").contains(allowed));
}
