//! Dropout.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::kernel::{Float, parallel};
use crate::tensor::{Array, with_dtype};
use chacha20::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// Elements that share a stream of the generator.
const BLOCK: usize = 4096;

impl Tensor {
    /// Each element is 0 with probability `p`, else divided by 1 - p, so that the mean stays
    /// (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, Dropout: A Simple Way to
    /// Prevent Neural Networks from Overfitting). The same seed drops the same elements.
    ///
    /// # Errors
    /// [`Error::Argument`] if `p` is not in `[0, 1)`; PyTorch allows 1, which drops everything.
    ///
    /// ```
    /// # use cotangent_core::{DType, Tensor};
    /// let x = Tensor::ones([1000], DType::F32)?;
    /// let y = x.dropout(0.5, 7)?.to_vec::<f32>()?;
    /// assert!(y.iter().all(|&y| y == 0.0 || y == 2.0));
    /// assert_eq!(y, x.dropout(0.5, 7)?.to_vec::<f32>()?);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn dropout(&self, p: f64, seed: u64) -> Result<Self> {
        if !(0.0..1.0).contains(&p) {
            return Err(Error::argument(
                "dropout",
                format!("p must be in [0, 1), found {p}"),
            ));
        }
        if p == 0.0 {
            return Ok(self.clone());
        }
        // An element is dropped if its 32 random bits, as a number in [0, 2^32), are below this.
        let threshold = (p * 2f64.powi(32)).round() as u64;
        let scale = 1.0 / (1.0 - p);
        let mask = with_dtype!(self.dtype(), F => {
            Array::build::<F>(self.array().shape().clone(), |out| {
                parallel::chunks_mut(out, BLOCK, &|start, out| {
                    let mut rng = ChaCha8Rng::seed_from_u64(seed);
                    rng.set_stream((start / BLOCK) as u64);
                    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
                        if block > 0 {
                            rng.set_stream((start / BLOCK + block) as u64);
                            rng.set_word_pos(0);
                        }
                        for out in out {
                            let dropped = u64::from(rng.next_u32()) < threshold;
                            *out = if dropped { F::default() } else { F::from_f64(scale) };
                        }
                    }
                });
            })
        });
        self.mul(&Self::from(mask))
    }
}
