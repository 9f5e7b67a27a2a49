//! Gradient checks at kinks, with noise and NaN, and of inputs that cannot be checked.

use super::operations::{Domain, values};
use super::planted::planted;
use cotangent::gradcheck::{self, Gradcheck, Report, Verdict};
use cotangent::prelude::{Module, Param};
use cotangent::{DType, Error, ModuleExt, Result, Tensor};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A name, a point, and a function to check at that point.
type Case = (&'static str, f64, fn(&Tensor) -> Tensor);

fn verdict(x: f64, f: impl Fn(&Tensor) -> Tensor) -> Result<(Verdict, Report)> {
    let report = gradcheck::function(&[Tensor::from([x])], |x| Ok(f(&x[0])))?;
    Ok((report.entries()[0].verdict, report))
}

/// At a kink, the derivative of a piecewise function lies between the slopes of the two sides.
#[test]
fn a_kink_with_a_gradient_between_its_slopes_passes_as_a_kink() -> Result<()> {
    let cases: [Case; 8] = [
        ("relu", 0.0, Tensor::relu),
        ("leaky_relu", 0.0, |x| x.leaky_relu(0.01)),
        ("elu", 0.0, |x| x.elu(0.3)),
        ("selu", 0.0, Tensor::selu),
        ("clamp at its lower limit", -1.0, |x| x.clamp(-1.0, 2.0)),
        ("clamp at its upper limit", 2.0, |x| x.clamp(-1.0, 2.0)),
        ("abs", 0.0, Tensor::abs),
        ("abs beside something smooth", 0.0, |x| x.abs() + x.exp()),
    ];
    let mut wrong = Vec::new();
    for (name, x, f) in cases {
        let (verdict, report) = verdict(x, f)?;
        if verdict != Verdict::Kink || !report.is_ok() {
            wrong.push(format!("{name}:\n{report}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Computes ReLU with a given gradient at 0.
fn relu_with_slope(x: &Tensor, at_zero: f64) -> Result<Tensor> {
    planted(
        std::slice::from_ref(x),
        |x| Ok(x[0].relu()),
        move |x, g| {
            let slope = |&x: &f64| {
                if x == 0.0 {
                    at_zero
                } else {
                    f64::from(x > 0.0)
                }
            };
            let slopes: Vec<f64> = x[0].to_f64_vec().iter().map(slope).collect();
            Ok(vec![Some(g.mul(&Tensor::from_vec(slopes, x[0].shape())?)?)])
        },
    )
}

#[test]
fn a_wrong_gradient_at_a_kink_fails() -> Result<()> {
    let mut wrong = Vec::new();
    for (at_zero, expected) in [
        (0.0, Verdict::Kink),
        (0.5, Verdict::Kink),
        (1.0, Verdict::Kink),
        (2.0, Verdict::Fail),
        (1.1, Verdict::Fail),
        (-0.1, Verdict::Fail),
        (-1.0, Verdict::Fail),
        (f64::NAN, Verdict::Fail),
        (f64::INFINITY, Verdict::Fail),
    ] {
        for inputs in [&[0.0][..], &[1.5, 0.0, -0.7]] {
            let report =
                gradcheck::function(&[Tensor::from(inputs)], |x| relu_with_slope(&x[0], at_zero))?;
            if report.entries()[0].verdict != expected {
                wrong.push(format!(
                    "expected {expected} for a slope of {at_zero}:\n{report}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// One of 1,000 elements is at the kink: a direction shows the kink, and the report has the
/// element.
#[test]
fn a_wrong_gradient_at_one_kink_among_many_elements_is_reported() -> Result<()> {
    let mut elements = values(&[1000], Domain::Signed, DType::F64, 1)?.to_f64_vec();
    elements[421] = 0.0;
    let x = Tensor::from(&elements[..]);
    let report = gradcheck::function(std::slice::from_ref(&x), |x| relu_with_slope(&x[0], 2.0))?;
    assert_eq!(report.entries()[0].verdict, Verdict::Fail, "{report}");
    assert_eq!(
        report.entries()[0].element.as_deref(),
        Some(&[421][..]),
        "{report}"
    );
    let report = gradcheck::function(&[x], |x| Ok(x[0].relu()))?;
    assert_eq!(report.entries()[0].verdict, Verdict::Kink, "{report}");
    report.assert_ok();
    Ok(())
}

#[test]
fn smooth_functions_get_no_kink_verdict() -> Result<()> {
    let cases: [Case; 6] = [
        ("x²", 0.0, Tensor::square),
        ("elu, with equal slopes", 0.0, |x| x.elu(1.0)),
        ("relu², with equal slopes", 0.0, |x| x.relu().square()),
        ("a sharp bend", 1e-3, |x| (x.square() + 1e-4).sqrt()),
        ("relu beside its kink", 1e-4, Tensor::relu),
        ("a large number", 1e6, Tensor::sin),
    ];
    let mut wrong = Vec::new();
    for (name, x, f) in cases {
        let (verdict, report) = verdict(x, f)?;
        if verdict != Verdict::Pass {
            wrong.push(format!("{name}:\n{report}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// If values are large and slopes small, one-sided slopes are mostly noise for small steps, and
/// differ by the curvature for large ones. Neither is a kink.
#[test]
fn small_slopes_of_large_values_are_no_kink() -> Result<()> {
    let mut wrong = Vec::new();
    for height in (1..=20).map(|i| 100.0 * f64::from(i)) {
        for curvature in [0.03, 0.1, 0.3] {
            // sin² + cos² is 1 up to rounding.
            let one = |x: &Tensor| x.sin().square() + x.cos().square();
            let gentle = |x: &Tensor| (x - 0.3).square() * curvature + x * 0.01;
            let (verdict, report) = verdict(0.3, |x| one(x) * height + gentle(x))?;
            if verdict != Verdict::Pass {
                wrong.push(format!("{height} + {curvature} x²:\n{report}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    Ok(())
}

#[test]
fn nan_and_infinity_never_pass() -> Result<()> {
    let nan = |x: &Tensor| x.mul_scalar(f64::NAN);
    for x in [0.5, f64::NAN, f64::INFINITY] {
        let (verdict, report) = verdict(x, nan)?;
        assert!(
            verdict != Verdict::Pass && !report.is_ok(),
            "NaN from {x}\n{report}"
        );
    }
    let outside: [Case; 4] = [
        ("ln", -1.0, Tensor::ln),
        ("sqrt, whose slope is infinite", 0.0, Tensor::sqrt),
        ("recip", 0.0, Tensor::recip),
        ("exp beyond all bounds", 800.0, Tensor::exp),
    ];
    for (name, x, f) in outside {
        let (_, report) = verdict(x, f)?;
        assert!(!report.is_ok(), "{name}\n{report}");
    }
    // One NaN among numbers, from the function or in the input.
    let poisoned = gradcheck::function(&[Tensor::from([0.5f64, -1.0, 2.0])], |x| Ok(x[0].sqrt()))?;
    assert!(!poisoned.is_ok(), "{poisoned}");
    let poisoned = gradcheck::function(&[Tensor::from([0.5, f64::NAN])], |x| Ok(x[0].sum()))?;
    assert!(!poisoned.is_ok(), "{poisoned}");
    Ok(())
}

/// A function that computes in `f32` is too noisy to confirm six digits of a gradient.
#[test]
fn a_noisy_function_does_not_pass() -> Result<()> {
    let x = values(&[3, 4], Domain::Signed, DType::F64, 2)?;
    let single = |x: &[Tensor]| Ok(x[0].to_dtype(DType::F32).sin().to_dtype(DType::F64));
    let report = gradcheck::function(&[x], single)?;
    assert!(!report.is_ok(), "{report}");
    Ok(())
}

#[derive(Module, Clone, Debug)]
struct Net {
    weight: Param,
}

fn refused<T: std::fmt::Debug>(result: Result<T>, reason: &str) {
    match result {
        Err(Error::Argument {
            op: "gradcheck",
            reason: found,
            ..
        }) => assert!(found.contains(reason), "{found}"),
        other => panic!("expected an error ({reason}), found {other:?}"),
    }
}

#[test]
fn a_check_of_nothing_is_an_error() -> Result<()> {
    let x = Tensor::from([1.0f64, 2.0]);
    let none = Tensor::zeros([0, 3], DType::F64)?;
    refused(
        gradcheck::function(&[], |_| Ok(Tensor::from(1.0f64))),
        "nothing to check",
    );
    refused(
        gradcheck::function(std::slice::from_ref(&none), |x| Ok(x[0].sum())),
        "nothing to check",
    );
    refused(
        gradcheck::function(std::slice::from_ref(&x), |x| x[0].narrow(0, 0, 0)),
        "nothing to check",
    );

    let mut net = Net {
        weight: Param::new(&x),
    };
    let forward = |net: &Net, _: &[Tensor], pass: &cotangent::module::Pass| {
        Ok(net.weight.read(pass).square())
    };
    gradcheck::module(&net, &[], forward)?.assert_ok();
    net.freeze();
    refused(gradcheck::module(&net, &[], forward), "nothing to check");

    // An operand without elements beside others is valid.
    let report = gradcheck::function(&[none, x], |x| x[0].sum().add(&x[1].square()))?;
    report.assert_ok();
    assert_eq!(
        report
            .entries()
            .iter()
            .map(|entry| entry.tally.total())
            .collect::<Vec<_>>(),
        [0, 2]
    );
    Ok(())
}

#[test]
fn an_impure_function_is_an_error() {
    let calls = AtomicUsize::new(0);
    let x = [Tensor::from([1.0f64, 2.0])];
    let counting = |x: &[Tensor]| Ok(x[0].add_scalar(calls.fetch_add(1, Relaxed) as f64));
    refused(gradcheck::function(&x, counting), "not pure");

    // The result changes on the third call, whose gradient is taken.
    let calls = AtomicUsize::new(0);
    let late = |x: &[Tensor]| {
        Ok(x[0].mul_scalar(if calls.fetch_add(1, Relaxed) == 2 {
            1.5
        } else {
            1.0
        }))
    };
    let report = gradcheck::function(&x, late);
    assert!(report.is_err() || report.is_ok_and(|report| !report.is_ok()));
}

/// The value of a function must not depend on whether its input is tracked.
#[test]
fn a_value_that_depends_on_tracking_is_found() {
    let x = [Tensor::from([1.0f64, 2.0])];
    let shifted = |x: &[Tensor]| {
        Ok(if x[0].is_tracked() {
            x[0].add_scalar(1.0)
        } else {
            x[0].clone()
        })
    };
    let report = Gradcheck::new().function(&x, shifted);
    assert!(report.is_err() || report.is_ok_and(|report| !report.is_ok()));
}
