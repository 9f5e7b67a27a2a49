//! The derivative of a normalization of rows as tensor operations, which can be differentiated
//! again.

use crate::autograd::Tensor;
use crate::error::Result;
use crate::kernel::norm::layer_norm::STATISTICS;
use crate::kernel::reduce::range;
use crate::tensor::{Array, Axes, Shape, with_dtype};

/// A normalization of rows, which are one or more of the last axes of a tensor.
pub(super) struct Recorded<'a> {
    pub axes: &'a [isize],
    /// Whether the mean is subtracted.
    pub centred: bool,
    pub epsilon: f64,
    /// The scales of the rows and their epsilons, in the shape of the tensor with axes of length 1,
    /// unless all scales are 1.
    pub scales: Option<[Tensor; 2]>,
}

/// The normalized rows, and what they were multiplied by.
pub(super) struct Normalized {
    pub rows: Tensor,
    factor: Tensor,
}

/// Returns the scales of rows with these statistics and their epsilons, unless all scales are 1.
pub(super) fn scales(statistics: &Tensor, shape: &Shape, epsilon: f64) -> Option<[Tensor; 2]> {
    with_dtype!(statistics.dtype(), F => {
        let rows = &*statistics.array().contiguous::<F>();
        let rows = rows.chunks_exact(STATISTICS);
        let scales = rows.map(|row| range::scale_of_cubes(row[0], row[3]));
        let tensor = |values: Vec<F>| Array::from_slice(shape.clone(), &values).into();
        range::scales_and_epsilons(scales, epsilon).map(|both| both.map(tensor))
    })
}

impl Recorded<'_> {
    fn mean(&self, x: &Tensor) -> Result<Tensor> {
        x.mean_over(Axes::keep(self.axes))
    }

    fn centred(&self, x: &Tensor) -> Result<Tensor> {
        if self.centred {
            x.sub(&self.mean(x)?)
        } else {
            Ok(x.clone())
        }
    }

    fn scaled(&self, x: Tensor) -> Result<Tensor> {
        match &self.scales {
            Some([scales, _]) => x.mul(scales),
            None => Ok(x),
        }
    }

    pub(super) fn normalized(&self, x: Tensor) -> Result<Normalized> {
        let x = self.scaled(x)?;
        // The mean of the deviations is the rounding error of the first mean.
        let deviation = self.centred(&self.centred(&x)?)?;
        let variance = self.mean(&deviation.square())?;
        let factor = match &self.scales {
            Some([_, epsilons]) => variance.add(epsilons)?,
            None => variance.add_scalar(self.epsilon),
        };
        let factor = factor.rsqrt();
        Ok(Normalized {
            rows: deviation.mul(&factor)?,
            factor,
        })
    }

    /// Returns the cotangent of the rows from that of the normalized ones.
    pub(super) fn pulled(&self, h: &Tensor, normalized: &Normalized) -> Result<Tensor> {
        let slope = self.mean(&h.mul(&normalized.rows)?)?;
        let pull = normalized.rows.mul(&slope)?;
        let dx = self.centred(h)?.sub(&pull)?.mul(&normalized.factor)?;
        self.scaled(dx)
    }
}
