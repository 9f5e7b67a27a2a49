//! Schedules change the learning rate during training; a test finds a learning rate to start with.
//!
//! A [`Schedule`] is a factor that depends on the number t of the step, counted from 0. It
//! multiplies the learning rate that the optimizer was built with, so that one schedule serves all
//! parameter groups. The factors are known in advance, except those of
//! [`reduce_on_plateau`](Schedule::reduce_on_plateau), which depend on a metric. [`range_test`]
//! finds a learning rate. [`then`](Schedule::then) and [`times`](Schedule::times) combine
//! schedules:
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

/// The learning rate, and for some schedules the momentum, as a function of the step.
///
/// Each call of [`step`](Self::step) is one step of the schedule. Call it once per batch if its
/// numbers count batches, or once per epoch if they count epochs.
///
/// Its state ([`Stateful`](cotangent_core::state::Stateful)) is its step, the settings that the
/// optimizer started with, and the metrics of a plateau. The kind of the schedule is not part of
/// it: to resume, build the same schedule and load the state into it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Schedule {
    shape: Shape,
    steps: u64,
    base: Option<Base>,
}

/// The settings of the optimizer at the first step.
#[derive(Clone, Copy, Debug)]
struct Base {
    learning_rate: f64,
    momentum: f64,
}

impl Schedule {
    /// Sets the optimizer's learning rate, and its momentum if the schedule has one, and advances
    /// the schedule by one step. Call it once before each `optimizer.step`, or once before each
    /// epoch.
    ///
    /// The factors multiply the learning rate that the optimizer has at the first call. Setting the
    /// learning rate between two calls has no effect.
    ///
    /// # Errors
    /// [`Error::Argument`] if the learning rate or the momentum is out of range, which
    /// [`from_fn`](Self::from_fn) and growing schedules can cause. Nothing has changed then.
    pub fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        let now = optimizer.settings();
        let base = self.base.unwrap_or(Base {
            learning_rate: now.learning_rate,
            momentum: now.momentum,
        });
        let momentum = match self.momentum(self.steps) {
            Some(momentum) => momentum,
            // An earlier part of the sequence may have changed it.
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

    /// Passes a metric to a schedule that depends on one, and returns whether this lowers the
    /// learning rate. The metric is usually the loss on validation data, once per epoch. In a
    /// sequence, the part of the latest step gets it. Other schedules ignore it.
    pub fn observe(&mut self, metric: f64) -> bool {
        self.shape.observe(self.steps.saturating_sub(1), metric)
    }

    /// Returns the factor of the learning rate at step `t`, counted from 0. It can be asked for any
    /// step, for example to draw the schedule. [`reduce_on_plateau`](Self::reduce_on_plateau) has
    /// its current factor at every step.
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

    /// Returns the momentum at step `t`, counted from 0; none if the schedule does not change it.
    pub fn momentum(&self, t: u64) -> Option<f64> {
        self.shape.momentum(t)
    }

    /// Returns the number of calls of [`step`](Self::step), which is the number t of the next step.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns a schedule that follows this one up to step `at`, and then `next`, whose steps begin
    /// at 0 there (PyTorch's `SequentialLR`). In a longer chain, each `at` counts from the start of
    /// the chain.
    ///
    /// ```
    /// # use cotangent::optim::Schedule;
    /// let schedule = Schedule::constant().then(5, Schedule::step_decay(2, 0.5)?)?;
    /// assert_eq!([4, 5, 6, 7].map(|t| schedule.factor(t)), [1.0, 1.0, 1.0, 0.5]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] unless `at` is after the start of the last part of the chain, or if one
    /// of the schedules has made a step.
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

    /// Returns a schedule whose factor is the product of both factors (PyTorch's
    /// `ChainedScheduler`). The momentum is that of `other`, if it has one.
    ///
    /// ```
    /// # use cotangent::optim::Schedule;
    /// let schedule = Schedule::warm_up_constant(3, 0.1)?.times(Schedule::exponential(0.5)?)?;
    /// assert_eq!([0, 1, 3].map(|t| schedule.factor(t)), [0.1, 0.05, 0.125]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if one of the schedules has made a step.
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
        let expected = "expected schedules that have made no step".to_owned();
        require(op, self.steps == 0, expected, self.steps)?;
        Ok(self.shape)
    }

    /// Creates a schedule from its factor; `{:?}` shows `name`.
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

/// Returns an error unless `ok`, with the expected and the found argument.
fn require(op: &'static str, ok: bool, expected: impl Display, found: impl Display) -> Result<()> {
    if ok {
        Ok(())
    } else {
        Err(Error::argument(op, format!("{expected}, found {found}")))
    }
}

/// Returns an error unless a number of steps is at least 1.
fn at_least_1(op: &'static str, what: &str, steps: u64) -> Result<()> {
    require(op, steps > 0, format!("{what} must be at least 1"), steps)
}

/// Returns an error unless the numbers increase.
fn increasing(op: &'static str, what: &str, steps: &[u64]) -> Result<()> {
    let ok = steps.is_sorted_by(|a, b| a < b);
    require(
        op,
        ok,
        format!("{what} must increase"),
        format!("{steps:?}"),
    )
}

/// Returns an error unless both momenta are in `[0, 1)`.
fn momenta(op: &'static str, momenta: Option<(f64, f64)>) -> Result<()> {
    let Some((high, low)) = momenta else {
        return Ok(());
    };
    Interval::Below1.check(op, "the high momentum", high)?;
    Interval::Below1.check(op, "the low momentum", low)
}
