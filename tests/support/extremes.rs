//! Operations on values from the ends of the range of `f32`, held against the same in `f64`.
//!
//! In `f64` nothing that is made of these values overflows, and little cancels: its result, rounded
//! to `f32`, is the right one.

use super::operations::{Function, Operation};
use cotangent::Backward;
use cotangent::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The values that operands are made of: zeros, subnormal numbers, tiny ones, ones, large ones,
/// almost the largest, one of no special kind, infinities, NaN.
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
/// So many of them are finite.
const FINITE: usize = 15;
/// The cotangents of functions of single elements: the first shows the derivative.
const COTANGENTS: [f32; 4] = [1.0, -1.0, f32::INFINITY, f32::NAN];
/// How many rows are drawn for an operation that takes elements together.
const DRAWS: u64 = 300;

/// How much a result may be off, relative to its size: some roundings of `f32`.
const RELATIVE: f64 = 2e-6;
/// And beside it: so many of the smallest steps of `f32`, and one for each element of a row.
const SMALLEST: f64 = 1.5e-45;
const STEPS: f64 = 4.0;
/// Operands that are moved by a rounding or two explain a difference of some times what this
/// changes.
const NUDGE: f64 = 2e-7;
const NUDGES: u64 = 6;
const TIMES: f64 = 4.0;

/// Where single precision must differ, and why.
pub struct Exception {
    /// Operations whose names begin with one of these.
    pub operations: &'static [&'static str],
    /// When it differs, in words.
    pub condition: &'static str,
    /// And as a test.
    pub holds: fn(&Seen) -> bool,
    pub reason: &'static str,
}

/// One number that disagrees.
pub struct Seen<'a> {
    /// The operands' elements; of a function of single elements those of one place.
    pub operands: &'a [Vec<f64>],
    /// The cotangent's, likewise.
    pub cotangent: &'a [f64],
    pub single: f64,
    pub double: f64,
    /// The name of the result: `y`, or a gradient's.
    pub result: &'a str,
    /// Of a gradient of a function of single elements: the derivative.
    pub slope: Option<f64>,
}

/// What disagreed and is no exception.
struct Finding {
    operation: String,
    result: String,
    /// The number of elements of the operands: the smallest findings are shown.
    size: usize,
    kind: [&'static str; 2],
    text: String,
}

/// What was found, and which exceptions excused something.
#[derive(Default)]
pub struct Found {
    findings: Vec<Finding>,
    used: BTreeSet<usize>,
}

struct Case {
    operands: Vec<Tensor>,
    cotangent: Tensor,
    /// Whether each place of the operands is a case of its own.
    elementwise: bool,
}

/// Results of an operation, by name: the value, the gradient of each operand that has one, and the
/// same as recorded for gradients of gradients, which other code computes.
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

/// Whether a result of single precision is the expected number, but for so much.
fn agrees(single: f64, double: f64, slack: f64) -> bool {
    let expected = f64::from(double as f32);
    if single == expected || (single.is_nan() && double.is_nan()) {
        return true;
    }
    // An infinite result may be one that is just beyond the range.
    let within = |x: f64| x.clamp(-f64::from(f32::MAX), f64::from(f32::MAX));
    let slack = slack + STEPS * SMALLEST + RELATIVE * double.abs();
    double.is_finite() && (within(single) - within(expected)).abs() <= slack
}

/// How far each result moves, in either precision, if the operands do by a rounding: an operation
/// that is as exact as its operands may be off by as much.
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
    /// Holds an operation against itself in double precision: on every value or pair of values if
    /// it takes and gives elements one by one, on drawn rows if not.
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
            // What is refused is refused in either precision.
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
        // Each term of a sum of subnormal numbers is rounded to a whole step.
        let steps = if case.elementwise {
            0.0
        } else {
            SMALLEST * operands.iter().map(Vec::len).sum::<usize>() as f64
        };
        let mut slack = None;
        for (part, ((name, singles), (_, doubles))) in single.iter().zip(&double).enumerate() {
            for (i, (&single, &double)) in singles.iter().zip(doubles).enumerate() {
                // No rounding explains what is not finite, unless it is near the end of the range.
                let explicable = single.is_finite() || double.abs() > 0.5 * f64::from(f32::MAX);
                let mut slack = || {
                    let spread = slack.get_or_insert_with(|| spread(f, case));
                    let spread = spread.as_ref().map_or(0.0, |spread| spread[part][i]);
                    TIMES * spread + steps
                };
                if agrees(single, double, 0.0) || (explicable && agrees(single, double, slack())) {
                    continue;
                }
                // A result may have several values for each element of the operands.
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

    pub fn merge(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.used.extend(other.used);
    }

    /// Fails with all that was found, and with the exceptions that excused nothing.
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
                let unused = format!("an exception without use: {operations:?}, {condition}");
                writeln!(text, "{unused}").expect("text can be written");
            }
            assert!(!exception.reason.is_empty());
        }
        let count = self.findings.len();
        assert!(
            text.is_empty(),
            "{count} numbers differ from those of f64\n{text}"
        );
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

/// Whether a function takes and gives elements one by one: of one element alone it gives the same.
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

/// Every value, or every pair of values, with every cotangent.
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

/// Operands of few rows of few elements, or of seventy; none of sizes that are refused.
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
        // Of a few of the values, so that these meet each other and themselves; most rows are
        // finite.
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
