//! The check: compares slopes along directions and along elements.

use super::Gradcheck;
use super::numeric::{Line, Sample, Slope};
use super::report::{Entry, Report, Tally, Verdict};
use super::subject::{Second, Subject, gradients};
use crate::autograd::{Backward, Tensor};
use crate::error::{Error, Result};
use crate::ops::Norm;
use crate::tensor::DType;
use chacha20::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// Checks the gradients, and then, if the settings say so, the gradients of the gradients.
pub(super) fn check(settings: &Gradcheck, subject: &mut dyn Subject) -> Result<Report> {
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let (mut entries, cotangent) = check_order(1, settings, subject, &mut rng)?;
    if settings.second_order {
        let tensors = subject.tensors();
        let weights = tensors
            .iter()
            .map(|(_, tensor)| signed(tensor.shape(), &mut rng));
        let mut second = Second {
            weights: weights.collect::<Result<_>>()?,
            first: subject,
            cotangent,
        };
        entries.extend(check_order(2, settings, &mut second, &mut rng)?.0);
    }
    Ok(Report { entries })
}

/// Checks one order, and returns the entries and the cotangent of the output.
fn check_order(
    order: u8,
    settings: &Gradcheck,
    subject: &mut dyn Subject,
    rng: &mut ChaCha8Rng,
) -> Result<(Vec<Entry>, Tensor)> {
    let refuse = |reason: &str| Err(Error::argument("gradcheck", reason));
    let tensors = subject.tensors();
    if tensors.iter().all(|(_, tensor)| tensor.is_empty()) {
        return refuse("nothing to check: no input and no parameter that is not frozen");
    }
    let output = subject.output()?;
    output.expect_dtype("gradcheck", DType::F64)?;
    if output.is_empty() {
        return refuse("nothing to check: the output has no elements");
    }
    let again = subject.output()?;
    if bits(&output) != bits(&again) {
        return refuse("the function is not pure: two evaluations at the same place differ");
    }
    let cotangent = if output.len() == 1 {
        Tensor::ones(output.shape(), DType::F64)?
    } else {
        signed(output.shape(), rng)?
    };
    let backward = Backward::new();
    let (tracked, found) = gradients(subject, &backward, &cotangent)?;
    if bits(&output) != bits(&tracked) {
        return refuse("the value of the function depends on whether its tensors are tracked");
    }
    let (_, once_more) = gradients(subject, &backward, &cotangent)?;
    let all_bits = |found: &[Option<Tensor>]| -> Vec<_> {
        found
            .iter()
            .map(|gradient| gradient.as_ref().map(bits))
            .collect()
    };
    if all_bits(&found) != all_bits(&once_more) {
        return refuse("backward is not deterministic: two runs at the same place differ");
    }
    let (_, doubled) = gradients(subject, &backward, &cotangent.mul_scalar(-2.0))?;
    let contract = |output: &Tensor| -> Result<Sample> {
        let terms = output.mul(&cotangent)?;
        let value = terms.sum().item()?;
        Ok(Sample {
            value,
            size: value.abs().max(terms.norm(Norm::L2)?.item()?),
            blur: 0.0,
        })
    };
    let center = contract(&output)?;
    let mut entries = Vec::new();
    let operands = tensors.into_iter().zip(found.iter().zip(&doubled));
    for (index, ((path, value), (gradient, doubled))) in operands.enumerate() {
        let values = |gradient: &Option<Tensor>| match gradient {
            Some(gradient) => gradient.to_f64_vec(),
            None => vec![0.0; value.len()],
        };
        let (gradient, doubled) = (values(gradient), values(doubled));
        if let Some(finding) = not_linear(&gradient, &doubled) {
            entries.push(finding.into_entry(order, path, value.shape()));
            continue;
        }
        let mut probe = Probe {
            settings,
            subject: &mut *subject,
            index,
            value: &value,
            gradient: &gradient,
            center,
            contract: &contract,
        };
        let finding = probe.examine(rng);
        probe.subject.set(index, value.clone())?;
        entries.push(finding?.into_entry(order, path, value.shape()));
    }
    Ok((entries, cotangent))
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().into_iter().map(f64::to_bits).collect()
}

/// Returns numbers of either sign and different sizes, so that two errors do not cancel. They are
/// multiples of 1/8 with magnitudes from 1/2 to 3/2, so that a step along them is exact.
fn signed(shape: &[usize], rng: &mut ChaCha8Rng) -> Result<Tensor> {
    Tensor::from_fn(shape, DType::F64, || signed_number(rng))
}

fn signed_number(rng: &mut ChaCha8Rng) -> f64 {
    let draw = rng.next_u32();
    let magnitude = f64::from(4 + (draw >> 8) % 9) / 8.0;
    if draw & 1 == 0 { magnitude } else { -magnitude }
}

/// Checks that the gradient is linear in the cotangent: -2 times the cotangent must give -2 times
/// the gradient. An operation that ignores its cotangent is correct only by chance.
fn not_linear(gradient: &[f64], doubled: &[f64]) -> Option<Finding> {
    let largest = gradient
        .iter()
        .fold(0.0f64, |largest, g| largest.max(g.abs()));
    let element = gradient
        .iter()
        .zip(doubled)
        .position(|(g, d)| (d + 2.0 * g).abs() > 1e-12 * largest)?;
    Some(Finding {
        verdict: Verdict::Fail,
        element: Some(element),
        analytic: doubled[element] / -2.0,
        slope: Slope {
            value: gradient[element],
            error: 0.0,
            sides: None,
        },
        excess: f64::INFINITY,
        tally: Tally::of(Verdict::Fail),
    })
}

/// The comparison of one slope.
#[derive(Clone, Debug)]
struct Finding {
    verdict: Verdict,
    element: Option<usize>,
    analytic: f64,
    slope: Slope,
    /// The difference as a multiple of the tolerance.
    excess: f64,
    tally: Tally,
}

impl Finding {
    /// Returns the order of badness: by verdict, then by the difference.
    fn badness(&self) -> (usize, f64) {
        let rank = match self.verdict {
            Verdict::Pass => 0,
            Verdict::Kink => 1,
            Verdict::Inconclusive => 2,
            Verdict::Fail => 3,
        };
        (rank, self.excess)
    }

    fn into_entry(self, order: u8, path: String, shape: &[usize]) -> Entry {
        let element = self.element.map(|mut flat| {
            let mut index = vec![0; shape.len()];
            for (place, &len) in index.iter_mut().zip(shape).rev() {
                *place = flat % len;
                flat /= len;
            }
            index
        });
        Entry {
            order,
            path,
            shape: shape.to_vec(),
            verdict: self.verdict,
            element,
            analytic: self.analytic,
            numeric: self.slope.value,
            error_bar: self.slope.error,
            tally: self.tally,
        }
    }
}

/// A tensor that is being checked.
struct Probe<'a> {
    settings: &'a Gradcheck,
    subject: &'a mut dyn Subject,
    index: usize,
    value: &'a Tensor,
    gradient: &'a [f64],
    center: Sample,
    contract: &'a dyn Fn(&Tensor) -> Result<Sample>,
}

impl Probe<'_> {
    fn examine(&mut self, rng: &mut ChaCha8Rng) -> Result<Finding> {
        let len = self.value.len();
        let mut worst = Finding {
            verdict: Verdict::Pass,
            element: None,
            analytic: 0.0,
            slope: Slope {
                value: 0.0,
                error: 0.0,
                sides: None,
            },
            excess: 0.0,
            tally: Tally::default(),
        };
        let mut tally = Tally::default();
        let mut keep = |finding: Finding| {
            tally.add(finding.tally);
            let (rank, size) = finding.badness();
            let (worst_rank, worst_size) = worst.badness();
            let worse =
                rank > worst_rank || (rank == worst_rank && (size > worst_size || size.is_nan()));
            if worse || tally.total() == 1 {
                worst = finding;
            }
        };
        if len <= self.settings.every_element_up_to {
            for element in 0..len {
                keep(self.element(element)?);
            }
        } else {
            for _ in 0..self.settings.directions {
                let direction: Vec<f64> = (0..len).map(|_| signed_number(rng)).collect();
                let finding = self.along(&direction, None)?;
                if finding.verdict == Verdict::Pass {
                    keep(finding);
                    continue;
                }
                // A kink or noise along a direction through many elements says little. So the
                // direction is halved, down to the element.
                let found = self.bisect(&direction, 0, len)?;
                keep(found.unwrap_or(finding));
            }
        }
        worst.tally = tally;
        Ok(worst)
    }

    /// Finds the first element within `start..end` at which the slopes differ, or else the worst
    /// finding of another verdict. Returns `None` if all parts pass.
    fn bisect(&mut self, direction: &[f64], start: usize, end: usize) -> Result<Option<Finding>> {
        if end - start == 1 {
            let finding = self.element(start)?;
            return Ok((finding.verdict != Verdict::Pass).then_some(finding));
        }
        let middle = start.midpoint(end);
        let mut worst: Option<Finding> = None;
        for (start, end) in [(start, middle), (middle, end)] {
            let mut part = vec![0.0; direction.len()];
            part[start..end].copy_from_slice(&direction[start..end]);
            let finding = self.along(&part, None)?;
            if finding.verdict == Verdict::Pass {
                continue;
            }
            let found = self.bisect(direction, start, end)?;
            if let Some(found) = found {
                if found.verdict == Verdict::Fail {
                    return Ok(Some(found));
                }
                if worst
                    .as_ref()
                    .is_none_or(|worst| worst.badness().0 < found.badness().0)
                {
                    worst = Some(found);
                }
            }
        }
        Ok(worst)
    }

    fn element(&mut self, element: usize) -> Result<Finding> {
        let mut direction = vec![0.0; self.value.len()];
        direction[element] = 1.0;
        self.along(&direction, Some(element))
    }

    /// Compares the slopes along a direction.
    fn along(&mut self, direction: &[f64], element: Option<usize>) -> Result<Finding> {
        let values = self.value.to_f64_vec();
        // Only elements that move count: 0 times an infinite gradient would be NaN in every
        // direction.
        let moving = self
            .gradient
            .iter()
            .zip(direction)
            .filter(|(_, d)| **d != 0.0);
        let terms: Vec<f64> = moving.map(|(g, d)| g * d).collect();
        let analytic: f64 = terms.iter().sum();
        let largest = terms
            .iter()
            .fold(0.0f64, |largest, term| largest.max(term.abs()));
        let norm = match largest {
            0.0 => 0.0,
            _ => {
                largest
                    * terms
                        .iter()
                        .map(|term| (term / largest).powi(2))
                        .sum::<f64>()
                        .sqrt()
            }
        };
        // A step is relative to the size of the elements that move.
        let moved = || {
            let pairs = values.iter().zip(direction);
            pairs.filter(|(_, d)| **d != 0.0)
        };
        let scale = moved()
            .fold(0.0f64, |size, (x, _)| size.max(x.abs()))
            .max(1.0)
            / (moved().count() as f64).sqrt();
        let distance = moved().fold(scale, |distance, (x, d)| match (x / d).abs() {
            0.0 => distance,
            own => distance.min(own),
        });
        // Powers of two as steps keep x + t - x = t nearly exact.
        let [scale, distance] = [scale, distance].map(|size| 2f64.powi(size.log2().round() as i32));
        let (subject, index, contract, shape) = (
            &mut *self.subject,
            self.index,
            self.contract,
            self.value.shape(),
        );
        let gradient = self.gradient;
        let mut at = |t: f64| {
            let mut blur = 0.0;
            let mut still = true;
            let steps = values.iter().zip(direction).zip(gradient);
            let place = steps.map(|((x, d), g)| {
                let place = x + t * d;
                let moved = place - x;
                if *d != 0.0 {
                    blur += (g * (moved - t * d)).abs();
                    still &= moved == 0.0;
                }
                place
            });
            let place: Vec<f64> = place.collect();
            subject.set(index, Tensor::from_vec(place, shape)?)?;
            let sample = contract(&subject.output()?)?;
            Ok(Sample {
                // A step that rounding has undone says nothing.
                value: if still { f64::NAN } else { sample.value },
                blur,
                ..sample
            })
        };
        let mut line = Line {
            f: &mut at,
            center: self.center,
            scale,
            distance,
            absolute: self.settings.absolute_tolerance,
            relative: self.settings.relative_tolerance,
            compared: analytic.abs().max(norm),
        };
        let slope = line.slope()?;
        let tolerance = line.tolerance(slope.value);
        self.subject.set(self.index, self.value.clone())?;
        let verdict = if self.center.value.is_finite() {
            judge(analytic, slope, tolerance)
        } else {
            Verdict::Fail
        };
        Ok(Finding {
            verdict,
            element,
            analytic,
            slope,
            excess: (analytic - slope.value).abs() / tolerance,
            tally: Tally::of(verdict),
        })
    }
}

/// Values that are not finite never pass: every comparison that passes is false for NaN.
fn judge(analytic: f64, slope: Slope, tolerance: f64) -> Verdict {
    let difference = (analytic - slope.value).abs();
    if !analytic.is_finite() {
        return Verdict::Fail;
    }
    if let Some([left, right]) = slope.sides {
        let margin = tolerance + 1e-6 * (left - right).abs();
        let between = analytic >= left.min(right) - margin && analytic <= left.max(right) + margin;
        return if between {
            Verdict::Kink
        } else {
            Verdict::Fail
        };
    }
    if slope.error <= tolerance && difference <= tolerance + slope.error {
        Verdict::Pass
    } else if slope.error > tolerance && (difference <= slope.error || slope.error.is_infinite()) {
        Verdict::Inconclusive
    } else {
        Verdict::Fail
    }
}
