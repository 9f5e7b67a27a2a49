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
    let mut jumps = false;
    for step in STEPS {
        let (estimate, persists) = extrapolate(center, step * scale, &mut f)?;
        jumps = persists;
        if best.error > estimate.error || best.error.is_nan() || best.value.is_nan() {
            best = estimate;
        }
        if best.error <= 0.1 * tolerance(best.value) {
            break;
        }
    }
    if jumps {
        best.sides = kink(center, scale, tolerance(best.value), &mut f)?;
    }
    Ok(best)
}

/// Richardson's extrapolation of central differences with steps h, h/2, h/4 (Ridders 1982, Accurate
/// computation of F'(x) and F'(x) F''(x)), and whether the slopes on the two sides stay apart while
/// h shrinks: where `f` is smooth they meet.
fn extrapolate(
    center: f64,
    step: f64,
    f: &mut impl FnMut(f64) -> Result<f64>,
) -> Result<(Slope, bool)> {
    let mut row: Vec<f64> = Vec::with_capacity(HALVINGS);
    let mut value = f64::NAN;
    let mut error = f64::INFINITY;
    let mut jumps = Vec::with_capacity(HALVINGS);
    let mut size = center.abs();
    let mut h = step;
    for _ in 0..HALVINGS {
        let (right, left) = (f(h)?, f(-h)?);
        size = size.max(right.abs()).max(left.abs());
        jumps.push(((right - center) / h - (center - left) / h).abs());
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
    let persists = jumps[HALVINGS - 1] > 0.5 * jumps[0];
    let slope = Slope {
        value,
        error: error + rounding(size, h),
        sides: None,
    };
    Ok((slope, persists))
}

/// What rounding may do to a difference over a step `h` of values of this size: each value carries
/// about one part in 2^52 of it, or a few.
fn rounding(size: f64, h: f64) -> f64 {
    2.0 * f64::EPSILON * size / h
}

/// The slopes on the two sides, if they stay apart as far as rounding lets one look.
fn kink(
    center: f64,
    scale: f64,
    tolerance: f64,
    f: &mut impl FnMut(f64) -> Result<f64>,
) -> Result<Option<[f64; 2]>> {
    let mut closest = None;
    for step in [1.0 / 65_536.0, 1.0 / 1_048_576.0, 1.0 / 16_777_216.0] {
        let h = step * scale;
        let (right, left) = (f(h)?, f(-h)?);
        let sides = [(center - left) / h, (right - center) / h];
        let noise = rounding(center.abs().max(right.abs()).max(left.abs()), h);
        let jump = (sides[1] - sides[0]).abs();
        let apart = jump > 10.0 * tolerance + 4.0 * noise;
        match closest {
            // It must be there at the first look, and no smaller at each closer one.
            None if apart => closest = Some((sides, jump)),
            Some((_, before)) if jump >= 0.5 * before && apart => closest = Some((sides, jump)),
            // Too close to tell through the noise: what was seen before counts.
            Some((_, before)) if 8.0 * noise > before => {}
            _ => return Ok(None),
        }
    }
    Ok(closest.map(|(sides, _)| sides))
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
