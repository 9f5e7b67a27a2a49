//! The gated feed-forward layer.

use crate::linear::Linear;
use cotangent_core::elementwise;
use cotangent_core::module::{Layer, Pass};
use cotangent_core::random::Rng;
use cotangent_core::{Result, Tensor};
use cotangent_macros::Module;

/// Computes `silu(gate) up`, with `silu(x) = x sigmoid(x)`.
#[elementwise(kind = Activation, crate = "cotangent_core")]
fn swiglu(gate: Tensor, up: Tensor) -> Tensor {
    gate * sigmoid(gate) * up
}

/// A gated feed-forward layer: `down(silu(gate(x)) up(x))`.
///
/// Input and output (…, features). The three projections have no biases. The activation and the
/// product are one sweep over memory.
///
/// With three weights instead of two, a hidden size of 8/3 features has as many parameters as a
/// plain feed-forward layer with 4 features.
///
/// Source: Shazeer 2020, GLU Variants Improve Transformer.
///
/// ```
/// use cotangent::prelude::*;
/// use cotangent::nn::SwiGlu;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let layer = SwiGlu::new(32, 88, &mut rng)?;
/// assert_eq!(layer.predict(&Tensor::ones([2, 10, 32], DType::F32)?)?.shape(), [2, 10, 32]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct SwiGlu {
    /// The projection that is activated.
    pub gate: Linear,
    /// The projection that is multiplied by it.
    pub up: Linear,
    /// The projection of the product.
    pub down: Linear,
}

impl SwiGlu {
    /// Creates a layer with `hidden` products and the default weights of [`Linear`].
    ///
    /// # Errors
    /// Those of [`LinearBuilder::build`](crate::LinearBuilder::build).
    pub fn new(features: usize, hidden: usize, rng: &mut (impl Rng + ?Sized)) -> Result<Self> {
        Ok(Self {
            gate: Linear::builder(features, hidden).no_bias().build(rng)?,
            up: Linear::builder(features, hidden).no_bias().build(rng)?,
            down: Linear::builder(hidden, features).no_bias().build(rng)?,
        })
    }
}

impl Layer for SwiGlu {
    /// # Errors
    /// Those of [`Linear`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let product = swiglu(&self.gate.forward(x, pass)?, &self.up.forward(x, pass)?)?;
        self.down.forward(&product, pass)
    }
}
