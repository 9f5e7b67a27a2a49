//! Rows of calls with drawn operands and arguments, valid and invalid.

use cotangent::{Axes, DType, Indices, Mask, Norm, Reduction, Result, Tensor};

/// Drawn arguments; each row uses those that it needs.
#[derive(Debug)]
pub struct Arguments {
    pub axis: isize,
    pub other_axis: isize,
    pub axes: Axes,
    pub list: Vec<isize>,
    pub order: Vec<isize>,
    pub size: usize,
    pub other_size: usize,
    pub sizes: Vec<usize>,
    pub step: isize,
    pub start: Option<isize>,
    pub end: Option<isize>,
    pub number: f64,
    pub other_number: f64,
    pub third_number: f64,
    pub shape: Vec<usize>,
    pub pairs: Vec<(usize, usize)>,
    pub indices: Indices,
    pub labels: Indices,
    pub mask: Mask,
    pub other_mask: Mask,
    pub flag: bool,
    pub reduction: Reduction,
    pub norm: Norm,
    pub power: i32,
    pub equation: String,
    pub dtype: DType,
    pub seed: u64,
}

/// How a result may depend on the memory layout of the operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Not at all: elements are computed independently, or in an order that depends on the shape.
    Same,
    /// By the sign of zero: among equal elements, the first in memory is taken.
    Equal,
    /// By rounding: sums are taken in memory order.
    Close,
}

/// A call with drawn arguments.
pub struct Drawn {
    /// The name of the function.
    pub name: &'static str,
    /// The number of tensors that the function takes.
    pub operands: usize,
    pub layout: Layout,
    pub f: fn(&[Tensor], &Arguments) -> Result<Vec<Tensor>>,
}

/// A result of a function that can be converted to tensors, for comparison.
pub trait Outcome {
    /// Converts the result to tensors.
    ///
    /// # Errors
    /// The function's own error.
    fn tensors(self) -> Result<Vec<Tensor>>;
}

impl Outcome for Tensor {
    fn tensors(self) -> Result<Vec<Tensor>> {
        Ok(vec![self])
    }
}

impl Outcome for Vec<Tensor> {
    fn tensors(self) -> Result<Vec<Tensor>> {
        Ok(self)
    }
}

impl Outcome for Mask {
    fn tensors(self) -> Result<Vec<Tensor>> {
        assert_eq!(self.len(), self.as_slice().len());
        assert!(!self.to_string().is_empty());
        Ok(vec![self.to_tensor(DType::F32)])
    }
}

impl Outcome for Indices {
    fn tensors(self) -> Result<Vec<Tensor>> {
        assert!(!self.to_string().is_empty());
        let values: Vec<f64> = self.as_slice().iter().map(|&i| i as f64).collect();
        Ok(vec![Tensor::from_vec(values, self.shape())?])
    }
}

impl Outcome for f64 {
    fn tensors(self) -> Result<Vec<Tensor>> {
        Ok(vec![Tensor::scalar(self)])
    }
}

impl Outcome for bool {
    fn tensors(self) -> Result<Vec<Tensor>> {
        f64::from(u8::from(self)).tensors()
    }
}

impl Outcome for usize {
    fn tensors(self) -> Result<Vec<Tensor>> {
        (self as f64).tensors()
    }
}

impl Outcome for String {
    fn tensors(self) -> Result<Vec<Tensor>> {
        Ok(Vec::new())
    }
}

impl<A: Outcome, B: Outcome> Outcome for (A, B) {
    fn tensors(self) -> Result<Vec<Tensor>> {
        let (first, second) = (self.0.tensors()?, self.1.tensors()?);
        Ok([first, second].concat())
    }
}

impl<T: Outcome> Outcome for Result<T> {
    fn tensors(self) -> Result<Vec<Tensor>> {
        self.and_then(T::tensors)
    }
}

/// Returns the first tensor of a result.
pub fn single(outcome: impl Outcome) -> Result<Tensor> {
    Ok(outcome.tensors()?.swap_remove(0))
}
