//! Helpers for the tests of the elementary functions: runs on every tier, samples of arguments, and
//! errors in units in the last place (ULP).

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, Tier, dispatch_on};
use num_traits::Float as _;
use std::marker::PhantomData;

/// A function under test, as a type.
pub(super) trait Function {
    type Number: Float;
    fn at<I: Isa>(x: Self::Number) -> Self::Number;
}

/// Declares the types `F32` and `F64` for the two bodies of a function.
macro_rules! functions {
    ($f32:path, $f64:path) => {
        functions!(@ F32 f32 $f32);
        functions!(@ F64 f64 $f64);
    };
    (@ $name:ident $number:ident $body:path) => {
        pub(super) struct $name;
        impl $crate::kernel::math::check::Function for $name {
            type Number = $number;
            #[inline(always)]
            fn at<I: $crate::kernel::isa::Isa>(x: $number) -> $number {
                use $body as body;
                body::<I>(x)
            }
        }
    };
}
pub(super) use functions;

struct Map<'a, F: Function> {
    arguments: &'a [F::Number],
    results: &'a mut [F::Number],
    function: PhantomData<F>,
}

impl<F: Function> Kernel for Map<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        for (y, x) in self.results.iter_mut().zip(self.arguments) {
            *y = F::at::<I>(*x);
        }
    }
}

fn run<F: Function>(tier: Tier, arguments: &[F::Number]) -> Vec<F::Number> {
    let mut results = vec![F::Number::default(); arguments.len()];
    dispatch_on(
        tier,
        Map::<F> {
            arguments,
            results: &mut results,
            function: PhantomData,
        },
    );
    results
}

/// Asserts exact results, including the sign of zero. Any NaN equals any other.
pub(super) fn exact<F: Function>(cases: &[(F::Number, F::Number)]) {
    // More copies than lanes, so that the packed code is tested and not only the remainder loop.
    const COPIES: usize = 40;
    for tier in Tier::available() {
        for (x, expected) in cases {
            for got in run::<F>(tier, &[*x; COPIES]) {
                let same =
                    got == *expected && got.is_sign_negative() == expected.is_sign_negative();
                let both_nan = got.is_nan() && expected.is_nan();
                assert!(
                    same || both_nan,
                    "{tier:?}: f({x:e}) = {got:e}, expected {expected:e}"
                );
            }
        }
    }
}

/// Returns the unit in the last place of an `f32` near `value`.
fn ulp_f32(value: f64) -> f64 {
    let exponent = ((value.to_bits() >> 52) & 0x7ff).clamp(1023 - 126, 1023 + 127);
    f64::from_bits((exponent - 23) << 52)
}

/// Returns the unit in the last place of `value`.
fn ulp_f64(value: f64) -> f64 {
    let next = f64::from_bits(value.abs().to_bits() + 1);
    if next.is_finite() {
        next - value.abs()
    } else {
        f64::MAX - f64::MAX.next_down()
    }
}

/// Returns the error of an `f32` in ULP. It is infinite if only one of the two is finite.
fn error_f32(got: f32, expected: f64) -> f64 {
    let nearest = expected as f32;
    if got.is_finite() && nearest.is_finite() {
        (f64::from(got) - expected).abs() / ulp_f32(expected)
    } else if got == nearest || got.is_nan() && nearest.is_nan() {
        0.0
    } else {
        f64::INFINITY
    }
}

/// Returns, for each tier, the largest error over `arguments` and the argument that has it.
fn largest_errors<F: Function<Number = f32>>(
    reference: impl Fn(f64) -> f64,
    arguments: &[f32],
) -> Vec<(Tier, f64, f32)> {
    let expected: Vec<f64> = arguments.iter().map(|x| reference(f64::from(*x))).collect();
    let largest = |tier: Tier| {
        let results = run::<F>(tier, arguments);
        let mut largest = (tier, 0.0, 0.0);
        for ((got, expected), x) in results.into_iter().zip(&expected).zip(arguments) {
            let error = error_f32(got, *expected);
            if error > largest.1 {
                largest = (tier, error, *x);
            }
        }
        largest
    };
    Tier::available().into_iter().map(largest).collect()
}

/// Asserts the bound over 10^5 arguments spread over all bit patterns, and over dense samples near
/// the points `near`.
pub(super) fn sampled<F: Function<Number = f32>>(
    reference: impl Fn(f64) -> f64,
    bound: f64,
    near: &[f32],
    limit: f32,
) {
    let arguments = samples(near, limit);
    for (tier, error, x) in largest_errors::<F>(reference, &arguments) {
        assert!(error <= bound, "{tier:?}: {error} ULP at {x:e}");
    }
}

/// Returns 10^5 arguments spread over all bit patterns, and dense samples near the points `near`.
fn samples(near: &[f32], limit: f32) -> Vec<f32> {
    let spread = (0..=u32::MAX).step_by(42_953).map(f32::from_bits);
    let dense = near.iter().flat_map(|point| {
        let bits = point.to_bits();
        (bits.saturating_sub(2_000)..bits.saturating_add(2_000)).map(f32::from_bits)
    });
    let all = spread.chain(dense);
    all.filter(|x| x.is_nan() || x.abs() <= limit).collect()
}

/// Asserts a bound of the error relative to the larger of 1 and the result, over the arguments of
/// [`sampled`].
pub(super) fn sampled_from_one_on<F: Function<Number = f32>>(
    reference: impl Fn(f64) -> f64,
    bound: f64,
    near: &[f32],
) {
    let arguments = samples(near, f32::INFINITY);
    let expected: Vec<f64> = arguments.iter().map(|x| reference(f64::from(*x))).collect();
    for tier in Tier::available() {
        let results = run::<F>(tier, &arguments);
        for ((got, expected), x) in results.into_iter().zip(&expected).zip(&arguments) {
            let nearest = *expected as f32;
            let error = (f64::from(got) - expected).abs();
            let same = got == nearest || got.is_nan() && nearest.is_nan();
            assert!(
                same || error <= bound * expected.abs().max(1.0),
                "{tier:?}: f({x:e}) = {got:e}, not {expected:e}"
            );
        }
    }
}

/// Asserts the bound over all `f32` up to `limit`, and prints the largest error of each tier.
pub(super) fn exhaustive<F: Function<Number = f32>>(
    reference: impl Fn(f64) -> f64,
    bound: f64,
    limit: f32,
) {
    const BLOCK: u32 = 1 << 16;
    let mut largest: Vec<_> = Tier::available()
        .into_iter()
        .map(|tier| (tier, 0.0, 0.0))
        .collect();
    for block in 0..=u32::MAX / BLOCK {
        let arguments: Vec<f32> = (block * BLOCK..=block * BLOCK + (BLOCK - 1))
            .map(f32::from_bits)
            .filter(|x| x.is_nan() || x.abs() <= limit)
            .collect();
        for (all, new) in largest
            .iter_mut()
            .zip(largest_errors::<F>(&reference, &arguments))
        {
            if new.1 > all.1 {
                *all = new;
            }
        }
    }
    for (tier, error, x) in largest {
        println!("{tier:?}: largest error {error:.4} ULP, at {x:e}");
        assert!(error <= bound, "{tier:?}: {error} ULP at {x:e}");
    }
}

/// Asserts the bound over a table written by `testdata/generate.py`.
pub(super) fn table<F: Function<Number = f64>>(text: &str, bound: f64) {
    let rows: Vec<(f64, f64, f64)> = text
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let float = |field: &str| f64::from_bits(u64::from_str_radix(field, 16).unwrap());
            (
                float(fields[0]),
                float(fields[1]),
                fields[2].parse::<f64>().unwrap() / 256.0,
            )
        })
        .collect();
    assert!(rows.len() > 300);
    let arguments: Vec<f64> = rows.iter().map(|row| row.0).collect();
    for tier in Tier::available() {
        for (got, (x, high, rest)) in run::<F>(tier, &arguments).into_iter().zip(&rows) {
            let error = ((got - high) / ulp_f64(*high) - rest).abs();
            // This form of the condition fails for NaN.
            assert!(
                error <= bound,
                "{tier:?}: {error} ULP at {x:e}: {got:e}, not {high:e}"
            );
        }
    }
}

/// Asserts agreement with the standard library over 10^5 arguments spread over all bit patterns.
/// The error of the standard library is added to the bound. This is coarser than [`table`], but
/// covers every binade.
pub(super) fn agrees<F: Function<Number = f64>>(
    reference: impl Fn(f64) -> f64,
    bound: f64,
    limit: f64,
) {
    const OF_STANDARD_LIBRARY: f64 = 2.0;
    let spread = (0..100_000u64).map(|i| f64::from_bits(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let arguments: Vec<f64> = spread.filter(|x| x.is_nan() || x.abs() <= limit).collect();
    for tier in Tier::available() {
        for (got, x) in run::<F>(tier, &arguments).into_iter().zip(&arguments) {
            let expected = reference(*x);
            let error = (got - expected).abs() / ulp_f64(expected);
            let same = got == expected || got.is_nan() && expected.is_nan();
            let close = error <= bound + OF_STANDARD_LIBRARY;
            assert!(
                same || close,
                "{tier:?}: f({x:e}) = {got:e}, about {expected:e}"
            );
        }
    }
}

/// Asserts that two functions return the same bits for 10^5 arguments up to `limit`.
pub(super) fn identical<A: Function, B: Function<Number = A::Number>>(limit: f64) {
    let spread = (0..100_000).map(|i: i32| f64::from(i).sin() * 2f64.powi(i % 150 - 120));
    let arguments: Vec<A::Number> = spread
        .chain([limit, -limit, 0.0, -0.0, f64::NAN])
        .map(|x| A::Number::from_f64(x.clamp(-limit, limit)))
        .collect();
    for tier in Tier::available() {
        let pairs = run::<A>(tier, &arguments)
            .into_iter()
            .zip(run::<B>(tier, &arguments));
        for ((a, b), x) in pairs.zip(&arguments) {
            let bits = |y: A::Number| y.to_f64().to_bits();
            let same = bits(a) == bits(b) || (a.is_nan() && b.is_nan());
            assert!(same, "{tier:?}: {a:e} and {b:e} at {x:e}");
        }
    }
}

#[test]
fn units_in_the_last_place() {
    assert_eq!(ulp_f32(1.0), f64::from(f32::EPSILON));
    assert_eq!(ulp_f32(-1.999), f64::from(f32::EPSILON));
    assert_eq!(ulp_f32(0.999), f64::from(f32::EPSILON) / 2.0);
    assert_eq!(ulp_f32(0.0), f64::from(f32::from_bits(1)));
    assert_eq!(ulp_f64(-1.5), f64::EPSILON);
    assert_eq!(ulp_f64(0.0), f64::from_bits(1));
    assert_eq!(error_f32(1.0 + f32::EPSILON, 1.0), 1.0);
    assert_eq!(error_f32(f32::INFINITY, 1e39), 0.0);
    assert_eq!(error_f32(f32::NAN, 1.0), f64::INFINITY);
    assert_eq!(error_f32(f32::MAX, f64::INFINITY), f64::INFINITY);
}
