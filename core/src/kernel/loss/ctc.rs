//! Connectionist temporal classification: sums over all alignments of a sequence of labels with the
//! steps of an input (Graves, Fernández, Gomez, Schmidhuber 2006), in `f64` logarithms.

use crate::kernel::float::Float;
use crate::kernel::isa::{Isa, Kernel, dispatch};
use crate::kernel::math::functions::Functions;
use crate::kernel::threads::parallel;

/// A sequence of labels with a blank before, between and after them: the states of an alignment.
#[derive(Clone, Debug)]
pub(crate) struct States {
    /// The class that each state emits.
    pub classes: Vec<usize>,
    /// 0 where a path may skip the blank before the state, else -∞.
    pub skips: Vec<f64>,
}

impl States {
    pub(crate) fn new(labels: &[usize], blank: usize) -> Self {
        let mut classes = vec![blank];
        for &label in labels {
            classes.extend([label, blank]);
        }
        let may_skip = |s: usize| s >= 2 && classes[s] != blank && classes[s] != classes[s - 2];
        let skips = (0..classes.len()).map(|s| if may_skip(s) { 0.0 } else { f64::NEG_INFINITY });
        let skips = skips.collect();
        Self { classes, skips }
    }

    fn len(&self) -> usize {
        self.classes.len()
    }

    fn reversed(&self) -> Self {
        let classes: Vec<usize> = self.classes.iter().rev().copied().collect();
        // A skip from state s - 2 to s is, backwards, one from s to s - 2.
        let skips = [f64::NEG_INFINITY; 2].into_iter();
        let skips = skips.chain(self.skips.iter().skip(2).rev().copied());
        let skips = skips.take(classes.len()).collect();
        Self { classes, skips }
    }
}

/// A sequence: its states and the number of steps of the input.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    pub states: States,
    pub steps: usize,
}

/// The alignments of a sequence.
pub(crate) struct Alignments {
    /// The logarithm of the probability of all of them.
    total: f64,
    /// Those of the paths to each state at each step, if they are kept for the cotangents.
    ahead: Vec<f64>,
}

impl Alignments {
    /// Returns the negative log-likelihood; without an alignment it is ∞, or 0 if `zero_infinity`.
    pub(crate) fn loss(&self, zero_infinity: bool) -> f64 {
        if self.total == f64::NEG_INFINITY && zero_infinity {
            0.0
        } else {
            -self.total
        }
    }
}

/// Sums over the alignments of each sequence with log-probabilities `(sequences, time, classes)`.
pub(crate) fn alignments<F: Float>(
    xs: &[F],
    sequences: &[Sequence],
    [time, classes]: [usize; 2],
    keep: bool,
) -> Vec<Alignments> {
    parallel::collect(sequences.len(), 1, &|range| {
        let i = range.start;
        let Sequence { states, steps } = &sequences[i];
        let xs = &xs[i * time * classes..][..steps * classes];
        let mut path = Path::new(states);
        let mut ahead = Vec::with_capacity(if keep { steps * states.len() } else { 0 });
        for row in xs.chunks_exact(classes) {
            path.step(states, row);
            if keep {
                ahead.extend_from_slice(path.logs());
            }
        }
        let total = path.total();
        Alignments { total, ahead }
    })
}

/// Computes the cotangents of the log-probabilities from the alignments, which are kept, and the
/// cotangents of the losses, `gs`: minus the probability that an alignment emits the class at the
/// step. If `zero_infinity`, a sequence without an alignment has cotangents of 0.
pub(crate) fn backward<F: Float>(
    xs: &[F],
    sequences: &[Sequence],
    alignments: &[Alignments],
    gs: &[F],
    [time, classes]: [usize; 2],
    zero_infinity: bool,
    out: &mut [F],
) {
    parallel::chunks_mut(out, (time * classes).max(1), &|start, out| {
        let i = start / (time * classes).max(1);
        out.fill(F::zero());
        let Sequence { states, steps } = &sequences[i];
        let xs = &xs[start..][..steps * classes];
        let Alignments { total, ahead } = &alignments[i];
        if *total == f64::NEG_INFINITY && zero_infinity {
            return;
        }
        let (reversed, g) = (states.reversed(), gs[i].to_f64());
        let mut path = Path::new(&reversed);
        let mut shares = vec![0.0; states.len()];
        let rows = xs.chunks_exact(classes).zip(out.chunks_exact_mut(classes));
        for ((row, out), ahead) in rows.zip(ahead.chunks_exact(states.len())).rev() {
            path.step(&reversed, row);
            dispatch(Shares {
                ahead,
                behind: &path.before,
                total: *total,
                out: &mut shares,
            });
            for (&class, share) in states.classes.iter().zip(&shares) {
                out[class] -= F::from_f64(share * g);
            }
        }
    });
}

/// The logarithms of the probabilities of all paths to each state at one step.
struct Path {
    /// With two entries of -∞ before them.
    now: Vec<f64>,
    /// Those of the paths to each state before it emits.
    before: Vec<f64>,
    is_start: bool,
}

impl Path {
    fn new(states: &States) -> Self {
        Self {
            now: vec![f64::NEG_INFINITY; states.len() + 2],
            before: vec![f64::NEG_INFINITY; states.len()],
            is_start: true,
        }
    }

    fn logs(&self) -> &[f64] {
        &self.now[2..]
    }

    fn step<F: Float>(&mut self, states: &States, row: &[F]) {
        if self.is_start {
            // A path starts in the first blank or the first label.
            self.before.iter_mut().take(2).for_each(|log| *log = 0.0);
            self.is_start = false;
        } else {
            dispatch(Step {
                now: &self.now,
                skips: &states.skips,
                out: &mut self.before,
            });
        }
        for ((now, before), &class) in self.now[2..]
            .iter_mut()
            .zip(&self.before)
            .zip(&states.classes)
        {
            *now = before + row[class].to_f64();
        }
    }

    /// Returns the logarithm of the probability of all paths that end in the last label or blank.
    fn total(&self) -> f64 {
        if self.is_start {
            // Without steps, only the empty sequence has a path.
            return if self.now.len() == 3 {
                0.0
            } else {
                f64::NEG_INFINITY
            };
        }
        let [a, b] = [self.now[self.now.len() - 1], self.now[self.now.len() - 2]];
        let largest = a.max(b);
        if largest == f64::NEG_INFINITY || a.is_nan() || b.is_nan() {
            return a + b;
        }
        largest + ((a - largest).exp() + (b - largest).exp()).ln()
    }
}

/// The sums of the paths to each state: from itself, the state before, and the one before that.
struct Step<'a> {
    now: &'a [f64],
    skips: &'a [f64],
    out: &'a mut [f64],
}

impl Kernel for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let len = self.out.len();
        let (now, skips) = (&self.now[..len + 2], &self.skips[..len]);
        for s in 0..len {
            let (a, b, c) = (now[s + 2], now[s + 1], now[s] + skips[s]);
            let (larger, first) = if a > b { (a, b) } else { (b, a) };
            let (largest, second) = if larger > c { (larger, c) } else { (c, larger) };
            // The difference of two logarithms of 0 is NaN.
            let shift = if largest == f64::NEG_INFINITY {
                0.0
            } else {
                largest
            };
            let exp = |x: f64| Functions::exp_v::<I>(x - shift);
            let sum = 1.0 + exp(first) + exp(second);
            self.out[s] = largest + Functions::ln_v::<I>(sum);
        }
    }
}

/// The probability of each state at one step, of all alignments.
struct Shares<'a> {
    ahead: &'a [f64],
    /// From the last state to the first.
    behind: &'a [f64],
    total: f64,
    out: &'a mut [f64],
}

impl Kernel for Shares<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let len = self.out.len();
        let (ahead, behind) = (&self.ahead[..len], &self.behind[..len]);
        for s in 0..len {
            let log = ahead[s] + behind[len - 1 - s] - self.total;
            self.out[s] = Functions::exp_v::<I>(log);
        }
    }
}
