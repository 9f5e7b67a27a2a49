//! A line search for the strong Wolfe conditions.

use cotangent_core::Result;

/// The loss along a line, at one step length.
#[derive(Clone, Debug)]
pub(super) struct Trial<P> {
    /// The step length.
    pub t: f64,
    /// The loss there; infinite if it or its gradient is not finite.
    pub loss: f64,
    /// The derivative of the loss by the step length.
    pub slope: f64,
    /// The point, to return to.
    pub point: P,
}

/// The limits of a search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The most evaluations, at least 1.
    pub evaluations: u64,
    /// The width of an interval of step lengths that is not divided any more.
    pub width: f64,
}

/// The constant of the condition of sufficient decrease, c₁.
const DECREASE: f64 = 1e-4;
/// The constant of the condition of curvature, c₂.
const CURVATURE: f64 = 0.9;

/// Searches for a step length from 0 on, where the slope is negative, that meets the strong Wolfe
/// conditions `f(t) ≤ f(0) + c₁ t f′(0)` and `|f′(t)| ≤ c₂ |f′(0)|` (Nocedal, Wright 2006,
/// Numerical Optimization, algorithms 3.5 and 3.6; with the safeguards of Schmidt 2005, minFunc).
/// If the limits end the search, returns the trial with the lowest loss of those that meet the
/// first condition, or the start.
///
/// A loss that is not finite counts as infinite: the step was too long.
pub(super) fn search<P: Clone>(
    start: &Trial<P>,
    first: f64,
    limits: Limits,
    mut evaluate: impl FnMut(f64) -> Result<Trial<P>>,
) -> Result<Trial<P>> {
    let rises = |trial: &Trial<P>| trial.loss > start.loss + DECREASE * trial.t * start.slope;
    let is_flat = |trial: &Trial<P>| trial.slope.abs() <= -CURVATURE * start.slope;
    let (mut previous, mut trial, mut evaluations) = (start.clone(), evaluate(first)?, 1);
    // Lengthens the step until an interval contains a length that meets the conditions.
    let (mut low, mut high) = loop {
        let is_first = evaluations == 1;
        if rises(&trial) || (!is_first && trial.loss >= previous.loss) {
            break (previous, trial);
        }
        if is_flat(&trial) || evaluations >= limits.evaluations {
            return Ok(trial);
        }
        if trial.slope >= 0.0 {
            break (previous, trial);
        }
        let t = trial.t;
        let next = cubic(&previous, &trial).unwrap_or(2.0 * t);
        let next = next.clamp(t + 0.01 * (t - previous.t), 10.0 * t);
        previous = trial;
        trial = evaluate(next)?;
        evaluations += 1;
    };
    if !rises(&high) && high.loss < low.loss {
        std::mem::swap(&mut low, &mut high);
    }
    // Shortens the interval. It contains a length that meets the conditions; `low` has the lowest
    // loss of those that meet the first one.
    let mut was_close = false;
    while evaluations < limits.evaluations && (high.t - low.t).abs() >= limits.width {
        let (min, max) = (low.t.min(high.t), low.t.max(high.t));
        let middle = min + 0.5 * (max - min);
        let mut t = cubic(&low, &high).map_or(middle, |t| t.clamp(min, max));
        // A length close to an end again is moved inwards.
        let margin = 0.1 * (max - min);
        let is_close = (max - t).min(t - min) < margin;
        if is_close && (was_close || t >= max || t <= min) {
            t = if max - t < t - min {
                max - margin
            } else {
                min + margin
            };
            was_close = false;
        } else {
            was_close = is_close;
        }
        let trial = evaluate(t)?;
        evaluations += 1;
        if rises(&trial) || trial.loss >= low.loss {
            high = trial;
        } else {
            if is_flat(&trial) {
                return Ok(trial);
            }
            if trial.slope * (high.t - low.t) >= 0.0 {
                high = low;
            }
            low = trial;
        }
    }
    Ok(low)
}

/// Returns the minimum of the cubic through both trials that has their slopes; none if it has none
/// or a loss is infinite.
fn cubic<P>(a: &Trial<P>, b: &Trial<P>) -> Option<f64> {
    let (left, right) = if a.t <= b.t { (a, b) } else { (b, a) };
    let chord = (left.loss - right.loss) / (left.t - right.t);
    let d1 = left.slope + right.slope - 3.0 * chord;
    let d2 = (d1 * d1 - left.slope * right.slope).sqrt();
    let share = (right.slope + d2 - d1) / (right.slope - left.slope + 2.0 * d2);
    let t = right.t - (right.t - left.t) * share;
    t.is_finite().then_some(t)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches along a function, given with its derivative, and returns the length and the
    /// evaluated lengths.
    fn run(f: impl Fn(f64) -> (f64, f64), first: f64, evaluations: u64) -> (f64, Vec<f64>) {
        let mut seen = Vec::new();
        let at = |t: f64| {
            let (loss, slope) = f(t);
            let loss = if loss.is_finite() {
                loss
            } else {
                f64::INFINITY
            };
            let point = ();
            Trial {
                t,
                loss,
                slope,
                point,
            }
        };
        let limits = Limits {
            evaluations,
            width: 1e-12,
        };
        let found = search(&at(0.0), first, limits, |t| {
            seen.push(t);
            Ok(at(t))
        });
        (found.unwrap().t, seen)
    }

    fn assert_wolfe(f: impl Fn(f64) -> (f64, f64), t: f64) {
        let ((f0, slope), (ft, slope_t)) = (f(0.0), f(t));
        assert!(t > 0.0 && ft <= f0 + DECREASE * t * slope, "{t}: {ft}");
        assert!(slope_t.abs() <= CURVATURE * slope.abs(), "{t}: {slope_t}");
    }

    #[test]
    fn the_conditions_are_met_from_short_and_long_first_steps() {
        let parabola = |t: f64| ((t - 3.0).powi(2), 2.0 * (t - 3.0));
        // The functions of Moré, Thuente 1994, Line Search Algorithms with Guaranteed Sufficient
        // Decrease, numbers 1 and 2.
        let first = |t: f64| {
            let square = t * t + 2.0;
            (-t / square, (t * t - 2.0) / square.powi(2))
        };
        let second = |t: f64| {
            let x = t + 0.004;
            (
                x.powi(5) - 2.0 * x.powi(4),
                5.0 * x.powi(4) - 8.0 * x.powi(3),
            )
        };
        for t in [1e-3, 0.1, 1.0, 10.0, 1e3] {
            assert_wolfe(parabola, run(parabola, t, 30).0);
            assert_wolfe(first, run(first, t, 30).0);
            assert_wolfe(second, run(second, t, 30).0);
        }
        // The cubic of a parabola is the parabola.
        assert_eq!(run(parabola, 7.0, 30), (3.0, vec![7.0, 3.0]));
    }

    #[test]
    fn a_loss_that_is_not_finite_shortens_the_step() {
        let barrier = |t: f64| (-(1.0 - t).ln() - 3.0 * t, 1.0 / (1.0 - t) - 3.0);
        assert!(barrier(5.0).0.is_nan());
        let (t, seen) = run(barrier, 5.0, 30);
        assert_wolfe(barrier, t);
        assert!(seen.contains(&5.0) && t < 1.0, "{seen:?}");
    }

    #[test]
    fn the_limit_ends_the_search_at_the_lowest_loss() {
        // It rises at once, though its slope says otherwise.
        let wrong = |t: f64| (t, -1.0);
        let (t, seen) = run(wrong, 1.0, 7);
        assert_eq!((t, seen.len()), (0.0, 7));
        // It falls without end.
        let line = |t: f64| (-t, -1.0);
        let (t, seen) = run(line, 1.0, 5);
        assert_eq!((t, seen.len()), (seen[4], 5));
        assert!(seen.is_sorted());
    }
}
