//! Compares computed tensors with golden ones, element by element.

pub use crate::operations::golden::Bound;
use crate::read::File;
use cotangent::prelude::*;
use std::fmt::Display;

impl Bound {
    /// Returns the factor by which the relative tolerance of an element is multiplied.
    fn scale(self, largest: f64, element: f64) -> f64 {
        let scale = element.abs().max(self.floor);
        if self.of_tensor {
            scale.max(largest)
        } else {
            scale
        }
    }

    /// Returns the relative tolerance for results of this dtype.
    pub fn relative(self, dtype: DType) -> f64 {
        if dtype == DType::F32 {
            self.f32
        } else {
            self.f64
        }
    }
}

/// An element that differs from its expected value by more than allowed.
pub struct Deviation {
    pub element: usize,
    pub expected: f64,
    pub found: f64,
    pub allowed: f64,
}

/// Returns the elements of `found` that differ from `expected` by more than allowed. With
/// `signed_zeros`, 0 and -0 differ.
pub fn deviations(
    expected: &[f64],
    found: &Tensor,
    bound: Bound,
    signed_zeros: bool,
) -> Vec<Deviation> {
    let finite = expected.iter().map(|x| x.abs()).filter(|x| x.is_finite());
    let largest = finite.fold(0.0, f64::max);
    let found = (found.to_f64_vec(), found.dtype());
    let pairs = expected.iter().zip(found.0).enumerate();
    pairs
        .filter_map(|(element, (&expected, value))| {
            // Expected values may round to 0 or infinity in the dtype of the result.
            let (rounded, smallest) = match found.1 {
                DType::F32 => (f64::from(expected as f32), f64::from(f32::from_bits(1))),
                _ => (expected, f64::from_bits(1)),
            };
            let relative = bound.relative(found.1);
            let (expected, allowed) = if relative == 0.0 {
                (rounded, 0.0)
            } else {
                let allowed = relative * bound.scale(largest, expected) + 2.0 * smallest;
                (expected, allowed)
            };
            let fits = if rounded.is_nan() {
                value.is_nan()
            } else if rounded.is_infinite() {
                value == rounded
            } else {
                let sign = value.is_sign_negative() == expected.is_sign_negative();
                (value - expected).abs() <= allowed
                    && (sign || !signed_zeros || value != 0.0 || expected != 0.0)
            };
            (!fits).then_some(Deviation {
                element,
                expected,
                found: value,
                allowed,
            })
        })
        .collect()
}

/// All failures of a test, reported together.
#[derive(Default)]
pub struct Failures(Vec<String>);

impl Failures {
    /// Records a failure.
    pub fn add(&mut self, place: impl Display, what: impl Display) {
        self.0.push(format!("{place}: {what}"));
    }

    /// Records a difference of shapes, or else each element that differs by more than allowed.
    pub fn compare(
        &mut self,
        place: impl Display,
        expected: &Tensor,
        found: &Tensor,
        bound: Bound,
    ) {
        if self.same_shape(&place, expected, found) {
            for deviation in deviations(&expected.to_f64_vec(), found, bound, false) {
                self.add_element(&place, expected.shape(), &deviation);
            }
        }
    }

    /// Returns whether the shapes are equal; records a failure if they are not.
    pub fn same_shape(&mut self, place: impl Display, expected: &Tensor, found: &Tensor) -> bool {
        let same = expected.shape() == found.shape();
        if !same {
            self.add(
                place,
                format!(
                    "expected shape {:?}, found {:?}",
                    expected.shape(),
                    found.shape()
                ),
            );
        }
        same
    }

    /// Records a deviation with the index of its element.
    pub fn add_element(&mut self, place: impl Display, shape: &[usize], deviation: &Deviation) {
        let Deviation {
            element,
            expected,
            found,
            allowed,
        } = deviation;
        let mut index = vec![0; shape.len()];
        let mut rest = *element;
        for (index, len) in index.iter_mut().zip(shape).rev() {
            (*index, rest) = (rest % len, rest / len);
        }
        let off = (expected - found).abs();
        let values = format!("expected {expected:e}, found {found:e}");
        let what = format!("element {index:?}: {values}, off by {off:.1e} > {allowed:.1e}");
        self.add(place, what);
    }

    /// Records a difference of dtypes or shapes, or else each element that differs in a bit. All
    /// NaN are equal.
    pub fn identical(&mut self, place: impl Display, expected: &Tensor, found: &Tensor) {
        if expected.dtype() != found.dtype() {
            self.add(
                &place,
                format!("expected {}, found {}", expected.dtype(), found.dtype()),
            );
        }
        if self.same_shape(&place, expected, found) {
            let bits = |x: f64| {
                if x.is_nan() {
                    f64::NAN.to_bits()
                } else {
                    x.to_bits()
                }
            };
            let pairs = expected
                .to_f64_vec()
                .into_iter()
                .zip(found.to_f64_vec())
                .enumerate();
            for (element, (expected_value, found)) in
                pairs.filter(|(_, (a, b))| bits(*a) != bits(*b))
            {
                let deviation = Deviation {
                    element,
                    expected: expected_value,
                    found,
                    allowed: 0.0,
                };
                self.add_element(&place, expected.shape(), &deviation);
            }
        }
    }

    /// Records the tensors of a file that no test has read.
    pub fn unread(&mut self, file: &File) {
        for key in file.unread() {
            self.add(format!("{} {key}", file.name), "no test reads this");
        }
    }

    /// Panics with all recorded failures, if there are any.
    pub fn report(self) {
        let (all, shown) = (self.0.len(), 200);
        let first: Vec<_> = self.0.into_iter().take(shown).collect();
        assert!(
            first.is_empty(),
            "{all} deviations, the first {}:\n{}",
            first.len(),
            first.join("\n")
        );
    }
}
