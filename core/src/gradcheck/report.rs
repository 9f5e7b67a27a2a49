//! The report of a gradient check.

use std::fmt;

/// The verdict on one tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The slopes match.
    Pass,
    /// The function has a kink here, and the gradient is between the slopes of the two sides.
    Kink,
    /// Numeric differences give no answer. Either rounding errors of the function's value are
    /// larger than the tolerance and than the difference, or the differences converge at no step,
    /// as next to a pole or at the end of the domain. This is not a pass.
    Inconclusive,
    /// The slopes differ.
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Kink => "kink",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "FAIL",
        })
    }
}

/// The result for one parameter or input: the comparison with the worst verdict.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// 1 for first derivatives, 2 for second ones.
    pub order: u8,
    /// The path of the parameter, or `input 0`, `input 1`, … Of second order also `cotangent`, on
    /// which the gradient depends linearly.
    pub path: String,
    /// The shape.
    pub shape: Vec<usize>,
    /// The worst verdict.
    pub verdict: Verdict,
    /// The index of the worst element, or `None` for a direction through all elements.
    pub element: Option<Vec<usize>>,
    /// The slope from backward.
    pub analytic: f64,
    /// The slope from numeric differences.
    pub numeric: f64,
    /// The error bar of the numeric slope. It is infinite if the differences do not converge.
    pub error_bar: f64,
    /// The number of compared slopes, by verdict.
    pub tally: Tally,
}

/// Numbers of verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// The number of [`Verdict::Pass`].
    pub pass: usize,
    /// The number of [`Verdict::Kink`].
    pub kink: usize,
    /// The number of [`Verdict::Inconclusive`].
    pub inconclusive: usize,
    /// The number of [`Verdict::Fail`].
    pub fail: usize,
}

impl Tally {
    /// Returns the tally of a single verdict.
    pub(super) fn of(verdict: Verdict) -> Self {
        let one = |of: Verdict| usize::from(of == verdict);
        Self {
            pass: one(Verdict::Pass),
            kink: one(Verdict::Kink),
            inconclusive: one(Verdict::Inconclusive),
            fail: one(Verdict::Fail),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.pass += other.pass;
        self.kink += other.kink;
        self.inconclusive += other.inconclusive;
        self.fail += other.fail;
    }

    /// Returns the number of all verdicts.
    pub fn total(&self) -> usize {
        self.pass + self.kink + self.inconclusive + self.fail
    }
}

impl fmt::Display for Tally {
    /// Prints the verdicts that occurred: `60 pass, 4 kink`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.pass, Verdict::Pass),
            (self.kink, Verdict::Kink),
            (self.inconclusive, Verdict::Inconclusive),
            (self.fail, Verdict::Fail),
        ];
        let occurred = counts.iter().filter(|(count, _)| *count > 0);
        let texts: Vec<String> = occurred
            .map(|(count, verdict)| format!("{count} {verdict}"))
            .collect();
        f.pad(&texts.join(", "))
    }
}

impl Entry {
    /// Returns |analytic - numeric| relative to the larger of the two, or 0 if both are within the
    /// error bar.
    pub fn relative_error(&self) -> f64 {
        let size = self.analytic.abs().max(self.numeric.abs());
        if size <= self.error_bar {
            0.0
        } else {
            (self.analytic - self.numeric).abs() / size
        }
    }
}

/// The result of a gradient check. `Display` prints a table, with advice on inconclusive entries.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) entries: Vec<Entry>,
}

impl Report {
    /// Returns one entry per parameter in declaration order, then one per input.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns whether all entries passed. A kink with a gradient between the slopes is a pass.
    pub fn is_ok(&self) -> bool {
        self.entries
            .iter()
            .all(|entry| matches!(entry.verdict, Verdict::Pass | Verdict::Kink))
    }

    /// Returns the entries that did not pass.
    pub fn failures(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| !matches!(entry.verdict, Verdict::Pass | Verdict::Kink))
    }

    /// Panics unless all entries passed, for tests.
    ///
    /// # Panics
    /// At the caller's line, with the table, unless all entries passed.
    #[track_caller]
    pub fn assert_ok(&self) {
        let fails = |entry: &Entry| entry.verdict == Verdict::Fail;
        assert!(
            !self.entries.iter().any(fails),
            "the gradients do not match numeric differences\n{self}"
        );
        assert!(
            self.is_ok(),
            "the gradients could neither be confirmed nor refuted by numeric differences\n{self}"
        );
    }

    /// Returns the reasons for inconclusive entries, and what helps, each once.
    fn advice(&self) -> impl Iterator<Item = &'static str> {
        let inconclusive = |settled: bool| {
            let mut entries = self.entries.iter();
            entries.any(|entry| {
                entry.verdict == Verdict::Inconclusive && entry.error_bar.is_finite() == settled
            })
        };
        let noise = inconclusive(true).then_some(NOISE);
        noise.into_iter().chain(inconclusive(false).then_some(EDGE))
    }
}

const NOISE: &str = "\
    inconclusive, with an error bar: rounding errors of the function's value hide a slope this \
    small. Make the value smaller (leave out constants that are added, take fewer samples, scale \
    the loss), compute all of it in f64, or allow more with `Gradcheck::tolerances`.";
const EDGE: &str = "\
    inconclusive, without an error bar: the differences converge at no step, as at the end of the \
    domain, next to a pole or at a jump. Check at a place further away from it.";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |entry: &Entry| match &entry.element {
            None => "(direction)".to_owned(),
            Some(index) => format!("{index:?}"),
        };
        let name = |entry: &Entry| match entry.order {
            1 => entry.path.clone(),
            _ => format!("{} (second order)", entry.path),
        };
        let width = self
            .entries
            .iter()
            .map(|e| name(e).len())
            .chain([9])
            .max()
            .unwrap_or(9);
        let place_width = self
            .entries
            .iter()
            .map(|e| place(e).len())
            .chain([7])
            .max()
            .unwrap_or(7);
        writeln!(
            f,
            "{:<width$}  {:<12}  {:<place_width$}  {:>14}  {:>14}  {:>9}  {:>9}  slopes",
            "parameter", "verdict", "element", "analytic", "numeric", "error bar", "relative",
        )?;
        for e in &self.entries {
            writeln!(
                f,
                "{:<width$}  {:<12}  {:<place_width$}  {:>14.7e}  {:>14.7e}  {:>9.1e}  {:>9.1e}  \
                 {}",
                name(e),
                e.verdict,
                place(e),
                e.analytic,
                e.numeric,
                e.error_bar,
                e.relative_error(),
                e.tally,
            )?;
        }
        self.advice().try_for_each(|advice| writeln!(f, "{advice}"))
    }
}
