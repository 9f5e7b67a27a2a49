//! Compares the operations of the registry with a golden file: forward, gradients and second
//! derivatives, in both dtypes, for several memory layouts.

use crate::compare::{Bound, Failures, deviations};
use crate::operations::golden::{Difference, Golden, Operands};
use crate::operations::registry;
use crate::read::{File, Form};
use cotangent::Backward;
use cotangent::prelude::*;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs every case of a file of operations.
pub fn check(name: &'static str) {
    let (file, mut failures) = (File::open(name), Failures::default());
    let rows = registry().into_iter().flat_map(|entry| entry.golden);
    let rows: Vec<Golden> = rows.filter(|row| row.file == name).collect();
    let names = file.operations();
    for row in rows.iter().filter(|row| !names.contains(&row.name[..])) {
        failures.add(&row.name, "no golden case has this name");
    }
    for name in names {
        let Some(operation) = rows.iter().find(|row| row.name == name) else {
            failures.add(name, "no entry of the registry runs this operation");
            continue;
        };
        let mut seen = vec![false; operation.differences.len()];
        for case in file.cases(name) {
            let mut run = Run {
                file: &file,
                operation,
                case,
                differences: &operation.differences,
                seen: &mut seen,
                failures: &mut failures,
            };
            run.all();
        }
        let listed = operation.differences.iter().zip(seen);
        for (difference, _) in listed.filter(|(_, seen)| !seen) {
            let text = format!(
                "the difference listed for {} does not occur",
                difference.tensor
            );
            failures.add(name, text);
        }
    }
    failures.unread(&file);
    failures.report();
}

struct Run<'a> {
    file: &'a File,
    operation: &'a Golden,
    case: &'a str,
    differences: &'a [Difference],
    seen: &'a mut [bool],
    failures: &'a mut Failures,
}

impl Run<'_> {
    fn key(&self, role: &str) -> String {
        format!("{}/{}/{role}", self.operation.name, self.case)
    }

    fn all(&mut self) {
        let operands = self.file.numbered(&self.key("input")).len();
        let short = !self.case.starts_with("f64");
        for dtype in [DType::F64, DType::F32]
            .into_iter()
            .filter(|&dtype| dtype == DType::F64 || short)
        {
            for form in Form::ALL {
                self.one(dtype, form, &vec![true; operands]);
            }
            // Operations save different values if only some operands need gradients.
            for only in (0..operands).filter(|_| operands > 1) {
                let tracked: Vec<_> = (0..operands).map(|i| i == only).collect();
                self.one(dtype, Form::Contiguous, &tracked);
            }
        }
    }

    fn one(&mut self, dtype: DType, form: Form, tracked: &[bool]) {
        let place = format!(
            "{} {}/{} {dtype} {form:?} {tracked:?}",
            self.file.name, self.operation.name, self.case
        );
        let tried = catch_unwind(AssertUnwindSafe(|| {
            self.try_one(&place, dtype, form, tracked)
        }));
        match tried {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.failures.add(place, error),
            Err(_) => self.failures.add(place, "panicked"),
        }
    }

    fn try_one(&mut self, place: &str, dtype: DType, form: Form, tracked: &[bool]) -> Result<()> {
        let lay = |x: &Tensor| form.lay(&x.to_dtype(dtype));
        let read = |role: &str| self.file.get(&self.key(role));
        let inputs = self.file.numbered(&self.key("input"));
        let values: Vec<_> = inputs.iter().map(Tensor::to_f64_vec).collect();
        let leaves = inputs.iter().zip(tracked);
        let leaves: Vec<_> = leaves
            .map(|(x, &tracked)| if tracked { lay(x).tracked() } else { lay(x) })
            .collect();
        let given = read("given.mean").zip(read("given.variance"));
        let operands = Operands {
            tensors: &leaves,
            indices: self.file.indices(&self.key("indices")),
            given: given.map(|(mean, variance)| (lay(&mean), lay(&variance))),
            weights: ["given.weight", "given.positive"].map(|role| read(role).map(|w| lay(&w))),
            statistics: RefCell::default(),
        };
        let y = (self.operation.run)(&operands)?;
        let cotangent = self.file.tensor(&self.key("cotangent"));
        let at = Place {
            text: place,
            values: &values,
            cotangent: &cotangent,
            recorded: false,
        };
        self.compare(&at, "output", &y, self.operation.output);
        if let Some(mean) = self.file.get(&self.key("statistics.mean")) {
            let variance = self.file.tensor(&self.key("statistics.variance"));
            let found = operands
                .statistics
                .take()
                .expect("the operation stored no statistics");
            let bound = self.loosened(self.operation.output);
            self.failures
                .compare(format!("{place} mean"), &mean, &found.mean, bound);
            // Variances are accurate to 1e-3 at a mean of 1e4.
            let bound = Bound {
                f32: bound.f32.min(1e-3),
                ..bound
            };
            self.failures.compare(
                format!("{place} variance"),
                &variance,
                &found.variance,
                bound,
            );
        }
        let g = lay(&cotangent).tracked();
        // Once with fused derivatives, which may reuse the storage of saved values, and once with
        // recorded ones, which can be differentiated again.
        let fused = y.backward_with(&g)?;
        let grads = Backward::new()
            .create_graph()
            .run_with(&(self.operation.run)(&operands)?, &g)?;
        let directions = self.file.numbered(&self.key("direction"));
        let mut sum = Tensor::scalar(0.0).to_dtype(dtype);
        for (i, leaf) in leaves.iter().enumerate().filter(|(i, _)| tracked[*i]) {
            let (fused, found) = (or_zeros(&fused, leaf)?, or_zeros(&grads, leaf)?);
            // The gradient of a broadcast operand is a sum.
            let stretched = self.operation.stretches && leaf.shape() != y.shape();
            let bound = if stretched {
                self.operation.sums_bound()
            } else {
                self.operation.gradient
            };
            self.compare(&at, &format!("grad.{i}"), &fused, bound);
            self.compare(&at.recorded(), &format!("grad.{i}"), &found, bound);
            if let Some(direction) = directions.get(i) {
                sum = sum.add(&found.mul(&lay(direction))?.sum())?;
            }
        }
        // The file's second derivatives are of the sum over the gradients of all operands.
        if directions.is_empty() || tracked.contains(&false) {
            return Ok(());
        }
        let seconds = if sum.is_tracked() {
            Backward::new().allow_nonfinite().run(&sum)?
        } else {
            Gradients::default()
        };
        for (i, leaf) in leaves.iter().enumerate() {
            self.compare(
                &at,
                &format!("second.{i}"),
                &or_zeros(&seconds, leaf)?,
                self.operation.sums_bound(),
            );
        }
        self.compare(
            &at,
            "second.g",
            &or_zeros(&seconds, &g)?,
            self.operation.sums_bound(),
        );
        Ok(())
    }

    /// Returns the bound with the looser tolerances of this case, if it has some.
    fn loosened(&self, bound: Bound) -> Bound {
        let own = self
            .operation
            .loose
            .iter()
            .find(|(case, ..)| *case == self.case);
        own.map_or(bound, |&(_, f64, f32)| Bound { f64, f32, ..bound })
    }

    fn compare(&mut self, at: &Place, role: &str, found: &Tensor, given: Bound) {
        let expected = self.file.tensor(&self.key(role));
        let text = format!(
            "{} {role}{}",
            at.text,
            if at.recorded { " (recorded)" } else { "" }
        );
        let bound = self.loosened(given);
        if !self.failures.same_shape(&text, &expected, found) {
            return;
        }
        let cotangents = at.cotangent.to_f64_vec();
        for mut deviation in deviations(
            &expected.to_f64_vec(),
            found,
            bound,
            role == "output" && self.operation.signed_zeros,
        ) {
            let differences = self.differences.iter().zip(&mut *self.seen);
            let mut concerned = differences.filter(|(d, _)| d.tensor == role);
            let operands: Vec<_> = at
                .values
                .iter()
                .filter_map(|values| values.get(deviation.element).copied())
                .collect();
            if let Some((difference, seen)) = concerned.find(|(d, _)| (d.at)(&operands)) {
                *seen = true;
                // The gradient of a reduction has more elements than its cotangent.
                let cotangent = cotangents.get(deviation.element).copied();
                let cotangent = cotangent.unwrap_or(f64::NAN);
                deviation.expected = (difference.found)(&operands, cotangent);
                let own = bound.relative(found.dtype()) * deviation.expected.abs();
                let allowed = deviation.allowed.max(own);
                let same = |a: f64, b: f64| {
                    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= allowed
                };
                if same(deviation.expected, deviation.found) {
                    continue;
                }
            }
            self.failures
                .add_element(&text, expected.shape(), &deviation);
        }
    }
}

/// The context of a comparison, for its messages.
struct Place<'a> {
    text: &'a str,
    values: &'a [Vec<f64>],
    cotangent: &'a Tensor,
    recorded: bool,
}

impl Place<'_> {
    fn recorded(&self) -> Self {
        Self {
            recorded: true,
            ..*self
        }
    }
}

/// Returns the gradient of a leaf, or zeros if the output does not depend on it.
fn or_zeros(gradients: &Gradients, leaf: &Tensor) -> Result<Tensor> {
    gradients
        .get(leaf)
        .cloned()
        .map_or_else(|| Tensor::zeros(leaf.shape(), leaf.dtype()), Ok)
}
