//! Random changes of images, for [`augment`](crate::Dataset).
//!
//! Each function takes an image `(channels, height, width)` or `(height, width)` and the generator
//! that the data set passes. The generator depends on the seed, the epoch and the position of the
//! image alone, so that the number of workers changes nothing.
//!
//! ```
//! use cotangent::data::augment;
//! use cotangent::prelude::*;
//!
//! let image = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let flipped = augment::flip_horizontal(&image, 1.0, &mut rng)?;
//! assert_eq!(flipped.to_vec::<f32>()?, [2.0, 1.0, 4.0, 3.0]);
//! let shifted = augment::shift(&image, 1, &mut rng)?;
//! assert_eq!(shifted.shape(), [2, 2]);
//! # Ok::<(), Error>(())
//! ```

use cotangent_core::random::{ChaCha8Rng, RngExt};
use cotangent_core::{Error, Interval, Result, Tensor};

/// Reverses left and right with a probability.
///
/// # Errors
/// [`Error::Argument`] unless `0 <= probability <= 1`, [`Error::Shape`] if the image has fewer than
/// two axes.
#[doc(alias = "RandomHorizontalFlip")]
pub fn flip_horizontal(image: &Tensor, probability: f64, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    flip("flip_horizontal", image, -1, probability, rng)
}

/// Reverses top and bottom with a probability.
///
/// # Errors
/// Those of [`flip_horizontal`].
#[doc(alias = "RandomVerticalFlip")]
pub fn flip_vertical(image: &Tensor, probability: f64, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    flip("flip_vertical", image, -2, probability, rng)
}

/// Cuts out a part of `[height, width]` at a random place, after `padding` zeros were added at
/// each side.
///
/// # Errors
/// [`Error::Shape`] if the image has fewer than two axes or is smaller than the part.
///
/// ```
/// use cotangent::data::augment;
/// use cotangent::prelude::*;
///
/// let image = Tensor::ones([3, 32, 40], DType::F32)?;
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// assert_eq!(augment::crop(&image, [28, 28], 0, &mut rng)?.shape(), [3, 28, 28]);
/// assert_eq!(augment::crop(&image, [32, 40], 4, &mut rng)?.shape(), [3, 32, 40]);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "RandomCrop")]
pub fn crop(
    image: &Tensor,
    [height, width]: [usize; 2],
    padding: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Tensor> {
    const OP: &str = "crop";
    let lengths = side_lengths(OP, image)?;
    let around = [(padding, padding); 2];
    let room = |length: usize, part: usize| {
        let padded = padding.checked_mul(2)?.checked_add(length)?;
        padded.checked_sub(part)
    };
    let (Some(vertical), Some(horizontal)) = (room(lengths[0], height), room(lengths[1], width))
    else {
        let reason = format!(
            "the image must not be smaller than the part ({height}, {width}), with padding \
             {padding} at each side"
        );
        return Err(Error::shape(OP, reason, &[image.shape()]));
    };
    let (top, left) = (
        rng.random_range(0..=vertical),
        rng.random_range(0..=horizontal),
    );
    let padded = if padding == 0 {
        image.clone()
    } else {
        let leading = image.rank() - 2;
        image.pad(&[vec![(0, 0); leading], around.to_vec()].concat(), 0.0)?
    };
    padded.narrow(-2, top, height)?.narrow(-1, left, width)
}

/// Moves the image by at most `pixels` in each direction, and fills with zeros.
///
/// # Errors
/// [`Error::Shape`] if the image has fewer than two axes.
pub fn shift(image: &Tensor, pixels: usize, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    let lengths = side_lengths("shift", image)?;
    crop(image, lengths, pixels, rng)
}

/// Adds normal noise of the given standard deviation to every value.
///
/// # Errors
/// [`Error::Argument`] if the standard deviation is negative or not finite.
pub fn noise(image: &Tensor, standard_deviation: f64, rng: &mut ChaCha8Rng) -> Result<Tensor> {
    image.add(&image.normal_like(0.0, standard_deviation, rng)?)
}

fn flip(
    op: &'static str,
    image: &Tensor,
    axis: isize,
    probability: f64,
    rng: &mut ChaCha8Rng,
) -> Result<Tensor> {
    side_lengths(op, image)?;
    Interval::Share.check(op, "the probability", probability)?;
    if rng.random_bool(probability) {
        image.flip(axis)
    } else {
        Ok(image.clone())
    }
}

/// Returns the height and the width.
fn side_lengths(op: &'static str, image: &Tensor) -> Result<[usize; 2]> {
    if let [.., height, width] = *image.shape() {
        return Ok([height, width]);
    }
    let reason = "expected (channels, height, width) or (height, width)";
    Err(Error::shape(op, reason, &[image.shape()]))
}
