//! Thresholds at which the implementation switches formulas: rounding, large angles, excluded
//! bounds.

use cotangent::Backward;
use cotangent::nn::init;
use cotangent::prelude::*;
use cotangent::random::rand::rand_core::TryRng;
use std::convert::Infallible;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const DTYPES: [DType; 2] = [DType::F32, DType::F64];

/// Returns numbers spread over all bit patterns of the dtype.
fn patterns(dtype: DType) -> Vec<f64> {
    let of = |i: u64| match dtype {
        DType::F32 => f64::from(f32::from_bits((i.wrapping_mul(0x9e37_79b9) >> 3) as u32)),
        _ => f64::from_bits(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
    };
    (0..50_000).map(of).filter(|x| !x.is_nan()).collect()
}

/// Returns numbers around the thresholds above which the dtype has no halves and no odd numbers.
fn around_integers(dtype: DType) -> Vec<f64> {
    let bits = if dtype == DType::F32 { 20..26 } else { 49..55 };
    let near = bits.flat_map(|bits| (-40..40).map(move |i| 2f64.powi(bits) + f64::from(i) * 0.25));
    near.flat_map(|x| [x, -x]).collect()
}

/// A function of tensors, and the same function of numbers.
type Pair = (fn(&Tensor) -> Tensor, fn(f64) -> f64);

#[test]
fn rounding_at_every_size() -> Result<()> {
    let x = Tensor::from([
        4194304.5f32,
        4194305.5,
        5000000.5,
        8388607.5,
        -4194305.5,
        0.5,
        -0.4,
    ]);
    let expected = [
        4194304.0f32,
        4194306.0,
        5000000.0,
        8388608.0,
        -4194306.0,
        0.0,
        -0.0,
    ];
    let found = x.round().to_vec::<f32>()?;
    assert_eq!(found, expected);
    assert!(found[6].is_sign_negative() && found[5].is_sign_positive());
    let x = Tensor::from([
        2251799813685248.5f64,
        2251799813685249.5,
        4503599627370495.5,
    ]);
    let expected = [2251799813685248.0, 2251799813685250.0, 4503599627370496.0];
    assert_eq!(x.round().to_vec::<f64>()?, expected);
    let functions: [Pair; 4] = [
        (Tensor::round, f64::round_ties_even),
        (Tensor::floor, f64::floor),
        (Tensor::ceil, f64::ceil),
        (Tensor::trunc, f64::trunc),
    ];
    for dtype in DTYPES {
        let small = (-20..20).map(|i| f64::from(i) * 0.25);
        let values: Vec<f64> = patterns(dtype)
            .into_iter()
            .chain(around_integers(dtype))
            .chain(small)
            .chain([
                INF,
                -INF,
                0.0,
                -0.0,
                0.5f64.next_down(),
                f64::from(0.5f32.next_down()),
            ])
            .collect();
        let x = Tensor::from(&values[..]).to_dtype(dtype);
        for (tensor, number) in functions {
            for (x, y) in x.to_f64_vec().into_iter().zip(tensor(&x).to_f64_vec()) {
                assert_eq!(
                    number(x).to_bits(),
                    y.to_bits(),
                    "{dtype}: {x:e} became {y:e}"
                );
            }
        }
        assert!(Tensor::full([1], NAN, dtype)?.round().item()?.is_nan());
    }
    Ok(())
}

/// A generator that always draws the same bits.
struct Always(u64);

impl TryRng for Always {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        Ok((self.0 >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        Ok(self.0)
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Infallible> {
        bytes.fill(self.0 as u8);
        Ok(())
    }
}

#[test]
fn uniform_draws_lie_in_their_interval() -> Result<()> {
    let extremes = [u64::MAX, 0, u64::MAX - (1 << 20), 1 << 11];
    let intervals = [
        (0.0, 1.0),
        (-1.0, 0.0),
        (0.1, 0.3),
        (0.7, 0.9),
        (1.0, 1.0 + 1e-6),
        (1.0, f64::from(1f32.next_up())),
        (1.0, 1f64.next_up()),
        (-3e38, 3e38),
        (-1e-40, 1e-40),
        (0.0, 1e-44),
        (16777215.0, 16777217.0),
    ];
    for (low, high) in intervals {
        for draw in extremes {
            for dtype in DTYPES {
                let x = Tensor::uniform([3], low, high, dtype, &mut Always(draw))?.to_f64_vec();
                for x in x {
                    assert!(
                        (low..high).contains(&x),
                        "{x:e} of [{low:e}, {high:e}), {dtype}"
                    );
                }
            }
        }
    }
    // The whole range of f64.
    for draw in extremes {
        let x = Tensor::uniform([1], f64::MIN, f64::MAX, DType::F64, &mut Always(draw))?.item()?;
        assert!((f64::MIN..f64::MAX).contains(&x), "{x:e}");
    }
    // Only a draw that would be rounded to the excluded bound changes.
    let last = |draw: u64| Tensor::uniform([1], 0.0, 1.0, DType::F32, &mut Always(draw))?.item();
    assert_eq!(last(u64::MAX)?, f64::from(1f32.next_down()));
    assert_eq!(last(1 << 63)?, 0.5);
    // An interval that contains no number of the dtype, and an empty one.
    for (low, high) in [(1.0 + 1e-12, 1.0 + 2e-12), (0.1, 0.1)] {
        let x = Tensor::uniform([2], low, high, DType::F32, &mut Always(u64::MAX))?.to_f64_vec();
        assert_eq!(x, [f64::from(low as f32); 2]);
    }
    // A bound beyond the range of the dtype.
    let mut rng = Always(u64::MAX);
    assert!(Tensor::uniform([1], 0.0, 1e39, DType::F32, &mut rng).is_err());
    assert!(Tensor::uniform([1], 0.0, 1e39, DType::F64, &mut rng)?.item()? < 1e39);
    Ok(())
}

#[test]
fn initializers_and_slopes_stay_within_their_bounds() -> Result<()> {
    for draw in [u64::MAX, 0] {
        for (low, high) in [(0.0, 1.0), (-0.3, 0.7), (-0.1, 0.1)] {
            let w = init::uniform(low, high)
                .draw(&[2, 2], &mut Always(draw))?
                .to_f64_vec();
            assert!(w.iter().all(|w| (low..high).contains(w)), "{w:?}");
        }
        let limit = (6.0f64 / 5.0).sqrt();
        let w = init::glorot_uniform()
            .draw(&[2, 3], &mut Always(draw))?
            .to_f64_vec();
        assert!(w.iter().all(|w| (-limit..limit).contains(w)), "{w:?}");
    }
    // The bounds of a truncated normal distribution may lie between two numbers of `f32`: with a
    // mean of 1 and a deviation of 1e-7, draws near the bounds could be rounded beyond them.
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for (mean, deviation) in [(1.0, 1e-7), (0.3, 1e-8), (0.0, 0.1)] {
        let w = init::normal(deviation)
            .mean(mean)
            .truncated()
            .draw(&[100, 100], &mut rng)?;
        let (low, high) = (mean - 2.0 * deviation, mean + 2.0 * deviation);
        assert!(
            w.to_f64_vec().iter().all(|w| (low..=high).contains(w)),
            "{mean} {deviation}"
        );
    }
    // 1/3 lies between two numbers of `f32`; the nearest is above it.
    for (lower, upper) in [
        (1.0 / 8.0, 1.0 / 3.0),
        (1.0 / 3.0 - 1e-7, 1.0 / 3.0),
        (0.7, 0.7 + 1e-7),
    ] {
        let slopes = Tensor::full([5000], -1.0, DType::F32)?
            .rrelu(lower, upper, 1)?
            .neg();
        assert!(
            slopes
                .to_f64_vec()
                .iter()
                .all(|a| (lower..=upper).contains(a)),
            "{lower} {upper}"
        );
    }
    Ok(())
}

#[test]
fn sine_and_cosine_of_large_numbers() -> Result<()> {
    let x = Tensor::from([1e16f64, 1e22, -1e22, 1e300, f64::MAX, INF, -INF]);
    let sines = [
        0.7796880066069788,
        -0.8522008497671888,
        0.8522008497671888,
        -0.8178819121159085,
        0.004961954789184062,
        NAN,
        NAN,
    ];
    let cosines = [
        -0.6261681981330862,
        0.523214785395139,
        0.523214785395139,
        -0.5753861119575491,
        -0.9999876894265599,
        NAN,
        NAN,
    ];
    let tangents = [
        -1.2451734357184063,
        -1.6287782256068988,
        1.6287782256068988,
        1.4214488238747245,
        -0.004962015874444895,
        NAN,
        NAN,
    ];
    let near = |found: Vec<f64>, expected: &[f64], ulp: f64| {
        for (found, expected) in found.iter().zip(expected) {
            let same = found.is_nan() && expected.is_nan();
            assert!(
                same || (found - expected).abs() <= ulp * expected.abs(),
                "{found}, not {expected}"
            );
        }
    };
    near(x.sin().to_f64_vec(), &sines, 4e-16);
    near(x.cos().to_f64_vec(), &cosines, 4e-16);
    near(x.tan().to_f64_vec(), &tangents, 4e-16);
    let x = Tensor::from([1e20f32, 3e38, f32::MAX, 2147483648.0, -5e9, f32::INFINITY]);
    near(
        x.sin().to_f64_vec(),
        &[
            0.6565767,
            0.8749049,
            -0.5218765,
            -0.9713102,
            -0.25187334,
            NAN,
        ],
        1.2e-7,
    );
    near(
        x.cos().to_f64_vec(),
        &[0.7542593, -0.48429477, 0.853021, 0.2378162, -0.9677602, NAN],
        1.2e-7,
    );
    near(
        x.tan().to_f64_vec(),
        &[
            0.870492, -1.8065544, -0.6117979, -4.0842896, 0.26026422, NAN,
        ],
        1.2e-7,
    );
    // First derivatives, fused and recorded, and second derivatives.
    let x = Tensor::from([1e16f64, 1e22]).tracked();
    for grads in [
        x.sin().sum().backward()?,
        Backward::new().create_graph().run(&x.sin().sum())?,
    ] {
        let slope = grads.get(&x).expect("a gradient");
        near(slope.to_f64_vec(), &cosines, 4e-16);
        if slope.is_tracked() {
            let second = slope.sum().backward()?;
            near(
                second.get(&x).expect("a gradient").neg().to_f64_vec(),
                &sines,
                4e-16,
            );
        }
    }
    let grads = x.cos().sum().backward()?;
    near(
        grads.get(&x).expect("a gradient").neg().to_f64_vec(),
        &sines,
        4e-16,
    );
    Ok(())
}

/// A large angle among small ones does not change the results of the other elements.
#[test]
fn neighbours_of_a_large_angle_keep_their_sines() -> Result<()> {
    for dtype in DTYPES {
        let count = 40_000;
        let mut values: Vec<f64> = (0..count)
            .map(|i| f64::from(i).sqrt() * 7.3 - 500.0)
            .collect();
        let usual = Tensor::from(&values[..]).to_dtype(dtype);
        let large = [3, 20_000, 39_999];
        for i in large {
            values[i] = 1e20;
        }
        let mixed = Tensor::from(&values[..]).to_dtype(dtype);
        let apart = Tensor::stack(&[&mixed, &mixed], -1)?
            .narrow(-1, 1, 1)?
            .squeeze(-1)?;
        for f in [Tensor::sin, Tensor::cos] as [fn(&Tensor) -> Tensor; 2] {
            let expected = f(&usual).to_f64_vec();
            let alone = f(&Tensor::from([1e20f64]).to_dtype(dtype)).item()?;
            let (mixed, apart) = (mixed.tracked(), apart.tracked());
            let slopes = |x: &Tensor| -> Result<Vec<f64>> {
                let grads = f(x).sum().backward()?;
                Ok(grads.get(x).expect("a gradient").to_f64_vec())
            };
            assert_eq!(slopes(&mixed)?, slopes(&apart)?);
            for x in [&mixed, &apart] {
                for (i, (found, expected)) in f(x).to_f64_vec().iter().zip(&expected).enumerate() {
                    let expected = if large.contains(&i) { alone } else { *expected };
                    assert_eq!(found.to_bits(), expected.to_bits(), "{dtype} {i}");
                }
            }
        }
    }
    Ok(())
}

/// Returns the derivative of a function of one element.
fn slope(x: &Tensor, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<f64> {
    let x = x.tracked();
    let gradients = Backward::new().allow_nonfinite().run(&f(&x)?)?;
    gradients.get(&x).map_or(Ok(NAN), Tensor::item)
}

/// Derivatives are in range although the squares in their formulas are not.
#[test]
fn derivatives_far_from_the_origin() -> Result<()> {
    let close = |found: f64, expected: f64| {
        let allowed = 3e-7 * expected.abs() + 3e-45;
        assert!(
            (found - expected).abs() <= allowed,
            "{found:e}, not {expected:e}"
        );
    };
    for x in [1e20f32, -1e20, 3e38, -1e9, 3e9] {
        let (exact, x) = (f64::from(x).abs(), Tensor::from(x));
        close(slope(&x, |x| Ok(x.asinh()))?, 1.0 / exact);
        close(slope(&x, |x| Ok(x.atan()))?, 1.0 / (exact * exact + 1.0));
        close(slope(&x.abs(), |x| Ok(x.acosh()))?, 1.0 / exact);
        close(
            slope(&x.abs(), |x| Ok(x.log10()))?,
            1.0 / exact / std::f64::consts::LN_10,
        );
        close(
            slope(&x.abs(), |x| Ok(x.log2()))?,
            1.0 / exact / std::f64::consts::LN_2,
        );
    }
    let points = [
        (1e20f32, 1e20f32),
        (1e-30, 1e-30),
        (-3e38, 3e38),
        (1e-40, 3e-38),
        (1e25, -3.0),
        (0.5, 2.0),
    ];
    for (a, b) in points {
        let distance = f64::from(a).hypot(f64::from(b));
        let expected = |component: f32| f64::from(component) / distance / distance;
        let (y, x) = (Tensor::from(a), Tensor::from(b));
        close(slope(&y, |y| y.atan2(&x))?, expected(b));
        close(slope(&x, |x| y.atan2(x))?, -expected(a));
    }
    for (a, b) in [
        (1e200, 1e200),
        (1e-200, -1e-200),
        (f64::MAX, 1.0),
        (0.0, 1e-300),
    ] {
        let (y, x) = (Tensor::from(a), Tensor::from(b));
        let distance = a.hypot(b);
        let expected = b / distance / distance;
        let found = slope(&y, |y| y.atan2(&x))?;
        assert!(
            (found - expected).abs() <= 1e-14 * expected.abs(),
            "{found:e}, not {expected:e}"
        );
    }
    // At an infinite distance the derivative of the angle is 0; NaN stays NaN.
    let from = |a: f64, b: f64| slope(&Tensor::from(a), |y| y.atan2(&Tensor::from(b)));
    assert_eq!(
        [from(INF, 1.0)?, from(1.0, INF)?, from(INF, -INF)?],
        [0.0; 3]
    );
    assert!(from(NAN, 0.0)?.is_nan() && from(0.0, NAN)?.is_nan() && from(INF, NAN)?.is_nan());
    Ok(())
}

/// A million multiplications would lose six digits.
#[test]
fn large_whole_powers_keep_their_digits() -> Result<()> {
    let cases = [
        (1.000001f32, 1_000_000),
        (0.9999, -50_000),
        (-1.0, 16_777_217),
        (1.0000001, 500_000_001),
        (-1.0000001, -400_000_001),
        (0.99, 65),
    ];
    for (x, exponent) in cases {
        let exact = f64::from(x).powf(f64::from(exponent));
        let found = Tensor::from(x).powi(exponent).item()?;
        assert!(
            (found / exact - 1.0).abs() < 1e-5,
            "{x}^{exponent} = {found}, not {exact}"
        );
        let found = Tensor::from(f64::from(x)).powi(exponent).item()?;
        assert!(
            (found / exact - 1.0).abs() < 1e-13,
            "{x}^{exponent} = {found}, not {exact}"
        );
    }
    // Odd exponents that `f32` would round to even ones.
    for exponent in [16_777_217.0, -16_777_219.0, 4_294_967_297.0] {
        let ones = Tensor::from([-1.0f32, 1.0])
            .powf(exponent)
            .to_vec::<f32>()?;
        assert_eq!(ones, [-1.0, 1.0]);
    }
    let ends = Tensor::from([0.0f32, f32::INFINITY, 2.0]).powf(16_777_217.0);
    assert_eq!(ends.to_vec::<f32>()?, [0.0, f32::INFINITY, f32::INFINITY]);
    let found = slope(&Tensor::from(1.000001f64), |x| Ok(x.powi(1_000_000)))?;
    let exact = 1e6 * 1.000001f64.powf(999_999.0);
    assert!((found / exact - 1.0).abs() < 1e-13, "{found}, not {exact}");
    Ok(())
}

/// The difference of the bounds overflows.
#[test]
fn ranges_as_wide_as_the_dtype() -> Result<()> {
    let x = Tensor::arange(-1.5e308, 1.5e308, 1e308, DType::F64)?.to_f64_vec();
    assert_eq!(x.len(), 3);
    for (x, expected) in x.into_iter().zip([-1.5e308, -5e307, 5e307]) {
        assert!((x / expected - 1.0).abs() < 1e-15, "{x}");
    }
    let x = Tensor::linspace(-f64::MAX, f64::MAX, 5, DType::F64)?.to_f64_vec();
    assert!(
        x[0] == -f64::MAX && x[2] == 0.0 && x[4] == f64::MAX,
        "{x:?}"
    );
    let x = Tensor::linspace(0.0, 0.1, 11, DType::F32)?.to_vec::<f32>()?;
    assert_eq!((x[0], x[10]), (0.0, 0.1));
    Ok(())
}
