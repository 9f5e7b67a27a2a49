//! Skip connections around layers.

use crate::activation::Identity;
use cotangent_core::module::{Layer, Pass};
use cotangent_core::{Error, Result, Tensor};
use cotangent_macros::Module;

/// A residual block: `y = shortcut(x) + body(x)`, by default `x + body(x)`.
///
/// The body learns the difference to its input, and gradients reach the layers below without loss.
/// If the body changes the shape, use a shortcut that changes it too, such as a
/// [`Linear`](crate::Linear) projection.
///
/// Source: He, Zhang, Ren, Sun 2015, Deep Residual Learning for Image Recognition.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let body = Sequential::new().push(Linear::new(8, 4, &mut rng)?).push(Relu);
/// let block = Residual::new(body).with_shortcut(Linear::new(8, 4, &mut rng)?);
/// assert_eq!(block.predict(&Tensor::zeros([5, 8], DType::F32)?)?.shape(), [5, 4]);
/// assert_eq!(block.named_params()[0].0, "body.0.weight");
/// assert_eq!(block.named_params()[2].0, "shortcut.weight");
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "SkipConnection")]
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct Residual<F, S = Identity> {
    /// The layer or layers that are skipped.
    pub body: F,
    /// The layer on the way past the body.
    pub shortcut: S,
}

impl<F> Residual<F> {
    /// Creates the block `x + body(x)`.
    pub fn new(body: F) -> Self {
        Self {
            body,
            shortcut: Identity,
        }
    }

    /// Replaces the shortcut: `shortcut(x) + body(x)`.
    pub fn with_shortcut<S>(self, shortcut: S) -> Residual<F, S> {
        Residual {
            body: self.body,
            shortcut,
        }
    }
}

impl<F: Layer, S: Layer> Layer for Residual<F, S> {
    /// # Errors
    /// [`Error::Shape`] if shortcut and body give different shapes (they are not broadcast), and
    /// the errors of the two layers.
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let y = self.body.forward(x, pass);
        let y = y.map_err(|error| error.within("body"))?;
        let passed = self.shortcut.forward(x, pass);
        let passed = passed.map_err(|error| error.within("shortcut"))?;
        if passed.shape() != y.shape() {
            let reason = "expected equal shapes of shortcut and body; use a projection such as \
                          `Linear` as the shortcut";
            let shapes = [passed.shape(), y.shape()];
            return Err(Error::shape("residual", reason, &shapes));
        }
        passed.add(&y)
    }
}
