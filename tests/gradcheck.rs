//! Tests of the gradient check: second order, cost, the macro, and errors. (Tests of planted faults
//! and kinks are in `support/{faults,planted,kinks}.rs`.)

use cotangent::gradcheck::{Gradcheck, Verdict};
use cotangent::prelude::*;
use cotangent::{Cotangents, Op, Vjp};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// x³ with the correct gradient, whose own gradient is that of `second`.
struct Cube {
    x: Tensor,
    second: fn(&Tensor) -> Result<Tensor>,
}

impl Op for Cube {
    fn name(&self) -> &'static str {
        "cube"
    }
    fn vjp(&self, cotangent: Tensor, context: &Vjp) -> Result<Cotangents> {
        let slope = (self.second)(&context.saved(&self.x))?;
        Ok([Some(cotangent.mul(&slope)?)].into_iter().collect())
    }
}

fn cube(x: &Tensor, second: fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let value = x.detach().square().mul(&x.detach())?;
    Ok(Tensor::from_op(value, &[x], || Cube {
        x: x.clone(),
        second,
    }))
}

#[test]
fn second_order_finds_what_first_order_cannot() -> Result<()> {
    let x = Tensor::from([0.5f64, -1.0, 2.0]);
    let check = |second| {
        let run = |x: &[Tensor]| cube(&x[0], second);
        Gradcheck::new()
            .second_order()
            .function(std::slice::from_ref(&x), run)
    };
    let right = check(|x| Ok(x.square() * 3.0))?;
    right.assert_ok();
    let orders: Vec<(u8, &str)> = right
        .entries()
        .iter()
        .map(|e| (e.order, &e.path[..]))
        .collect();
    assert_eq!(orders, [(1, "input 0"), (2, "input 0"), (2, "cotangent")]);
    // A correct gradient computed from untracked numbers, so that its own gradient is 0.
    let detached = check(|x| Ok(x.detach().square() * 3.0))?;
    let verdicts: Vec<Verdict> = detached.entries().iter().map(|e| e.verdict).collect();
    assert_eq!(
        verdicts,
        [Verdict::Pass, Verdict::Fail, Verdict::Pass],
        "{detached}"
    );
    assert!(
        detached.to_string().contains("input 0 (second order)"),
        "{detached}"
    );
    // A second derivative that is wrong by a thousandth.
    let off = check(|x| Ok(x.mul(&(x.detach() + (x - &x.detach()) * 1.002))? * 3.0))?;
    assert_eq!(
        off.failures().map(|e| e.order).collect::<Vec<_>>(),
        [2],
        "{off}"
    );
    Ok(())
}

#[test]
fn second_order_of_a_model_names_its_parameters() -> Result<()> {
    let net = Linear::new(3, 2, &mut ChaCha8Rng::seed_from_u64(1))?;
    let x = Tensor::from([[0.5f32, -1.0, 0.25], [2.0, 0.1, -0.3]]);
    let check = Gradcheck::new().second_order();
    let smooth = |net: &Linear, x: &[Tensor], pass: &Pass| Ok(net.forward(&x[0], pass)?.tanh());
    let report = check.module(&net, std::slice::from_ref(&x), smooth)?;
    report.assert_ok();
    let paths: Vec<&str> = report.entries()[3..].iter().map(|e| &e.path[..]).collect();
    assert_eq!(paths, ["weight", "bias", "input 0", "cotangent"]);
    let cubed = |net: &Linear, x: &[Tensor], pass: &Pass| {
        cube(
            &net.forward(&x[0], pass)?,
            |x| Ok(x.detach().square() * 3.0),
        )
    };
    let report = check.module(&net, &[x], cubed)?;
    assert!(
        !report.is_ok() && report.failures().all(|e| e.order == 2),
        "{report}"
    );
    Ok(())
}

/// Returns how often a check along directions evaluates a function of `len` elements.
fn evaluations(len: usize) -> Result<usize> {
    let calls = AtomicUsize::new(0);
    let x = Tensor::uniform(
        [len],
        0.5,
        1.0,
        DType::F64,
        &mut ChaCha8Rng::seed_from_u64(len as u64),
    )?;
    Gradcheck::new()
        .fast()
        .function(&[x], |x| {
            calls.fetch_add(1, Relaxed);
            Ok(x[0].ln().sum())
        })?
        .assert_ok();
    Ok(calls.into_inner())
}

#[test]
fn fast_checks_have_the_same_number_of_evaluations_at_any_size() -> Result<()> {
    // Three directions of at most 18 evaluations, and 6 for purity, determinism and linearity.
    let counts = [evaluations(1)?, evaluations(100)?, evaluations(100_000)?];
    assert!(
        counts.iter().all(|&count| (10..=60).contains(&count)),
        "{counts:?}"
    );
    Ok(())
}

#[test]
fn assert_gradients_passes() {
    assert_gradients!(|x, w| x.tanh().matmul(w), [2, 3], [3, 4]);
    assert_gradients!(|x| Ok(x.ln()), Tensor::from([0.5f32, 3.0]));
    let x = Tensor::scalar(2.0f64);
    assert_gradients!(|a, b, c| a.mul(b)?.add(c), &x, [], [3]);
}

#[test]
#[should_panic(expected = "do not match numeric differences")]
fn assert_gradients_fails() {
    assert_gradients!(|x| cube(x, |x| Ok(x.square() * 3.003)), [4]);
}

#[test]
#[should_panic(expected = "add: cannot broadcast")]
fn assert_gradients_reports_errors() {
    assert_gradients!(|x, y| x.add(y), [4], [3]);
}

#[test]
fn a_backward_that_is_not_deterministic_is_refused() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let x = Tensor::from([0.5f64]);
    let drifting = |x: &[Tensor]| {
        cube(&x[0], |x| {
            Ok(x.square() * (3.0 + 1e-9 * CALLS.fetch_add(1, Relaxed) as f64))
        })
    };
    let error = Gradcheck::new().function(&[x], drifting).unwrap_err();
    assert!(error.to_string().contains("not deterministic"), "{error}");
}

#[test]
fn the_error_of_a_fixed_dtype_says_what_to_do() -> Result<()> {
    let x = Tensor::from([1.0f32, 2.0]);
    let fixed = |x: &[Tensor]| x[0].add(&Tensor::zeros([2], DType::F32)?);
    let text = gradcheck::function(std::slice::from_ref(&x), fixed)
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "add: the right operand is f32, the left operand is f64; a gradient check runs in f64: \
         pass the tensor as an input of the check, convert it with `to_dtype(x.dtype())`, or make \
         it with `zeros_like`"
    );
    gradcheck::function(&[x], |x| x[0].add(&x[0].zeros_like()?))?.assert_ok();
    Ok(())
}
