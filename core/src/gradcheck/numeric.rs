//! Slopes of a function of one number, with error bars.

use crate::error::Result;

/// A slope at 0 estimated from values around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slope {
    /// The extrapolated central difference.
    pub value: f64,
    /// How far it may be off: what the last extrapolation changed, and rounding.
    pub error: f64,
    /// At a kink, the slopes to the left and to the right.
    pub sides: Option<[f64; 2]>,
}

/// Steps to begin with: the first serves smooth functions best; the others come closer, past kinks
/// that lie within the first.
const STEPS: [f64; 3] = [1.0 / 1024.0, 1.0 / 131_072.0, 1.0 / 16_777_216.0];
/// Each extrapolation uses this many halvings of its step.
const HALVINGS: usize = 3;

/// The slope of `f` at 0. `center` is `f(0)`, `scale` the size that a step of 1 stands for, and
/// `tolerance(slope)` the error that is good enough.
pub(super) fn slope(
    center: f64,
    scale: f64,
    tolerance: impl Fn(f64) -> f64,
    mut f: impl FnMut(f64) -> Result<f64>,
) -> Result<Slope> {
    let mut best = Slope {
        value: f64::NAN,
        error: f64::INFINITY,
        sides: None,
    };
    for step in STEPS {
        let estimate = extrapolate(center, step * scale, &tolerance, &mut f)?;
        if best.error > estimate.error || best.error.is_nan() || best.value.is_nan() {
            best = estimate;
        }
        if best.error <= 0.1 * tolerance(best.value) {
            break;
        }
    }
    Ok(best)
}

/// Richardson's extrapolation of central differences with steps h, h/2, h/4 (Ridders 1982, Accurate
/// computation of F'(x) and F'(x) F''(x)), and of the one-sided ones: where `f` is smooth these
/// meet, at a kink they stay apart.
fn extrapolate(
    center: f64,
    step: f64,
    tolerance: &impl Fn(f64) -> f64,
    f: &mut impl FnMut(f64) -> Result<f64>,
) -> Result<Slope> {
    let mut row: Vec<f64> = Vec::with_capacity(HALVINGS);
    let mut value = f64::NAN;
    let mut error = f64::INFINITY;
    let mut sides = [[f64::NAN; 2]; HALVINGS];
    let mut size = center.abs();
    let mut h = step;
    for sides in &mut sides {
        let (right, left) = (f(h)?, f(-h)?);
        size = size.max(right.abs()).max(left.abs());
        *sides = [(center - left) / h, (right - center) / h];
        let mut next = vec![(right - left) / (2.0 * h)];
        let mut factor = 1.0;
        for (i, &coarse) in row.iter().enumerate() {
            factor *= 4.0;
            let fine: f64 = next[i];
            let better = fine + (fine - coarse) / (factor - 1.0);
            let change = (better - fine).abs().max((better - coarse).abs());
            if change <= error {
                error = change;
                value = better;
            }
            next.push(better);
        }
        row = next;
        h /= 2.0;
    }
    // Each value carries a rounding of about one part in 2^52 of its size, or a few.
    let rounding = 2.0 * f64::EPSILON * size / h;
    let limit = |i: usize| [0, 1].map(|side| 2.0 * sides[i + 1][side] - sides[i][side]);
    let (before, closest) = (limit(0), limit(HALVINGS - 2));
    let jump = |[left, right]: [f64; 2]| right - left;
    let apart = jump(closest).abs() > 100.0 * tolerance(value) + 16.0 * rounding;
    let stays = (jump(closest) - jump(before)).abs() <= 0.05 * jump(closest).abs() + 8.0 * rounding;
    let sides = (apart && stays).then_some(closest);
    Ok(Slope {
        value,
        error: error + rounding,
        sides,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(f: impl Fn(f64) -> f64) -> Slope {
        slope(f(0.0), 1.0, |s| 1e-8 + 1e-6 * s.abs(), |t| Ok(f(t)))
            .expect("the function does not fail")
    }

    #[test]
    fn smooth_functions_are_right_within_their_error_bars() {
        type Case = (fn(f64) -> f64, f64);
        let cases: [Case; 4] = [
            (|t| (1.0 + t).exp(), 1f64.exp()),
            (|t| (3.0 * t).sin(), 3.0),
            (|t| 1e6 + t, 1.0),
            (|t| (t + 0.3).powi(7), 7.0 * 0.3f64.powi(6)),
        ];
        for (f, expected) in cases {
            let slope = of(f);
            assert!(
                (slope.value - expected).abs() <= slope.error,
                "{slope:?} {expected}"
            );
            assert!(slope.sides.is_none(), "{slope:?}");
            assert!(slope.error < 1e-5 * expected.abs().max(1.0), "{slope:?}");
        }
    }

    #[test]
    fn a_kink_nearby_is_passed_and_a_kink_here_is_seen() {
        let nearby = of(|t| (t - 1e-5).abs());
        assert!((nearby.value + 1.0).abs() < 1e-8, "{nearby:?}");
        let here = of(f64::abs);
        assert_eq!(here.sides, Some([-1.0, 1.0]));
        let bent = of(|t| if t < 0.0 { t.sin() } else { t.exp_m1() * 1.5 });
        let [left, right] = bent.sides.expect("there is a kink");
        assert!(
            (left - 1.0).abs() < 1e-6 && (right - 1.5).abs() < 1e-6,
            "{bent:?}"
        );
        assert!(nearby.sides.is_none(), "{nearby:?}");
    }
}
