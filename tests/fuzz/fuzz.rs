//! Random formulas of `#[elementwise]`: their values, first and second derivatives against numeric
//! differences.
//!
//! The build script draws the formulas. Each is also a function of single numbers, with branches
//! instead of selections, and one of whole tensors. The function of single numbers tells at which
//! points a formula is smooth: where all comparisons come out the same at all points of a
//! difference. Other points are skipped. `COTANGENT_FUZZ_SEED=7 cargo test -p cotangent-fuzz` draws
//! other formulas.

mod differences;
mod formulas;
// The build script uses the rest.
#[allow(dead_code)]
mod functions;
mod reference;

use differences::{Problem, Tally, examine};
use formulas::CASES;

/// The least share of the points at which differences give an answer.
const ANSWERED: f64 = 0.6;

#[test]
fn derivatives_of_random_formulas_match_numeric_differences() {
    let mut total = Tally::default();
    let mut problems = Vec::new();
    for (index, case) in CASES.iter().enumerate().filter(|(_, case)| !case.planted) {
        match examine(case, index as u64) {
            Ok(tally) => total.add(&tally),
            Err(Problem(text)) => problems.push(format!("{text}\n{}", case.source)),
        }
    }
    println!("{} formulas: {total:?}", CASES.len());
    assert!(
        problems.is_empty(),
        "{} of {} formulas are wrong:\n\n{}",
        problems.len(),
        CASES.len(),
        problems.join("\n\n")
    );
    for (order, [checked, skipped]) in [total.values, total.first, total.second].iter().enumerate()
    {
        let share = *checked as f64 / (checked + skipped) as f64;
        assert!(
            share > ANSWERED,
            "order {order}: only {share:.2} of the points were checked"
        );
    }
}

#[test]
fn a_wrong_derivative_of_0_1_percent_is_found() {
    let planted = CASES.iter().enumerate().filter(|(_, case)| case.planted);
    let mut all = 0;
    for (index, case) in planted {
        all += 1;
        let found = examine(case, index as u64);
        assert!(
            found.is_err(),
            "the fault was not found in\n{}",
            case.source
        );
    }
    assert!(all > 0, "nothing was planted");
}
