//! Axes, linear and logarithmic: the range of the data, and round numbers as labels.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// The mapping from values to positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The position is the value.
    #[default]
    Linear,
    /// The position is the logarithm to the base 10.
    Log,
}

impl Kind {
    /// Returns the position of a value. It is not finite if the value has no position on such an
    /// axis.
    pub(crate) fn position(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.log10(),
        }
    }

    fn value(self, position: f64) -> f64 {
        match self {
            Self::Linear => position,
            Self::Log => 10f64.powf(position),
        }
    }
}

/// An axis that is fitted to its data.
#[derive(Clone, Debug)]
pub struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Scale {
    /// Fits a scale to the values, or to `range` if it is given, with about `count` ticks (at least
    /// one). Values without a position on the axis are skipped. Without any value the scale goes
    /// from 0 to 1.
    pub fn fit(
        kind: Kind,
        range: Option<(f64, f64)>,
        values: impl Iterator<Item = f64> + Clone,
        count: usize,
    ) -> Self {
        let whole = values.clone().all(|value| value.fract() == 0.0);
        let (mut low, mut high) = match range {
            Some((low, high)) => bounds([low, high].into_iter().map(|v| kind.position(v))),
            None => bounds(values.map(|value| kind.position(value))),
        };
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if high - low < 1e-9 * high.abs().max(1.0) {
            (low, high) = (low - 0.5, high + 0.5);
        }
        if range.is_none() {
            let room = 0.04 * (high - low);
            (low, high) = (low - room, high + room);
        }
        let ticks = match kind {
            Kind::Linear => linear_ticks(low, high, count, whole),
            Kind::Log => log_ticks(low, high, count),
        };
        Self {
            kind,
            low,
            high,
            ticks,
        }
    }

    pub(crate) fn position(&self, value: f64) -> f64 {
        self.kind.position(value)
    }

    /// Returns the distance of a value from the start of an axis of `length` pixels.
    pub fn place(&self, value: f64, length: i32) -> i32 {
        self.pixel(self.position(value), length)
    }

    fn pixel(&self, position: f64, length: i32) -> i32 {
        ((position - self.low) / (self.high - self.low) * f64::from(length)) as i32
    }

    /// Returns the positions of the ticks on an axis of `length` pixels, and their labels.
    pub fn marks(&self, length: i32) -> impl Iterator<Item = (i32, String)> {
        let places = self.ticks.iter().map(move |&tick| self.pixel(tick, length));
        places.zip(self.labels())
    }

    /// Returns the label of a position.
    fn label(&self, position: f64) -> String {
        match self.kind {
            Kind::Log if self.ticks.iter().any(|tick| !(-3.0..5.0).contains(tick)) => {
                power_of_ten(position)
            }
            Kind::Log => format!("{}", (self.kind.value(position) * 1e4).round() / 1e4),
            Kind::Linear => {
                let ticks = self.ticks.windows(2).next();
                let step = ticks.map_or(1.0, |two| two[1] - two[0]);
                let digits = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
                format!("{position:.digits$}").replace('-', "−")
            }
        }
    }

    /// Returns the labels of all ticks.
    pub(crate) fn labels(&self) -> impl Iterator<Item = String> {
        self.ticks.iter().map(|&tick| self.label(tick))
    }
}

/// Returns the lowest and the highest finite value, reversed if there is none.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// Returns multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, count: usize, whole: bool) -> Vec<f64> {
    let rough = (high - low) / count as f64;
    let power = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|factor| factor * power);
    let step = steps.into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let step = if whole { step.max(1.0) } else { step };
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Returns powers of ten. If the range has fewer than two of them, 2 and 5 times a power are added.
fn log_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let span = high - low;
    if span < 2.0 {
        let decades = (low.floor() as i32)..=(high.ceil() as i32);
        let ticks = decades.flat_map(|decade| {
            [1.0, 2.0, 5.0].map(|factor: f64| factor.log10() + f64::from(decade))
        });
        return ticks.filter(|tick| (low..=high).contains(tick)).collect();
    }
    let steps = [1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0];
    let step = steps
        .into_iter()
        .find(|step| span / step <= 1.5 * count as f64);
    let step = step.unwrap_or(100.0);
    let (first, last) = ((low / step).ceil() as i32, (high / step).floor() as i32);
    (first..=last).map(|i| f64::from(i) * step).collect()
}

/// A scale as `plotters` sees it: a linear axis that takes positions. It is a type of this crate
/// alone, so that `Scale` has no methods of `plotters`.
pub(crate) struct Positions(pub Scale);

impl Ranged for Positions {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    /// Positions beyond the range are placed at its edge.
    fn map(&self, &position: &f64, (from, to): (i32, i32)) -> i32 {
        let share =
            (position.clamp(self.0.low, self.0.high) - self.0.low) / (self.0.high - self.0.low);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.0.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.0.low..self.0.high
    }
}

impl ValueFormatter<f64> for Positions {
    fn format_ext(&self, &position: &f64) -> String {
        self.0.label(position)
    }
}

/// Formats a power of ten as `10⁻³` or `2·10⁻³`.
fn power_of_ten(position: f64) -> String {
    let exponent = (position + 1e-9).floor();
    let factor = 10f64.powf(position - exponent).round();
    let power: String = format!("{exponent}").chars().map(superscript).collect();
    if factor == 1.0 {
        format!("10{power}")
    } else {
        format!("{factor}·10{power}")
    }
}

fn superscript(character: char) -> char {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digit = character.to_digit(10);
    digit.map_or('⁻', |digit| DIGITS[digit as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(kind: Kind, values: &[f64]) -> Vec<String> {
        let scale = Scale::fit(kind, None, values.iter().copied(), 6);
        scale.labels().collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(
            labels(Kind::Linear, &[0.0, 0.97]),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            labels(Kind::Linear, &[-30.5, 12.0]),
            ["−30", "−20", "−10", "0", "10"]
        );
        // Whole numbers are counts, such as layers, and have no ticks between them.
        assert_eq!(labels(Kind::Linear, &[1.0, 2.0, 3.0]), ["1", "2", "3"]);
        assert_eq!(
            labels(Kind::Log, &[2e-6, 3.0]),
            ["10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰"]
        );
        assert_eq!(
            labels(Kind::Log, &[0.01, 0.3]),
            ["0.01", "0.02", "0.05", "0.1", "0.2"]
        );
        assert_eq!(labels(Kind::Log, &[1e-5, 3e-5]), ["10⁻⁵", "2·10⁻⁵"]);
    }

    #[test]
    fn every_set_of_values_has_a_range() {
        let odd = [f64::NAN, f64::INFINITY, -1.0, 0.0];
        for values in [&odd[..], &[], &[0.0], &[1e300, -1e300], &[5e-324, 1e-323]] {
            for kind in [Kind::Linear, Kind::Log] {
                let scale = Scale::fit(kind, None, values.iter().copied(), 6);
                assert!(scale.low < scale.high, "{values:?}: {scale:?}");
                assert!(scale.labels().count() < 20, "{values:?}: {scale:?}");
                let axis = Positions(scale.clone());
                for at in values.iter().map(|&value| scale.position(value)) {
                    assert!(!at.is_finite() || (0..=100).contains(&axis.map(&at, (0, 100))));
                }
            }
        }
    }

    #[test]
    fn values_become_positions() {
        let linear = Positions(Scale::fit(
            Kind::Linear,
            Some((0.0, 10.0)),
            [].into_iter(),
            6,
        ));
        assert_eq!(
            [0.0, 5.0, 10.0, 99.0].map(|x| linear.map(&x, (100, 0))),
            [100, 50, 0, 0]
        );
        let log = Positions(Scale::fit(
            Kind::Log,
            Some((0.01, 100.0)),
            [].into_iter(),
            6,
        ));
        assert_eq!(
            [0.01, 1.0, 100.0].map(|x| log.map(&log.0.position(x), (0, 100))),
            [0, 50, 100]
        );
        assert!(!log.0.position(0.0).is_finite() && !log.0.position(-1.0).is_finite());
    }
}
