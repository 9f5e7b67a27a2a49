//! Slopes of a function of one number, with error bars.

use crate::error::Result;

/// A slope at 0, estimated from values around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slope {
    /// The extrapolated central difference.
    pub value: f64,
    /// The error bar: the last change of the extrapolation, and rounding. It is infinite if the
    /// differences do not converge, or if the function is not finite at the places that were tried.
    pub error: f64,
    /// At a kink, the slopes to the left and to the right.
    pub sides: Option<[f64; 2]>,
}

/// The value of a function at one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub value: f64,
    /// The size of the terms of the value, which is a sum. Rounding is relative to it.
    pub size: f64,
    /// The error of the value because the place itself was rounded.
    pub blur: f64,
}

/// A function of one number around 0, and the accuracy that its slope needs.
pub(super) struct Line<'a> {
    pub f: &'a mut dyn FnMut(f64) -> Result<Sample>,
    pub center: Sample,
    /// The length of a step of 1.
    pub scale: f64,
    /// The distance to the place where an operand changes its sign, at which many functions have an
    /// edge.
    pub distance: f64,
    /// The tolerance: an absolute part, and a part relative to the slope or to the value it is
    /// compared with.
    pub absolute: f64,
    pub relative: f64,
    pub compared: f64,
}

/// The best step for smooth functions.
const STEP: f64 = 1.0 / 1024.0;
/// Larger steps, if rounding errors are too large.
const COARSER: [f64; 3] = [1.0 / 128.0, 1.0 / 16.0, 0.5];
/// Smaller steps, if the function bends, jumps or ends within a step.
const FINER: [f64; 5] = [
    1.0 / (1u64 << 17) as f64,
    1.0 / (1u64 << 24) as f64,
    1.0 / (1u64 << 31) as f64,
    1.0 / (1u64 << 38) as f64,
    1.0 / (1u64 << 45) as f64,
];
/// The last steps are relative to the distance to 0.
const NEAREST: [f64; 3] = [STEP, FINER[0], FINER[1]];
/// A constant function is followed up to this distance.
const FARTHEST: f64 = 64.0;
/// The number of halvings of the step in an extrapolation.
const HALVINGS: usize = 3;

/// A slope from one step and its halvings.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    slope: Slope,
    /// The change by the last extrapolation.
    change: f64,
    rounding: f64,
}

impl Estimate {
    /// Returns whether rounding is the larger part of the error: smaller steps only make it worse
    /// then.
    fn is_noisy(&self) -> bool {
        self.slope.error.is_finite() && self.change <= 2.0 * self.rounding
    }

    /// Returns whether finer differences can only confirm the slope. Near a kink they may differ.
    fn is_certain(&self) -> bool {
        self.slope.sides.is_none() && self.slope.error <= 0.01 * self.slope.value.abs()
    }

    /// Returns whether it is another slope, and not a better estimate of the same one.
    fn is_unlike(&self, other: &Self) -> bool {
        let (a, b) = (self.slope.value, other.slope.value);
        self.contradicts(other) && (a - b).abs() > 0.1 * b.abs()
    }

    fn contradicts(&self, other: &Self) -> bool {
        let (a, b) = (self.slope, other.slope);
        (a.value - b.value).abs() > 3.0 * (a.error + b.error)
    }
}

impl Line<'_> {
    /// Returns the tolerance for a slope.
    pub(super) fn tolerance(&self, slope: f64) -> f64 {
        self.absolute + self.relative * slope.abs().max(self.compared)
    }

    /// Returns the slope at 0.
    pub(super) fn slope(&mut self) -> Result<Slope> {
        let first = self.estimate(STEP * self.scale)?;
        if self.excess(&first) <= 0.1 {
            return Ok(first.slope);
        }
        let best = if first.is_noisy() {
            self.coarser(first)?
        } else {
            self.finer(first)?
        };
        Ok(best.slope)
    }

    /// Returns the error as a multiple of the tolerance.
    fn excess(&self, estimate: &Estimate) -> f64 {
        estimate.slope.error / self.tolerance(estimate.slope.value)
    }

    fn coarser(&mut self, first: Estimate) -> Result<Estimate> {
        let mut best = first;
        for step in COARSER {
            let next = self.estimate(step * self.scale)?;
            // A larger difference than rounding is not this slope, but a bend further away.
            if next.contradicts(&first) || self.excess(&next) > self.excess(&best) {
                break;
            }
            best = next;
            if self.excess(&best) <= 0.1 {
                break;
            }
        }
        Ok(best)
    }

    fn finer(&mut self, first: Estimate) -> Result<Estimate> {
        let mut best = first;
        let finest = FINER[FINER.len() - 1] * self.scale;
        let nearest = NEAREST.map(|step| step * self.distance);
        let nearest = nearest.into_iter().filter(|&step| step < finest);
        for step in FINER
            .map(|step| step * self.scale)
            .into_iter()
            .chain(nearest)
        {
            let next = self.estimate(step)?;
            // A function computed in lower precision is a staircase at small steps.
            if best.is_certain() && next.is_unlike(&best) {
                break;
            }
            let worse = self.excess(&next) > self.excess(&best);
            if worse && next.is_noisy() {
                break;
            }
            if !worse {
                best = next;
            }
            if self.excess(&best) <= 0.1 {
                break;
            }
        }
        Ok(best)
    }

    /// Returns how far a function that is constant over a step stays so, on the longer side: an
    /// inactive unit is inactive up to its kink.
    fn follow(&mut self, step: f64) -> Result<f64> {
        let mut farthest = step;
        for side in [-1.0, 1.0] {
            let mut far = step;
            let mut next = 4.0 * far;
            // With the largest numbers, the limit may be infinite.
            while next.is_finite()
                && next <= FARTHEST * self.scale
                && self.is_same_at(next * side)?
            {
                far = next;
                next *= 4.0;
            }
            farthest = farthest.max(far);
        }
        Ok(farthest)
    }

    fn is_same_at(&mut self, place: f64) -> Result<bool> {
        Ok((self.f)(place)?.value.to_bits() == self.center.value.to_bits())
    }

    /// Extrapolates central differences with steps h, h/2, h/4 by Richardson's method (Ridders
    /// 1982, Accurate computation of F'(x) and F'(x) F''(x)), and also one-sided differences. These
    /// have the same limit where `f` is smooth, and two limits at a kink.
    fn estimate(&mut self, step: f64) -> Result<Estimate> {
        let center = self.center;
        let mut row: Vec<f64> = Vec::with_capacity(HALVINGS);
        let mut value = f64::NAN;
        let mut change = f64::INFINITY;
        let mut sides = [[f64::NAN; 2]; HALVINGS];
        let (mut size, mut blur) = (center.size, center.blur);
        // The largest step from which all values are the same.
        let mut flat = None;
        let mut h = step;
        for sides in &mut sides {
            let (right, left) = ((self.f)(h)?, (self.f)(-h)?);
            size = size.max(right.size).max(left.size);
            blur = blur.max(right.blur).max(left.blur);
            let (right, left, center) = (right.value, left.value, center.value);
            let same = right.to_bits() == center.to_bits() && left.to_bits() == center.to_bits();
            flat = same.then(|| flat.unwrap_or(h));
            *sides = [(center - left) / h, (right - center) / h];
            let mut next = vec![(right - left) / (2.0 * h)];
            let mut factor = 1.0;
            for (i, &coarse) in row.iter().enumerate() {
                factor *= 4.0;
                let fine: f64 = next[i];
                let better = fine + (fine - coarse) / (factor - 1.0);
                let changed = (better - fine).abs().max((better - coarse).abs());
                if changed <= change {
                    change = changed;
                    value = better;
                }
                next.push(better);
            }
            row = next;
            h /= 2.0;
        }
        // Each value has a rounding error of about 2^-52 of its size, or a few times that.
        let noise = 2.0 * f64::EPSILON * size + blur;
        let mut rounding = noise / h;
        if let Some(flat) = flat
            && change == 0.0
            && rounding > 0.1 * self.tolerance(0.0)
        {
            rounding = noise / self.follow(flat)?;
        }
        let jump = |[left, right]: [f64; 2]| right - left;
        let limit = |i: usize| [0, 1].map(|side| 2.0 * sides[i + 1][side] - sides[i][side]);
        let (before, closest) = (limit(0), limit(HALVINGS - 2));
        let apart = jump(closest).abs() > 100.0 * self.tolerance(value) + 16.0 * rounding;
        let stays =
            (jump(closest) - jump(before)).abs() <= 0.05 * jump(closest).abs() + 8.0 * rounding;
        let (raw, sides) = (sides, (apart && stays).then_some(closest));
        // Across a pole or a jump the differences grow with every halving. Or they cancel, and the
        // one-sided differences grow.
        let unnoticed = self.absolute + self.relative * value.abs() + 16.0 * rounding;
        let settles = change <= unnoticed.max(0.3 * value.abs());
        let grows = jump(raw[HALVINGS - 1]).abs() > 1.5 * jump(raw[0]).abs() + unnoticed;
        let error = if (settles && !grows) || sides.is_some() {
            change + rounding
        } else {
            f64::INFINITY
        };
        Ok(Estimate {
            slope: Slope {
                value,
                error: if error.is_nan() { f64::INFINITY } else { error },
                sides,
            },
            change,
            rounding,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(f: impl Fn(f64) -> f64) -> Slope {
        at_scale(1.0, f)
    }

    fn at_scale(scale: f64, f: impl Fn(f64) -> f64) -> Slope {
        let sample = |value: f64| Sample {
            value,
            size: value.abs(),
            blur: 0.0,
        };
        let mut line = Line {
            f: &mut |t| Ok(sample(f(t))),
            center: sample(f(0.0)),
            scale,
            distance: scale,
            absolute: 1e-8,
            relative: 1e-6,
            compared: 0.0,
        };
        line.slope().expect("the function does not fail")
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
    fn constants_at_the_ends_of_the_range_have_slopes() {
        for scale in [f64::MIN_POSITIVE, 1e300, 1e307, f64::MAX, f64::INFINITY] {
            let slope = at_scale(scale, |_| 1e300);
            assert!(
                slope.value == 0.0 || scale.is_infinite(),
                "{scale}: {slope:?}"
            );
        }
    }

    #[test]
    fn kinks_nearby_are_avoided_and_kinks_here_are_reported() {
        let nearby = of(|t| (t - 1e-5).abs());
        assert!((nearby.value + 1.0).abs() < 1e-8, "{nearby:?}");
        // So near that it changes the usual differences a little.
        let slight = of(|t| t + 1e-3 * (t - 4e-4).abs());
        assert!((slight.value - 0.999).abs() < 1e-8, "{slight:?}");
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
