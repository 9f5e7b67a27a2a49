//! Tests of the code that `#[elementwise]` generates, and of its errors.

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;

use super::{errors, pretty};

/// Returns the code that replaces the function.
fn expansion(options: &str, function: &str) -> TokenStream {
    let parse = |text: &str| text.parse::<TokenStream>().unwrap();
    crate::elementwise::elementwise(parse(options), parse(function))
}

/// Compares the formatted code that replaces the function.
fn check(options: &str, function: &str, expected: &Expect) {
    expected.assert_eq(&pretty(expansion(options, function)));
}

/// Compares the errors in a function: the source text that each points at, and its message.
fn check_errors(options: &str, function: &str, expected: &Expect) {
    expected.assert_eq(&errors(expansion(options, function)));
}

/// Compares the errors in the body of a function of the operands `x` and `y`, the number `a` and
/// the integer `n`.
fn check_body(body: &str, expected: &Expect) {
    let function = format!("fn f(x: Tensor, y: Tensor, a: f64, n: i32) -> Tensor {{ {body} }}");
    check_errors("", &function, expected);
}

/// Returns the parts of the code that compute: the bodies of `value` and `pullback`.
fn computed(options: &str, function: &str) -> String {
    let expansion = expansion(options, function);
    assert_eq!(errors(expansion.clone()), "");
    let file: syn::File = syn::parse2(expansion).unwrap();
    let mut text = String::new();
    for item in file.items {
        let syn::Item::Const(constant) = item else {
            continue;
        };
        let syn::Expr::Block(block) = *constant.expr else {
            continue;
        };
        for statement in block.block.stmts {
            let syn::Stmt::Item(syn::Item::Impl(item)) = statement else {
                continue;
            };
            for part in &item.items {
                if let syn::ImplItem::Fn(function) = part
                    && ["value", "pullback"].contains(&&*function.sig.ident.to_string())
                {
                    let name = &function.sig.ident;
                    let body = &function.block;
                    text += &pretty(quote::quote!(fn #name() #body));
                }
            }
        }
    }
    text
}

fn check_computed(function: &str, expected: &Expect) {
    expected.assert_eq(&computed("", function));
}

#[test]
#[allow(clippy::too_many_lines)]
fn swish_with_a_slope() {
    check(
        "check(x = -6.0..6.0, beta = 0.5..2.0)",
        "/// Swish.\npub fn swish(x: Tensor, beta: f64) -> Tensor { x * sigmoid(beta * x) }",
        &expect![[r#"
            /// Swish.
            #[track_caller]
            pub fn swish(x: &Tensor, beta: ::core::primitive::f64) -> Tensor {
                ::cotangent::elementwise::apply_one(swish::new(beta), x)
            }
            #[doc(hidden)]
            #[allow(non_camel_case_types, dead_code)]
            #[derive(Clone, Copy)]
            pub struct swish {
                numbers: [::core::primitive::f64; 1],
                integers: [::core::primitive::i64; 0],
            }
            const _: () = {
                impl ::cotangent::elementwise::Formula<1> for swish {
                    const NEEDS: [::cotangent::elementwise::Needs; 1] = [
                        ::cotangent::elementwise::Needs {
                            operands: 1,
                            result: false,
                        },
                    ];
                    #[inline(always)]
                    fn value<T: ::cotangent::elementwise::Real>(self, [_x]: [T; 1]) -> T {
                        let t_1 = _x * self.numbers[0];
                        let t_2 = t_1.sigmoid();
                        let t_3 = _x * t_2;
                        t_3
                    }
                    #[inline(always)]
                    fn pullback<
                        T: ::cotangent::elementwise::Real,
                        const WANTED: ::core::primitive::u32,
                    >(self, _0g: T, [_x]: [T; 1], _0y: T) -> [T; 1] {
                        let t_1 = _x * self.numbers[0];
                        let t_2 = t_1.sigmoid();
                        let t_4 = t_2 * _0g;
                        let t_5 = _x * _0g;
                        let t_6 = -t_2 + 1.0;
                        let t_7 = t_2 * t_6;
                        let t_8 = t_5 * t_7;
                        let t_9 = t_8 * self.numbers[0];
                        let t_10 = t_4 + t_9;
                        [t_10]
                    }
                }
                impl ::cotangent::elementwise::Operation<1> for swish {
                    const NAME: &'static ::core::primitive::str = "swish";
                    const KIND: ::cotangent::OpKind = ::cotangent::OpKind::Elementwise;
                }
                #[allow(dead_code, deprecated, non_snake_case, clippy::too_many_arguments)]
                impl swish {
                    #[inline(always)]
                    fn new(beta: ::core::primitive::f64) -> Self {
                        #[allow(unused_imports)]
                        use ::cotangent::elementwise::Real as _;
                        let t_0 = ::cotangent::elementwise::number(beta);
                        Self {
                            numbers: [t_0.0],
                            integers: [],
                        }
                    }
                    pub const TRIGONOMETRIC: ::core::primitive::bool = <Self as ::cotangent::elementwise::Formula<
                        1,
                    >>::TRIGONOMETRIC;
                    /// The operand of each argument of a call, and any for a number.
                    pub const OPERANDS: &'static [::core::primitive::usize] = &[0, 0];
                    #[inline(always)]
                    pub fn bind<T: ::cotangent::elementwise::Real>(
                        _x: impl ::cotangent::elementwise::Argument<T>,
                        beta: impl ::cotangent::elementwise::Argument<T>,
                    ) -> impl ::core::ops::FnOnce(T) -> (Self, [T; 1]) {
                        move |like: T| (
                            Self::new(::cotangent::elementwise::Argument::<T>::number(beta)),
                            [::cotangent::elementwise::Argument::operand(_x, like)],
                        )
                    }
                }
                #[diagnostic::do_not_recommend]
                impl ::cotangent::elementwise::check::Callable for swish {}
            };
            #[cfg(test)]
            #[test]
            fn check_swish() {
                ::cotangent::gradcheck::elementwise(
                    [("x", -6.0..6.0)],
                    &[("beta", 0.5..2.0)],
                    ::core::option::Option::None,
                    |numbers: &[::core::primitive::f64]| swish::new(numbers[0]),
                );
            }
        "#]],
    );
}

#[test]
fn the_side_not_chosen_is_guarded() {
    check_computed(
        "fn f(x: Tensor, y: Tensor) -> Tensor { if x > 0.0 { ln(x) * y } else { y } }",
        &expect![[r#"
            fn value() {
                let t_1 = _x.constant(0.0).lt(_x);
                let t_3 = _x.ln();
                let t_4 = _y * t_3;
                let t_5 = ::cotangent::elementwise::select(t_1, t_4, _y);
                t_5
            }
            fn pullback() {
                if WANTED == 1 {
                    let t_1 = _x.constant(0.0).lt(_x);
                    let t_4 = _y.guard(t_1) * _0g.guard(t_1);
                    let t_5 = t_4 / _x.guard(t_1);
                    let t_6 = ::cotangent::elementwise::select(t_1, t_5, _x.constant(0.0));
                    [t_6, _0g]
                } else if WANTED == 2 {
                    let t_1 = _x.constant(0.0).lt(_x);
                    let t_2 = _x.guard(t_1).ln();
                    let t_4 = t_2 * _0g.guard(t_1);
                    let t_5 = !t_1;
                    let t_6 = ::cotangent::elementwise::select(t_1, t_4, _0g.guard(t_5));
                    [_0g, t_6]
                } else {
                    let t_1 = _x.constant(0.0).lt(_x);
                    let t_4 = _y.guard(t_1) * _0g.guard(t_1);
                    let t_5 = t_4 / _x.guard(t_1);
                    let t_6 = ::cotangent::elementwise::select(t_1, t_5, _x.constant(0.0));
                    let t_7 = _x.guard(t_1).ln();
                    let t_8 = t_7 * _0g.guard(t_1);
                    let t_9 = !t_1;
                    let t_10 = ::cotangent::elementwise::select(t_1, t_8, _0g.guard(t_9));
                    [t_6, t_10]
                }
            }
        "#]],
    );
}

#[test]
fn the_result_is_saved_if_the_derivative_needs_it_alone() {
    check_computed(
        "fn squashed(x: Tensor) -> Tensor { tanh(0.5 * x) }",
        &expect![[r#"
        fn value() {
            let t_1 = _x * 0.5;
            let t_2 = t_1.tanh();
            t_2
        }
        fn pullback() {
            let t_2 = _0y * _0y;
            let t_3 = -t_2 + 1.0;
            let t_4 = _0g * t_3;
            let t_5 = t_4 * 0.5;
            [t_5]
        }
    "#]],
    );
}

#[test]
fn a_stated_derivative_replaces_the_computed_one() {
    let function = "#[derivative(x = 1.0 - square(result))]
                    fn f(x: Tensor) -> Tensor { sinh(x) / cosh(x) }";
    expect![[r#"
        fn value() {
            let t_1 = ::cotangent::elementwise::call(
                ::cotangent::elementwise::library::sinh::bind(_x)(_x),
            );
            let t_2 = ::cotangent::elementwise::call(
                ::cotangent::elementwise::library::cosh::bind(_x)(_x),
            );
            let t_3 = t_1 / t_2;
            t_3
        }
        fn pullback() {
            let t_1 = _0y.square();
            let t_2 = -t_1 + 1.0;
            let t_4 = t_2 * _0g;
            [t_4]
        }
    "#]]
    .assert_eq(&computed("check(x = -3.0..3.0)", function));
}

#[test]
fn a_reduced_function() {
    check(
        "",
        "fn energy(x: Tensor, axes: Axes) -> Sum { x * x }",
        &expect![[r#"
            fn energy(
                x: &Tensor,
                axes: impl ::core::convert::Into<Axes>,
            ) -> ::cotangent::Result<::cotangent::Tensor> {
                ::cotangent::elementwise::reduce(
                    energy::new(),
                    ::cotangent::elementwise::Reduced::Sum,
                    ::core::option::Option::Some(::core::convert::Into::into(axes)),
                    [x],
                )
            }
            #[doc(hidden)]
            #[allow(non_camel_case_types, dead_code)]
            #[derive(Clone, Copy)]
            struct energy {
                numbers: [::core::primitive::f64; 0],
                integers: [::core::primitive::i64; 0],
            }
            const _: () = {
                impl ::cotangent::elementwise::Formula<1> for energy {
                    const NEEDS: [::cotangent::elementwise::Needs; 1] = [
                        ::cotangent::elementwise::Needs {
                            operands: 1,
                            result: false,
                        },
                    ];
                    #[inline(always)]
                    fn value<T: ::cotangent::elementwise::Real>(self, [_x]: [T; 1]) -> T {
                        let t_1 = _x * _x;
                        t_1
                    }
                    #[inline(always)]
                    fn pullback<
                        T: ::cotangent::elementwise::Real,
                        const WANTED: ::core::primitive::u32,
                    >(self, _0g: T, [_x]: [T; 1], _0y: T) -> [T; 1] {
                        let t_2 = _x * 2.0;
                        let t_3 = _0g * t_2;
                        [t_3]
                    }
                }
                impl ::cotangent::elementwise::Operation<1> for energy {
                    const NAME: &'static ::core::primitive::str = "energy";
                    const KIND: ::cotangent::OpKind = ::cotangent::OpKind::Loss;
                }
                #[allow(dead_code, deprecated, non_snake_case, clippy::too_many_arguments)]
                impl energy {
                    #[inline(always)]
                    fn new() -> Self {
                        Self { numbers: [], integers: [] }
                    }
                    pub const TRIGONOMETRIC: ::core::primitive::bool = <Self as ::cotangent::elementwise::Formula<
                        1,
                    >>::TRIGONOMETRIC;
                    /// The operand of each argument of a call, and any for a number.
                    pub const OPERANDS: &'static [::core::primitive::usize] = &[0];
                    #[inline(always)]
                    pub fn bind<T: ::cotangent::elementwise::Real>(
                        _x: impl ::cotangent::elementwise::Argument<T>,
                        _: impl ::core::marker::Sized,
                    ) -> impl ::core::ops::FnOnce(T) -> (Self, [T; 1]) {
                        move |like: T| (
                            Self::new(),
                            [::cotangent::elementwise::Argument::operand(_x, like)],
                        )
                    }
                }
            };
        "#]],
    );
}

#[test]
fn equal_subexpressions_are_computed_once() {
    check_computed(
        "fn f(x: Tensor) -> Tensor { exp(x * x) * x + sin(exp(x * x)) }",
        &expect![[r#"
            fn value() {
                let t_1 = _x * _x;
                let t_2 = t_1.exp();
                let t_3 = _x * t_2;
                let t_4 = t_2.sin();
                let t_5 = t_3 + t_4;
                t_5
            }
            fn pullback() {
                let t_1 = _x * _x;
                let t_2 = t_1.exp();
                let t_4 = t_2 * _0g;
                let t_5 = t_2.cos();
                let t_6 = _0g * t_5;
                let t_7 = _x * _0g;
                let t_8 = t_6 + t_7;
                let t_9 = t_2 * t_8;
                let t_10 = _x * 2.0;
                let t_11 = t_9 * t_10;
                let t_12 = t_4 + t_11;
                [t_12]
            }
        "#]],
    );
}

#[test]
fn constants_are_folded_and_factors_of_0_and_1_vanish() {
    check_computed(
        "fn f(x: Tensor, y: Tensor) -> Tensor { 1.0 * x * (2.0 + 3.0) - -(y / 1.0) }",
        &expect![[r#"
            fn value() {
                let t_1 = _x * 5.0;
                let t_3 = -_y;
                let t_4 = t_1 - t_3;
                t_4
            }
            fn pullback() {
                if WANTED == 1 {
                    let t_1 = _0g * 5.0;
                    [t_1, _0g]
                } else if WANTED == 2 {
                    [_0g, _0g]
                } else {
                    let t_1 = _0g * 5.0;
                    [t_1, _0g]
                }
            }
        "#]],
    );
}

#[test]
fn signatures() {
    check_errors(
        "",
        "async unsafe extern \"C\" fn f<'a, T: Copy>(
            x: &'a mut Tensor, mut y: Tensor, (z, w): Tensor, a: f32, n: usize, b: &f64, axes: Axes,
            v: Vec<f64>, t: Tensor<T>, x: Tensor
        ) -> Tensor where T: Clone { x + y + a * b }",
        &expect![[r#"
            <'a, T: Copy>: a formula is not generic: it is compiled for `f32` and `f64`, and tensors have their dtype at run time
            where T: Clone: a formula is not generic and needs no where-clause
            async: a formula is a plain function, without `async`
            unsafe: a formula is a plain function, without `unsafe`
            extern "C": a formula is a plain function, without `extern`
            &'a mut Tensor: expected `Tensor` (an operand), `f64` or `i32` (a number), or `Axes` (the axes of a reduction)
            mut y: expected a name: write `y`
            (z, w): expected a name: a parameter of a formula is no pattern
            f32: expected `f64`: numbers are `f64` and take the dtype of the tensors
            usize: expected `i32`: integers, as exponents of `powi`, are `i32`
            &f64: expected the type without `&`
            Axes: axes are for a function that returns `Sum` or `Mean`
            Vec<f64>: expected `Tensor` (an operand), `f64` or `i32` (a number), or `Axes` (the axes of a reduction)
            Tensor<T>: expected `Tensor` (an operand), `f64` or `i32` (a number), or `Axes` (the axes of a reduction)
            x: `x` is the name of two parameters
        "#]],
    );
    check_errors(
        "",
        "fn f() -> Tensor { 1.0 }",
        &expect![[r#"
        f: expected at least one operand, a parameter of the type `Tensor`
    "#]],
    );
    check_errors(
        "",
        "fn f(a: f64) -> Tensor { a }",
        &expect![[r#"
        a: f64: expected at least one operand, a parameter of the type `Tensor`
    "#]],
    );
    check_errors(
        "",
        "fn f(&self, x: Tensor) { x }",
        &expect![[r#"
        f: expected a return type: `Tensor`, or `Sum` or `Mean` to reduce the result
        &self: a formula is a function, not a method
    "#]],
    );
    check_errors(
        "",
        "fn f(x: Tensor) -> Result<Tensor> { x }",
        &expect![[r#"
        Result<Tensor>: write `-> Tensor`: the generated function returns a `Result` if it can fail
    "#]],
    );
    check_errors(
        "",
        "fn f(x: Tensor) -> (Tensor, Tensor) { x }",
        &expect![[r#"
        (Tensor, Tensor): a formula has one result: write a function for each, which may call each other
    "#]],
    );
    check_errors(
        "",
        "fn f(x: Tensor) -> f64 { x }",
        &expect![[r#"
        f64: expected the return type `Tensor`, or `Sum` or `Mean` to reduce the result
    "#]],
    );
    check_errors(
        "",
        "fn f(x: Tensor, a: Axes, b: Axes) -> Sum { x * a }",
        &expect![[r#"
        b: Axes: there is one parameter for the axes already
    "#]],
    );
    check_errors(
        "",
        "fn f(a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor, g: Tensor,
              h: Tensor, i: Tensor) -> Tensor { a + b + c + d + e + f + g + h + i }",
        &expect![[r#"
            i: Tensor: at most 8 operands are possible
        "#]],
    );
    check_errors(
        "",
        "fn f(x: Tensor, y: Tensor) -> Tensor { x }",
        &expect![[r#"
        y: the operand `y` is not used: remove it
    "#]],
    );
}

#[test]
fn other_items() {
    check_errors(
        "",
        "struct S { x: f64 }",
        &expect![[r#"
        struct S { x: f64 }: `#[elementwise]` is for functions
    "#]],
    );
    check_errors(
        "",
        "fn f(x: Tensor) -> Tensor;",
        &expect![[r#"
        fn f(x: Tensor) -> Tensor;: expected a function with a body, which is the formula
    "#]],
    );
}

#[test]
fn ranges() {
    let function = "fn f(x: Tensor, beta: f64, n: i32, axes: Axes) -> Sum { beta * powi(x, n) }";
    check_errors(
        "check",
        function,
        &expect![[r#"
        check: expected ranges: `check(x = -1.0..1.0)`
    "#]],
    );
    check_errors(
        "check()",
        function,
        &expect![[r#"
        check: expected a range for each parameter: add `x = -1.0..1.0`, `beta = -1.0..1.0`, `n = 1..4`
    "#]],
    );
    check_errors(
        "check(x = -1..1, beta = ..1.0, n = 1..=3)",
        function,
        &expect![[r#"
            -1: numbers have a decimal point: write `-1.0`
            1: numbers have a decimal point: write `1.0`
            ..1.0: expected a range with two ends: `beta = -1.0..1.0`
            1..=3: expected a range with two ends: `n = 1..4`
        "#]],
    );
    check_errors(
        "check(x = 0.0..1.0, x = 0.0..1.0, z = 0.0..1.0, axes = 0..1)",
        function,
        &expect![[r#"
            x: `x` has two ranges: remove one
            z: there is no parameter `z`
            axes: axes take no range: the check chooses them
            check: expected a range for each parameter: add `beta = -1.0..1.0`, `n = 1..4`
        "#]],
    );
    check_errors(
        "check(x, beta = 0.5..1.0, n 1..4)",
        function,
        &expect![[r#"
        x: expected a value: `x = …`
        n: expected a value: `n = …`
    "#]],
    );
}

#[test]
fn options() {
    let function = "fn f(x: Tensor) -> Tensor { x.foo() }";
    check_errors(
        "chekc(x = 0.0..1.0), kind = 3, kind = Loss, kind = Loss, kind, name =",
        function,
        &expect![[r#"
            chekc: unknown option `chekc`: the options are `check(x = -1.0..1.0)`, `kind = Activation`, `name = "…"` and `crate = "path"`
            3: expected identifier
            kind: expected a value: `kind = …`
            name: expected a value: `name = …`
            kind: `kind` is given twice: remove one
            foo: there is no function `foo`: methods are abs, neg, square, sqrt, rsqrt, recip, exp, exp_m1, ln, ln_1p, log2, log10, logit, erf, erfc, erfinv, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, sigmoid, softplus, log_sigmoid, relu, relu6, gelu, gelu_tanh, silu, mish, selu, hard_sigmoid, hard_swish, hard_tanh, floor, ceil, round, trunc, sign, max, maximum, min, minimum, clamp, pow, powf, powi, atan2, mul_add, leaky_relu, elu, celu. A function of your own is called as `foo(x)`
        "#]],
    );
    check_errors(
        "crate = cotangent, name = f",
        function,
        &expect![[r#"
        cotangent: expected string literal
        f: expected string literal
        foo: there is no function `foo`: methods are abs, neg, square, sqrt, rsqrt, recip, exp, exp_m1, ln, ln_1p, log2, log10, logit, erf, erfc, erfinv, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, sigmoid, softplus, log_sigmoid, relu, relu6, gelu, gelu_tanh, silu, mish, selu, hard_sigmoid, hard_swish, hard_tanh, floor, ceil, round, trunc, sign, max, maximum, min, minimum, clamp, pow, powf, powi, atan2, mul_add, leaky_relu, elu, celu. A function of your own is called as `foo(x)`
    "#]],
    );
}

#[test]
fn derivatives() {
    check_errors(
        "",
        "#[derivative(x = 1.0)] #[derivative] #[derivative()] #[derivative(x = 2, a = 1.0)]
         #[derivative(z = x.log(), y)]
         fn f(x: Tensor, a: f64) -> Tensor { a * x.log() }",
        &expect![[r#"
            #[derivative]: expected the derivative by an operand: `#[derivative(x = 2.0 * x)]`
            #[derivative()]: expected the derivative by an operand: `#[derivative(x = 2.0 * x)]`
            x: the derivative by `x` is given twice: remove one
            y: expected a value: `y = …`
            log: there is no function `log`: did you mean `ln`? A function of your own is called as `log(x)`
            x: a stated derivative needs a test: add `check(…)` to `#[elementwise]`
            2: numbers have a decimal point: write `2.0`
            a: `a` is no operand: gradients flow only to tensors
            z: there is no operand `z`
            log: there is no function `log`: did you mean `ln`? A function of your own is called as `log(x)`
        "#]],
    );
    check_errors(
        "chekc()",
        "#[derivative(x = result.log())] fn f(x: Tensor) -> Tensor { x }",
        &expect![[r#"
            chekc: unknown option `chekc`: the options are `check(x = -1.0..1.0)`, `kind = Activation`, `name = "…"` and `crate = "path"`
            log: there is no function `log`: did you mean `ln`? A function of your own is called as `log(x)`
        "#]],
    );
}

#[test]
fn statements() {
    check_body(
        "let mut u = x; let v: f64 = y; let (p, q) = (x, y); let w; let _ = x.log();
         u += 1.0; u = 2.0; x * y; x?; println!(\"{x}\"); for i in 0..3 {} loop {} while x > 0.0 {}
         fn g() {} return x; let z = 1;",
        &expect![[r#"
            mut u: variables do not change: write `let` again, the name may be the same
            f64: the types of variables are inferred: write `let name = …;`
            (p, q): expected a name: `let name = …;`
            (x, y): a formula has one result: write a function for each, which may call each other
            let w;: expected a value: `let name = …;`
            _: expected a name: `let name = …;`
            log: there is no function `log`: did you mean `ln`? A function of your own is called as `log(x)`
            u += 1.0: variables do not change: write `let` again, the name may be the same
            u = 2.0: variables do not change: write `let` again, the name may be the same
            x * y;: the value of this expression is not used: write `let name = …;`
            x?: operands are numbers here, whose functions cannot fail: write it without `?`
            println!("{x}");: a formula has no macros; a formula consists of arithmetic, comparisons, `let`, `if` with `else`, and calls of elementary functions and of other `#[elementwise]` functions
            for i in 0..3 {}: a formula has no loops; a formula consists of arithmetic, comparisons, `let`, `if` with `else`, and calls of elementary functions and of other `#[elementwise]` functions
            loop {}: a formula has no loops; a formula consists of arithmetic, comparisons, `let`, `if` with `else`, and calls of elementary functions and of other `#[elementwise]` functions
            while x > 0.0 {}: a formula has no loops; a formula consists of arithmetic, comparisons, `let`, `if` with `else`, and calls of elementary functions and of other `#[elementwise]` functions
            fn g() {}: a formula contains no items: put it before the function
            return x: a formula has no `return`: its value is the last expression
            let z = 1;: expected a value at the end of the block
        "#]],
    );
    check_body(
        "x + y;",
        &expect![[r#"
        x + y;: expected a value at the end: remove the semicolon
    "#]],
    );
    check_body(
        "",
        &expect![[r#"
        {  }: expected a value at the end of the block
    "#]],
    );
    check_body(
        "if x > 0.0 { x } else { x.log(); }",
        &expect![[r#"
        log: there is no function `log`: did you mean `ln`? A function of your own is called as `log(x)`
    "#]],
    );
}

#[test]
fn expressions() {
    check_body(
        "let a1 = &x; let a2 = *x; let a3 = x[0]; let a4 = x.0; let a5 = |v| v; let a6 = (x, y);
         let a7 = match x { _ => y }; let a8 = x?; let a9 = return x; let b1 = vec![x];
         let b2 = x as f32; let b3 = [x, y]; let b4 = \"x\"; let b5 = x = y; let b6 = 0..1;
         let b7 = S { x: 1.0 }; let b8 = unsafe { x }; let b9 = if let y = x { 1.0 } else { 2.0 };
         let c1 = self.x; let c2 = self; x",
        &expect![[r#"
            &x: operands are numbers here: write them without `&`
            *x: operands are numbers here, not references
            x[0]: operands are numbers here, one element of each tensor: they have no elements and no fields
            x.0: operands are numbers here, one element of each tensor: they have no elements and no fields
            |v| v: a formula has no closures: write a function with `#[elementwise]` and call it
            (x, y): a formula has one result: write a function for each, which may call each other
            match x { _ => y }: a formula has no patterns: write `if` and `else if`
            x?: operands are numbers here, whose functions cannot fail: write it without `?`
            return x: a formula has no `return`: its value is the last expression
            vec![x]: a formula has no macros; a formula consists of arithmetic, comparisons, `let`, `if` with `else`, and calls of elementary functions and of other `#[elementwise]` functions
            x as f32: the only conversion is that of an integer, `n as f64`
            [x, y]: a formula consists of arithmetic, comparisons, `let`, `if` with `else`, and calls of elementary functions and of other `#[elementwise]` functions
            "x": expected a number such as `2.0`
            x = y: variables do not change: write `let` again, the name may be the same
            0..1: a formula consists of arithmetic, comparisons, `let`, `if` with `else`, and calls of elementary functions and of other `#[elementwise]` functions
            S { x: 1.0 }: a formula consists of arithmetic, comparisons, `let`, `if` with `else`, and calls of elementary functions and of other `#[elementwise]` functions
            unsafe { x }: a formula consists of arithmetic, comparisons, `let`, `if` with `else`, and calls of elementary functions and of other `#[elementwise]` functions
            let y = x: a formula has no patterns: write a comparison
            self.x: operands are numbers here, one element of each tensor: they have no elements and no fields
            self: a formula is a function, not a method
        "#]],
    );
}

#[test]
fn numbers() {
    check_body(
        "2 * x + y * 2.0f32 + 3u8 - x ^ 2 + x % 2 + n + (n as f64) * n",
        &expect![[r#"
            2: numbers have a decimal point: write `2.0`
            2.0f32: numbers are `f64` and take the dtype of the tensors: write `2.0`
            3u8: expected a number such as `2.0`
            2: numbers have a decimal point: write `2.0`
            %: a formula has no `%`: write `a - b * floor(a / b)`
            n: expected a number, found an integer: integers are exponents of `powi`; `n as f64` converts one
            n: expected a number, found an integer: integers are exponents of `powi`; `n as f64` converts one
            ^: a power is written `powi(x, 2)` or `powf(x, 2.5)`
        "#]],
    );
    check_body(
        "if x > 0 { 1 } else { y.max({ 2 }) }",
        &expect![[r#"
            0: numbers have a decimal point: write `0.0`
            2: numbers have a decimal point: write `2.0`
            1: numbers have a decimal point: write `1.0`
        "#]],
    );
    check_body(
        "1",
        &expect![[r#"
        1: numbers have a decimal point: write `1.0`
    "#]],
    );
    check_body(
        "n",
        &expect![[r#"
        n: expected a number, found an integer: integers are exponents of `powi`; `n as f64` converts one
    "#]],
    );
}

#[test]
fn conditions() {
    check_body(
        "let c = x > 0.0; let u = if x { 1.0 } else { 2.0 }; let v = if c { x }; let w = c + y;
         let d = c & (y > 0.0); let e = !x; let z = x && c; if c { c } else { y }",
        &expect![[r#"
            x: expected a condition, such as `x > 0.0`
            if c { x }: an `if` needs an `else`: both sides are numbers, and one is selected for each element
            c: expected a number, found a condition: select one with `if condition { 1.0 } else { 0.0 }`
            &: conditions are combined with `&&` and `||`
            x: expected a condition, such as `x > 0.0`
            x: expected a condition, such as `x > 0.0`
            c: expected a number, found a condition: select one with `if condition { 1.0 } else { 0.0 }`
        "#]],
    );
    check_body(
        "let c = x.log() > 0.0; if c { y } else { powi(x, 2) }",
        &expect![[r#"
        log: there is no function `log`: did you mean `ln`? A function of your own is called as `log(x)`
    "#]],
    );
    check_body(
        "x > y",
        &expect![[r#"
        x > y: expected a number, found a condition: select one with `if condition { 1.0 } else { 0.0 }`
    "#]],
    );
}

#[test]
fn functions() {
    check_body(
        "x.log() + x.clip(0.0, 1.0) + x.sum() + x.sigmoyd() + x.swish() + x.frobnicate(y.log())
         + x.add(y) + x.clone() + x.exp::<f64>() + exp(x, y) + x.max() + max(x) + exp()
         + x.clamp(0.0) + powi(x, 2.0) + powi(x, y) + x.powi(n) + powf(x, 2) + f(x, y, a, n)
         + self::f(x) + x(y) + f64::sqrt(x) + Tensor::relu(x) + <f64 as A>::f(x) + g::<f32>(x)
         + f64::from(n) + f64::from(x) + (|v| v)(x)",
        &expect![[r#"
            log: there is no function `log`: did you mean `ln`? A function of your own is called as `log(x)`
            clip: there is no function `clip`: did you mean `clamp`? A function of your own is called as `clip(x)`
            sum: only the result of a formula is reduced: return `-> Sum`
            sigmoyd: there is no function `sigmoyd`: did you mean `sigmoid`? A function of your own is called as `sigmoyd(x)`
            swish: there is no function `swish`: did you mean `silu`? A function of your own is called as `swish(x)`
            log: there is no function `log`: did you mean `ln`? A function of your own is called as `log(x)`
            frobnicate: there is no function `frobnicate`: methods are abs, neg, square, sqrt, rsqrt, recip, exp, exp_m1, ln, ln_1p, log2, log10, logit, erf, erfc, erfinv, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, sigmoid, softplus, log_sigmoid, relu, relu6, gelu, gelu_tanh, silu, mish, selu, hard_sigmoid, hard_swish, hard_tanh, floor, ceil, round, trunc, sign, max, maximum, min, minimum, clamp, pow, powf, powi, atan2, mul_add, leaky_relu, elu, celu. A function of your own is called as `frobnicate(x)`
            add: there is no function `add`: write `a + b`
            clone: operands are numbers here: leave it out
            ::<f64>: functions of a formula are not generic
            exp: expected `exp(x)`, found 2 arguments
            max: expected `a.max(b)`, found none
            max: expected `max(a, b)`, found 1 argument
            exp: expected `exp(x)`, found none
            clamp: expected `x.clamp(low, high)`, found 1 argument
            2.0: expected an integer: a literal such as `3`, an `i32` parameter or a constant; `powf` takes other exponents
            y: expected an integer: a literal such as `3`, an `i32` parameter or a constant; `powf` takes other exponents
            2: numbers have a decimal point: write `2.0`
            f: a formula cannot call itself
            self::f: a formula cannot call itself
            x: `x` is a number, not a function
            f64::sqrt: operands are numbers here: write `sqrt(x)`
            Tensor::relu: operands are numbers here: write `relu(x)`
            <f64 as A>::f: expected the name of a function
            g::<f32>: functions of a formula are not generic
            f64::from: the only conversion is that of an integer, `n as f64`
            (|v| v): expected the name of a function
        "#]],
    );
}

#[test]
fn names_of_the_library_mean_its_functions() {
    check_computed(
        "fn tan(x: Tensor) -> Tensor { tan(x) }",
        &expect![[r#"
            fn value() {
                let t_1 = ::cotangent::elementwise::call(
                    ::cotangent::elementwise::library::tan::bind(_x)(_x),
                );
                t_1
            }
            fn pullback() {
                let t_2 = ::cotangent::elementwise::pull(
                    _0g,
                    ::cotangent::elementwise::library::tan::bind(_x)(_x),
                );
                let t_3 = t_2[::cotangent::elementwise::library::tan::OPERANDS[0]];
                [t_3]
            }
        "#]],
    );
    check_computed(
        "fn silu(x: Tensor) -> Tensor { silu(x) }",
        &expect![[r#"
            fn value() {
                let t_1 = ::cotangent::elementwise::call(
                    ::cotangent::elementwise::library::silu::bind(_x)(_x),
                );
                t_1
            }
            fn pullback() {
                let t_2 = ::cotangent::elementwise::pull(
                    _0g,
                    ::cotangent::elementwise::library::silu::bind(_x)(_x),
                );
                let t_3 = t_2[::cotangent::elementwise::library::silu::OPERANDS[0]];
                [t_3]
            }
        "#]],
    );
}

#[test]
fn calls_take_integers_constants_and_numbers() {
    check_computed(
        "fn f(x: Tensor, n: i32, p: f64) -> Tensor {
            power(x, n, LIMIT) + power(x, -2, power(p, n, tan(p)))
        }",
        &expect![[r#"
            fn value() {
                let t_1 = ::cotangent::elementwise::call(
                    <power>::bind(
                        _x,
                        self.integers[0] as ::core::primitive::i32,
                        ::cotangent::elementwise::Named(self.numbers[0]),
                    )(_x),
                );
                let t_2 = ::cotangent::elementwise::call(
                    <power>::bind(_x, -2 as ::core::primitive::i32, self.numbers[1])(_x),
                );
                let t_3 = t_1 + t_2;
                t_3
            }
            fn pullback() {
                let t_2 = ::cotangent::elementwise::pull(
                    _0g,
                    <power>::bind(_x, -2 as ::core::primitive::i32, self.numbers[1])(_x),
                );
                let t_3 = t_2[<power>::OPERANDS[0]];
                let t_4 = ::cotangent::elementwise::pull(
                    _0g,
                    <power>::bind(
                        _x,
                        self.integers[0] as ::core::primitive::i32,
                        ::cotangent::elementwise::Named(self.numbers[0]),
                    )(_x),
                );
                let t_5 = t_4[<power>::OPERANDS[0]];
                let t_6 = t_3 + t_5;
                [t_6]
            }
        "#]],
    );
}

#[test]
fn numbers_of_the_library_are_no_operands() {
    check_body(
        "clamp(x, y, 2.0 * y) + leaky_relu(x, tan(a)) + atan2(y, x) + x.celu(y + a) + elu(a, x)",
        &expect![[r#"
            y: expected a number, found an operand: `low` is the same for all elements
            2.0 * y: expected a number, found an operand: `high` is the same for all elements
            y + a: expected a number, found an operand: `alpha` is the same for all elements
            x: expected a number, found an operand: `alpha` is the same for all elements
        "#]],
    );
}
