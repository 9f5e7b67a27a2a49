//! Printing of tensors, indices and masks, as NumPy prints arrays: aligned, with long axes
//! shortened.

use crate::autograd::Tensor;
use crate::kernel::Float;
use crate::tensor::{Indices, Mask, with_dtype};
use std::fmt;

/// The largest number of elements that are all printed.
const SHORTEN_ABOVE: usize = 1000;
/// The number of elements that are printed at each end of a shortened axis.
const EDGE: usize = 3;

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tracked = if self.is_tracked() { ", tracked" } else { "" };
        write!(
            f,
            "Tensor({} {}{tracked}) {self}",
            self.dtype(),
            self.array().shape()
        )
    }
}

impl fmt::Display for Tensor {
    /// Prints the elements. The precision of the format (`{:.2}`) is the number of decimals;
    /// without one, there are as many as the printed elements need, at most 4.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = f.precision();
        // Only printed elements are read: a view may have more than memory can hold.
        let read = |number: usize| {
            with_dtype!(self.dtype(), F => {
                let mut element = [F::default()];
                self.array().view::<F>().gather(number, &mut element);
                element[0].to_f64()
            })
        };
        write_all(f, self.len(), read, self.shape(), |shown| {
            format_all(shown, precision)
        })
    }
}

impl fmt::Display for Indices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.as_slice();
        let read = |number: usize| values[number];
        write_all(f, values.len(), read, self.shape(), |shown| {
            shown.iter().map(ToString::to_string).collect()
        })
    }
}

/// Writes the values that are shown: `read` returns one by its row-major number, `format` converts
/// them to texts.
fn write_all<T>(
    f: &mut fmt::Formatter<'_>,
    len: usize,
    read: impl Fn(usize) -> T,
    shape: &[usize],
    format: impl FnOnce(&[T]) -> Vec<String>,
) -> fmt::Result {
    if len == 0 {
        return f.write_str("[]");
    }
    let shorten = len > SHORTEN_ABOVE;
    let shown: Vec<Vec<usize>> = shape.iter().map(|&len| shown(len, shorten)).collect();
    let numbers = shown
        .iter()
        .zip(shape)
        .fold(vec![0], |numbers, (shown, len)| {
            let deeper = |number: usize| shown.iter().map(move |i| number * len + i);
            numbers.into_iter().flat_map(deeper).collect()
        });
    let picked: Vec<T> = numbers.into_iter().map(read).collect();
    write_texts(f, &shown, &format(&picked))
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.as_slice();
        let read = |number: usize| values[number];
        write_all(f, values.len(), read, self.shape(), |shown| {
            shown.iter().map(ToString::to_string).collect()
        })
    }
}

/// Returns the indices of an axis that are shown.
fn shown(len: usize, shorten: bool) -> Vec<usize> {
    if shorten && len > 2 * EDGE {
        (0..EDGE).chain(len - EDGE..len).collect()
    } else {
        (0..len).collect()
    }
}

fn format_all(values: &[f64], precision: Option<usize>) -> Vec<String> {
    let finite = || values.iter().filter(|v| v.is_finite());
    let largest = finite().fold(0.0f64, |m, v| m.max(v.abs()));
    let smallest = finite()
        .filter(|v| **v != 0.0)
        .fold(f64::INFINITY, |m, v| m.min(v.abs()));
    let scientific = precision.is_none()
        && (largest >= 1e8 || smallest < 1e-4 || largest > 1e3 * 1e3 * smallest);
    let decimals = precision.unwrap_or_else(|| {
        let enough = |d: i32| finite().all(|v| (v * 10f64.powi(d)).fract().abs() < 1e-9);
        (0..4).find(|&d| enough(d)).unwrap_or(4) as usize
    });
    let format = |v: &f64| match v {
        v if !v.is_finite() => v.to_string(),
        v if scientific => format!("{v:.4e}"),
        v if decimals == 0 && precision.is_none() => format!("{v:.0}."),
        v => format!("{v:.decimals$}"),
    };
    values.iter().map(format).collect()
}

/// Writes the texts of the shown elements in row-major order, without recursion, because a tensor
/// may have any number of axes.
fn write_texts(f: &mut fmt::Formatter<'_>, shown: &[Vec<usize>], texts: &[String]) -> fmt::Result {
    let width = texts.iter().map(String::len).max().unwrap_or(0);
    let rank = shown.len();
    let mut places = vec![0; rank];
    f.write_str(&"[".repeat(rank))?;
    for (number, text) in texts.iter().enumerate() {
        if number > 0 {
            // The last axis that has a next element; those behind it start again.
            let goes_on = |&axis: &usize| places[axis] + 1 < shown[axis].len();
            let Some(axis) = (0..rank).rev().find(goes_on) else {
                break;
            };
            places[axis] += 1;
            places[axis + 1..].fill(0);
            let behind = rank - 1 - axis;
            let separator = if behind == 0 {
                " ".to_owned()
            } else {
                "\n".repeat(behind) + &" ".repeat(axis + 1)
            };
            f.write_str(&"]".repeat(behind))?;
            f.write_str(&separator)?;
            let place = places[axis];
            if shown[axis][place] != shown[axis][place - 1] + 1 {
                write!(f, "...{separator}")?;
            }
            f.write_str(&"[".repeat(behind))?;
        }
        write!(f, "{text:>width$}")?;
    }
    f.write_str(&"]".repeat(rank))
}

#[cfg(test)]
mod tests {
    use crate::{DType, Mask, Tensor};

    #[test]
    fn prints_like_numpy() -> crate::Result<()> {
        let x = Tensor::from([[1.0f32, -2.5], [30.25, 4.0]]);
        assert_eq!(x.to_string(), "[[ 1.00 -2.50]\n [30.25  4.00]]");
        assert_eq!(format!("{:.1}", Tensor::from(2.0f64)), "2.0");
        assert_eq!(Tensor::from([1.0f32, f32::NAN]).to_string(), "[ 1. NaN]");
        let long = Tensor::full([2000], 1.0, DType::F32)?;
        assert_eq!(long.to_string(), "[1. 1. 1. ... 1. 1. 1.]");
        // A view of more elements than fit in any memory.
        let wide = Tensor::from([[1.0f32], [2.0]]).broadcast_to([2, 1 << 40])?;
        let row = |x| format!("[{x} {x} {x} ... {x} {x} {x}]");
        assert_eq!(wide.to_string(), format!("[{}\n {}]", row("1."), row("2.")));
        assert_eq!(Tensor::zeros([0, 3], DType::F32)?.to_string(), "[]");
        assert_eq!(Tensor::zeros([3, 0], DType::F32)?.to_string(), "[]");
        let cube = Tensor::arange(0.0, 8.0, 1.0, DType::F32)?.reshape([2, 2, 2])?;
        assert_eq!(
            cube.to_string(),
            "[[[0. 1.]\n  [2. 3.]]\n\n [[4. 5.]\n  [6. 7.]]]"
        );
        Ok(())
    }

    #[test]
    fn empty_and_many_axes_are_printed() -> crate::Result<()> {
        assert_eq!(Tensor::zeros([1 << 27, 0], DType::F32)?.to_string(), "[]");
        let deep = Tensor::zeros(vec![1; 100_000], DType::F32)?.to_string();
        assert_eq!(deep.len(), 200_002);
        Ok(())
    }

    #[test]
    fn masks_print_like_tensors() -> crate::Result<()> {
        let mask = Mask::from([[true, false], [false, false]]);
        assert_eq!(mask.to_string(), "[[ true false]\n [false false]]");
        assert_eq!(Mask::from(true).to_string(), "true");
        let long = Mask::from_vec(vec![true; 2000], [2000])?;
        assert_eq!(long.to_string(), "[true true true ... true true true]");
        Ok(())
    }
}
