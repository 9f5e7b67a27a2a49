//! A mask selects; it does not multiply. An infinite cotangent of a masked element must give a
//! gradient of 0, not NaN from 0 times infinity.

use cotangent::nn::{AlphaDropout, Dropout, Embedding};
use cotangent::prelude::*;
use cotangent::{Backward, Mask};
use std::f64::consts::SQRT_2;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
const DTYPES: [DType; 2] = [DType::F32, DType::F64];

type Function = Box<dyn Fn(&Tensor) -> Result<Tensor>>;

fn function(f: impl Fn(&Tensor) -> Tensor + 'static) -> Function {
    Box::new(move |x| Ok(f(x)))
}

fn tensor(values: &[f64], dtype: DType) -> Tensor {
    Tensor::from(values).to_dtype(dtype)
}

/// Returns the same elements as a view of every second element of a longer tensor.
fn strided(x: &Tensor) -> Result<Tensor> {
    let spread = Tensor::stack(&[x, &x.constant(0.5)?], -1)?;
    spread.narrow(-1, 0, 1)?.squeeze(-1)
}

trait Constant: Sized {
    fn constant(&self, value: f64) -> Result<Self>;
}

impl Constant for Tensor {
    fn constant(&self, value: f64) -> Result<Self> {
        Self::full(self.shape(), value, self.dtype())
    }
}

/// Returns the gradient of `f` at `x` for the cotangent `g`, and the derivative of its sum.
///
/// Panics unless the fused and the recorded gradient agree, for contiguous and strided operands.
fn gradients(f: &Function, x: &Tensor, g: &Tensor) -> Result<(Vec<f64>, Vec<f64>)> {
    let bits = |values: &[f64]| -> Vec<u64> {
        let signless = values
            .iter()
            .map(|x| if x.is_nan() { NAN } else { x + 0.0 });
        signless.map(f64::to_bits).collect()
    };
    let mut found: Option<Vec<f64>> = None;
    let mut second = vec![0.0; x.len()];
    for (x, g) in [(x.clone(), g.clone()), (strided(x)?, strided(g)?)] {
        let x = x.tracked();
        let fused = f(&x)?.backward_with(&g)?;
        let recorded = Backward::new().create_graph().run_with(&f(&x)?, &g)?;
        for grads in [&fused, &recorded] {
            let gradient = grads.get(&x).expect("a gradient").to_f64_vec();
            let first = found.get_or_insert_with(|| gradient.clone());
            assert_eq!(bits(first), bits(&gradient), "{first:?} and {gradient:?}");
        }
        let sum = recorded.get(&x).expect("a gradient").sum();
        if sum.is_tracked()
            && let Some(gradient) = Backward::new().allow_nonfinite().run(&sum)?.get(&x)
        {
            second = gradient.to_f64_vec();
        }
    }
    Ok((found.unwrap_or_default(), second))
}

/// If a function is constant, its first and second derivatives are 0 for any cotangent.
#[test]
fn constant_pieces_have_gradient_0_for_any_cotangent() -> Result<()> {
    let below = [-1.0, -0.0, 0.0, -1e30, -INF];
    let outside = [-1.0, -0.5, 2.0, 1e30, INF, -INF];
    let anywhere = [-2.5, -0.0, 0.0, 1.0, 1e30, INF, -INF];
    let cases: Vec<(&str, &[f64], Function)> = vec![
        ("relu", &below, function(Tensor::relu)),
        ("relu6", &below, function(Tensor::relu6)),
        ("relu6 above", &[6.0, 7.0, INF], function(Tensor::relu6)),
        ("leaky_relu(0)", &below, function(|x| x.leaky_relu(0.0))),
        ("elu(0)", &below, function(|x| x.elu(0.0))),
        ("clamp", &outside, function(|x| x.clamp(-0.5, 2.0))),
        (
            "hard_tanh",
            &[-1.0, 1.0, -INF, INF],
            function(Tensor::hard_tanh),
        ),
        (
            "hard_sigmoid",
            &[-3.0, 3.0, -INF, INF],
            function(Tensor::hard_sigmoid),
        ),
        (
            "hard_swish",
            &[-3.0, -4.0, -1e30, -INF],
            function(Tensor::hard_swish),
        ),
        ("abs", &[0.0, -0.0], function(Tensor::abs)),
        ("powi(0)", &anywhere, function(|x| x.powi(0))),
        ("powf(0)", &anywhere, function(|x| x.powf(0.0))),
        ("round", &anywhere, function(Tensor::round)),
        ("floor", &anywhere, function(Tensor::floor)),
        ("ceil", &anywhere, function(Tensor::ceil)),
        ("trunc", &anywhere, function(Tensor::trunc)),
        ("sign", &anywhere, function(Tensor::sign)),
        (
            "maximum",
            &below,
            Box::new(|x| x.maximum(&x.constant(1.0)?)),
        ),
        (
            "maximum, second",
            &below,
            Box::new(|x| x.constant(1.0)?.maximum(x)),
        ),
        (
            "minimum",
            &[3.0, 1e30, INF],
            Box::new(|x| x.minimum(&x.constant(1.0)?)),
        ),
        (
            "pow, exponent 0",
            &anywhere,
            Box::new(|x| x.pow(&x.constant(0.0)?)),
        ),
        (
            "pow, base 0",
            &[0.0, 2.0, 1e30],
            Box::new(|x| x.constant(0.0)?.pow(x)),
        ),
        (
            "prelu, slope",
            &[0.5, -3.0],
            Box::new(|w| Tensor::full([1, 2], INF, w.dtype())?.prelu(w)?.reshape([2])),
        ),
        (
            "where",
            &anywhere,
            Box::new(|x| x.eq(x)?.select(&x.constant(1.0)?, x)),
        ),
        (
            "masked_fill",
            &anywhere,
            Box::new(|x| x.masked_fill(&x.eq(x)?, 7.0)),
        ),
        (
            "atan2 at the origin",
            &[0.0, -0.0],
            Box::new(|x| x.atan2(&x.constant(0.0)?)),
        ),
    ];
    for dtype in DTYPES {
        for (name, points, f) in &cases {
            let x = tensor(points, dtype);
            for cotangent in [1.0, INF, -INF, NAN] {
                let g = x.constant(cotangent)?;
                let (first, second) = gradients(f, &x, &g)?;
                let zeros = vec![0.0; points.len()];
                assert_eq!(
                    first, zeros,
                    "{name} {dtype} at {points:?}, cotangent {cotangent}"
                );
                assert_eq!(
                    second, zeros,
                    "{name} {dtype}, second, cotangent {cotangent}"
                );
            }
        }
    }
    Ok(())
}

/// Elements that are not selected get a gradient of 0 from an infinite cotangent.
#[test]
fn elements_that_are_not_selected_get_no_gradient() -> Result<()> {
    let selected: Vec<(&str, Function, [f64; 4])> = vec![
        ("max", Box::new(Tensor::max), [0.0, INF, 0.0, 0.0]),
        ("min", Box::new(Tensor::min), [INF, 0.0, 0.0, 0.0]),
        (
            "max_over",
            Box::new(|x| x.reshape([2, 2])?.max_over(0)),
            [0.0, INF, INF, 0.0],
        ),
        (
            "min_over",
            Box::new(|x| x.reshape([2, 2])?.min_over(1)),
            [INF, 0.0, 0.0, INF],
        ),
        (
            "top_k",
            Box::new(|x| Ok(x.top_k(0, 2)?.0)),
            [0.0, INF, INF, 0.0],
        ),
        (
            "gather",
            Box::new(|x| x.gather(0, &Indices::from([1, 3]))),
            [0.0, INF, 0.0, INF],
        ),
        (
            "index_select",
            Box::new(|x| x.index_select(0, &Indices::from([1]))),
            [0.0, INF, 0.0, 0.0],
        ),
        (
            "narrow",
            Box::new(|x| x.narrow(0, 2, 1)),
            [0.0, 0.0, INF, 0.0],
        ),
        (
            "tril",
            Box::new(|x| x.reshape([2, 2])?.tril(0)),
            [INF, 0.0, INF, INF],
        ),
        (
            "triu",
            Box::new(|x| x.reshape([2, 2])?.triu(0)),
            [INF, INF, 0.0, INF],
        ),
        (
            "diagonal",
            Box::new(|x| x.reshape([2, 2])?.diagonal(0)),
            [INF, 0.0, 0.0, INF],
        ),
    ];
    for dtype in DTYPES {
        let x = tensor(&[-1.0, 4.0, 3.0, 2.0], dtype);
        for (name, f, expected) in &selected {
            let g = f(&x)?.constant(INF)?;
            // `gradients` cannot make a strided view of a scalar cotangent.
            for x in [x.clone(), strided(&x)?] {
                let x = x.tracked();
                let fused = f(&x)?.backward_with(&g)?;
                let recorded = Backward::new().create_graph().run_with(&f(&x)?, &g)?;
                for grads in [&fused, &recorded] {
                    let found = grads.get(&x).map(Tensor::to_f64_vec);
                    assert_eq!(found.as_deref(), Some(&expected[..]), "{name} {dtype}");
                }
            }
        }
    }
    // Ties share the gradient.
    let x = Tensor::from([2.0f32, 2.0, 1.0]).tracked();
    let grads = x.max()?.backward()?;
    assert_eq!(
        grads.get(&x).map(Tensor::to_f64_vec),
        Some(vec![0.5, 0.5, 0.0])
    );
    Ok(())
}

#[test]
fn square_roots_of_masked_elements_have_gradient_0() -> Result<()> {
    for dtype in DTYPES {
        let x = tensor(&[-1.0, 4.0, 0.0], dtype);
        let g = x.constant(1.0)?;
        let cases: [Function; 7] = [
            function(|x| x.relu().sqrt()),
            function(|x| x.relu6().sqrt()),
            function(|x| x.clamp(0.0, INF).sqrt()),
            function(|x| x.leaky_relu(0.0).sqrt()),
            Box::new(|x| {
                let positive = x.gt_scalar(0.0);
                Ok(positive.select(x, &x.constant(0.0)?)?.sqrt())
            }),
            Box::new(|x| Ok(x.masked_fill(&x.le_scalar(0.0), 0.0)?.sqrt())),
            function(|x| x.powf(0.0).add_scalar(-1.0).sqrt()),
        ];
        for (number, f) in cases.iter().enumerate() {
            let (first, second) = gradients(f, &x, &g)?;
            let slope = if number == 6 { 0.0 } else { 0.25 };
            assert_eq!(first, [0.0, slope, 0.0], "{number} {dtype}");
            assert_eq!(second, [0.0, -slope / 8.0, 0.0], "{number} {dtype}");
        }
        let f: Function = Box::new(|x| Ok(x.maximum(&x.constant(0.0)?)?.sqrt()));
        let x = tensor(&[-1.0, 4.0], dtype);
        assert_eq!(
            gradients(&f, &x, &x.constant(1.0)?)?,
            (vec![0.0, 0.25], vec![0.0, -0.03125])
        );
    }
    Ok(())
}

/// The distance of a point from itself is 0, where the slope of the square root is infinite.
#[test]
fn pairwise_distances() -> Result<()> {
    let points: Vec<f64> = (0..30u32)
        .map(|i| f64::from(i * i * 37 % 101) / 16.0)
        .collect();
    let mut expected = vec![0.0; 30];
    for i in 0..10 {
        for j in (0..10).filter(|&j| j != i) {
            let apart = |k: usize| points[i * 3 + k] - points[j * 3 + k];
            let distance = (0..3).map(|k| apart(k).powi(2)).sum::<f64>().sqrt();
            for k in 0..3 {
                expected[i * 3 + k] += 2.0 * apart(k) / distance;
            }
        }
    }
    let by_difference: Function = Box::new(|x| {
        let apart = x.unsqueeze(0)?.sub(&x.unsqueeze(1)?)?;
        apart.square().sum_over(-1)
    });
    let by_product: Function = Box::new(|x| {
        let squares = x.square().sum_over(-1)?;
        let sums = squares.unsqueeze(0)?.add(&squares.unsqueeze(1)?)?;
        sums.sub(&x.matmul(&x.transpose(0, 1)?)?.mul_scalar(2.0))
    });
    for dtype in DTYPES {
        for square in [&by_difference, &by_product] {
            let x = tensor(&points, dtype).reshape([10, 3])?.tracked();
            let y = square(&x)?.clamp(0.0, INF).sqrt().sum();
            let recorded = Backward::new().create_graph().run(&y)?;
            for grads in [&y.backward()?, &recorded] {
                let found = grads.get(&x).expect("a gradient").to_f64_vec();
                for (found, expected) in found.iter().zip(&expected) {
                    let tolerance = if dtype == DType::F32 { 1e-2 } else { 1e-6 };
                    assert!(
                        (found - expected).abs() < tolerance,
                        "{found}, not {expected}"
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn dropout_replaces_infinity_and_nan_by_0() -> Result<()> {
    for dtype in DTYPES {
        for (value, kept) in [
            (INF, INF),
            (-INF, -INF),
            (NAN, NAN),
            (f64::from(f32::MAX), INF),
        ] {
            let x = Tensor::full([1000], value, dtype)?.tracked();
            let y = x.dropout(0.5, 3)?;
            let values = y.to_f64_vec();
            let kept = if dtype == DType::F64 {
                value * 2.0
            } else {
                kept
            };
            let is_kept = |y: f64| y == kept || (y.is_nan() && kept.is_nan());
            assert!(
                values.iter().all(|&y| y == 0.0 || is_kept(y)),
                "{value} {dtype}"
            );
            let dropped = values.iter().filter(|&&y| y == 0.0).count();
            assert!((400..600).contains(&dropped), "{dropped}");
            // The gradient of a dropped element is 0; it is not multiplied by 0.
            for cotangent in [INF, NAN] {
                let g = y.constant(cotangent)?;
                let recorded = Backward::new()
                    .create_graph()
                    .run_with(&x.dropout(0.5, 3)?, &g)?;
                let fused = x.dropout(0.5, 3)?.backward_with(&g)?;
                for grads in [&fused, &recorded] {
                    let found = grads.get(&x).expect("a gradient").to_f64_vec();
                    for (g, y) in found.iter().zip(&values) {
                        assert!(
                            if *y == 0.0 { *g == 0.0 } else { !g.is_finite() },
                            "{g} {y}"
                        );
                    }
                }
            }
            // Alpha dropout replaces dropped elements by one finite number.
            let values = x.alpha_dropout(0.5, 3)?.to_f64_vec();
            let finite: Vec<f64> = values.into_iter().filter(|y| y.abs() < 1e30).collect();
            assert_eq!(finite.len(), dropped);
            assert!(finite.iter().all(|y| (y + 0.779_193_930_518).abs() < 1e-6));
        }
        let x = Tensor::full([1000], INF, dtype)?;
        let y = Dropout::new(0.25)?
            .forward(&x, &Pass::train(1))?
            .to_f64_vec();
        assert!(y.iter().all(|&y| y == 0.0 || y == INF) && y.contains(&0.0));
        let y = AlphaDropout::new(0.25)?
            .forward(&x, &Pass::train(1))?
            .to_f64_vec();
        assert!(y.iter().all(|y| !y.is_nan()) && y.contains(&INF));
    }
    Ok(())
}

#[test]
fn the_padding_row_of_an_embedding_gets_no_infinite_gradient() -> Result<()> {
    let mut rng = cotangent::random::ChaCha8Rng::seed_from_u64(1);
    let words = Embedding::builder(4, 2).padding_index(0).build(&mut rng)?;
    let y = words.forward(&Indices::from([0, 2]), &Pass::train(0))?;
    let grads = y.backward_with(&y.constant(INF)?)?;
    let gradient = grads.get(&words.weight).expect("a gradient").to_f64_vec();
    assert_eq!(gradient, [0.0, 0.0, 0.0, 0.0, INF, INF, 0.0, 0.0]);
    Ok(())
}

/// At infinity, `x` times a gate and its derivatives are the limits. PyTorch returns NaN from 0
/// times infinity.
#[test]
fn gates_at_infinity_have_their_limits() -> Result<()> {
    let gates: [(&str, Function); 6] = [
        ("silu", function(Tensor::silu)),
        ("gelu", function(Tensor::gelu)),
        ("gelu_tanh", function(Tensor::gelu_tanh)),
        ("mish", function(Tensor::mish)),
        ("hard_swish", function(Tensor::hard_swish)),
        ("leaky_relu(0)", function(|x| x.leaky_relu(0.0))),
    ];
    for dtype in DTYPES {
        let x = tensor(
            &[
                -INF,
                f64::from(f32::MIN),
                -1e20,
                1e20,
                f64::from(f32::MAX),
                INF,
            ],
            dtype,
        );
        for (name, f) in &gates {
            let y = f(&x)?.to_f64_vec();
            assert_eq!(y[..3], [0.0; 3], "{name} {dtype}");
            assert_eq!(y[3..], x.to_f64_vec()[3..], "{name} {dtype}");
            let (first, second) = gradients(f, &x, &x.constant(1.0)?)?;
            assert_eq!(first, [0.0, 0.0, 0.0, 1.0, 1.0, 1.0], "{name} {dtype}");
            assert_eq!(second, [0.0; 6], "{name} {dtype}, second");
            assert!(
                f(&x.constant(NAN)?)?
                    .to_f64_vec()
                    .iter()
                    .all(|y| y.is_nan()),
                "{name}"
            );
        }
        // Functions without a gate.
        let ends = tensor(&[-INF, INF], dtype);
        let values = |f: fn(&Tensor) -> Tensor| f(&ends).to_f64_vec();
        assert_eq!(values(Tensor::softplus), [0.0, INF]);
        assert_eq!(values(Tensor::log_sigmoid), [-INF, 0.0]);
        assert_eq!(values(Tensor::hard_sigmoid), [0.0, 1.0]);
        assert_eq!(values(Tensor::erf), [-1.0, 1.0]);
        let (first, second) = gradients(&function(Tensor::erf), &ends, &ends.constant(1.0)?)?;
        assert_eq!((first, second), (vec![0.0; 2], vec![0.0; 2]));
    }
    Ok(())
}

/// The gradient of a selected element is the slope of the selected side times the cotangent.
#[test]
fn selected_elements_keep_their_gradient() -> Result<()> {
    let cases: [(Function, f64, f64); 6] = [
        (function(Tensor::relu), 2.0, 1.0),
        (function(|x| x.leaky_relu(0.25)), -2.0, 0.25),
        (function(Tensor::abs), -2.0, -1.0),
        (function(|x| x.clamp(0.0, 3.0)), 2.0, 1.0),
        (function(Tensor::hard_swish), 0.0, 0.5),
        (Box::new(|x| x.maximum(x)), 5.0, 1.0),
    ];
    for (number, (f, x, slope)) in cases.iter().enumerate() {
        let x = Tensor::from([*x]);
        for cotangent in [1.0, -3.0, INF] {
            let (first, _) = gradients(f, &x, &x.constant(cotangent)?)?;
            assert_eq!(first, [slope * cotangent], "{number}");
        }
    }
    let x = Tensor::from([SQRT_2, NAN]);
    let mask = Mask::from([false, true]);
    let f: Function = Box::new(move |x| Ok(x.masked_fill(&mask, 1.0)?.ln()));
    assert_eq!(gradients(&f, &x, &x.constant(1.0)?)?.0, [1.0 / SQRT_2, 0.0]);
    Ok(())
}

/// At a kink the second derivative is of the side from which the first derivative is taken.
#[test]
fn second_derivatives_at_kinks_are_taken_from_below() -> Result<()> {
    let selu = 1.7580993408473766;
    let cases: [(Function, [f64; 2]); 5] = [
        (function(|x| x.elu(1.5)), [1.5, 1.5]),
        (function(|x| x.elu(-1.5)), [-1.5, -1.5]),
        (function(Tensor::selu), [selu, selu]),
        (Box::new(|x| x.celu(2.0)), [1.0, 0.5]),
        (function(Tensor::relu), [0.0, 0.0]),
    ];
    let x = Tensor::from([0.0f64]);
    for (number, (f, [first, second])) in cases.iter().enumerate() {
        let found = gradients(f, &x, &x.constant(1.0)?)?;
        assert_eq!(found, (vec![*first], vec![*second]), "{number}");
    }
    let (x, weight) = (x.tracked(), Tensor::from([0.25f64]).tracked());
    let slope = cotangent::Backward::new()
        .create_graph()
        .run(&x.prelu(&weight)?.sum())?;
    let mixed = slope.get(&x).expect("a gradient").sum().backward()?;
    assert_eq!(mixed.get(&weight).map(Tensor::to_f64_vec), Some(vec![1.0]));
    Ok(())
}

/// A negative power is 1 divided by a product whose derivatives are 0 or infinite at these points.
#[test]
fn second_derivatives_of_negative_powers_at_the_ends_of_the_range() -> Result<()> {
    let x = [0.0, INF, -INF, 2.0, 1e20];
    for dtype in DTYPES {
        let far = |value: f64| if dtype == DType::F32 { 0.0 } else { value };
        for (exponent, expected) in [
            (-1, [INF, 0.0, 0.0, 0.25, far(2e-60)]),
            (-2, [INF, 0.0, 0.0, 0.375, far(6e-80)]),
            (-3, [INF, 0.0, 0.0, 0.375, far(12e-100)]),
            (3, [0.0, INF, -INF, 12.0, 6e20]),
        ] {
            let functions = [
                function(move |x| x.powi(exponent)),
                function(move |x| x.powf(exponent.into())),
            ];
            for f in functions {
                let x = tensor(&x, dtype);
                let (_, second) = gradients(&f, &x, &x.constant(1.0)?)?;
                for (found, expected) in second.iter().zip(expected) {
                    let near = (found - expected).abs() <= 1e-6 * expected.abs();
                    assert!(
                        *found == expected || near,
                        "{exponent} {dtype:?}: {second:?}, expected {expected}"
                    );
                }
            }
        }
    }
    Ok(())
}

/// At the ends of the domain both derivatives are infinite. Near 0 the second derivative keeps its
/// digits.
#[test]
fn second_derivatives_of_inverse_functions_at_the_ends_of_their_domains() -> Result<()> {
    let x = [1.0, -1.0, 1e-20];
    for dtype in DTYPES {
        let cases: [(Function, [f64; 3]); 3] = [
            (function(Tensor::asin), [INF, -INF, 1e-20]),
            (function(Tensor::acos), [-INF, INF, -1e-20]),
            (function(Tensor::atanh), [INF, -INF, 2e-20]),
        ];
        for (number, (f, expected)) in cases.iter().enumerate() {
            let x = tensor(&x, dtype);
            let (_, second) = gradients(f, &x, &x.constant(1.0)?)?;
            assert_eq!(second[..2], expected[..2], "{number}");
            assert!((second[2] / expected[2] - 1.0).abs() < 1e-6, "{second:?}");
        }
        let x = tensor(&[1.0], dtype);
        let (_, second) = gradients(&function(Tensor::acosh), &x, &x.constant(1.0)?)?;
        assert_eq!(second, [-INF]);
    }
    Ok(())
}
