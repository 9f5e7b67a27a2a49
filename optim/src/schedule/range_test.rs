//! The learning-rate range test: finds learning rates that train a net, in one short run.

use super::require;
use cotangent_core::{Error, Interval, Result};
use std::fmt::{self, Display, Formatter};

const OP: &str = "range test";

/// Creates a test of `steps` steps with learning rates from `low` to `high`, which grow by the same
/// factor in each step (Smith 2015, Cyclical Learning Rates for Training Neural Networks).
///
/// If the learning rate is too small, the loss hardly falls. With larger ones it falls faster,
/// until it grows without bound. Train with the learning rate at which it falls fastest; it is also
/// the largest of a cycle. The test trains the model: pass it a clone and another optimizer. The
/// loss of a step is the one before its update, so that it shows the effect of the learning rates
/// before.
///
/// ```
/// use cotangent::{Tensor, module::{Param, Pass}};
/// use cotangent::optim::{Momentum, Optimizer, schedule};
/// # let model = Param::new(&Tensor::from([5.0f32, -3.0]));
///
/// let (mut trial, mut optimizer) = (model.clone(), Momentum::new(0.0).build()?);
/// let test = schedule::range_test(1e-5, 10.0, 100).run(|learning_rate| {
///     optimizer.set_learning_rate(learning_rate)?;
///     let loss = trial.read(&Pass::train(0)).square().sum(); // of the next batch
///     optimizer.step(&mut trial, loss.backward()?)?;
///     loss.item()
/// })?;
/// println!("{test}");
/// assert!(test.suggestion().is_some_and(|rate| 1e-3 < rate && rate < 0.5));
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn range_test(low: f64, high: f64, steps: usize) -> RangeTestBuilder {
    RangeTestBuilder {
        low,
        high,
        steps,
        smoothing: 0.9,
        stop_beyond: 4.0,
    }
}

/// The builder of a learning-rate range test, see [`range_test`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct RangeTestBuilder {
    low: f64,
    high: f64,
    steps: usize,
    smoothing: f64,
    stop_beyond: f64,
}

impl RangeTestBuilder {
    /// Sets the weight of the old value in the smoothed loss, in `[0, 1)`; 0.9 by default. The
    /// smoothed loss lags by about `1 / (1 - smoothing)` steps.
    pub fn smoothing(mut self, smoothing: f64) -> Self {
        self.smoothing = smoothing;
        self
    }

    /// Ends the test if the smoothed loss exceeds its lowest value by this factor, above 1; 4 by
    /// default.
    pub fn stop_beyond(mut self, ratio: f64) -> Self {
        self.stop_beyond = ratio;
        self
    }

    /// Runs the test. `train` makes one step of training with the learning rate that is its
    /// argument and returns the loss of that step. The test ends at `high`, or earlier if the loss
    /// grows or is no longer finite. A non-finite loss must be returned, not passed to `backward`,
    /// which refuses it.
    ///
    /// # Errors
    /// [`Error::Argument`] unless `0 < low < high`, both are finite, `steps` is at least 2 and the
    /// options are in range; [`Error::NonFinite`] if the first loss is not finite; the errors of
    /// `train`.
    pub fn run(self, mut train: impl FnMut(f64) -> Result<f64>) -> Result<RangeTest> {
        self.check()?;
        let mut test = RangeTest {
            rates: Vec::new(),
            losses: Vec::new(),
            smoothed: Vec::new(),
            diverged_at: None,
        };
        let (mut average, mut weight) = (0.0, 0.0);
        let mut lowest = f64::INFINITY;
        for step in 0..self.steps {
            let share = step as f64 / (self.steps - 1) as f64;
            let rate = self.low * (self.high / self.low).powf(share);
            let loss = match train(rate) {
                // `backward` refuses a loss that is not finite: the first one has diverged.
                Err(error) if step > 0 && is_non_finite(&error) => f64::NAN,
                loss => loss?,
            };
            if !loss.is_finite() && step == 0 {
                let what = format!("the loss at the lowest learning rate, {rate}");
                return Err(Error::non_finite(OP, what, loss));
            }
            if !loss.is_finite() {
                test.diverged_at = Some(rate);
                break;
            }
            average = self.smoothing * average + (1.0 - self.smoothing) * loss;
            weight = self.smoothing * weight + (1.0 - self.smoothing);
            let smoothed = average / weight;
            test.rates.push(rate);
            test.losses.push(loss);
            test.smoothed.push(smoothed);
            lowest = lowest.min(smoothed);
            if smoothed - lowest > (self.stop_beyond - 1.0) * lowest.abs() {
                test.diverged_at = Some(rate);
                break;
            }
        }
        Ok(test)
    }

    fn check(&self) -> Result<()> {
        Interval::Above0.check(OP, "the lowest learning rate", self.low)?;
        Interval::Above0.check(OP, "the highest learning rate", self.high)?;
        let ok = self.low < self.high;
        let expected = format!("the highest learning rate must be above {}", self.low);
        require(OP, ok, expected, self.high)?;
        let ok = self.steps >= 2;
        require(OP, ok, "steps must be at least 2", self.steps)?;
        Interval::Below1.check(OP, "smoothing", self.smoothing)?;
        let ok = self.stop_beyond.is_finite() && self.stop_beyond > 1.0;
        let expected = "stop_beyond must be finite and above 1";
        require(OP, ok, expected, self.stop_beyond)
    }
}

fn is_non_finite(error: &Error) -> bool {
    matches!(error.root(), Error::NonFinite { .. })
}

/// The result of a learning-rate range test, see [`range_test`]. It prints as one line. With the
/// feature `figures` it can be drawn.
#[derive(Clone, Debug)]
pub struct RangeTest {
    rates: Vec<f64>,
    losses: Vec<f64>,
    smoothed: Vec<f64>,
    diverged_at: Option<f64>,
}

impl RangeTest {
    /// Returns the learning rates at which the loss was finite, at least one.
    pub fn learning_rates(&self) -> &[f64] {
        &self.rates
    }

    /// Returns the loss at each learning rate.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// Returns the exponentially weighted average of the losses up to each learning rate, divided
    /// by the sum of its weights.
    pub fn smoothed_losses(&self) -> &[f64] {
        &self.smoothed
    }

    /// Returns the learning rate at which the test ended early, because the loss grew or was no
    /// longer finite; none if the test reached its end.
    pub fn diverged_at(&self) -> Option<f64> {
        self.diverged_at
    }

    /// Returns the learning rate with the lowest smoothed loss, which is usually too large for
    /// training.
    pub fn lowest(&self) -> f64 {
        self.rates[self.place_of_lowest()]
    }

    /// Returns the learning rate at which the smoothed loss falls fastest over the logarithm of the
    /// learning rate; none if the loss does not fall. The slope is that of a line fitted to a tenth
    /// of the test, before the lowest loss.
    pub fn suggestion(&self) -> Option<f64> {
        let until = self.place_of_lowest();
        let reach = (self.rates.len() / 20).max(1).min(until / 2);
        let slope = |window: &[f64]| -> f64 {
            let places = (0..).map(|i| f64::from(i) - reach as f64);
            places.zip(window).map(|(place, loss)| place * loss).sum()
        };
        let windows = self.smoothed[..=until].windows(2 * reach + 1);
        let slopes = windows.map(slope).enumerate();
        let (start, steepest) = slopes.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        (steepest < 0.0).then(|| self.rates[start + reach])
    }

    fn place_of_lowest(&self) -> usize {
        let smoothed = self.smoothed.iter().enumerate();
        let lowest = smoothed.min_by(|(_, a), (_, b)| a.total_cmp(b));
        lowest.map_or(0, |(place, _)| place)
    }
}

/// The learning rates, the losses and the suggestion in one line.
impl Display for RangeTest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let lowest = self.place_of_lowest();
        let (count, last) = (self.rates.len(), self.rates.len() - 1);
        write!(
            f,
            "{count} learning rates from {:.1e} to {:.1e}: loss {:.4} at first, lowest {:.4} at \
             {:.1e}",
            self.rates[0],
            self.rates[last],
            self.losses[0],
            self.smoothed[lowest],
            self.rates[lowest],
        )?;
        match self.diverged_at {
            Some(rate) => write!(f, ", diverging at {rate:.1e}")?,
            None => write!(f, ", {:.4} at the end", self.smoothed[last])?,
        }
        match self.suggestion() {
            Some(rate) => write!(f, "; suggested learning rate {rate:.1e}"),
            None => write!(f, "; it does not fall, so none is suggested"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loss like that of a net: it falls fastest at a learning rate of 10⁻², and then explodes.
    fn loss(rate: f64) -> f64 {
        let at = rate.log10();
        1.0 + 1.0 / (1.0 + ((at + 2.0) * 4.0).exp()) + ((at + 0.5) * 8.0).exp()
    }

    #[test]
    fn the_steepest_descent_is_suggested_and_divergence_ends_the_test() -> Result<()> {
        let mut rates = Vec::new();
        let test = range_test(1e-6, 10.0, 141).smoothing(0.0).run(|rate| {
            rates.push(rate);
            Ok(loss(rate))
        })?;
        assert_eq!(test.learning_rates(), rates);
        assert_eq!(test.losses(), test.smoothed_losses());
        let suggestion = test.suggestion().expect("one");
        assert!((suggestion.log10() + 2.0).abs() < 0.06, "{suggestion}");
        assert!(test.lowest() > 0.03 && test.lowest() < 0.2);
        let end = test.diverged_at().expect("an end");
        assert!(rates.last() == Some(&end) && end < 1.0);
        assert!(
            test.to_string()
                .ends_with("; suggested learning rate 1.0e-2"),
            "{test}"
        );
        Ok(())
    }

    #[test]
    fn smoothing_is_corrected_at_its_start_and_averages_noise() -> Result<()> {
        let mut noise = (0..).map(|i| f64::from(i * 7919 % 101) / 101.0 - 0.5);
        let noisy = |rate: f64| Ok(loss(rate) + 0.2 * noise.next().unwrap_or(0.0));
        let test = range_test(1e-5, 10.0, 200).run(noisy)?;
        assert_eq!(test.losses()[0], test.smoothed_losses()[0]);
        let suggestion = test.suggestion().expect("one");
        assert!((suggestion.log10() + 1.8).abs() < 0.4, "{suggestion}");
        let constant = range_test(0.1, 1.0, 9).run(|_| Ok(3.0))?;
        assert!(
            constant
                .smoothed_losses()
                .iter()
                .all(|loss| (loss - 3.0).abs() < 1e-14)
        );
        Ok(())
    }

    #[test]
    fn a_loss_that_does_not_fall_gives_no_suggestion() -> Result<()> {
        for rising in [|_: f64| 1.0, |rate: f64| rate, |rate: f64| rate - 1.0] {
            for steps in [2, 3, 50] {
                let test = range_test(1e-3, 0.5, steps).run(|rate| Ok(rising(rate)))?;
                assert_eq!((test.suggestion(), test.lowest()), (None, 1e-3), "{test}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_loss_that_is_not_finite_ends_the_test() -> Result<()> {
        let mut calls = 0;
        let test = range_test(1e-3, 1.0, 4).run(|rate| {
            calls += 1;
            Ok(if rate > 0.02 { f64::NAN } else { 1.0 })
        })?;
        assert_eq!((calls, test.learning_rates().len()), (3, 2));
        assert!(
            test.diverged_at()
                .is_some_and(|rate| (rate - 0.1).abs() < 1e-12)
        );
        let refused = |rate: f64| {
            let error = Error::non_finite("backward", "the output", f64::NAN).within("out");
            if rate > 0.02 { Err(error) } else { Ok(1.0) }
        };
        let same = range_test(1e-3, 1.0, 4).run(refused)?;
        assert_eq!(same.diverged_at(), test.diverged_at());
        let nothing = range_test(1e-3, 1.0, 4).run(|_| Ok(f64::INFINITY));
        assert!(matches!(nothing, Err(Error::NonFinite { .. })));
        Ok(())
    }

    #[test]
    fn arguments_out_of_range_are_errors() {
        let fit = || range_test(1e-3, 1.0, 10);
        for unfit in [
            range_test(0.0, 1.0, 10),
            range_test(1.0, 1.0, 10),
            range_test(1e-3, f64::INFINITY, 10),
            range_test(f64::NAN, 1.0, 10),
            range_test(1e-3, 1.0, 1),
            fit().smoothing(1.0),
            fit().stop_beyond(1.0),
            fit().stop_beyond(f64::NAN),
        ] {
            let refused = unfit.run(|_| Ok(1.0));
            assert!(matches!(refused, Err(Error::Argument { .. })), "{unfit:?}");
        }
    }
}
