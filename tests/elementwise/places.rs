//! The places of a formula, and the names that it may have.

use cotangent::gradcheck::Gradcheck;
use cotangent::prelude::*;

/// Functions in a module, of every visibility.
pub mod formulas {
    use cotangent::{Tensor, elementwise};

    /// A constant in scope.
    pub const SLOPE: f64 = 0.25;

    /// The square, for everyone.
    #[inline]
    #[must_use]
    #[elementwise(check(x = -1.0..1.0))]
    pub fn square_of(x: Tensor) -> Tensor {
        x * x
    }

    /// For this crate.
    #[elementwise]
    pub(crate) fn sloped(x: Tensor) -> Tensor {
        x * SLOPE
    }

    /// For the module above.
    #[elementwise]
    pub(super) fn shifted(x: Tensor, by: f64) -> Tensor {
        x + by
    }

    /// For a module by its path.
    #[elementwise]
    pub(in crate::places) fn halved(x: Tensor) -> Tensor {
        private(x) * 0.5
    }

    #[elementwise]
    fn private(x: Tensor) -> Tensor {
        -x
    }

    /// Old.
    #[deprecated = "use square_of"]
    #[elementwise]
    pub fn old(x: Tensor) -> Tensor {
        x * x
    }

    /// Not compiled.
    #[cfg(any())]
    #[elementwise]
    pub fn absent(x: Tensor) -> Tensor {
        this_function_is_not_there(x)
    }
}

use formulas::square_of as squared;

/// Calls across modules, through another name.
#[elementwise(check(x = -2.0..2.0))]
fn calls(x: Tensor) -> Tensor {
    let inner = squared(x) + formulas::sloped(x);
    crate::places::formulas::halved(inner) * self::formulas::shifted(x, 1.5)
}

fn values(x: &Tensor) -> Vec<f64> {
    x.to_f64_vec()
}

fn checked(x: &Tensor, f: impl Fn(&Tensor) -> Result<Tensor>) {
    let check = Gradcheck::new().second_order();
    let report = check.function(std::slice::from_ref(x), |x| f(&x[0]));
    report
        .expect("the function accepts the operand")
        .assert_ok();
}

#[test]
fn functions_in_modules_call_each_other() {
    let x = Tensor::from([0.5f64, -2.0]);
    assert_eq!(values(&squared(&x)), [0.25, 4.0]);
    assert_eq!(values(&calls(&x)), [-0.375, 0.875]);
    checked(&x, |x| Ok(calls(x)));
}

#[test]
#[expect(deprecated)]
fn attributes_stay_on_the_function() {
    let x = Tensor::from([3.0f64]);
    assert_eq!(values(&formulas::old(&x)), [9.0]);
}

#[test]
fn functions_in_bodies_are_local() {
    const FACTOR: f64 = 3.0;
    #[elementwise]
    fn local(x: Tensor) -> Tensor {
        x * FACTOR
    }
    let x = Tensor::from([2.0f64]);
    assert_eq!(values(&local(&x)), [6.0]);
    {
        #[elementwise]
        fn local(x: Tensor) -> Tensor {
            x - FACTOR
        }
        assert_eq!(values(&local(&x)), [-1.0]);
    }
}

/// A type whose method uses a formula that stands inside.
struct Scale(f64);

impl Scale {
    fn apply(&self, x: &Tensor) -> Tensor {
        #[elementwise]
        fn scaled(x: Tensor, by: f64) -> Tensor {
            x * by
        }
        scaled(x, self.0)
    }
}

#[test]
fn a_method_contains_a_formula() {
    assert_eq!(values(&Scale(2.0).apply(&Tensor::from([1.5f64]))), [3.0]);
}

macro_rules! formula {
    ($(#[$meta:meta])* $name:ident($x:ident: $ty:ty) = $body:expr) => {
        $(#[$meta])*
        #[elementwise(check($x = 0.5..2.0))]
        fn $name($x: $ty) -> $ty {
            $body
        }
    };
}

formula! {
    /// From a macro.
    logged(value: Tensor) = ln(value) * 2.0 + value.exp()
}
formula!(plain(x: Tensor) = if x > 1.0 { x } else { 2.0 * x });

macro_rules! scaled {
    ($($name:ident: $factor:literal, $body:expr, $range:expr;)*) => {$(
        #[elementwise(check(x = $range))]
        fn $name(x: Tensor) -> Tensor {
            // The x of the macro is not that of the caller.
            let y = x * $factor;
            y + $body
        }
    )*};
}

scaled! {
    by_two: 2.0, 1.0 + 1.0, -1.0..1.0;
    by_three: 3.0, formulas::SLOPE, -2.0..2.0;
}

#[test]
fn macros_generate_formulas() {
    let x = Tensor::from([1.0f64, 2.0]);
    let expected = [std::f64::consts::E, 2.0 * 2f64.ln() + 2f64.exp()];
    for (found, expected) in values(&logged(&x)).into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-14, "{found} {expected}");
    }
    assert_eq!(values(&plain(&x)), [2.0, 2.0]);
    assert_eq!(values(&by_two(&x)), [4.0, 6.0]);
    assert_eq!(values(&by_three(&x)), [3.25, 6.25]);
    checked(&x, |x| Ok(logged(x)));
}

/// Names that a program may give to other things, and that generated code contains.
mod collisions {
    use cotangent::{Tensor as Array, elementwise};

    /// The program's own types, with the names of those of the library and the language.
    #[expect(dead_code, non_camel_case_types)]
    pub mod own {
        pub struct Result;
        pub struct Option;
        pub struct Some;
        pub struct None;
        pub struct Ok;
        pub struct Err;
        pub struct Copy;
        pub struct f64;
        pub struct u32;
        pub struct usize;
        pub struct bool;
        pub mod core {}
        pub mod std {}
        pub mod elementwise {}
        pub trait Real {}
        pub trait Formula {}
        pub trait Operation {}
    }
    #[expect(unused_imports)]
    use own::*;

    type Tensor = Array;

    #[elementwise]
    pub fn shadowed(x: Tensor, y: Tensor) -> Tensor {
        x * exp(y)
    }

    #[elementwise]
    pub fn names(g: Tensor, y: Tensor, result: Tensor, operands: Tensor) -> Tensor {
        let t0 = g * y;
        let t_0 = t0 + result;
        let like = t_0 * operands;
        let cotangent = like * g;
        let largest = sin(cotangent);
        if g < y { largest } else { t_0 }
    }

    #[elementwise]
    #[expect(non_snake_case)]
    pub fn capitals(T: Tensor, WANTED: Tensor, k: f64, numbers: f64, N: i32) -> Tensor {
        powi(T, N) * WANTED * k + numbers * T
    }

    #[elementwise]
    pub fn r#match(r#type: Tensor, r#fn: f64) -> Tensor {
        let r#loop = r#type * r#fn;
        r#loop * r#loop
    }

    #[elementwise]
    pub fn calls_raw(x: Tensor) -> Tensor {
        r#match(x, 2.0) + 1.0
    }
}

#[test]
fn names_do_not_collide() -> Result<()> {
    let (a, b) = (Tensor::from([0.5f64, 2.0]), Tensor::from([1.5f64, -1.0]));
    let inputs = [a.clone(), b.clone(), a.exp(), b.cos()];
    let check = Gradcheck::new().second_order();
    check
        .function(&inputs[..2], |x| collisions::shadowed(&x[0], &x[1]))?
        .assert_ok();
    check
        .function(&inputs, |x| collisions::names(&x[0], &x[1], &x[2], &x[3]))?
        .assert_ok();
    check
        .function(&inputs[..2], |x| {
            collisions::capitals(&x[0], &x[1], 1.5, 0.5, 3)
        })?
        .assert_ok();
    assert_eq!(values(&collisions::r#match(&a, 2.0)), [1.0, 16.0]);
    assert_eq!(values(&collisions::calls_raw(&a)), [2.0, 17.0]);
    checked(&a, |x| Ok(collisions::calls_raw(x)));
    Ok(())
}
