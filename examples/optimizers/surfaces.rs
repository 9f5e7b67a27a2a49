//! Beale's and Rosenbrock's functions on the plane, and descents on them.

use anyhow::Result;
use clap::ValueEnum;
use cotangent::prelude::*;
use indicatif::ProgressBar;
use std::ops::RangeInclusive;

use crate::racers::Racer;
use crate::report::largest;
use crate::tuning::{Budget, Score, Tuned};

/// A function value this small counts as the minimum, which is 0.
pub const TOLERANCE: f64 = 1e-6;
pub const MAX_STEPS: usize = 2000;
/// If the minimum is not reached, the result is the largest value in this many last steps. An
/// optimizer that jumps about may have been closer by chance.
const LAST: usize = 100;

const BUDGET: Budget = Budget {
    below: 4,
    above: 7,
    trials: 24,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Surface {
    /// Flat near its minimum and steep at the edges.
    Beale,
    /// A bent valley with steep walls and an almost flat bottom.
    Rosenbrock,
}

/// The path of an optimizer.
pub struct Path {
    /// The start and the point after each step, up to the minimum or to the first value that is not
    /// finite.
    pub points: Vec<(f64, f64)>,
    /// The steps to the minimum, infinite if it was not reached.
    pub steps: f64,
    /// The function's largest value in the last steps, not finite after divergence.
    pub settled: f64,
    /// The function's final value.
    pub last: f64,
}

impl Surface {
    pub fn name(self) -> &'static str {
        match self {
            Self::Beale => "Beale's function",
            Self::Rosenbrock => "Rosenbrock's function",
        }
    }

    /// Returns the start. It is near the usual one (Moré, Garbow, Hillstrom 1981, Testing
    /// Unconstrained Optimization Software), which is (1, 1) or (-1.2, 1). From there Lion, whose
    /// steps have one size, happens to land on Rosenbrock's minimum with steps of 0.01.
    pub fn start(self) -> (f64, f64) {
        match self {
            Self::Beale => (1.017, 1.023),
            Self::Rosenbrock => (-1.234, 1.056),
        }
    }

    pub fn minimum(self) -> (f64, f64) {
        match self {
            Self::Beale => (3.0, 0.5),
            Self::Rosenbrock => (1.0, 1.0),
        }
    }

    /// Returns the number of descents to tune one optimizer and to show the best.
    pub fn descents() -> u64 {
        BUDGET.trials as u64 + 1
    }

    pub fn describe(self) -> String {
        format!(
            "{}, from {:?} to within {TOLERANCE:e} of the minimum's value, in at most {MAX_STEPS} \
             steps.\nLearning rates: {} trials for each optimizer; the best is the one with the \
             fewest steps, or, where the\nminimum is not reached, with the smallest value over \
             the last {LAST} steps.",
            self.name(),
            self.start(),
            BUDGET.trials,
        )
    }

    /// Returns the part of the plane to draw.
    pub fn window(self) -> [RangeInclusive<f64>; 2] {
        match self {
            Self::Beale => [-0.5..=4.5, -1.7..=1.7],
            Self::Rosenbrock => [-1.9..=1.9, -0.7..=2.3],
        }
    }

    /// Computes the function elementwise.
    pub fn value(self, x: &Tensor, y: &Tensor) -> cotangent::Result<Tensor> {
        match self {
            Self::Beale => {
                let term = |c: f64, power| {
                    let y = y.powi(power);
                    Ok::<_, Error>((x.mul(&y)? - x + c).square())
                };
                term(1.5, 1)?.add(&term(2.25, 2)?)?.add(&term(2.625, 3)?)
            }
            Self::Rosenbrock => {
                let wall = y.sub(&x.square())?.square() * 100.0;
                wall.add(&(x.neg() + 1.0).square())
            }
        }
    }

    /// Returns the learning rate with which an optimizer reaches the minimum in the fewest steps.
    pub fn tune(self, racer: Racer, bar: &ProgressBar) -> Result<Tuned> {
        BUDGET.spend(racer.usual_rate(), |rate| {
            let path = self.descend(racer, rate)?;
            bar.inc(1);
            Ok(Score {
                steps: path.steps,
                loss: path.settled,
            })
        })
    }

    /// Runs an optimizer from the start.
    pub fn descend(self, racer: Racer, rate: f64) -> Result<Path> {
        let start = self.start();
        let mut place = Param::new(&Tensor::from([start.0, start.1]));
        let mut optimizer = racer.build(rate)?;
        let pass = Pass::train(0);
        let mut path = Path {
            points: vec![start],
            steps: f64::INFINITY,
            settled: 0.0,
            last: 0.0,
        };
        let mut values = Vec::new();
        for step in 0..=MAX_STEPS {
            let at = place.read(&pass);
            let value = self.value(&at.narrow(0, 0, 1)?, &at.narrow(0, 1, 1)?)?;
            let number = value.to_f64_vec()[0];
            values.push(number);
            path.last = number;
            if number < TOLERANCE {
                path.steps = step as f64;
            }
            if number < TOLERANCE || !number.is_finite() || step == MAX_STEPS {
                break;
            }
            optimizer.step(&mut place, value.sum().backward()?)?;
            let point = place.value().to_f64_vec();
            path.points.push((point[0], point[1]));
        }
        let last = values.len().saturating_sub(LAST);
        path.settled = largest(values.split_off(last));
        Ok(path)
    }
}
