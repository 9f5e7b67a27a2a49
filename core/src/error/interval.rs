//! The ranges of numbers for arguments.

use super::{Error, Result};

/// A range of numbers for an argument. NaN is in no range.
///
/// The rules of all layers, losses, optimizers and schedules:
///
/// - an **epsilon**, a learning rate, a weight decay and other factors:
///   [`AtLeast0`](Self::AtLeast0). An epsilon of 0 is allowed, but does not prevent a division by
///   zero;
/// - a **probability** of dropping elements, and a **decay** of a running value (momentum, β):
///   [`Below1`](Self::Below1). With 1 all elements would be dropped, or the value would never
///   change;
/// - a **share** of a whole (label smoothing, the weight of a new batch in a running statistic):
///   [`Share`](Self::Share);
/// - a **size** to divide by, or a step that must not be 0: [`Above0`](Self::Above0);
/// - an upper **bound**, which may be infinite: [`Bound`](Self::Bound).
///
/// ```
/// use cotangent::Interval;
/// Interval::AtLeast0.check("layer_norm", "epsilon", 0.0)?;
/// let error = Interval::Below1.check("dropout", "p", 1.0).unwrap_err();
/// assert_eq!(error.to_string(), "dropout: p must be in [0, 1), found 1");
/// assert!(!Interval::Share.contains(f64::NAN));
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interval {
    /// Finite and at least 0.
    AtLeast0,
    /// Finite and above 0.
    Above0,
    /// Above 0; may be infinite.
    Bound,
    /// In [0, 1).
    Below1,
    /// In [0, 1].
    Share,
}

impl Interval {
    /// Returns whether `value` is in the range.
    pub fn contains(self, value: f64) -> bool {
        match self {
            Self::AtLeast0 => value >= 0.0 && value.is_finite(),
            Self::Above0 => value > 0.0 && value.is_finite(),
            Self::Bound => value > 0.0,
            Self::Below1 => (0.0..1.0).contains(&value),
            Self::Share => (0.0..=1.0).contains(&value),
        }
    }

    /// Returns an error of `op` about the argument `name` unless `value` is in the range.
    ///
    /// # Errors
    /// [`Error::Argument`] with the name, the range and the value.
    pub fn check(self, op: &'static str, name: &str, value: f64) -> Result<()> {
        if self.contains(value) {
            return Ok(());
        }
        let range = match self {
            Self::AtLeast0 => "finite and at least 0",
            Self::Above0 => "finite and above 0",
            Self::Bound => "above 0",
            Self::Below1 => "in [0, 1)",
            Self::Share => "in [0, 1]",
        };
        Err(Error::argument(
            op,
            format!("{name} must be {range}, found {value}"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Interval::{self, Above0, AtLeast0, Below1, Bound, Share};

    #[test]
    fn ends_of_the_ranges() {
        let inside: [(Interval, &[f64]); 5] = [
            (AtLeast0, &[0.0, -0.0, f64::MAX]),
            (Above0, &[f64::from_bits(1), f64::MAX]),
            (Bound, &[f64::from_bits(1), f64::INFINITY]),
            (Below1, &[0.0, 1.0f64.next_down()]),
            (Share, &[0.0, 1.0]),
        ];
        let outside: [(Interval, &[f64]); 5] = [
            (AtLeast0, &[-f64::from_bits(1), f64::INFINITY]),
            (Above0, &[0.0, f64::INFINITY]),
            (Bound, &[0.0, -1.0]),
            (Below1, &[-f64::from_bits(1), 1.0]),
            (Share, &[-f64::from_bits(1), 1.0f64.next_up()]),
        ];
        for ((interval, inside), (_, outside)) in inside.into_iter().zip(outside) {
            for &x in inside {
                assert!(interval.check("op", "x", x).is_ok(), "{interval:?} {x}");
            }
            for &x in outside.iter().chain(&[f64::NAN, f64::NEG_INFINITY]) {
                let error = interval.check("op", "x", x).expect_err("out of range");
                assert!(error.to_string().starts_with("op: x must be "), "{error}");
                assert!(
                    error.to_string().ends_with(&format!("found {x}")),
                    "{error}"
                );
            }
        }
    }
}
