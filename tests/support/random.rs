//! What tests against naive references have in common: random shapes, and failed cases.

use super::reference::Naive;
use cotangent::{DType, Error, Tensor};
use proptest::prelude::*;

pub const DTYPES: [DType; 2] = [DType::F32, DType::F64];

/// As many cases as are quick.
pub fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Lengths of axes, 0 and 1 among them.
pub fn length() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(0usize), 3 => Just(1usize), 8 => 2usize..5]
}

/// Shapes of at most so many axes.
pub fn shape(max_rank: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(length(), 0..=max_rank)
}

/// The library's error as a failed case.
#[allow(clippy::needless_pass_by_value)] // For `map_err`.
pub fn fail(error: Error) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

/// The gradient of `Σ weights · y` with respect to `x`.
pub fn pull(y: &Tensor, weights: &Naive, x: &Tensor) -> Result<Tensor, TestCaseError> {
    let cotangent = weights.tensor(y.dtype(), 0).map_err(fail)?;
    let gradients = y.backward_with(&cotangent).map_err(fail)?;
    gradients
        .get(x)
        .cloned()
        .ok_or_else(|| TestCaseError::fail("no gradient"))
}

/// A failed case unless the tensor holds these numbers.
pub fn matches(expected: &Naive, found: &Tensor) -> Result<(), TestCaseError> {
    expected.matches(found).map_err(TestCaseError::fail)
}
