//! Verdicts of gradcheck near poles, kinks and overflow; second derivatives at kinks; axes of
//! scalars.

use cotangent::assert_gradients;
use cotangent::gradcheck::{self, Gradcheck, Report, Verdict};
use cotangent::prelude::*;
use cotangent::{Axes, Backward, Cotangents, Error, Norm, Op, Vjp};

type Function = fn(&Tensor) -> Tensor;

fn check(x: f64, f: impl Fn(&Tensor) -> Tensor) -> Result<Report> {
    gradcheck::function(&[Tensor::from([x])], |x| Ok(f(&x[0])))
}

/// Computes `f(x)` with a gradient that is wrong by a factor.
fn off(x: &Tensor, f: Function, factor: f64) -> Tensor {
    planted(x, f, move |x, g| {
        let x = x.tracked();
        let y = f(&x);
        let slope = y.backward_with(&Tensor::ones(y.shape(), DType::F64)?)?;
        let slope = slope.get(&x).expect("it depends on x");
        Ok(g.mul(slope)?.mul_scalar(factor))
    })
}

/// A value with an arbitrary rule for backward.
struct Planted<R> {
    x: Tensor,
    rule: R,
}

impl<R: Fn(&Tensor, &Tensor) -> Result<Tensor> + Send + Sync + 'static> Op for Planted<R> {
    fn name(&self) -> &'static str {
        "planted"
    }
    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok([Some((self.rule)(&self.x, &cotangent)?)]
            .into_iter()
            .collect())
    }
}

fn planted(
    x: &Tensor,
    value: impl Fn(&Tensor) -> Tensor,
    rule: impl Fn(&Tensor, &Tensor) -> Result<Tensor> + Send + Sync + 'static,
) -> Tensor {
    let plain = x.detach();
    Tensor::from_op(value(&plain), &[x], || Planted {
        x: plain.clone(),
        rule,
    })
}

/// Functions, with points near the end of their domain, near a pole or near a kink (on both sides
/// where there are two).
const NEAR_AN_EDGE: &[(&str, Function, &[f64])] = &[
    (
        "ln",
        Tensor::ln,
        &[1e-9, 1e-8, 1e-5, 1e-12, 1e-20, 3e-30, 1e-100],
    ),
    ("log2", Tensor::log2, &[1e-9, 1e-20]),
    ("log10", Tensor::log10, &[1e-9, 1e-20]),
    ("sqrt", Tensor::sqrt, &[1e-9, 1e-8, 1e-20]),
    ("rsqrt", Tensor::rsqrt, &[1e-9, 1e-20]),
    ("x^0.3", |x| x.powf(0.3), &[1e-9, 1e-20]),
    ("x^-1.5", |x| x.powf(-1.5), &[1e-9, 1e-20]),
    ("x^1.7", |x| x.powf(1.7), &[1e-9]),
    ("x ln x", |x| x * &x.ln(), &[1e-9, 1e-20]),
    (
        "ln_1p",
        Tensor::ln_1p,
        &[-1.0 + 1e-9, -1.0 + 1e-8, -1.0 + 1e-12],
    ),
    (
        "atanh",
        Tensor::atanh,
        &[1.0 - 1e-9, -1.0 + 1e-9, 1.0 - 1e-12],
    ),
    ("asin", Tensor::asin, &[1.0 - 1e-9, -1.0 + 1e-9]),
    ("acos", Tensor::acos, &[1.0 - 1e-9, -1.0 + 1e-9]),
    ("acosh", Tensor::acosh, &[1.0 + 1e-9, 1.0 + 1e-12]),
    ("ln(1000 - x)", |x| (1000.0 - x).ln(), &[1000.0 - 1e-7]),
    ("1/x", Tensor::recip, &[1e-9, -1e-9, 1e-8, 1e-5, -1e-20]),
    ("1/x²", |x| x.powi(-2), &[1e-9, -1e-9]),
    ("x^-3", |x| x.powf(-3.0), &[1e-9, -1e-9]),
    (
        "1/(x - 1)",
        |x| (x - 1.0).recip(),
        &[1.0 + 1e-9, 1.0 - 1e-9],
    ),
    (
        "tan",
        Tensor::tan,
        &[
            std::f64::consts::FRAC_PI_2 - 1e-7,
            std::f64::consts::FRAC_PI_2 + 1e-7,
        ],
    ),
    ("relu", Tensor::relu, &[1e-5, -1e-5, 1e-9, -1e-9]),
    ("abs", Tensor::abs, &[1e-9, -1e-9]),
    ("elu(0.3)", |x| x.elu(0.3), &[1e-9, -1e-9]),
    ("sqrt of abs", |x| x.abs().sqrt(), &[1e-9, -1e-9]),
    ("tanh of 1e9 x", |x| (x * 1e9).tanh(), &[1e-9, -1e-9, 0.0]),
    (
        "a rounded corner",
        |x| (x.square() + 1e-18).sqrt(),
        &[1e-9, -1e-9],
    ),
];

#[test]
fn smaller_steps_stay_within_the_domain() -> Result<()> {
    let mut wrong = Vec::new();
    for (name, f, places) in NEAR_AN_EDGE {
        for &x in *places {
            let report = check(x, f)?;
            if report.entries()[0].verdict != Verdict::Pass {
                wrong.push(format!("{name} at {x:e}\n{report}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn a_wrong_gradient_beside_an_edge_fails() -> Result<()> {
    let mut missed = Vec::new();
    for (name, f, places) in NEAR_AN_EDGE {
        for &x in *places {
            let right = check(x, f)?.entries()[0].analytic;
            for factor in [0.0, 1.001, 0.5, -1.0, 2.0] {
                let report =
                    gradcheck::function(&[Tensor::from([x])], |x| Ok(off(&x[0], *f, factor)))?;
                let within = ((factor - 1.0) * right).abs() <= 1e-8;
                if !within && report.entries()[0].verdict != Verdict::Fail {
                    missed.push(format!("{name} at {x:e} times {factor}\n{report}"));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    Ok(())
}

/// Beside the smallest number, or within one rounding of a pole, no finite difference can be taken.
#[test]
fn the_check_is_inconclusive_if_no_step_fits_and_names_the_remedy() -> Result<()> {
    let cases: [(f64, Function); 3] = [
        (5e-324, Tensor::sqrt),
        (1.0 - f64::EPSILON / 2.0, Tensor::atanh),
        (1.0 + f64::EPSILON, Tensor::acosh),
    ];
    for (x, f) in cases {
        let report = check(x, f)?;
        assert!(!report.is_ok(), "{report}");
        assert_eq!(
            report.entries()[0].verdict,
            Verdict::Inconclusive,
            "{report}"
        );
        let text = report.to_string();
        assert!(text.contains("further away"), "{text}");
    }
    Ok(())
}

/// 300 elements, one of them beside the pole: the check along directions passes, and finds a wrong
/// gradient.
#[test]
fn one_element_beside_an_edge_among_many() -> Result<()> {
    let mut elements = vec![0.0; 300];
    let mut numbers = (0..300).map(|i| 0.5 + f64::from(i % 7));
    elements.fill_with(|| numbers.next().expect("there are 300 numbers"));
    for near in [1e-9, 1e-20] {
        elements[123] = near;
        let x = Tensor::from(&elements[..]);
        gradcheck::function(std::slice::from_ref(&x), |x| Ok(x[0].ln().sum()))?.assert_ok();
        let report = gradcheck::function(&[x], |x| Ok(off(&x[0], Tensor::ln, 1.01)))?;
        assert_eq!(report.entries()[0].verdict, Verdict::Fail, "{report}");
    }
    Ok(())
}

/// The bound of the rounding error depends on the size of the values; here their squares overflow.
#[test]
fn values_whose_squares_overflow_get_a_verdict() -> Result<()> {
    let cases: [(Function, &[f64]); 6] = [
        (Tensor::square, &[1e150, -2e150]),
        (Tensor::square, &[-1e100]),
        (|x| x.mul_scalar(3.0), &[1e200]),
        (|x| x.mul_scalar(3.0), &[-1e307]),
        (Tensor::sum, &[1e200, 2e200]),
        (Tensor::exp, &[400.0]),
    ];
    for (f, x) in cases {
        let x = [Tensor::from(x)];
        gradcheck::function(&x, |x| Ok(f(&x[0])))?.assert_ok();
        let report = gradcheck::function(&x, |x| Ok(off(&x[0], f, 1.01)))?;
        assert_eq!(report.entries()[0].verdict, Verdict::Fail, "{report}");
    }
    Ok(())
}

/// A function that computes in `f32` is a staircase: it looks flat to small steps. A gradient of 0
/// must fail nevertheless.
#[test]
fn a_staircase_is_not_flat() -> Result<()> {
    let single = |x: &Tensor| x.to_dtype(DType::F32).sin().to_dtype(DType::F64);
    for x in [0.3, 0.7, 1.1, 123.4] {
        let x = [Tensor::from([x])];
        for factor in [0.0, 0.5, 2.0] {
            let rule = move |x: &Tensor, g: &Tensor| g.mul(&x.cos().mul_scalar(factor));
            let report = gradcheck::function(&x, |x| Ok(planted(&x[0], single, rule)))?;
            assert_eq!(
                report.entries()[0].verdict,
                Verdict::Fail,
                "{x:?} {factor}\n{report}"
            );
        }
        // A detached part in `f32`, beside a part with the right gradient.
        let report = gradcheck::function(&x, |x| x[0].add(&single(&x[0].detach())))?;
        assert_eq!(
            report.entries()[0].verdict,
            Verdict::Fail,
            "{x:?}\n{report}"
        );
    }
    Ok(())
}

/// Inactive units added to a sum so large that rounding hides small slopes.
#[test]
fn flat_functions_plus_a_large_sum_pass() -> Result<()> {
    let x = Tensor::from([-0.3, 0.7, -1.5, -0.05, 2.0, -1e-3, -40.0]);
    for height in [1e3, 1e6, -1e6, 1e8] {
        let functions: [Function; 4] = [
            Tensor::relu,
            |x| x.clamp(-2e-4, 100.0),
            |x| x.relu6(),
            |x| x.leaky_relu(0.0),
        ];
        for f in functions {
            let of = |x: &[Tensor]| Ok(f(&x[0]).sum() + height);
            gradcheck::function(std::slice::from_ref(&x), of)?.assert_ok();
        }
        // All units inactive, and an input that is not used.
        let off = Tensor::from([-0.3, -1.5]);
        let of = |x: &[Tensor]| Ok(x[0].relu().sum() + height);
        let report = gradcheck::function(std::slice::from_ref(&off), of)?;
        assert_eq!(report.entries()[0].tally.pass, 2, "{report}");
        let unused = [Tensor::from([1.0, 2.0]), Tensor::from([3.0])];
        gradcheck::function(&unused, |x| Ok(x[0].sum() + height))?.assert_ok();
        gradcheck::function(&unused, |x| {
            Ok(x[0].square().sum() + x[1].detach().sum() * 0.0 + height)
        })?
        .assert_ok();
    }
    assert_gradients!(|x| Ok(x.relu().sum() + 1e6), &x);
    assert_gradients!(|x| Ok(x.relu().sum() + 1e6), [200]);
    Ok(())
}

/// A model with units that are inactive for every sample: element by element, along directions,
/// and second order.
#[test]
fn dead_units_of_a_model_plus_a_large_sum_pass() -> Result<()> {
    let mut net = Mlp::builder([3, 8, 2]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
    for (path, param) in net.named_params_mut() {
        if path == "hidden.0.linear.bias" {
            param.set(&Tensor::full([8], -50.0, DType::F32)?)?;
        }
    }
    let x = Tensor::uniform(
        [5, 3],
        -1.0,
        1.0,
        DType::F32,
        &mut ChaCha8Rng::seed_from_u64(2),
    )?;
    for check in [
        Gradcheck::new(),
        Gradcheck::new().fast(),
        Gradcheck::new().second_order(),
    ] {
        let loss =
            |net: &Mlp, x: &[Tensor], pass: &Pass| Ok(net.forward(&x[0], pass)?.sum() * 3.0 + 1e6);
        check
            .module(&net, std::slice::from_ref(&x), loss)?
            .assert_ok();
    }
    Ok(())
}

/// A large constant added to a function hides no wrong slope.
#[test]
fn a_wrong_gradient_plus_a_large_sum_never_passes() -> Result<()> {
    let mut passed = Vec::new();
    for height in [1e3, 1e6, 1e9, 1e12] {
        for slope in [3e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 100.0] {
            for (name, f) in [
                ("a line", (|x| x.clone()) as Function),
                ("a sine", Tensor::sin),
                ("a unit that is on", Tensor::relu),
            ] {
                // A gradient of 0 where the slope is not 0, and two other wrong ones.
                for factor in [0.0, 0.5, 1.1] {
                    let of = move |x: &[Tensor]| Ok(off(&x[0], f, factor).sum() * slope + height);
                    let report = gradcheck::function(&[Tensor::from([0.3, 0.7])], of)?;
                    let error = (factor - 1.0).abs() * slope * 0.7;
                    if report.is_ok() && error > 4e-8 {
                        passed.push(format!(
                            "{name} times {slope} + {height}, {factor}\n{report}"
                        ));
                    }
                }
            }
        }
        // A gradient that is not 0 where the function is flat.
        for wrong in [1e-6, 1e-3, 1.0] {
            let of = move |x: &[Tensor]| {
                let dead = planted(&x[0], Tensor::relu, move |_, g| Ok(g.mul_scalar(wrong)));
                Ok(dead.sum() + height)
            };
            let report = gradcheck::function(&[Tensor::from([-0.3, -2.0])], of)?;
            if report.is_ok() {
                passed.push(format!("{wrong} where it is flat, {height}\n{report}"));
            }
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
    // A large error gets the verdict `Fail`, however large the constant.
    let of = |x: &[Tensor]| Ok(off(&x[0], Tensor::sin, 0.0).sum() + 1e6);
    let report = gradcheck::function(&[Tensor::from([0.3])], of)?;
    assert_eq!(report.entries()[0].verdict, Verdict::Fail, "{report}");
    Ok(())
}

/// The report of an inconclusive check says so; it does not say that the gradients are wrong.
#[test]
fn an_inconclusive_check_names_the_remedy() -> Result<()> {
    let x = Tensor::from([0.3]);
    let of = |x: &[Tensor]| Ok(x[0].sin().sum() * 1e-3 + 1e12);
    let report = gradcheck::function(std::slice::from_ref(&x), of)?;
    assert_eq!(
        report.entries()[0].verdict,
        Verdict::Inconclusive,
        "{report}"
    );
    let text = report.to_string();
    assert!(
        text.contains("rounding") && text.contains("Gradcheck::tolerances"),
        "{text}"
    );
    assert!(!text.contains("do not match"), "{text}");
    for panics in [
        std::panic::catch_unwind(|| report.assert_ok()),
        std::panic::catch_unwind(|| {
            assert_gradients!(|x| Ok(x.sin().sum() * 1e-3 + 1e12), Tensor::from([0.3]));
        }),
    ] {
        let panic = panics.expect_err("an inconclusive check does not pass");
        let text = panic.downcast_ref::<String>().expect("a text");
        assert!(text.contains("neither be confirmed nor refuted"), "{text}");
        assert!(!text.contains("do not match"), "{text}");
    }
    // The remedies work.
    Gradcheck::new()
        .tolerances(1e-2, 1e-6)
        .function(std::slice::from_ref(&x), of)?
        .assert_ok();
    gradcheck::function(&[x], |x| Ok(x[0].sin().sum() * 1e-3))?.assert_ok();
    Ok(())
}

/// At a kink the second derivative is of the piece from which the first derivative was taken.
/// PyTorch returns 0 there.
#[test]
fn second_derivatives_at_kinks_are_of_the_same_piece_as_the_first() -> Result<()> {
    let cases: [(&str, Function, f64, [f64; 2]); 10] = [
        ("elu(1)", |x| x.elu(1.0), 0.0, [1.0, 1.0]),
        ("elu(0.3)", |x| x.elu(0.3), 0.0, [0.3, 0.3]),
        ("selu", Tensor::selu, 0.0, [1.758_099_340_847_376_6; 2]),
        (
            "celu(0.25)",
            |x| x.celu(0.25).expect("alpha is not 0"),
            0.0,
            [1.0, 4.0],
        ),
        (
            "softplus",
            Tensor::softplus,
            20.0,
            [0.999_999_997_938_846_4, 2.061_153_576_897_093e-9],
        ),
        ("relu", Tensor::relu, 0.0, [0.0, 0.0]),
        ("hard_swish", Tensor::hard_swish, -3.0, [0.0, 0.0]),
        ("hard_swish", Tensor::hard_swish, 3.0, [1.0, 0.0]),
        ("relu6", Tensor::relu6, 6.0, [0.0, 0.0]),
        ("hard_tanh", Tensor::hard_tanh, 1.0, [0.0, 0.0]),
    ];
    let second = |y: &Tensor, first: &Tensor, then: &Tensor| -> Result<[f64; 2]> {
        let gradients = Backward::new().create_graph().run(y)?;
        let slope = gradients
            .get(first)
            .expect("the output depends on it")
            .clone();
        if !slope.is_tracked() {
            return Ok([slope.item()?, 0.0]);
        }
        let again = slope.backward()?;
        Ok([
            slope.item()?,
            again.get(then).map_or(Ok(0.0), Tensor::item)?,
        ])
    };
    for (name, f, x, expected) in cases {
        let x = Tensor::scalar(x).tracked();
        let found = second(&f(&x), &x, &x)?;
        let right = found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() <= 1e-15 * b.abs());
        assert!(right, "{name}: {found:?}, expected {expected:?}");
    }
    let (x, weight) = (
        Tensor::scalar(0.0f64).tracked(),
        Tensor::scalar(0.25f64).tracked(),
    );
    let y = x.prelu(&weight)?;
    assert_eq!(second(&y, &x, &weight)?, [0.25, 1.0]);
    assert_eq!(second(&y, &weight, &x)?, [0.0, 1.0]);
    Ok(())
}

type Along = fn(&Tensor, isize) -> Result<Tensor>;

/// Operations along an axis, with PyTorch's value and derivative at 3.
const ALONG: &[(&str, Along, f64, f64)] = &[
    ("sum", |x, axis| x.sum_over(axis), 3.0, 1.0),
    (
        "sum, kept",
        |x, axis| x.sum_over(Axes::keep(axis)),
        3.0,
        1.0,
    ),
    ("mean", |x, axis| x.mean_over(axis), 3.0, 1.0),
    ("prod", |x, axis| x.prod_over(axis), 3.0, 1.0),
    ("max", |x, axis| x.max_over(axis), 3.0, 1.0),
    ("min", |x, axis| x.min_over(axis), 3.0, 1.0),
    ("var", |x, axis| x.var_over(axis, 0.0), 0.0, 0.0),
    ("norm L1", |x, axis| x.norm_over(axis, Norm::L1), 3.0, 1.0),
    ("norm L2", |x, axis| x.norm_over(axis, Norm::L2), 3.0, 1.0),
    (
        "norm LInf",
        |x, axis| x.norm_over(axis, Norm::LInf),
        3.0,
        1.0,
    ),
    ("logsumexp", |x, axis| x.logsumexp_over(axis), 3.0, 1.0),
    ("softmax", |x, axis| x.softmax(axis), 1.0, 0.0),
    ("log_softmax", |x, axis| x.log_softmax(axis), 0.0, 0.0),
    ("cumsum", |x, axis| x.cumsum(axis), 3.0, 1.0),
    ("cumprod", |x, axis| x.cumprod(axis), 3.0, 1.0),
    (
        "sort",
        |x, axis| Ok(x.sort(axis, Order::Descending)?.0),
        3.0,
        1.0,
    ),
    ("top_k", |x, axis| Ok(x.top_k(axis, 1)?.0), 3.0, 1.0),
    ("flip", |x, axis| x.flip([axis]), 3.0, 1.0),
    ("transpose", |x, axis| x.transpose(axis, 0), 3.0, 1.0),
    ("squeeze", |x, axis| x.squeeze(axis), 3.0, 1.0),
    (
        "index_select",
        |x, axis| x.index_select(axis, &Indices::from([0])),
        3.0,
        1.0,
    ),
    ("gather", |x, axis| x.gather(axis, &at(&[])?), 3.0, 1.0),
    (
        "scatter_add",
        |x, axis| x.scatter_add(axis, &at(&[])?, x),
        6.0,
        2.0,
    ),
    (
        "scatter_add of a vector",
        |x, axis| x.scatter_add(axis, &at(&[2])?, &x.broadcast_to([2])?),
        9.0,
        3.0,
    ),
    (
        "cosine_similarity",
        |x, axis| x.cosine_similarity(x, axis, 1e-8),
        1.0,
        0.0,
    ),
    (
        "argmax",
        |x, axis| Ok(x * (x.argmax(axis)?.as_slice()[0] + 1) as f64),
        3.0,
        1.0,
    ),
    (
        "argmin",
        |x, axis| Ok(x * (x.argmin(axis)?.as_slice()[0] + 1) as f64),
        3.0,
        1.0,
    ),
];

/// Along an axis, a scalar acts as a vector of one element: its axis is 0 or -1.
#[test]
fn axes_0_and_minus_1_of_a_scalar_are_valid() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        for &(name, f, value, slope) in ALONG {
            for axis in [0, -1] {
                let x = Tensor::scalar(3.0).to_dtype(dtype).tracked();
                let y = f(&x, axis).map_err(|error| error.within(name))?;
                assert_eq!((y.shape(), y.item()?), (&[][..], value), "{name}");
                for backward in [
                    Backward::new().retain_graph(),
                    Backward::new().create_graph(),
                ] {
                    let gradients = backward.run(&y)?;
                    let gradient = gradients.get(&x).expect("it depends on x");
                    assert_eq!(gradient.shape(), [0usize; 0], "{name}");
                    assert!(
                        (gradient.item()? - slope).abs() < 1e-7,
                        "{name}: {gradient}"
                    );
                }
            }
            for axis in [1, -2, isize::MAX, isize::MIN] {
                let refused = f(&Tensor::scalar(3.0).to_dtype(dtype), axis);
                assert!(
                    matches!(refused, Err(Error::Index { .. })),
                    "{name} {axis}: {refused:?}"
                );
            }
        }
    }
    let x = Tensor::scalar(3.0f64);
    assert!(x.var_over(0, 1.0)?.item()?.is_nan() && x.std_over(-1, 1.0)?.item()?.is_nan());
    assert_eq!(x.std_over(0, 0.0)?.item()?, 0.0);
    assert_eq!(x.gather(0, &at(&[2])?)?.to_vec::<f64>()?, [3.0, 3.0]);
    assert_eq!(x.sort(0, Order::Ascending)?.1.shape(), [0usize; 0]);
    assert_eq!(
        (x.argmax(0)?.shape(), x.argmin(-1)?.as_slice()),
        (&[][..], &[0][..])
    );
    Ok(())
}

/// Creates indices of this shape, all 0.
fn at(shape: &[usize]) -> Result<Indices> {
    Indices::from_vec(vec![0; shape.iter().product()], shape)
}

/// Operations that need an axis refuse a scalar, as PyTorch does.
#[test]
fn operations_that_need_an_axis_refuse_a_scalar() {
    let x = Tensor::scalar(3.0f64);
    let refused = [
        ("twice", x.sum_over([0, -1]).map(drop)),
        ("flip twice", x.flip([0, -1]).map(drop)),
        ("narrow", x.narrow(0, 0, 1).map(drop)),
        ("slice", x.slice(0, None, None, 1).map(drop)),
        ("split", x.split(0, 1).map(drop)),
        ("split_sizes", x.split_sizes(0, &[1]).map(drop)),
        ("chunk", x.chunk(-1, 1).map(drop)),
        ("rows", x.rows().map(drop)),
        ("cat", Tensor::cat(&[&x, &x], 0).map(drop)),
        ("two of one", x.top_k(0, 2).map(drop)),
        ("none of one", x.top_k(0, 0).map(drop)),
        (
            "two indices",
            x.index_select(0, &Indices::from([0, 0])).map(drop),
        ),
        (
            "no index",
            x.index_select(0, &Indices::from(vec![])).map(drop),
        ),
        (
            "an index beyond",
            x.index_select(0, &Indices::from([1])).map(drop),
        ),
        (
            "an index beyond",
            x.gather(0, &Indices::from([1])).map(drop),
        ),
    ];
    for (name, result) in refused {
        assert!(result.is_err(), "{name}");
    }
}
