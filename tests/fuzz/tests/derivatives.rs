//! The derivatives of random formulas against numeric differences, first and second order.
//!
//! The first derivatives are compared with differences of a plain function with branches, the
//! second ones with differences of the first. A step must not cross a kink or a jump: the plain
//! function notes its decisions, and a step is shortened until they are the same along it. Where no
//! step is short enough, or the differences are too inaccurate, nothing is compared; these cases
//! are counted, and their share is bounded.
//!
//! Other formulas: `COTANGENT_FUZZ_SEED=7 cargo test -p cotangent-fuzz`.

use cotangent::gradcheck::Gradcheck;
use cotangent::prelude::*;
use cotangent_fuzz::plain::Trace;
use cotangent_fuzz::{CASES, Case, PLANTED, Reduction};
use std::fmt::Write;

/// The number of steps, each shorter than the one before.
const LEVELS: usize = 8;
/// The ratio of a step to the next.
const RATIO: f64 = 1.6;
/// The longest first step, and the shortest.
const STEPS: [f64; 2] = [0.04, 0.001];
/// A decision this near may be another one after rounding.
const MARGIN: f64 = 1e-9;

/// The numbers of comparisons.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    compared: usize,
    /// No step without a decision.
    kinks: usize,
    /// The error of the differences is too large.
    inaccurate: usize,
}

/// The points around one point along an operand, where all decisions are the same.
#[derive(Clone, Copy, Debug)]
struct Stencil {
    step: f64,
    /// 0 for steps to both sides, else the direction.
    side: f64,
}

impl Stencil {
    /// Returns the longest steps on which the function is smooth.
    fn at(case: &Case, point: &[f64], k: usize) -> Option<Self> {
        let decisions = |shift: f64| {
            let mut moved = point.to_vec();
            moved[k] += shift;
            let trace = Trace::default();
            let value = (case.plain)(&trace, &moved);
            value.is_finite().then(|| trace.decisions())
        };
        let here = decisions(0.0)?;
        for side in [0.0, 1.0, -1.0] {
            let mut stencil = Self {
                step: STEPS[0],
                side,
            };
            while stencil.step >= STEPS[1] {
                let shifts = stencil.shifts();
                if shifts.iter().all(|&shift| decisions(shift) == Some(here)) {
                    return Some(stencil);
                }
                stencil.step /= RATIO;
            }
        }
        None
    }

    /// Returns the two places of each level.
    fn shifts(self) -> [f64; 2 * LEVELS] {
        std::array::from_fn(|i| {
            let step = self.step / RATIO.powi((i / 2) as i32);
            match (self.side, i % 2) {
                (0.0, 0) => step,
                (0.0, _) => -step,
                (side, 0) => side * step,
                _ => 0.0,
            }
        })
    }

    /// Returns the slope and its error from the values at the places of [`shifts`](Self::shifts):
    /// Richardson's extrapolation as C. Ridders (1982, Accurate computation of F'(x) and F'(x)
    /// F''(x)) arranges it.
    fn slope(self, values: &[f64]) -> (f64, f64) {
        let shifts = self.shifts();
        let largest = values
            .iter()
            .fold(0.0, |largest: f64, y| largest.max(y.abs()));
        let order = if self.side == 0.0 { 2 } else { 1 };
        let mut table: Vec<f64> = Vec::new();
        let (mut best, mut error) = (f64::NAN, f64::INFINITY);
        for level in 0..LEVELS {
            let (i, j) = (2 * level, 2 * level + 1);
            let mut row = vec![(values[i] - values[j]) / (shifts[i] - shifts[j])];
            let noise = 1e-15 * largest / (shifts[i] - shifts[j]).abs();
            for k in 0..level {
                let power = RATIO.powi(order * (k as i32 + 1));
                let next = (row[k] * power - table[k]) / (power - 1.0);
                let change = (next - row[k]).abs().max((next - table[k]).abs()) + noise;
                if change < error {
                    (best, error) = (next, change);
                }
                row.push(next);
            }
            table = row;
        }
        (best, error)
    }
}

/// The check of a function.
struct Check<'a> {
    case: &'a Case,
    tally: Tally,
    problems: Vec<String>,
}

impl Check<'_> {
    fn run(case: &Case) -> (Tally, Vec<String>) {
        let mut check = Check {
            case,
            tally: Tally::default(),
            problems: vec![],
        };
        if let Err(error) = check.all() {
            check.problems.push(format!("an error: {error}"));
        }
        (check.tally, check.problems)
    }

    fn problem(&mut self, what: &str, point: usize, found: f64, expected: f64) {
        let place = self.case.points[point];
        self.problems.push(format!(
            "{what} at {place:?} is {found:e}, expected {expected:e}"
        ));
    }

    fn all(&mut self) -> Result<()> {
        let case = self.case;
        let traces: Vec<(f64, Trace)> = case
            .points
            .iter()
            .map(|point| {
                let trace = Trace::default();
                ((case.plain)(&trace, point), trace)
            })
            .collect();
        let is_sure: Vec<bool> = traces
            .iter()
            .map(|(_, trace)| trace.margin() > MARGIN)
            .collect();
        self.values(&traces, &is_sure)?;
        let (first, second) = second_order(case)?;
        let direct = gradients(case, case.points)?;
        for k in 0..case.operands {
            for i in 0..case.points.len() {
                let (found, recorded) = (direct[k][i], first[k][i]);
                let scale = found.abs().max(traces[i].1.largest()).max(1.0);
                if !found.is_finite() {
                    self.problem(&format!("the gradient of operand {k}"), i, found, 0.0);
                } else if !is_near(found, recorded, 1e-9 * scale) {
                    let what = format!("the recorded gradient of operand {k}");
                    self.problem(&what, i, recorded, found);
                }
                for (j, row) in second[k].iter().enumerate() {
                    if !row[i].is_finite() {
                        let what = format!("the derivative of gradient {k} by operand {j}");
                        self.problem(&what, i, row[i], 0.0);
                    }
                }
            }
        }
        for j in 0..case.operands {
            self.along(j, &is_sure, &direct, &second)?;
        }
        Ok(())
    }

    /// Compares the values with the plain function, and with operations on tensors.
    fn values(&mut self, traces: &[(f64, Trace)], is_sure: &[bool]) -> Result<()> {
        let case = self.case;
        let operands = tensors(case.points, case.operands)?;
        let composed = (case.composed)(&operands);
        // The elements of a reduction are those of its composed form.
        let found = (case.apply)(&operands)?.to_f64_vec();
        let elements = match case.reduction {
            Reduction::Tensor => found.clone(),
            _ => composed.to_f64_vec(),
        };
        let reduced = match case.reduction {
            Reduction::Tensor => composed.to_f64_vec(),
            Reduction::Sum => composed.sum().to_f64_vec(),
            Reduction::Mean => composed.mean().to_f64_vec(),
        };
        let largest = |i: usize| traces[i].1.largest().max(1.0);
        let of_all = (0..traces.len()).map(largest).fold(1.0, f64::max);
        for (i, (&found, &expected)) in found.iter().zip(&reduced).enumerate() {
            let scale = if case.reduction == Reduction::Tensor {
                largest(i)
            } else {
                of_all
            };
            if !is_near(found, expected, 1e-12 * scale.max(expected.abs())) {
                self.problem(
                    "the value, against operations on tensors,",
                    i,
                    found,
                    expected,
                );
            }
        }
        for i in 0..traces.len() {
            let expected = traces[i].0;
            if is_sure[i] && !is_near(elements[i], expected, 1e-9 * largest(i)) {
                self.problem("the value", i, elements[i], expected);
            }
        }
        Ok(())
    }

    /// Compares the derivatives by operand j.
    fn along(
        &mut self,
        j: usize,
        is_sure: &[bool],
        first: &[Vec<f64>],
        second: &[Vec<Vec<f64>>],
    ) -> Result<()> {
        let case = self.case;
        let mut stencils = Vec::new();
        let mut moved = Vec::new();
        for (i, point) in case.points.iter().enumerate() {
            let stencil = Stencil::at(case, point, j).filter(|_| is_sure[i]);
            let Some(stencil) = stencil else {
                self.tally.kinks += 1;
                continue;
            };
            stencils.push((i, stencil));
            for shift in stencil.shifts() {
                let mut place = point.to_vec();
                place[j] += shift;
                moved.push(place);
            }
        }
        if stencils.is_empty() {
            return Ok(());
        }
        let places: Vec<&[f64]> = moved.iter().map(Vec::as_slice).collect();
        let around = gradients(case, &places)?;
        for (at, (i, stencil)) in stencils.into_iter().enumerate() {
            let range = at * 2 * LEVELS..(at + 1) * 2 * LEVELS;
            let plain = |place: &&[f64]| (case.plain)(&Trace::default(), place);
            let values: Vec<f64> = places[range.clone()].iter().map(plain).collect();
            let slope = stencil.slope(&values);
            self.compare(
                &format!("the gradient of operand {j}"),
                i,
                first[j][i],
                slope,
            );
            for (k, row) in second.iter().enumerate() {
                let what = format!("the derivative of gradient {k} by operand {j}");
                let slope = stencil.slope(&around[k][range.clone()]);
                self.compare(&what, i, row[j][i], slope);
            }
        }
        Ok(())
    }

    fn compare(&mut self, what: &str, i: usize, found: f64, (expected, error): (f64, f64)) {
        let allowed = 1e-8 + 1e-6 * found.abs().max(expected.abs());
        if !is_near(error, 0.0, 4.0 * allowed) {
            self.tally.inaccurate += 1;
            return;
        }
        self.tally.compared += 1;
        if !is_near(found, expected, allowed + 4.0 * error) {
            self.problem(what, i, found, expected);
        }
    }
}

/// Returns whether the numbers differ by at most `tolerance`; false for NaN.
fn is_near(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance
}

/// Returns a tensor for each operand.
fn tensors(points: &[&[f64]], operands: usize) -> Result<Vec<Tensor>> {
    let column = |k: usize| points.iter().map(|point| point[k]).collect::<Vec<f64>>();
    (0..operands)
        .map(|k| Tensor::from_vec(column(k), [points.len()]))
        .collect()
}

/// Returns the sum of all elements, whatever the reduction.
fn total(case: &Case, operands: &[Tensor]) -> Result<Tensor> {
    let value = (case.apply)(operands)?;
    Ok(match case.reduction {
        Reduction::Mean => value.mul_scalar(operands[0].len() as f64),
        _ => value.sum(),
    })
}

/// Returns the gradients of all operands at some points.
fn gradients(case: &Case, points: &[&[f64]]) -> Result<Vec<Vec<f64>>> {
    let operands: Vec<Tensor> = tensors(points, case.operands)?
        .iter()
        .map(Tensor::tracked)
        .collect();
    let gradients = Backward::new()
        .allow_nonfinite()
        .run(&total(case, &operands)?)?;
    let of = |x: &Tensor| {
        gradients
            .get(x)
            .map_or(vec![0.0; points.len()], Tensor::to_f64_vec)
    };
    Ok(operands.iter().map(of).collect())
}

/// Returns the recorded gradients, and their derivatives by each operand.
#[allow(clippy::type_complexity)]
fn second_order(case: &Case) -> Result<(Vec<Vec<f64>>, Vec<Vec<Vec<f64>>>)> {
    let points = case.points;
    let operands: Vec<Tensor> = tensors(points, case.operands)?
        .iter()
        .map(Tensor::tracked)
        .collect();
    let backward = Backward::new().create_graph().allow_nonfinite();
    let gradients = backward.run(&total(case, &operands)?)?;
    let (mut first, mut second) = (vec![], vec![]);
    for x in &operands {
        let Some(gradient) = gradients.get(x) else {
            first.push(vec![0.0; points.len()]);
            second.push(vec![vec![0.0; points.len()]; case.operands]);
            continue;
        };
        first.push(gradient.to_f64_vec());
        if !gradient.is_tracked() {
            second.push(vec![vec![0.0; points.len()]; case.operands]);
            continue;
        }
        let again = Backward::new()
            .retain_graph()
            .allow_nonfinite()
            .run(&gradient.sum())?;
        let of = |x: &Tensor| {
            again
                .get(x)
                .map_or(vec![0.0; points.len()], Tensor::to_f64_vec)
        };
        second.push(operands.iter().map(of).collect());
    }
    Ok((first, second))
}

#[test]
fn derivatives_of_random_formulas_match_numeric_differences() {
    let (mut all, mut report, mut failed) = (Tally::default(), String::new(), 0);
    for case in CASES {
        let (tally, problems) = Check::run(case);
        all.compared += tally.compared;
        all.kinks += tally.kinks;
        all.inaccurate += tally.inaccurate;
        if !problems.is_empty() {
            failed += 1;
            let shown = problems[..problems.len().min(4)].join("\n  ");
            let _ = writeln!(
                report,
                "{} with {}, {} problems:\n  {shown}\n{}",
                case.name,
                case.settings,
                problems.len(),
                case.source
            );
        }
    }
    println!("{} functions: {all:?}", CASES.len());
    assert!(failed == 0, "{failed} functions are wrong\n{report}");
    let skipped = all.kinks + all.inaccurate;
    assert!(
        skipped * 8 < all.compared,
        "too many comparisons are skipped: {all:?}"
    );
}

/// The first derivative of every other function is wrong by the factor 1.0001, and the second
/// derivative of the rest by 0.001.
#[test]
fn planted_faults_are_found() {
    for (k, case) in PLANTED.iter().enumerate() {
        let (_, problems) = Check::run(case);
        let found = ["the gradient", "the derivative of gradient"][k % 2];
        assert!(
            problems.iter().any(|problem| problem.starts_with(found)),
            "no fault is found in {}\n{}\n{problems:?}",
            case.name,
            case.source
        );
    }
}

/// The inner condition implies the outer one for one operand and excludes it for the other.
#[elementwise]
fn a_side_that_is_excluded(a: Tensor, b: Tensor) -> Tensor {
    let chosen = if a >= -0.1 { a } else { b };
    let arcsine = asin(chosen);
    if chosen > -0.8 && chosen < 0.8 {
        arcsine
    } else {
        b * a
    }
}

/// The inverse error function is NaN where the excluded side is, so that not even a gradient of 0
/// may pass it.
#[elementwise]
fn a_side_with_a_nan_inside(a: Tensor, b: Tensor) -> Tensor {
    let inverse = erfinv(b);
    let second = if b < 0.8 && b > -0.8 {
        inverse + inverse
    } else {
        b
    };
    acos(tanh(if second <= 0.01 { a } else { second }) * 0.5)
}

/// The arguments of the call have cotangents under different conditions.
#[elementwise]
fn a_call_under_two_conditions(a: Tensor, b: Tensor) -> Tensor {
    atan2(if a > 0.0 { b } else { 1.0 }, a)
}

#[test]
fn faults_that_were_found_stay_mended() -> Result<()> {
    let a = Tensor::from([-0.248, 1.108, 0.3, 0.3, 0.5, -0.5]);
    let b = Tensor::from([-1.952, 1.2, -1.6, 1.6, 0.4, 0.3]);
    let functions: [fn(&Tensor, &Tensor) -> Result<Tensor>; 3] = [
        a_side_that_is_excluded,
        a_side_with_a_nan_inside,
        a_call_under_two_conditions,
    ];
    for f in functions {
        let check = Gradcheck::new().second_order();
        check
            .function(&[a.clone(), b.clone()], |x| f(&x[0], &x[1]))?
            .assert_ok();
    }
    Ok(())
}
