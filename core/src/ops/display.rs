//! How tensors print: as NumPy prints arrays, aligned, long axes shortened.

use crate::autograd::Tensor;
use std::fmt;

/// Above this many elements the middle of each long axis is left out.
const SHORTEN_ABOVE: usize = 1000;
/// How many elements are shown at each end of a shortened axis.
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
    /// The precision of the format (`{:.2}`) is the number of decimals; without one, as many as
    /// tell the shown elements apart, at most 4.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shorten = self.len() > SHORTEN_ABOVE;
        let shown: Vec<Vec<usize>> = self
            .shape()
            .iter()
            .map(|&len| shown(len, shorten))
            .collect();
        let values = self.array().to_f64_vec();
        let mut picked = Vec::new();
        pick(&values, self.shape(), &shown, 0, &mut picked);
        let texts = format_all(&picked, f.precision());
        let width = texts.iter().map(String::len).max().unwrap_or(0);
        let mut texts = texts.into_iter();
        write_axis(f, self.shape(), &shown, width, 0, &mut texts)
    }
}

/// The indices of an axis that are shown.
fn shown(len: usize, shorten: bool) -> Vec<usize> {
    if shorten && len > 2 * EDGE {
        (0..EDGE).chain(len - EDGE..len).collect()
    } else {
        (0..len).collect()
    }
}

fn pick(values: &[f64], shape: &[usize], shown: &[Vec<usize>], start: usize, out: &mut Vec<f64>) {
    let Some((indices, deeper)) = shown.split_first() else {
        out.push(values[start]);
        return;
    };
    let stride: usize = shape[1..].iter().product();
    for &i in indices {
        pick(values, &shape[1..], deeper, start + i * stride, out);
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

fn write_axis(
    f: &mut fmt::Formatter<'_>,
    shape: &[usize],
    shown: &[Vec<usize>],
    width: usize,
    depth: usize,
    texts: &mut impl Iterator<Item = String>,
) -> fmt::Result {
    let Some((indices, deeper)) = shown.split_first() else {
        return write!(f, "{:>width$}", texts.next().unwrap_or_default());
    };
    let separator = if deeper.is_empty() {
        " ".to_owned()
    } else {
        format!("{}{}", "\n".repeat(deeper.len()), " ".repeat(depth + 1))
    };
    f.write_str("[")?;
    for (place, &i) in indices.iter().enumerate() {
        if place > 0 {
            f.write_str(&separator)?;
            if i != indices[place - 1] + 1 {
                write!(f, "...{separator}")?;
            }
        }
        write_axis(f, &shape[1..], deeper, width, depth + 1, texts)?;
    }
    f.write_str("]")
}

#[cfg(test)]
mod tests {
    use crate::{DType, Tensor};

    #[test]
    fn prints_like_numpy() -> crate::Result<()> {
        let x = Tensor::from([[1.0f32, -2.5], [30.25, 4.0]]);
        assert_eq!(x.to_string(), "[[ 1.00 -2.50]\n [30.25  4.00]]");
        assert_eq!(format!("{:.1}", Tensor::from(2.0f64)), "2.0");
        assert_eq!(Tensor::from([1.0f32, f32::NAN]).to_string(), "[ 1. NaN]");
        let long = Tensor::full([2000], 1.0, DType::F32)?;
        assert_eq!(long.to_string(), "[1. 1. 1. ... 1. 1. 1.]");
        assert_eq!(Tensor::zeros([0, 3], DType::F32)?.to_string(), "[]");
        Ok(())
    }
}
