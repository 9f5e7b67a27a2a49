//! The coefficient of determination.

use super::check_equal;
use crate::metric::Metric;
use cotangent_core::state::Stateful;
use cotangent_core::{Error, Result, Tensor};
use std::borrow::Cow;

/// The coefficient of determination R²: 1 minus the sum of squared errors, divided by that of the
/// targets' deviations from their mean. With several outputs it is the mean of their R². An output
/// whose targets are all equal has 1 if there is no error, else 0. These are scikit-learn's
/// defaults. It needs two samples. Its name is `r_squared`.
#[doc(alias = "r2_score")]
#[derive(Clone, Debug, Default, Stateful)]
#[state(crate = "cotangent_core")]
pub struct RSquared {
    samples: u64,
    /// For each output: the mean of the targets, the sum of their squared deviations from it, and
    /// the sum of the squared errors.
    means: Vec<f64>,
    deviations: Vec<f64>,
    errors: Vec<f64>,
}

impl RSquared {
    /// Creates the metric.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Metric for RSquared {
    type Target = Tensor;

    fn name(&self) -> Cow<'static, str> {
        "r_squared".into()
    }

    fn update(&mut self, outputs: &Tensor, targets: &Tensor) -> Result<()> {
        check_equal("RSquared", outputs, targets)?;
        let Some((&samples, inner)) = outputs.shape().split_first() else {
            let reason = "expected outputs (samples) or (samples, …), found a scalar";
            return Err(Error::shape("RSquared", reason, &[outputs.shape()]));
        };
        let width: usize = inner.iter().product();
        if self.samples == 0 {
            (self.means, self.deviations) = (vec![0.0; width], vec![0.0; width]);
            self.errors = vec![0.0; width];
        } else if self.means.len() != width {
            let reason = format!(
                "expected {} outputs as before, found {width}",
                self.means.len()
            );
            return Err(Error::shape("RSquared", reason, &[outputs.shape()]));
        }
        let (outputs, targets) = (outputs.to_f64_vec(), targets.to_f64_vec());
        // Welford 1962: the sums of squares lose no digits to a large mean.
        for sample in 0..samples {
            self.samples += 1;
            for output in 0..width {
                let place = sample * width + output;
                let (y, t) = (outputs[place], targets[place]);
                let delta = t - self.means[output];
                self.means[output] += delta / self.samples as f64;
                self.deviations[output] += delta * (t - self.means[output]);
                self.errors[output] += (y - t) * (y - t);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<()> {
        if self.samples == 0 || other.samples == 0 {
            if self.samples == 0 {
                *self = other.clone();
            }
            return Ok(());
        }
        if self.means.len() != other.means.len() {
            let (expected, found) = (self.means.len(), other.means.len());
            let reason = format!("expected {expected} outputs, found {found}");
            return Err(Error::argument("RSquared", reason));
        }
        let (own, theirs) = (self.samples as f64, other.samples as f64);
        let all = own + theirs;
        // Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance".
        for output in 0..self.means.len() {
            let delta = other.means[output] - self.means[output];
            self.means[output] += delta * theirs / all;
            self.deviations[output] +=
                other.deviations[output] + delta * delta * own * theirs / all;
            self.errors[output] += other.errors[output];
        }
        self.samples += other.samples;
        Ok(())
    }

    fn value(&self) -> Option<f64> {
        if self.samples < 2 || self.means.is_empty() {
            return None;
        }
        let outputs = self.errors.iter().zip(&self.deviations);
        let each = outputs.map(
            |(&error, &deviation)| match (error == 0.0, deviation == 0.0) {
                (true, true) => 1.0,
                (false, true) => 0.0,
                _ => 1.0 - error / deviation,
            },
        );
        Some(each.sum::<f64>() / self.means.len() as f64)
    }
}
