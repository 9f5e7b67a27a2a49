//! Runs a test over the registry of operations, and compares first and second derivatives with
//! numeric differences.

use super::operations::{Domain, Operation, values};
use cotangent::gradcheck::{Gradcheck, Verdict};
use cotangent::{Backward, DType, Result, Tensor};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `test` on each operation and reports all failures together, also panics.
#[track_caller]
pub fn for_each(operations: &[Operation], test: impl Fn(&Operation) -> Result<(), String>) {
    assert!(!operations.is_empty());
    let run = |operation: &Operation| match catch_unwind(AssertUnwindSafe(|| test(operation))) {
        Ok(Ok(())) => None,
        Ok(Err(reason)) => Some(format!("{}: {reason}", operation.name)),
        Err(_) => Some(format!("{}: panicked", operation.name)),
    };
    let failures: Vec<String> = operations.iter().filter_map(run).collect();
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Returns a function that adds the place to the text of an error.
pub fn at<'a, E: std::fmt::Display>(
    place: impl std::fmt::Debug + 'a,
) -> impl FnOnce(E) -> String + 'a {
    move |error| format!("{place:?}: {error}")
}

/// Returns an error with this reason unless the condition holds.
pub fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}

/// Compares the gradients of `f` with numeric differences. All verdicts must be `Pass`: the inputs
/// are away from kinks.
pub fn check(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<(), String> {
    let report = Gradcheck::new()
        .function(inputs, f)
        .map_err(|e| e.to_string())?;
    let passed = report
        .entries()
        .iter()
        .all(|entry| entry.verdict == Verdict::Pass);
    ensure(passed, || format!("\n{report}"))
}

/// Returns the function `g(x, v) = Σ w · ∂(Σ v f(x))/∂x` with fixed weights `w`, for inputs
/// `(x…, v)`. Its gradient is right if the second derivative of `f` is.
pub fn gradient_of(
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> impl Fn(&[Tensor]) -> Result<Tensor> {
    move |inputs| {
        let (operands, cotangent) = (&inputs[..inputs.len() - 1], &inputs[inputs.len() - 1]);
        let track = |x: &Tensor| {
            if x.is_tracked() {
                x.clone()
            } else {
                x.tracked()
            }
        };
        let operands: Vec<Tensor> = operands.iter().map(track).collect();
        let gradients = Backward::new()
            .create_graph()
            .run_with(&f(&operands)?, cotangent)?;
        let mut total = Tensor::scalar(0.0f64);
        for (i, x) in operands.iter().enumerate() {
            if let Some(gradient) = gradients.get(x) {
                let weights = values(x.shape(), Domain::Signed, DType::F64, 900 + i as u64)?;
                total = total.add(&gradient.mul(&weights)?.sum())?;
            }
        }
        Ok(total)
    }
}

/// Checks first and second derivatives of a function whose output has shape `output`.
pub fn check_twice(
    inputs: &[Tensor],
    output: &[usize],
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<(), String> {
    check(inputs, &f).map_err(at("first order"))?;
    let cotangent = values(output, Domain::Signed, DType::F64, 800).map_err(at("cotangent"))?;
    let inputs: Vec<Tensor> = inputs.iter().cloned().chain([cotangent]).collect();
    check(&inputs, gradient_of(&f)).map_err(at("second order"))
}
