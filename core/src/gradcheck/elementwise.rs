//! The test that `#[elementwise(check(…))]` generates.

use super::{Gradcheck, Report, Verdict};
use crate::autograd::{Backward, Tensor};
use crate::error::Result;
use crate::kernel::elementwise::loops::{AllLoops, Choose, Compiled, Loops, Wanted};
use crate::kernel::{Float, Tier};
use crate::ops::parts::{Operation, Reduced, apply, reduce};
use crate::tensor::{DType, Element};
use chacha20::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use std::fmt::Write;
use std::ops::Range;

/// A name and the range of its numbers.
type Named<'a> = (&'a str, Range<f64>);

/// The shape of the operands that are drawn.
const SHAPE: [usize; 2] = [3, 5];
/// How often operands are drawn anew if the numeric differences give no answer.
const ATTEMPTS: u64 = 4;
/// How many draws an instruction set computes at once. Their elements fill the unrolled vectors of
/// the widest one (4 of 16), and leave some over.
const DRAWS: u64 = 9;
/// The largest difference between `f32` and `f64`, relative to the largest element.
const F32_TOLERANCE: f64 = 1e-4;
/// The largest difference between ways to compute the same in `f64`.
const F64_TOLERANCE: f64 = 1e-10;

/// Checks a formula over ranges of its operands and numbers; called by the test that
/// `#[elementwise(check(…))]` generates.
///
/// The first and second derivatives are compared with numeric differences in `f64`. At a kink, the
/// gradient must be between the slopes of both sides. The value and the gradients of broadcast and
/// strided operands, in `f32`, and on each instruction set of this machine must be the same up to
/// rounding.
///
/// # Panics
/// If one of these fails; the message names the operand, the place, and the numbers.
#[doc(hidden)]
#[allow(clippy::needless_pass_by_value)] // So that the generated call is short.
pub fn elementwise<const N: usize, E: Operation<N>>(
    operands: [Named<'_>; N],
    numbers: &[Named<'_>],
    reduced: Option<Reduced>,
    formula: impl Fn(&[f64]) -> E,
) {
    for (name, range) in operands.iter().chain(numbers) {
        let is_range = range.start.is_finite() && range.end.is_finite() && range.start < range.end;
        assert!(
            is_range,
            "`{}`: the range of `{name}` is empty or infinite: {range:?}",
            E::NAME
        );
    }
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for values in settings(numbers, &mut rng) {
        let formula = formula(&values);
        let check = Check {
            formula,
            operands: &operands,
            numbers,
            values: &values,
            reduced,
        };
        if let Err(problem) = check.run() {
            panic!("`{}`{}: {problem}", E::NAME, check.setting());
        }
    }
}

/// Returns the numbers to check with: the ends, the middle, and some between.
fn settings(numbers: &[Named<'_>], rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    if numbers.is_empty() {
        return vec![vec![]];
    }
    let at = |share: f64| {
        numbers
            .iter()
            .map(|(_, r)| r.start + share * (r.end - r.start))
            .collect()
    };
    let mut all: Vec<Vec<f64>> = [0.0, 0.5, 1.0].map(at).into();
    for _ in 0..2 {
        all.push(
            numbers
                .iter()
                .map(|(_, range)| rng.random_range(range.clone()))
                .collect(),
        );
    }
    all
}

/// A formula with the numbers set.
struct Check<'a, E, const N: usize> {
    formula: E,
    operands: &'a [Named<'a>; N],
    numbers: &'a [Named<'a>],
    values: &'a [f64],
    reduced: Option<Reduced>,
}

/// The first problem that is found.
type Checked = std::result::Result<(), String>;

impl<E: Operation<N>, const N: usize> Check<'_, E, N> {
    fn run(&self) -> Checked {
        self.against_differences()?;
        let drawn = self.drawn(ATTEMPTS);
        self.forms(&drawn)?;
        self.single_precision(&drawn)?;
        let mut many = vec![Vec::new(); N];
        for seed in 0..DRAWS {
            for (many, x) in many.iter_mut().zip(self.drawn(ATTEMPTS + seed)) {
                many.extend(x.to_f64_vec());
            }
        }
        for tier in Tier::available() {
            self.on_tier::<f64>(tier, &many, F64_TOLERANCE)?;
            self.on_tier::<f32>(tier, &many, F32_TOLERANCE)?;
        }
        Ok(())
    }

    /// Returns the numbers in words.
    fn setting(&self) -> String {
        let mut text = String::new();
        for (i, ((name, _), value)) in self.numbers.iter().zip(self.values).enumerate() {
            let joint = if i == 0 { " with" } else { "," };
            let _ = write!(text, "{joint} {name} = {value}");
        }
        text
    }

    /// Returns operands whose elements `f32` can represent.
    fn drawn(&self, seed: u64) -> Vec<Tensor> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed + 1);
        let draw = |(_, range): &Named<'_>| {
            let len = SHAPE.iter().product();
            let element = |_| f64::from(rng.random_range(range.clone()) as f32);
            let elements: Vec<f64> = (0..len).map(element).collect();
            Tensor::from_vec(elements, SHAPE).expect("the length is that of the shape")
        };
        self.operands.iter().map(draw).collect()
    }

    fn apply(&self, operands: &[Tensor]) -> Result<Tensor> {
        let operands: [&Tensor; N] = std::array::from_fn(|k| &operands[k]);
        match self.reduced {
            None => apply(self.formula, operands),
            Some(reduced) => reduce(self.formula, reduced, None, operands),
        }
    }

    fn against_differences(&self) -> Checked {
        let mut last = None;
        for seed in 0..ATTEMPTS {
            let drawn = self.drawn(seed);
            let value = self.apply(&drawn).map_err(|error| error.to_string())?;
            if let Some(place) = value.to_f64_vec().iter().position(|y| !y.is_finite()) {
                let place = if self.reduced.is_some() {
                    String::new()
                } else {
                    self.place(&drawn, place)
                };
                return Err(format!(
                    "the value is not finite{place}: narrow the ranges of `check`"
                ));
            }
            let check = Gradcheck::new().second_order().seed(seed);
            let report = check
                .function(&drawn, |x| self.apply(x))
                .map_err(|error| error.to_string())?;
            match worst(&report) {
                Verdict::Pass | Verdict::Kink => return Ok(()),
                Verdict::Fail => return Err(self.named(&report)),
                // Another place may be further from a pole or a jump.
                Verdict::Inconclusive => last = Some(report),
            }
        }
        last.map_or(Ok(()), |report| Err(self.named(&report)))
    }

    /// Returns the text of a report with the names of the operands.
    fn named(&self, report: &Report) -> String {
        let mut text = format!("the gradients do not match numeric differences\n{report}");
        for (k, (name, _)) in self.operands.iter().enumerate() {
            text = text.replace(&format!("input {k} "), &format!("{name:<8}"));
        }
        text
    }

    fn place(&self, drawn: &[Tensor], index: usize) -> String {
        let mut text = String::new();
        for (i, ((name, _), x)) in self.operands.iter().zip(drawn).enumerate() {
            let joint = if i == 0 { " at" } else { "," };
            let _ = write!(text, "{joint} {name} = {}", x.to_f64_vec()[index]);
        }
        text
    }

    /// Returns the value and the gradients of its weighted sum.
    fn derived(&self, operands: &[Tensor]) -> std::result::Result<Vec<Tensor>, String> {
        let compute = || -> Result<Vec<Tensor>> {
            let tracked: Vec<Tensor> = operands.iter().map(Tensor::tracked).collect();
            let value = self.apply(&tracked)?;
            let weights = (0..value.len()).map(|i| 0.5 + 0.25 * ((i * 7) % 5) as f64);
            let weights = Tensor::from_vec(weights.collect::<Vec<f64>>(), value.shape())?;
            let weighted = value.mul(&weights.to_dtype(value.dtype()))?.sum();
            let gradients = Backward::new().allow_nonfinite().run(&weighted)?;
            let mut all = vec![value.detach()];
            for x in &tracked {
                all.push(match gradients.get(x) {
                    Some(gradient) => gradient.clone(),
                    None => x.zeros_like()?,
                });
            }
            Ok(all)
        };
        compute().map_err(|error| error.to_string())
    }

    /// Broadcast and strided operands must give the same as contiguous ones.
    fn forms(&self, drawn: &[Tensor]) -> Checked {
        let shape = SHAPE;
        for k in 0..N {
            let row = drawn[k]
                .narrow(0, 0, 1)
                .and_then(|row| row.reshape([shape[1]]));
            let row = row.map_err(|error| error.to_string())?;
            let turned = drawn[k].permute([1, 0]).map(|x| in_order(&x));
            let turned = turned
                .and_then(|x| x.permute([1, 0]))
                .map_err(|error| error.to_string())?;
            let mut forms = vec![("strided", turned, false)];
            // A reduction broadcasts to the first operand only.
            if self.reduced.is_none() || k > 0 {
                forms.push(("broadcast", row, true));
            }
            for (form, operand, is_broadcast) in forms {
                let mut same = drawn.to_vec();
                let stretched = operand
                    .broadcast_to(shape)
                    .map_err(|error| error.to_string())?;
                same[k] = in_order(&stretched);
                let mut formed = drawn.to_vec();
                formed[k] = operand;
                let (found, mut expected) = (self.derived(&formed)?, self.derived(&same)?);
                if is_broadcast && N > 1 {
                    expected[k + 1] = expected[k + 1]
                        .sum_over(0)
                        .map_err(|error| error.to_string())?;
                }
                if is_broadcast && N == 1 {
                    continue;
                }
                let what = format!("with `{}` {form}", self.operands[k].0);
                self.compare(&what, &found, &expected, F64_TOLERANCE)?;
            }
        }
        Ok(())
    }

    fn single_precision(&self, drawn: &[Tensor]) -> Checked {
        let single: Vec<Tensor> = drawn.iter().map(|x| x.to_dtype(DType::F32)).collect();
        let (found, expected) = (self.derived(&single)?, self.derived(drawn)?);
        self.compare("in `f32`", &found, &expected, F32_TOLERANCE)
    }

    fn compare(
        &self,
        what: &str,
        found: &[Tensor],
        expected: &[Tensor],
        tolerance: f64,
    ) -> Checked {
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            let which = match i {
                0 => "the value".to_owned(),
                i => format!("the gradient of `{}`", self.operands[i - 1].0),
            };
            let (found, expected) = (found.to_f64_vec(), expected.to_f64_vec());
            close(&format!("{which} {what}"), &found, &expected, tolerance)?;
        }
        Ok(())
    }

    /// Compares the loops of an instruction set with the usual ones.
    fn on_tier<F: Element + Choose>(
        &self,
        tier: Tier,
        drawn: &[Vec<f64>],
        tolerance: f64,
    ) -> Checked {
        let compiled = Compiled(self.formula);
        let of = |xs: &Vec<f64>| -> Vec<F> { xs.iter().copied().map(F::from_f64).collect() };
        let operands: Vec<Vec<F>> = drawn.iter().map(of).collect();
        let slices: Vec<&[F]> = operands.iter().map(Vec::as_slice).collect();
        let wide: Vec<&[f64]> = drawn.iter().map(Vec::as_slice).collect();
        let what = |of: &str| format!("{of} on {tier:?} in {}", F::DTYPE);
        let found = run::<F, N>(F::choose(&compiled as &dyn AllLoops), tier, &slices);
        let expected = run::<f64, N>(f64::choose(&compiled), Tier::current(), &wide);
        close(&what("the value"), &found[0], &expected[0], tolerance)?;
        for k in 0..N {
            let name = format!("the derivative by `{}`", self.operands[k].0);
            close(&what(&name), &found[k + 1], &expected[k + 1], tolerance)?;
            let joint = format!("{name}, with all others,");
            close(
                &what(&joint),
                &found[N + k + 1],
                &expected[k + 1],
                tolerance,
            )?;
        }
        Ok(())
    }
}

/// Returns a copy whose elements lie in row-major order.
fn in_order(x: &Tensor) -> Tensor {
    x.array().to_row_major().into()
}

/// Returns the value, each cotangent computed alone, and all computed together.
fn run<F: Float, const N: usize>(
    loops: &dyn Loops<F>,
    tier: Tier,
    operands: &[&[F]],
) -> Vec<Vec<f64>> {
    let len = operands[0].len();
    let one = F::from_f64(1.0);
    let mut value = vec![F::default(); len];
    loops.value(tier, operands, &mut value);
    let mut all = vec![value.clone()];
    for k in 0..N {
        let mut cotangent = vec![one; len];
        loops.pullback(
            tier,
            Wanted::One(k),
            operands,
            &value,
            &mut [&mut cotangent],
        );
        all.push(cotangent);
    }
    let mut joint = vec![vec![one; len]; N];
    let mut slices: Vec<&mut [F]> = joint.iter_mut().map(Vec::as_mut_slice).collect();
    loops.pullback(tier, Wanted::All, operands, &value, &mut slices);
    all.extend(joint);
    let wide = |xs: Vec<F>| xs.into_iter().map(Float::to_f64).collect();
    all.into_iter().map(wide).collect()
}

/// Fails if numbers differ by more than `tolerance` times the largest of them.
fn close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) -> Checked {
    let finite = expected.iter().filter(|x| x.is_finite());
    let scale = finite.fold(0.0, |scale: f64, x| scale.max(x.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let same = found == expected || (found.is_nan() && expected.is_nan());
        let is_near = (found - expected).abs() <= tolerance * scale;
        if !same && !is_near {
            return Err(format!(
                "{what} is {found:e} at element {i}, expected {expected:e}"
            ));
        }
    }
    Ok(())
}

fn worst(report: &Report) -> Verdict {
    let verdicts = report.entries().iter().map(|entry| entry.verdict);
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Pass => 0,
        Verdict::Kink => 1,
        Verdict::Inconclusive => 2,
        Verdict::Fail => 3,
    };
    verdicts.max_by_key(rank).unwrap_or(Verdict::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::OpKind;
    use crate::kernel::{Formula, Needs, Real};
    use std::any::type_name;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// The fault in the derivative by `b` of a² b.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Fault {
        None,
        Value,
        FirstOperand,
        SecondOperand,
        Alone,
        Together,
        SecondOrder,
        Tier(&'static str),
        Single,
        SingleValue,
    }

    #[derive(Clone, Copy)]
    struct Planted(Fault);

    impl Planted {
        fn scaled<T: Real>(self, x: T, faults: &[Fault]) -> T {
            if faults.contains(&self.0) {
                x * 1.01
            } else {
                x
            }
        }
    }

    impl Formula<2> for Planted {
        const NEEDS: [Needs; 2] = [
            Needs {
                operands: 3,
                result: false,
            },
            Needs {
                operands: 1,
                result: false,
            },
        ];

        fn value<T: Real>(self, [a, b]: [T; 2]) -> T {
            let mut value = self.scaled(a * a * b, &[Fault::Value]);
            if type_name::<T>().contains("f32") {
                value = self.scaled(value, &[Fault::SingleValue]);
            }
            value
        }

        fn pullback<T: Real, const WANTED: u32>(self, g: T, [a, b]: [T; 2], _: T) -> [T; 2] {
            let first = self.scaled(g * a * b * 2.0, &[Fault::FirstOperand]);
            let mut second = self.scaled(g * a * a, &[Fault::SecondOperand]);
            let joint = if WANTED == u32::MAX {
                Fault::Together
            } else {
                Fault::Alone
            };
            second = self.scaled(second, &[joint]);
            let name = type_name::<T>();
            if name.contains("f32") {
                second = self.scaled(second, &[Fault::Single]);
            }
            match self.0 {
                Fault::Tier(tier) if name.contains(tier) => second = second * 1.01,
                // The number is right, but its derivative is 0.
                Fault::SecondOrder => second = second.guard(a.lt(a)),
                _ => {}
            }
            [first, second]
        }
    }

    impl Operation<2> for Planted {
        const NAME: &'static str = "planted";
        const KIND: OpKind = OpKind::Elementwise;
    }

    /// Returns the text of the panic.
    fn checked(fault: Fault, reduced: Option<Reduced>) -> Option<String> {
        let ranges = [("alpha", 0.5..2.0), ("beta", -1.0..1.0)];
        let check = || elementwise(ranges, &[], reduced, |_| Planted(fault));
        let panic = catch_unwind(AssertUnwindSafe(check)).err()?;
        Some(*panic.downcast::<String>().expect("a formatted message"))
    }

    #[test]
    fn right_formulas_pass() {
        for reduced in [None, Some(Reduced::Sum), Some(Reduced::Mean)] {
            assert_eq!(checked(Fault::None, reduced), None);
        }
    }

    #[test]
    fn each_planted_fault_fails_and_is_named() {
        let faults = [
            (Fault::Value, "alpha"),
            (Fault::FirstOperand, "alpha"),
            (Fault::SecondOperand, "beta"),
            (Fault::Together, "beta"),
            (Fault::Alone, "beta"),
            (Fault::SecondOrder, "numeric differences"),
            (Fault::Tier("Baseline"), "beta"),
            (Fault::Single, "`beta` in `f32`"),
            (Fault::SingleValue, "the value in `f32`"),
        ];
        for (i, (fault, named)) in faults.into_iter().enumerate() {
            let text = checked(fault, None).unwrap_or_else(|| panic!("fault {i} was not found"));
            assert!(
                text.contains("`planted`") && text.contains(named),
                "fault {i}: {text}"
            );
        }
    }

    #[test]
    fn faults_of_one_instruction_set_are_found() {
        for tier in Tier::available() {
            let name = format!("{tier:?}");
            let text = checked(Fault::Tier(name.leak()), None).expect("a fault");
            assert!(text.contains("beta"), "{tier:?}: {text}");
        }
    }

    #[test]
    fn faults_are_found_under_a_reduction() {
        for reduced in [Reduced::Sum, Reduced::Mean] {
            for fault in [
                Fault::Value,
                Fault::FirstOperand,
                Fault::SecondOrder,
                Fault::Single,
            ] {
                assert!(checked(fault, Some(reduced)).is_some());
            }
        }
    }
}
