//! Operations with an arbitrary rule for backward. Gradient checks find one wrong element among
//! many, and gradients that are not finite.

use super::operations::{Domain, values};
use cotangent::gradcheck::{self, Gradcheck, Report, Verdict};
use cotangent::prelude::{Module, Param};
use cotangent::{Cotangents, DType, Op, Result, Tensor, Vjp};

/// A rule for backward: the cotangents of the operands, from the operands and the result's
/// cotangent.
pub type Rule = fn(&[Tensor], &Tensor) -> Result<Vec<Option<Tensor>>>;

/// An operation with an arbitrary rule for backward.
struct Planted<R> {
    operands: Vec<Tensor>,
    rule: R,
}

impl<R> Op for Planted<R>
where
    R: Fn(&[Tensor], &Tensor) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        "planted"
    }

    fn vjp(&self, cotangent: Tensor, _: &Vjp) -> Result<Cotangents> {
        Ok((self.rule)(&self.operands, &cotangent)?
            .into_iter()
            .collect())
    }
}

/// Computes `value` of the operands, with `rule` for backward.
pub fn planted(
    operands: &[Tensor],
    value: impl Fn(&[Tensor]) -> Result<Tensor>,
    rule: impl Fn(&[Tensor], &Tensor) -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> Result<Tensor> {
    let plain: Vec<Tensor> = operands.iter().map(Tensor::detach).collect();
    let inputs: Vec<&Tensor> = operands.iter().collect();
    Ok(Tensor::from_op(value(&plain)?, &inputs, || Planted {
        operands: plain.clone(),
        rule,
    }))
}

pub fn signed(shape: &[usize], seed: u64) -> Result<Tensor> {
    values(shape, Domain::Signed, DType::F64, seed)
}

pub fn square(x: &[Tensor]) -> Result<Tensor> {
    x[0].mul(&x[0])
}

pub fn sum_of_both(x: &[Tensor]) -> Result<Tensor> {
    x[0].add(&x[1])
}

pub fn failing(report: &Report) -> Vec<&str> {
    report
        .failures()
        .filter(|entry| entry.verdict == Verdict::Fail)
        .map(|entry| entry.path.as_str())
        .collect()
}

/// A planted operation with the right rule passes, so the other tests find the faults.
#[test]
fn an_operation_without_a_fault_passes() -> Result<()> {
    let inputs = [signed(&[3, 4], 1)?, signed(&[4], 2)?];
    let product = |x: &[Tensor]| {
        planted(
            x,
            |x| x[0].mul(&x[1]),
            // The cotangent of the row has the shape of the result; backward sums it.
            |x, g| Ok(vec![Some(g.mul(&x[1])?), Some(g.mul(&x[0])?)]),
        )
    };
    for check in [Gradcheck::new(), Gradcheck::new().every_element_up_to(0)] {
        let report = check.function(&inputs, product)?;
        report.assert_ok();
        assert!(
            report
                .entries()
                .iter()
                .all(|entry| entry.verdict == Verdict::Pass),
            "{report}"
        );
        assert!(
            report.entries().iter().all(|entry| entry.tally.total() > 0),
            "{report}"
        );
    }
    Ok(())
}

/// A change to the gradient of one element.
type Change = fn(f64) -> f64;

const PLACE: [usize; 2] = [37, 59];

/// Computes `x²` for `x` of shape (100, 100), and changes the gradient of one of 10,000 elements.
fn one_wrong_of_many(x: &[Tensor], change: Change) -> Result<Tensor> {
    planted(x, square, move |x, g| {
        let mut gradient = g.mul(&x[0])?.mul_scalar(2.0).to_f64_vec();
        let place = PLACE[0] * 100 + PLACE[1];
        gradient[place] = change(gradient[place]);
        Ok(vec![Some(Tensor::from_vec(gradient, [100, 100])?)])
    })
}

#[test]
fn one_wrong_element_of_ten_thousand_is_reported() -> Result<()> {
    let changes: [(&str, Change); 5] = [
        ("forgotten", |_| 0.0),
        ("of the wrong sign", |g| -g),
        ("doubled", |g| 2.0 * g),
        ("off by a hundredth", |g| 1.01 * g),
        ("not a number", |_| f64::NAN),
    ];
    let x = signed(&[100, 100], 3)?;
    let mut missed = Vec::new();
    for (name, change) in changes {
        for seed in 0..3 {
            let check = Gradcheck::new().seed(seed);
            let report =
                check.function(std::slice::from_ref(&x), |x| one_wrong_of_many(x, change))?;
            let entry = &report.entries()[0];
            if entry.verdict != Verdict::Fail || entry.element.as_deref() != Some(&PLACE[..]) {
                missed.push(format!("{name}, seed {seed}:\n{report}"));
            }
        }
    }
    assert!(
        missed.is_empty(),
        "element {PLACE:?} is wrong:\n{}",
        missed.join("\n")
    );
    Ok(())
}

/// The fault of a vectorized loop that skips the elements after the last full vector.
#[test]
fn a_skipped_remainder_is_found() -> Result<()> {
    let x = signed(&[1003], 4)?;
    let report = gradcheck::function(&[x], |x| {
        planted(x, square, |x, g| {
            let mut gradient = g.mul(&x[0])?.mul_scalar(2.0).to_f64_vec();
            gradient[1000..].fill(0.0);
            Ok(vec![Some(Tensor::from(&gradient[..]))])
        })
    })?;
    assert_eq!(failing(&report), ["input 0"], "{report}");
    let element = report.entries()[0].element.clone();
    assert!(
        element.as_deref().is_some_and(|index| index[0] >= 1000),
        "{report}"
    );
    Ok(())
}

/// Two errors that would cancel along half of all directions if all components had the same size.
#[test]
fn two_swapped_gradients_are_found() -> Result<()> {
    let x = signed(&[1000], 5)?;
    for seed in 0..10 {
        let check = Gradcheck::new().seed(seed);
        let report = check.function(std::slice::from_ref(&x), |x| {
            let equal_weights = |y: Tensor| Ok(y.sum());
            equal_weights(planted(x, square, |x, g| {
                let mut gradient = g.mul(&x[0])?.mul_scalar(2.0).to_f64_vec();
                gradient.swap(123, 877);
                Ok(vec![Some(Tensor::from(&gradient[..]))])
            })?)
        })?;
        assert_eq!(failing(&report), ["input 0"], "seed {seed}\n{report}");
    }
    Ok(())
}

#[test]
fn a_gradient_that_is_not_finite_never_passes() -> Result<()> {
    let mut passed = Vec::new();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e200] {
        for shape in [&[][..], &[1], &[3]] {
            let x = signed(shape, 6)?;
            let report = gradcheck::function(&[x], move |x| {
                planted(x, square, move |x, _| {
                    Ok(vec![Some(Tensor::full(x[0].shape(), value, DType::F64)?)])
                })
            })?;
            if failing(&report) != ["input 0"] {
                passed.push(format!("a gradient of {value}, shape {shape:?}:\n{report}"));
            }
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
    Ok(())
}

/// A custom operation may return cotangents of the wrong number, shape or dtype.
#[test]
fn cotangents_that_do_not_fit_are_errors() -> Result<()> {
    let rules: [(&str, Rule); 6] = [
        ("fewer elements", |_, g| Ok(vec![Some(g.narrow(1, 0, 2)?)])),
        ("fewer axes", |_, g| Ok(vec![Some(g.sum())])),
        ("another shape of as many elements", |_, g| {
            Ok(vec![Some(g.reshape([4, 3])?)])
        }),
        ("another precision", |_, g| {
            Ok(vec![Some(g.to_dtype(DType::F32))])
        }),
        ("too few", |_, _| Ok(vec![])),
        ("too many", |_, g| {
            Ok(vec![Some(g.clone()), Some(g.clone())])
        }),
    ];
    let x = signed(&[3, 4], 10)?.tracked();
    let mut wrong = Vec::new();
    for (name, rule) in rules {
        let loss = planted(std::slice::from_ref(&x), square, rule)?
            .add(&x)?
            .sum();
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| loss.backward())) {
            Ok(Err(error)) if error.to_string().contains("planted") => {}
            Ok(Err(error)) => wrong.push(format!(
                "{name}: the error does not name the operation: {error}"
            )),
            Ok(Ok(gradients)) => wrong.push(format!("{name}: accepted, {:?}", gradients.get(&x))),
            Err(_) => wrong.push(format!("{name}: panicked")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[derive(Module, Clone, Debug)]
struct Net {
    right: Param,
    wrong: Param,
}

#[test]
fn a_fault_in_a_model_is_reported_with_its_path() -> Result<()> {
    let net = Net {
        right: Param::new(&signed(&[2, 3], 7)?),
        wrong: Param::new(&signed(&[3], 8)?),
    };
    let report = gradcheck::module(&net, &[signed(&[4, 2], 9)?], |net, x, pass| {
        let hidden = x[0].matmul(&net.right.read(pass))?.tanh();
        planted(&[hidden, net.wrong.read(pass)], sum_of_both, |_, g| {
            Ok(vec![Some(g.clone()), Some(g.mean_over(0)?)])
        })
    })?;
    let paths: Vec<&str> = report
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(paths, ["right", "wrong", "input 0"]);
    assert_eq!(failing(&report), ["wrong"], "{report}");
    Ok(())
}
