//! Simple arrays as a reference for tensors: a list of numbers, and loops over multi-indices.

use cotangent::{Axes, DType, Result, Tensor};
use std::ops::Range;

/// An array with its elements in row-major order.
#[derive(Clone, Debug)]
pub struct Naive {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// Numbers of axes as operations take them.
pub fn axes(numbers: &[usize]) -> Axes {
    numbers.iter().map(|&axis| axis as isize).collect()
}

/// Returns all multi-indices of a shape in row-major order.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for &len in shape {
        all = all
            .iter()
            .flat_map(|front| (0..len).map(move |i| [&front[..], &[i]].concat()))
            .collect();
    }
    all
}

/// Returns the row-major position of a multi-index.
pub fn number(shape: &[usize], index: &[usize]) -> usize {
    shape
        .iter()
        .zip(index)
        .fold(0, |number, (len, i)| number * len + i)
}

/// Returns the multi-index in `shape` for an index of the shape that it is broadcast to.
pub fn source(shape: &[usize], index: &[usize]) -> Vec<usize> {
    let missing = index.len() - shape.len();
    shape
        .iter()
        .zip(&index[missing..])
        .map(|(&len, &i)| if len == 1 { 0 } else { i })
        .collect()
}

/// Returns the shape that two shapes broadcast to.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let padded = |shape: &[usize]| [&vec![1; rank - shape.len()][..], shape].concat();
    let pairs = padded(a).into_iter().zip(padded(b));
    pairs
        .map(|(x, y)| match (x, y) {
            (x, y) if x == y => Some(x),
            (1, n) | (n, 1) => Some(n),
            _ => None,
        })
        .collect()
}

impl Naive {
    /// Creates an array whose element at each multi-index is `f` of that index.
    pub fn build(shape: &[usize], f: impl FnMut(&[usize]) -> f64) -> Self {
        let mut f = f;
        Self {
            shape: shape.to_vec(),
            values: indices(shape).iter().map(|index| f(index)).collect(),
        }
    }

    /// Creates an array of small integers: sums and products are exact in both dtypes.
    pub fn whole(shape: &[usize], seed: u64) -> Self {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        Self::build(shape, |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % 15) as f64 - 7.0
        })
    }

    /// Creates the array 0, 1, 2, …: the elements of a view then tell their original positions.
    pub fn numbered(shape: &[usize]) -> Self {
        Self::build(shape, |index| number(shape, index) as f64)
    }

    /// Returns the element at a multi-index.
    pub fn at(&self, index: &[usize]) -> f64 {
        self.values[number(&self.shape, index)]
    }

    /// Returns the element at an index of a shape that the array is broadcast to.
    pub fn stretched_at(&self, index: &[usize]) -> f64 {
        self.at(&source(&self.shape, index))
    }

    pub fn permute(&self, order: &[usize]) -> Self {
        let shape: Vec<usize> = order.iter().map(|&axis| self.shape[axis]).collect();
        Self::build(&shape, |index| {
            let mut from = vec![0; index.len()];
            order
                .iter()
                .zip(index)
                .for_each(|(&axis, &i)| from[axis] = i);
            self.at(&from)
        })
    }

    pub fn narrow(&self, axis: usize, start: usize, len: usize) -> Self {
        let mut shape = self.shape.clone();
        shape[axis] = len;
        Self::build(&shape, |index| {
            let mut from = index.to_vec();
            from[axis] += start;
            self.at(&from)
        })
    }

    /// Takes every `step`-th index of the range, from the first one; from the last one backwards if
    /// `step` is negative.
    pub fn slice(&self, axis: usize, range: Range<usize>, step: isize) -> Self {
        let mut named: Vec<usize> = range.collect();
        if step < 0 {
            named.reverse();
        }
        let named: Vec<usize> = named.into_iter().step_by(step.unsigned_abs()).collect();
        let mut shape = self.shape.clone();
        shape[axis] = named.len();
        Self::build(&shape, |index| {
            let mut from = index.to_vec();
            from[axis] = named[from[axis]];
            self.at(&from)
        })
    }

    pub fn flip(&self, axes: &[usize]) -> Self {
        Self::build(&self.shape, |index| {
            let mut from = index.to_vec();
            for &axis in axes {
                from[axis] = self.shape[axis] - 1 - from[axis];
            }
            self.at(&from)
        })
    }

    pub fn diagonal(&self, offset: isize) -> Self {
        let (front, matrix) = self.shape.split_at(self.shape.len() - 2);
        let on = |&(i, j): &(usize, usize)| j as isize - i as isize == offset;
        let all = indices(matrix)
            .into_iter()
            .map(|index| (index[0], index[1]));
        let places: Vec<(usize, usize)> = all.filter(on).collect();
        Self::build(&[front, &[places.len()]].concat(), |index| {
            let (front, i) = index.split_at(index.len() - 1);
            let (row, column) = places[i[0]];
            self.at(&[front, &[row, column]].concat())
        })
    }

    pub fn reshape(&self, shape: &[usize]) -> Self {
        assert_eq!(shape.iter().product::<usize>(), self.values.len());
        Self {
            shape: shape.to_vec(),
            values: self.values.clone(),
        }
    }

    pub fn broadcast_to(&self, shape: &[usize]) -> Self {
        Self::build(shape, |index| self.stretched_at(index))
    }

    /// Returns the numbers as a tensor in one of four memory layouts; unused memory is NaN.
    pub fn tensor(&self, dtype: DType, storage: u8) -> Result<Tensor> {
        let order: Vec<usize> = (0..self.shape.len()).rev().collect();
        let rotated: Vec<usize> = (1..=order.len())
            .map(|axis| axis % order.len().max(1))
            .collect();
        match storage % 4 {
            0 => Ok(Tensor::from_vec(self.values.clone(), &self.shape[..])?.to_dtype(dtype)),
            1 => self.permute(&order).tensor(dtype, 0)?.permute(axes(&order)),
            2 => {
                let larger: Vec<usize> = self.shape.iter().map(|len| len + 3).collect();
                let inside = |index: &[usize]| -> Option<f64> {
                    let from: Option<Vec<usize>> = index.iter().map(|i| i.checked_sub(1)).collect();
                    let from = from?;
                    from.iter()
                        .zip(&self.shape)
                        .all(|(i, len)| i < len)
                        .then(|| self.at(&from))
                };
                let padded = Self::build(&larger, |index| inside(index).unwrap_or(f64::NAN));
                let mut view = padded.tensor(dtype, 0)?;
                for (axis, &len) in self.shape.iter().enumerate() {
                    view = view.narrow(axis as isize, 1, len)?;
                }
                Ok(view)
            }
            _ => {
                let mut back = vec![0; rotated.len()];
                rotated
                    .iter()
                    .enumerate()
                    .for_each(|(to, &axis)| back[axis] = to);
                // Rotated and reversed.
                let flipped = self.permute(&rotated).flip(&order);
                flipped.tensor(dtype, 2)?.flip(..)?.permute(axes(&back))
            }
        }
    }

    /// Returns an error unless the tensor holds exactly these numbers, rounded to its dtype.
    pub fn matches(&self, tensor: &Tensor) -> Result<(), String> {
        self.differs_by(tensor, |_| 0.0)
    }

    /// Returns an error unless the tensor holds these numbers, each within its tolerance; NaN
    /// equals NaN.
    pub fn differs_by(
        &self,
        tensor: &Tensor,
        tolerance: impl Fn(f64) -> f64,
    ) -> Result<(), String> {
        if tensor.shape() != self.shape {
            return Err(format!(
                "shape {:?}, expected {:?}",
                tensor.shape(),
                self.shape
            ));
        }
        let round = |x: f64| {
            if tensor.dtype() == DType::F32 {
                f64::from(x as f32)
            } else {
                x
            }
        };
        let same = |&found: &f64, &expected: &f64| {
            let expected = round(expected);
            let difference = (found - expected).abs();
            found == expected
                || (found.is_nan() && expected.is_nan())
                || difference <= tolerance(expected)
        };
        let values = tensor.to_f64_vec();
        let equal = values.len() == self.values.len()
            && values.iter().zip(&self.values).all(|(f, e)| same(f, e));
        if equal {
            Ok(())
        } else {
            Err(format!("{tensor:?}, expected {:?}", self.values))
        }
    }
}
