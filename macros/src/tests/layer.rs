//! The code that `#[derive(Layer)]` generates.

use expect_test::expect;

use super::layer;

#[test]
fn fields_run_in_order() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl ::cotangent::module::Layer for Net {
                fn compute(
                    &self,
                    __x: &::cotangent::Tensor,
                    __pass: &::cotangent::module::Pass,
                ) -> ::core::result::Result<::cotangent::Tensor, ::cotangent::Error> {
                    let __x = <Linear as ::cotangent::module::Layer>::forward(
                            &self.hidden,
                            __x,
                            __pass,
                        )
                        .map_err(|__error| __error.within("hidden"))?;
                    let __x = <Relu as ::cotangent::module::Layer>::forward(
                            &self.activation,
                            &__x,
                            __pass,
                        )
                        .map_err(|__error| __error.within("activation"))?;
                    <Linear as ::cotangent::module::Layer>::forward(&self.out, &__x, __pass)
                        .map_err(|__error| __error.within("out"))
                }
            }
        };
    "#]]
    .assert_eq(&layer(
        "struct Net { hidden: Linear, #[module(skip)] name: String, activation: Relu, \
         out: Linear }",
    ));
}

#[test]
fn options_name_the_place_of_an_error() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl ::cotangent::module::Layer for Net {
                fn compute(
                    &self,
                    __x: &::cotangent::Tensor,
                    __pass: &::cotangent::module::Pass,
                ) -> ::core::result::Result<::cotangent::Tensor, ::cotangent::Error> {
                    let __x = <Linear as ::cotangent::module::Layer>::forward(
                            &self.0,
                            __x,
                            __pass,
                        )
                        .map_err(|__error| __error.within("hidden"))?;
                    let __x = <Rest as ::cotangent::module::Layer>::forward(
                        &self.1,
                        &__x,
                        __pass,
                    )?;
                    <Linear as ::cotangent::module::Layer>::forward(&self.2, &__x, __pass)
                        .map_err(|__error| __error.within("2"))
                }
            }
        };
    "#]]
    .assert_eq(&layer(
        "struct Net(#[module(rename = \"hidden\")] Linear, #[module(flatten)] Rest, Linear);",
    ));
}

#[test]
fn a_single_field_gets_the_input() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl<L> ::cotangent::module::Layer for Net<L>
            where
                L: ::cotangent::module::Layer,
            {
                fn compute(
                    &self,
                    __x: &::cotangent::Tensor,
                    __pass: &::cotangent::module::Pass,
                ) -> ::core::result::Result<::cotangent::Tensor, ::cotangent::Error> {
                    <L as ::cotangent::module::Layer>::forward(&self.0, __x, __pass)
                        .map_err(|__error| __error.within("0"))
                }
            }
        };
    "#]]
    .assert_eq(&layer("struct Net<L>(L);"));
}

#[test]
fn enums_run_their_variant() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl ::cotangent::module::Layer for Activation {
                fn compute(
                    &self,
                    __x: &::cotangent::Tensor,
                    __pass: &::cotangent::module::Pass,
                ) -> ::core::result::Result<::cotangent::Tensor, ::cotangent::Error> {
                    match self {
                        Self::Relu(__0) => {
                            <Relu as ::cotangent::module::Layer>::forward(__0, __x, __pass)
                                .map_err(|__error| __error.within("0"))
                        }
                        Self::Maxout { linear: __0, pool: __2, .. } => {
                            let __x = <Linear as ::cotangent::module::Layer>::forward(
                                    __0,
                                    __x,
                                    __pass,
                                )
                                .map_err(|__error| __error.within("linear"))?;
                            <MaxPool as ::cotangent::module::Layer>::forward(__2, &__x, __pass)
                                .map_err(|__error| __error.within("pool"))
                        }
                    }
                }
            }
        };
    "#]]
    .assert_eq(&layer(
        "enum Activation {
            Relu(Relu),
            Maxout { linear: Linear, #[module(skip)] pieces: usize, pool: MaxPool },
        }",
    ));
}

#[test]
fn variant_path_is_in_the_place_of_an_error() {
    expect![[r#"
        const _: () = {
            #[automatically_derived]
            impl crate::facade::module::Layer for Block {
                fn compute(
                    &self,
                    __x: &crate::facade::Tensor,
                    __pass: &crate::facade::module::Pass,
                ) -> ::core::result::Result<crate::facade::Tensor, crate::facade::Error> {
                    match self {
                        Self::Dense(__0) => {
                            <Linear as crate::facade::module::Layer>::forward(__0, __x, __pass)
                                .map_err(|__error| __error.within("Dense"))
                        }
                        Self::Wide { r#in: __0, out: __1 } => {
                            let __x = <Linear as crate::facade::module::Layer>::forward(
                                    __0,
                                    __x,
                                    __pass,
                                )
                                .map_err(|__error| __error.within("Wide.in"))?;
                            <Linear as crate::facade::module::Layer>::forward(__1, &__x, __pass)
                                .map_err(|__error| __error.within("Wide.out"))
                        }
                    }
                }
            }
        };
    "#]]
    .assert_eq(&layer(
        "#[module(variant_path, crate = \"crate::facade\")]
        enum Block { Dense(#[module(flatten)] Linear), Wide { r#in: Linear, out: Linear } }",
    ));
}
