//! Compares operations in `f32`, on values at the ends of its range, with the same in `f64`.
//!
//! In `f64` these values cause no overflow and little cancellation, so its result, rounded to
//! `f32`, is right.

use super::operations::{Function, Operation};
use cotangent::Backward;
use cotangent::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The elements of operands: zeros, subnormal and tiny numbers, ones, large numbers, numbers close
/// to the largest, an ordinary one, infinities, NaN.
const VALUES: [f32; 18] = [
    0.0,
    -0.0,
    1e-45,
    -1e-45,
    1e-38,
    -1e-38,
    1e-30,
    -1e-30,
    0.75,
    1.0,
    -1.0,
    1e20,
    -1e20,
    3e38,
    -3e38,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];
/// The number of finite values; they come first.
const FINITE: usize = 15;
/// The cotangents of elementwise functions; with the first one the gradient is the derivative.
const COTANGENTS: [f32; 4] = [1.0, -1.0, f32::INFINITY, f32::NAN];
/// The number of cases drawn for an operation that is not elementwise.
const DRAWS: u64 = 300;

/// The relative tolerance of a result: some rounding errors of `f32`.
const RELATIVE: f64 = 2e-6;
/// The absolute tolerance: `STEPS` smallest numbers of `f32`, and one for each element of a row.
const SMALLEST: f64 = 1.5e-45;
const STEPS: f64 = 4.0;
/// A difference is allowed if it is at most `TIMES` the change of the result when the operands
/// change by `NUDGE`, a rounding error or two; `NUDGES` such changes are drawn.
const NUDGE: f64 = 2e-7;
const NUDGES: u64 = 6;
const TIMES: f64 = 4.0;

/// A case where `f32` must differ from `f64`.
pub struct Exception {
    /// Operations whose names begin with one of these.
    pub operations: &'static [&'static str],
    /// The condition in words.
    pub condition: &'static str,
    /// The condition as a function.
    pub holds: fn(&Seen) -> bool,
    pub reason: &'static str,
}

/// One number that differs between the dtypes.
pub struct Seen<'a> {
    /// The elements of the operands; for an elementwise function those at one position.
    pub operands: &'a [Vec<f64>],
    /// The elements of the cotangent, in the same way.
    pub cotangent: &'a [f64],
    pub single: f64,
    pub double: f64,
    /// The name of the result: `y`, or that of a gradient.
    pub result: &'a str,
    /// The derivative, if the result is a gradient of an elementwise function.
    pub slope: Option<f64>,
}

/// A difference that no exception excuses.
struct Finding {
    operation: String,
    result: String,
    /// The number of elements of the operands; the smallest findings are shown first.
    size: usize,
    kind: [&'static str; 2],
    text: String,
}

/// All findings, and which exceptions were used.
#[derive(Default)]
pub struct Found {
    findings: Vec<Finding>,
    used: BTreeSet<usize>,
}

struct Case {
    operands: Vec<Tensor>,
    cotangent: Tensor,
    /// Whether each position of the operands is a separate case.
    elementwise: bool,
}

/// The results of an operation, by name: the value, and the fused and recorded gradients, which
/// different code computes.
type Outcome = Vec<(String, Vec<f64>)>;

fn run(f: &Function, case: &Case, dtype: DType) -> Result<Outcome> {
    let to_dtype = |x: &Tensor| x.to_dtype(dtype).tracked();
    let operands: Vec<Tensor> = case.operands.iter().map(to_dtype).collect();
    let y = f(&operands)?;
    let mut outcome = vec![("y".to_owned(), y.to_f64_vec())];
    if y.is_tracked() {
        let cotangent = case.cotangent.to_dtype(dtype);
        let ways = [
            ("d", Backward::new().retain_graph()),
            ("recorded d", Backward::new().create_graph()),
        ];
        for (name, backward) in ways {
            let gradients = backward.run_with(&y, &cotangent)?;
            for (i, x) in operands.iter().enumerate() {
                if let Some(gradient) = gradients.get(x) {
                    outcome.push((format!("{name}{i}"), gradient.to_f64_vec()));
                }
            }
        }
    }
    Ok(outcome)
}

/// Returns whether an `f32` result equals the expected number up to the tolerances and `slack`.
fn agrees(single: f64, double: f64, slack: f64) -> bool {
    let expected = f64::from(double as f32);
    if single == expected || (single.is_nan() && double.is_nan()) {
        return true;
    }
    // An infinite result may be rounded from a number just beyond the range.
    let within = |x: f64| x.clamp(-f64::from(f32::MAX), f64::from(f32::MAX));
    let slack = slack + STEPS * SMALLEST + RELATIVE * double.abs();
    double.is_finite() && (within(single) - within(expected)).abs() <= slack
}

/// Returns the largest change of each result, in either dtype, when the operands change by rounding
/// errors. A result may differ by as much.
fn spread(f: &Function, case: &Case) -> Result<Vec<Vec<f64>>> {
    let mut spread: Vec<Vec<f64>> = Vec::new();
    for dtype in [DType::F64, DType::F32] {
        let still = run(f, case, dtype)?;
        spread.resize_with(still.len(), Vec::new);
        for seed in 0..NUDGES {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut nudge = |x: &Tensor| {
                let mut share = || f64::from(rng.next_u32()) / 2f64.powi(31) - 1.0;
                let values = x.to_f64_vec().into_iter();
                let moved = values.map(|x| x * (1.0 + NUDGE * share()));
                Tensor::from_vec(moved.collect(), x.shape())
            };
            let moved = Case {
                operands: case
                    .operands
                    .iter()
                    .map(&mut nudge)
                    .collect::<Result<_>>()?,
                cotangent: nudge(&case.cotangent)?,
                elementwise: case.elementwise,
            };
            let results = still.iter().zip(run(f, &moved, dtype)?);
            for (spread, ((_, still), (_, moved))) in spread.iter_mut().zip(results) {
                spread.resize(still.len(), 0.0);
                for ((spread, still), moved) in spread.iter_mut().zip(still).zip(moved) {
                    let change = (moved - still).abs();
                    if change.is_finite() {
                        *spread = spread.max(change);
                    }
                }
            }
        }
    }
    Ok(spread)
}

impl Found {
    /// Compares an operation in both dtypes: on every value or pair of values if it is elementwise,
    /// else on drawn cases.
    pub fn examine(&mut self, operation: &Operation, exceptions: &[Exception]) -> Result<()> {
        if is_elementwise(operation)? {
            self.compare(operation, &every_value(operation)?, exceptions);
            return Ok(());
        }
        for seed in 0..DRAWS {
            if let Some(case) = drawn(operation, seed)? {
                self.compare(operation, &case, exceptions);
            }
        }
        Ok(())
    }

    fn compare(&mut self, operation: &Operation, case: &Case, exceptions: &[Exception]) {
        let f = &operation.f;
        let (single, double) = match (run(f, case, DType::F32), run(f, case, DType::F64)) {
            (Ok(single), Ok(double)) => (single, double),
            // Both dtypes refuse the case.
            (Err(_), Err(_)) => return,
            (single, double) => {
                let texts = [single, double].map(|run| match run {
                    Ok(_) => "runs".to_owned(),
                    Err(error) => format!("fails: {error}"),
                });
                self.findings.push(Finding {
                    operation: operation.name.clone(),
                    result: "error".to_owned(),
                    size: 0,
                    kind: [""; 2],
                    text: format!("f32 {}, f64 {}", texts[0], texts[1]),
                });
                return;
            }
        };
        assert_eq!(
            single.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            double.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "{}",
            operation.name
        );
        let operands: Vec<Vec<f64>> = case.operands.iter().map(Tensor::to_f64_vec).collect();
        let cotangent = case.cotangent.to_f64_vec();
        // Each term of a sum of subnormal numbers is rounded to a multiple of the smallest number.
        let steps = if case.elementwise {
            0.0
        } else {
            SMALLEST * operands.iter().map(Vec::len).sum::<usize>() as f64
        };
        let mut slack = None;
        for (part, ((name, singles), (_, doubles))) in single.iter().zip(&double).enumerate() {
            for (i, (&single, &double)) in singles.iter().zip(doubles).enumerate() {
                // Rounding explains a non-finite result only near the end of the range.
                let explicable = single.is_finite() || double.abs() > 0.5 * f64::from(f32::MAX);
                let mut slack = || {
                    let spread = slack.get_or_insert_with(|| spread(f, case));
                    let spread = spread.as_ref().map_or(0.0, |spread| spread[part][i]);
                    TIMES * spread + steps
                };
                if agrees(single, double, 0.0) || (explicable && agrees(single, double, slack())) {
                    continue;
                }
                // A result may have several elements for each element of the operands.
                let at = i * operands[0].len() / singles.len();
                let of_place = |x: &Vec<f64>| {
                    if case.elementwise {
                        vec![x[at]]
                    } else {
                        x.clone()
                    }
                };
                let seen = Seen {
                    operands: &operands.iter().map(of_place).collect::<Vec<_>>(),
                    cotangent: &of_place(&cotangent),
                    single,
                    double,
                    result: name,
                    slope: (part > 0 && case.elementwise)
                        .then(|| doubles[i - i % COTANGENTS.len()]),
                };
                let excuses = |exception: &Exception| {
                    let mut names = exception.operations.iter();
                    names.any(|name| operation.name.starts_with(name)) && (exception.holds)(&seen)
                };
                if let Some(row) = exceptions.iter().position(excuses) {
                    self.used.insert(row);
                    continue;
                }
                let place = if case.elementwise {
                    i - at * singles.len() / operands[0].len()
                } else {
                    i
                };
                self.findings
                    .push(Finding::new(operation, case, &seen, place));
            }
        }
    }

    /// Adds the findings of another thread.
    pub fn merge(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.used.extend(other.used);
    }

    /// Panics with all findings, and with the exceptions that were not used.
    #[track_caller]
    pub fn assert_nothing(mut self, exceptions: &[Exception]) {
        self.findings.sort_by_key(|finding| finding.size);
        let mut groups: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
        for finding in &self.findings {
            let group = (&finding.operation[..], &finding.result[..]);
            groups.entry(group).or_default().push(finding);
        }
        let mut text = String::new();
        for ((operation, result), group) in &groups {
            writeln!(text, "{operation}, {result}: {}", group.len()).expect("text can be written");
            let mut shown = BTreeSet::new();
            for finding in group {
                if shown.insert(finding.kind) {
                    writeln!(text, "    {}", finding.text).expect("text can be written");
                }
            }
        }
        for (row, exception) in exceptions.iter().enumerate() {
            if !self.used.contains(&row) {
                let (operations, condition) = (exception.operations, exception.condition);
                let unused = format!("an unused exception: {operations:?}, {condition}");
                writeln!(text, "{unused}").expect("text can be written");
            }
            assert!(!exception.reason.is_empty());
        }
        let count = self.findings.len();
        assert!(text.is_empty(), "{count} numbers differ from f64\n{text}");
    }
}

impl Finding {
    fn new(operation: &Operation, case: &Case, seen: &Seen, place: usize) -> Self {
        let kind = |x: f64| match x {
            0.0 => "0",
            _ if x.is_nan() => "NaN",
            _ if x.is_infinite() => "inf",
            _ => "number",
        };
        let list = |row: &[f64]| {
            let number = |x: &f64| match x.abs() {
                0.0 | 1e-3..1e4 => format!("{x}"),
                _ => format!("{x:.3e}"),
            };
            let shown: Vec<String> = row.iter().take(12).map(number).collect();
            let more = if row.len() > 12 { ", …" } else { "" };
            format!("[{}{more}]", shown.join(", "))
        };
        let operands: Vec<String> = seen.operands.iter().map(|x| list(x)).collect();
        let shapes: Vec<&[usize]> = case.operands.iter().map(Tensor::shape).collect();
        let shapes = if case.elementwise {
            String::new()
        } else {
            format!(" of {shapes:?}")
        };
        let (result, single, double) = (seen.result, seen.single, seen.double);
        Self {
            operation: operation.name.clone(),
            result: result.to_owned(),
            size: seen.operands.iter().map(Vec::len).sum(),
            kind: [kind(single), kind(f64::from(double as f32))],
            text: format!(
                "x = {}{shapes}, g = {}: {result}[{place}] is {single:e}, in f64 {double:e}",
                operands.join(" "),
                list(seen.cotangent),
            ),
        }
    }
}

/// Returns whether a function is elementwise: on single elements it returns the same values.
fn is_elementwise(operation: &Operation) -> Result<bool> {
    let sizes = [3, 4, 2];
    let shapes = (operation.operands)(sizes);
    let same = |shape: &Vec<usize>| shape.starts_with(&[3, 4]);
    if !same(&(operation.output)(sizes)) || !shapes.iter().all(|shape| *shape == [3, 4]) {
        return Ok(false);
    }
    let operands = operation.make_operands(sizes, DType::F64, 5)?;
    let whole = (operation.f)(&operands)?.to_f64_vec();
    for (i, whole) in whole.chunks(whole.len() / 12).enumerate() {
        let one = |x: &Tensor| Tensor::from([[x.to_f64_vec()[i]]]);
        let alone: Vec<Tensor> = operands.iter().map(one).collect();
        let Ok(alone) = (operation.f)(&alone) else {
            return Ok(false);
        };
        let alone = alone.to_f64_vec();
        if alone.len() != whole.len() || !alone.iter().zip(whole).all(|(a, b)| agrees(*a, *b, 0.0))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Creates a case of every value, or every pair of values, with every cotangent.
fn every_value(operation: &Operation) -> Result<Case> {
    let count = (operation.operands)([1; 3]).len() as u32;
    let all = VALUES.len().pow(count);
    let sizes = [all, COTANGENTS.len(), 1];
    let operand = |operand: u32| {
        let stride = VALUES.len().pow(operand);
        let value = |i: usize| f64::from(VALUES[i / COTANGENTS.len() / stride % VALUES.len()]);
        let values = (0..all * COTANGENTS.len()).map(value);
        Tensor::from_vec(values.collect(), &sizes[..2])
    };
    let output = (operation.output)(sizes);
    let places: usize = output.iter().product();
    let repeated = places / (all * COTANGENTS.len());
    let cotangent = |i: usize| f64::from(COTANGENTS[i / repeated % COTANGENTS.len()]);
    Ok(Case {
        operands: (0..count).map(operand).collect::<Result<_>>()?,
        cotangent: Tensor::from_vec((0..places).map(cotangent).collect(), output)?,
        elementwise: true,
    })
}

fn below(bound: usize, rng: &mut ChaCha8Rng) -> usize {
    rng.next_u32() as usize % bound
}

/// Draws a case of a few rows with a few elements, or with seventy. Returns `None` for sizes that
/// the operation refuses.
fn drawn(operation: &Operation, seed: u64) -> Result<Option<Case>> {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let sizes = match seed % 16 {
        0 => [2, 70, 2],
        _ => [3, 5, 2].map(|bound| 1 + below(bound, rng)),
    };
    if (operation.refuses)(sizes) {
        return Ok(None);
    }
    let mut operands = Vec::new();
    for shape in (operation.operands)(sizes) {
        // An operand has up to three different values, so that equal ones occur together. Most
        // operands are finite.
        let bound = [FINITE, FINITE, VALUES.len()][below(3, rng)];
        let few: Vec<f32> = (0..=below(3, rng))
            .map(|_| VALUES[below(bound, rng)])
            .collect();
        operands.push(Tensor::from_fn(shape, DType::F64, || {
            f64::from(few[below(few.len(), rng)])
        })?);
    }
    let of: &[f64] = match below(10, rng) {
        0..=4 => &[1.0],
        5..=8 => &[1.0, 0.0, -1.0],
        _ => &[1.0, f64::INFINITY, f64::NAN],
    };
    let output = (operation.output)(sizes);
    Ok(Some(Case {
        operands,
        cotangent: Tensor::from_fn(output, DType::F64, || of[below(of.len(), rng)])?,
        elementwise: false,
    }))
}
