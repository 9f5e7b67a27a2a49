//! Learning rates that change while training: schedules, and the test that finds where to start.
//!
//! A [`Schedule`] is a factor of the number t of the step, from 0, by which the learning rate that
//! the optimizer was built with is multiplied: so one schedule serves all parameter groups, and an
//! optimizer of another learning rate. All are known beforehand, but for
//! [`reduce_on_plateau`](Schedule::reduce_on_plateau), which goes by what it is told of the
//! training. [`range_test`] finds a learning rate to begin with. [`then`](Schedule::then) and
//! [`times`](Schedule::times) make schedules of schedules:
//!
//! ```
//! use cotangent::optim::{Optimizer, Schedule, Sgd};
//!
//! let mut optimizer = Sgd::new(1.0).build()?;
//! let mut schedule = Schedule::warm_up(4)?.then(4, Schedule::cosine(10, 0.0)?)?;
//! let mut rates = Vec::new();
//! for _ in 0..15 {
//!     schedule.step(&mut optimizer)?;
//!     // loss.backward()?; optimizer.step(&mut model, grads)?;
//!     rates.push(optimizer.learning_rate());
//! }
//! assert_eq!(rates[..5], [0.2, 0.4, 0.6, 0.8, 1.0]);
//! assert_eq!((rates[9], rates[14]), (0.5, 0.0));
//! # Ok::<(), cotangent::Error>(())
//! ```

mod cosine;
mod cyclic;
mod decay;
mod one_cycle;
mod plateau;
#[cfg(feature = "figures")]
mod range_figure;
mod range_test;
mod shape;
mod state;
mod warm_up;

pub use cyclic::Cyclic;
pub use one_cycle::OneCycle;
pub use plateau::ReduceOnPlateau;
pub use range_test::{RangeTest, RangeTestBuilder, range_test};

use crate::optimizer::Optimizer;
use crate::settings::Settings;
use cotangent_core::{Error, Interval, Result};
use shape::{Curve, Part, Shape};
use std::fmt::Display;

/// What becomes of the learning rate, and for some schedules of the momentum, from step to step.
///
/// Each call of [`step`](Self::step) is one step of the schedule: called once per batch, its
/// numbers are of batches; called once per epoch, of epochs.
///
/// As [`Stateful`](cotangent_core::state::Stateful) it saves where it is: its step, the settings
/// that the optimizer began with, and what it has seen of a plateau. What kind of schedule it is is
/// not saved: on resuming, build the same one again and load the state into that.
#[derive(Clone, Debug)]
#[must_use]
pub struct Schedule {
    shape: Shape,
    steps: u64,
    base: Option<Base>,
}

/// What the optimizer was built with.
#[derive(Clone, Copy, Debug)]
struct Base {
    learning_rate: f64,
    momentum: f64,
}

impl Schedule {
    /// Sets the learning rate of the coming step, and the momentum if the schedule has one, and
    /// goes on to the next: to be called once before each `optimizer.step`, or once before each
    /// epoch.
    ///
    /// The learning rate and the momentum that the optimizer has at the first call are what the
    /// schedule goes by from then on; setting the learning rate between two calls has no effect.
    ///
    /// # Errors
    /// [`Error::Argument`] if what comes out is not in range, as it can be from
    /// [`from_fn`](Self::from_fn) and where something grows without bound; nothing has changed
    /// then.
    pub fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        let now = optimizer.settings();
        let base = self.base.unwrap_or(Base {
            learning_rate: now.learning_rate,
            momentum: now.momentum,
        });
        let momentum = match self.momentum(self.steps) {
            Some(momentum) => momentum,
            // Another part of the schedule may have changed it.
            None if self.shape.drives_momentum() => base.momentum,
            None => now.momentum,
        };
        optimizer.set_settings(Settings {
            learning_rate: base.learning_rate * self.factor(self.steps),
            momentum,
            ..now
        })?;
        self.base = Some(base);
        self.steps = self.steps.saturating_add(1);
        Ok(())
    }

    /// Tells a schedule that goes by the performance about a metric, mostly the loss on validation
    /// data, once per epoch; whether it has lowered the learning rate. In a sequence, the metric is
    /// told to the part of the latest step. Schedules that do not look at metrics ignore it.
    pub fn observe(&mut self, metric: f64) -> bool {
        self.shape.observe(self.steps.saturating_sub(1), metric)
    }

    /// The factor of the learning rate at step `t`, from 0. It is known beforehand, to be drawn,
    /// say; only what [`reduce_on_plateau`](Self::reduce_on_plateau) does is the factor that it has
    /// now.
    ///
    /// ```
    /// # use cotangent::optim::Schedule;
    /// let schedule = Schedule::step_decay(30, 0.1)?;
    /// assert_eq!([0, 29, 30].map(|t| schedule.factor(t)), [1.0, 1.0, 0.1]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn factor(&self, t: u64) -> f64 {
        self.shape.factor(t)
    }

    /// The momentum at step `t`, from 0; none if the schedule leaves the optimizer's own.
    pub fn momentum(&self, t: u64) -> Option<f64> {
        self.shape.momentum(t)
    }

    /// How many steps [`step`](Self::step) has set: the number t of the coming one.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// This schedule up to step `at`, from there `next`, whose own steps begin at 0 (PyTorch's
    /// `SequentialLR`). In a longer chain each `at` counts from the start of the whole.
    ///
    /// ```
    /// # use cotangent::optim::Schedule;
    /// let schedule = Schedule::constant().then(5, Schedule::step_decay(2, 0.5)?)?;
    /// assert_eq!([4, 5, 6, 7].map(|t| schedule.factor(t)), [1.0, 1.0, 1.0, 0.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] unless `at` is after the start of the last part of the chain. Also if a
    /// schedule has been applied: only the whole can be.
    pub fn then(self, at: u64, next: Self) -> Result<Self> {
        let op = "Schedule::then";
        let mut parts = match self.unused(op)? {
            Shape::Sequence(parts) => parts,
            shape => vec![Part { start: 0, shape }],
        };
        let last = parts.last().map_or(0, |part| part.start);
        require(op, at > last, format!("at must be above {last}"), at)?;
        parts.push(Part {
            start: at,
            shape: next.unused(op)?,
        });
        Ok(Shape::Sequence(parts).into())
    }

    /// Both at once: the product of their factors (PyTorch's `ChainedScheduler`). The momentum is
    /// that of `other`, if it has one.
    ///
    /// ```
    /// # use cotangent::optim::Schedule;
    /// let schedule = Schedule::warm_up_constant(3, 0.1)?.times(Schedule::exponential(0.5)?)?;
    /// assert_eq!([0, 1, 3].map(|t| schedule.factor(t)), [0.1, 0.05, 0.125]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if a schedule has been applied: only the whole can be.
    pub fn times(self, other: Self) -> Result<Self> {
        let op = "Schedule::times";
        let mut factors = match self.unused(op)? {
            Shape::Product(factors) => factors,
            shape => vec![shape],
        };
        factors.push(other.unused(op)?);
        Ok(Shape::Product(factors).into())
    }

    fn unused(self, op: &'static str) -> Result<Shape> {
        let expected = "expected schedules that have not been applied yet".to_owned();
        require(op, self.steps == 0, expected, self.steps)?;
        Ok(self.shape)
    }

    /// A schedule by its factor; `name` is what `{:?}` shows of it.
    fn curve(name: String, factor: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Self {
        Shape::Curve(Curve::new(name, factor)).into()
    }
}

impl From<Shape> for Schedule {
    fn from(shape: Shape) -> Self {
        Self {
            shape,
            steps: 0,
            base: None,
        }
    }
}

/// An error unless `ok`: what was expected of an argument, and what was found.
fn require(op: &'static str, ok: bool, expected: impl Display, found: impl Display) -> Result<()> {
    if ok {
        Ok(())
    } else {
        Err(Error::argument(op, format!("{expected}, found {found}")))
    }
}

/// An error unless a number of steps is at least 1.
fn at_least_1(op: &'static str, what: &str, steps: u64) -> Result<()> {
    require(op, steps > 0, format!("{what} must be at least 1"), steps)
}

/// An error unless the numbers increase.
fn increasing(op: &'static str, what: &str, steps: &[u64]) -> Result<()> {
    let ok = steps.is_sorted_by(|a, b| a < b);
    require(
        op,
        ok,
        format!("{what} must increase"),
        format!("{steps:?}"),
    )
}

/// An error unless both momenta are in `[0, 1)`.
fn momenta(op: &'static str, momenta: Option<(f64, f64)>) -> Result<()> {
    let Some((high, low)) = momenta else {
        return Ok(());
    };
    Interval::Below1.check(op, "the high momentum", high)?;
    Interval::Below1.check(op, "the low momentum", low)
}
