//! Random shapes and failed cases for tests against a reference.

use super::reference::Naive;
use cotangent::{DType, Error, Tensor};
use proptest::prelude::*;

pub const DTYPES: [DType; 2] = [DType::F32, DType::F64];

/// Returns settings with a number of cases that runs quickly.
pub fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Draws lengths of axes, also 0 and 1.
pub fn length() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(0usize), 3 => Just(1usize), 8 => 2usize..5]
}

/// Draws shapes with at most `max_rank` axes.
pub fn shape(max_rank: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(length(), 0..=max_rank)
}

/// Converts an error of the library to a failed case.
#[allow(clippy::needless_pass_by_value)] // For `map_err`.
pub fn fail(error: Error) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

/// Returns the gradient of `Σ weights · y` with respect to `x`.
pub fn pull(y: &Tensor, weights: &Naive, x: &Tensor) -> Result<Tensor, TestCaseError> {
    let cotangent = weights.tensor(y.dtype(), 0).map_err(fail)?;
    let gradients = y.backward_with(&cotangent).map_err(fail)?;
    gradients
        .get(x)
        .cloned()
        .ok_or_else(|| TestCaseError::fail("no gradient"))
}

/// Returns a failed case unless the tensor holds these numbers.
pub fn matches(expected: &Naive, found: &Tensor) -> Result<(), TestCaseError> {
    expected.matches(found).map_err(TestCaseError::fail)
}
