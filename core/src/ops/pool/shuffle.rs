//! Pixel shuffle: channels become pixels, and its inverse.

use super::max::global;
use crate::autograd::Tensor;
use crate::error::{Error, Result};

/// # Pooling and windows
impl Tensor {
    /// Makes `factor` times as many elements of each spatial axis from channels: (batch, channels ·
    /// factor^D, …) becomes (batch, channels, … · factor), for D = 1 to 3 spatial axes (Shi et al.
    /// 2016, Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
    /// Convolutional Neural Network). PyTorch has it for two spatial axes.
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have these axes or the channels cannot be divided;
    /// [`Error::Argument`] if the factor is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0, 4.0]).reshape([1, 4, 1, 1])?;
    /// let y = x.pixel_shuffle(2)?;
    /// assert_eq!(y.shape(), [1, 1, 2, 2]);
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 2.0, 3.0, 4.0]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn pixel_shuffle(&self, factor: usize) -> Result<Self> {
        let op = "pixel_shuffle";
        let (dimensions, cells) = cells(op, self, factor)?;
        let (batch, channels) = (self.shape()[0], self.shape()[1]);
        if !channels.is_multiple_of(cells) {
            let reason = format!("{channels} channels cannot be divided by {cells}");
            return Err(Error::shape(op, reason, &[self.shape()]));
        }
        // (batch, channels, factor…, lengths…) to (batch, channels, length, factor, …)
        let lengths = &self.shape()[2..];
        let mut split = vec![batch, channels / cells];
        split.extend(lengths.iter().map(|_| factor));
        split.extend(lengths);
        let mut order = vec![0, 1];
        let mut shape = vec![batch, channels / cells];
        for (axis, &length) in lengths.iter().enumerate() {
            order.extend([2 + dimensions + axis, 2 + axis].map(|axis| axis as isize));
            shape.push(length.saturating_mul(factor));
        }
        self.reshape(split)?.permute(&order[..])?.reshape(shape)
    }

    /// Makes channels from blocks of `factor` elements along each spatial axis, the inverse of
    /// [`pixel_shuffle`](Self::pixel_shuffle): (batch, channels, … · factor) becomes
    /// (batch, channels · factor^D, …).
    ///
    /// # Errors
    /// [`Error::Shape`] if the input does not have these axes or a spatial axis cannot be divided;
    /// [`Error::Argument`] if the factor is 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let x = Tensor::zeros([1, 3, 4, 6], DType::F32)?;
    /// assert_eq!(x.pixel_unshuffle(2)?.shape(), [1, 12, 2, 3]);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "space_to_depth")]
    pub fn pixel_unshuffle(&self, factor: usize) -> Result<Self> {
        let op = "pixel_unshuffle";
        let (dimensions, cells) = cells(op, self, factor)?;
        let (batch, channels) = (self.shape()[0], self.shape()[1]);
        let lengths = &self.shape()[2..];
        if lengths.iter().any(|length| !length.is_multiple_of(factor)) {
            let reason = format!("a spatial axis cannot be divided by {factor}");
            return Err(Error::shape(op, reason, &[self.shape()]));
        }
        let Some(all) = channels.checked_mul(cells) else {
            let reason = format!("{channels} channels of blocks of {cells} elements are too many");
            return Err(Error::shape(op, reason, &[self.shape()]));
        };
        // (batch, channels, length, factor, …) to (batch, channels, factor…, lengths…)
        let (mut split, mut shape) = (vec![batch, channels], vec![batch, all]);
        for &length in lengths {
            split.extend([length / factor, factor]);
            shape.push(length / factor);
        }
        let mut order = vec![0, 1];
        order.extend((0..dimensions).map(|axis| 3 + 2 * axis as isize));
        order.extend((0..dimensions).map(|axis| 2 + 2 * axis as isize));
        self.reshape(split)?.permute(&order[..])?.reshape(shape)
    }
}

/// Returns the number of spatial axes and of the elements in a block.
fn cells(op: &'static str, x: &Tensor, factor: usize) -> Result<(usize, usize)> {
    let dimensions = global(op, x)?;
    let cells = factor
        .checked_pow(dimensions as u32)
        .filter(|&cells| cells > 0);
    let Some(cells) = cells else {
        let reason = format!("expected a factor of at least 1, and not too large, found {factor}");
        return Err(Error::argument(op, reason));
    };
    Ok((dimensions, cells))
}
