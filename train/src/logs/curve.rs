//! The values of many steps in few points.

use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Result, Tensor};

/// A curve with a bounded number of points, each of which is the mean of equally many values.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    points: Vec<(f64, f64)>,
    /// The sum of the values of the next point, and their number.
    open: (f64, u64),
    /// The number of values in a point.
    each: u64,
}

const POINTS: usize = 1024;

impl Default for Curve {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            open: (0.0, 0),
            each: 1,
        }
    }
}

impl Curve {
    /// Adds a value. One that is not finite is left out.
    pub fn push(&mut self, step: u64, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.open = (self.open.0 + value, self.open.1 + 1);
        if self.open.1 < self.each {
            return;
        }
        let (sum, count) = std::mem::take(&mut self.open);
        self.points.push((step as f64, sum / count as f64));
        if self.points.len() >= POINTS {
            let pairs = self.points.chunks(2);
            let mean = |pair: &[(f64, f64)]| {
                let sum: f64 = pair.iter().map(|(_, value)| value).sum();
                (pair[pair.len() - 1].0, sum / pair.len() as f64)
            };
            self.points = pairs.map(mean).collect();
            self.each = self.each.saturating_mul(2);
        }
    }

    /// Returns the points: the last step and the mean of each.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }
}

/// The entries are `each`, `count`, `sum` and `points`, which are `(points, 2)`.
impl Stateful for Curve {
    fn state(&self) -> Result<StateDict> {
        let mut state = StateDict::new();
        state.insert("each", Entry::Count(self.each));
        state.insert("count", Entry::Count(self.open.1));
        state.insert_number("sum", self.open.0);
        let numbers: Vec<f64> = self.points.iter().flat_map(|&(x, y)| [x, y]).collect();
        let points = Tensor::from_vec(numbers, [self.points.len(), 2])?;
        state.insert("points", Entry::Tensor(points));
        Ok(state)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let points = state.tensor("points")?;
        if points.rank() != 2 || points.shape()[1] != 2 || points.shape()[0] >= POINTS {
            let reason = format!("`points`: not those of a curve, found {:?}", points.shape());
            return Err(Error::state("", vec![reason]));
        }
        let numbers = points.to_f64_vec();
        *self = Self {
            points: numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect(),
            open: (state.number("sum")?, state.count("count")?),
            each: state.count("each")?,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_a_bounded_number_of_points() {
        let mut curve = Curve::default();
        for step in 0..1_000_000 {
            curve.push(step, if step % 2 == 0 { 0.0 } else { 1.0 });
        }
        assert!((POINTS / 4..POINTS).contains(&curve.points().len()));
        assert!(curve.points().iter().all(|(_, value)| *value == 0.5));
        assert!(curve.points().is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_curve_continues_from_its_state() -> Result<()> {
        let push = |curve: &mut Curve, steps: std::ops::Range<u64>| {
            steps.for_each(|step| curve.push(step, (step as f64).sin()));
        };
        let mut whole = Curve::default();
        push(&mut whole, 0..3000);
        for cut in [0, 1, 1023, 1025, 2500] {
            let mut first = Curve::default();
            push(&mut first, 0..cut);
            let bytes = first.state()?.to_bytes()?;
            let mut second = Curve::default();
            second.load_state(&StateDict::from_bytes(&bytes)?)?;
            push(&mut second, cut..3000);
            assert_eq!(second.points(), whole.points(), "{cut}");
        }
        let mut state = whole.state()?;
        state.insert("points", Entry::Tensor(Tensor::from([1.0])));
        assert!(Curve::default().load_state(&state).is_err());
        Ok(())
    }
}
