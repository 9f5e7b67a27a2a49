//! What a gradient check found, by parameter path.

use std::fmt;

/// The outcome for one tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The slopes agree.
    Pass,
    /// The function has a kink here, and the gradient lies between the slopes on both sides.
    Kink,
    /// Numeric differences cannot tell: rounding errors of the function's value are larger than the
    /// tolerance and than the difference, or the differences do not settle at any step, as beside a
    /// pole or at the end of the domain. Neither right nor wrong, and no pass.
    Inconclusive,
    /// The slopes disagree.
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

/// What was found for one parameter or input: the worst place.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// 1 for the gradient, 2 for the gradient of the gradient.
    pub order: u8,
    /// The parameter's path, or `input 0`, `input 1`, …; of second order also `cotangent`, on which
    /// the gradient depends linearly.
    pub path: String,
    /// The shape.
    pub shape: Vec<usize>,
    /// The worst outcome.
    pub verdict: Verdict,
    /// The multi-index of the worst element; `None` if it is a direction through all elements.
    pub element: Option<Vec<usize>>,
    /// What backward says there.
    pub analytic: f64,
    /// What numeric differences say there.
    pub numeric: f64,
    /// The error bar of the numeric value; infinite if the differences do not settle.
    pub error_bar: f64,
    /// How many slopes were compared, by outcome.
    pub tally: Tally,
}

/// Outcomes, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// [`Verdict::Pass`].
    pub pass: usize,
    /// [`Verdict::Kink`].
    pub kink: usize,
    /// [`Verdict::Inconclusive`].
    pub inconclusive: usize,
    /// [`Verdict::Fail`].
    pub fail: usize,
}

impl Tally {
    /// A single outcome.
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

    /// All of them.
    pub fn total(&self) -> usize {
        self.pass + self.kink + self.inconclusive + self.fail
    }
}

impl fmt::Display for Tally {
    /// The outcomes that occurred: `60 pass, 4 kink`.
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
    /// |analytic - numeric| relative to the larger of the two; 0 where neither can be told from 0.
    pub fn relative_error(&self) -> f64 {
        let size = self.analytic.abs().max(self.numeric.abs());
        if size <= self.error_bar {
            0.0
        } else {
            (self.analytic - self.numeric).abs() / size
        }
    }
}

/// What a gradient check found. Prints as a table, and says what to do about what is inconclusive.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) entries: Vec<Entry>,
}

impl Report {
    /// One entry per parameter in declaration order, then one per input.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether every entry passed (kinks, with a gradient between the slopes, pass too).
    pub fn is_ok(&self) -> bool {
        self.entries
            .iter()
            .all(|entry| matches!(entry.verdict, Verdict::Pass | Verdict::Kink))
    }

    /// The entries that did not pass.
    pub fn failures(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| !matches!(entry.verdict, Verdict::Pass | Verdict::Kink))
    }

    /// Panics with the table, at the caller's line, unless every entry passed: for tests.
    ///
    /// # Panics
    /// As said.
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

    /// What makes inconclusive entries so, and what helps, each once.
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

const NOISE: &str = "inconclusive, with an error bar: rounding errors of the function's value hide a slope this small. \
    Make the value smaller (leave out constants that are added, take fewer samples, scale the loss), compute all of it in \
    f64, or allow more with `Gradcheck::tolerances`.";
const EDGE: &str = "inconclusive, without an error bar: at no step do the differences settle, as at the end of the domain, \
    beside a pole or at a jump. Check at a place further away from it.";

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
                "{:<width$}  {:<12}  {:<place_width$}  {:>14.7e}  {:>14.7e}  {:>9.1e}  {:>9.1e}  {}",
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
