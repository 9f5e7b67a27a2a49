//! Skip connections.

use crate::activation::Identity;
use cotangent_core::module::{Layer, Pass};
use cotangent_core::{Error, Result, Tensor};
use cotangent_macros::Module;

/// x + f(x): what a layer learns is the difference to its input, and gradients reach what is below
/// it undiminished (He, Zhang, Ren, Sun 2015, Deep Residual Learning for Image Recognition).
///
/// Where f changes the shape, a projection takes the place of x: a layer that changes it likewise.
///
/// ```
/// use cotangent::random::{ChaCha8Rng, SeedableRng};
/// use cotangent::{DType, ModuleExt, Tensor, module::{Layer, Module}};
/// use cotangent::nn::{Linear, Relu, Residual, Sequential};
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let body = Sequential::new().push(Linear::new(8, 4, &mut rng)?).push(Relu);
/// let block = Residual::new(body).with_shortcut(Linear::new(8, 4, &mut rng)?);
/// assert_eq!(block.predict(&Tensor::zeros([5, 8], DType::F32)?)?.shape(), [5, 4]);
/// assert_eq!(block.named_params()[0].0, "body.0.weight");
/// assert_eq!(block.named_params()[2].0, "shortcut.weight");
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct Residual<F, S = Identity> {
    /// f.
    pub body: F,
    /// What the input takes past it.
    pub shortcut: S,
}

impl<F> Residual<F> {
    /// x + f(x).
    pub fn new(body: F) -> Self {
        Self {
            body,
            shortcut: Identity,
        }
    }

    /// s(x) + f(x).
    pub fn with_shortcut<S>(self, shortcut: S) -> Residual<F, S> {
        Residual {
            body: self.body,
            shortcut,
        }
    }
}

impl<F: Layer, S: Layer> Layer for Residual<F, S> {
    /// # Errors
    /// [`Error::Shape`] if the two have other shapes: nothing is broadcast. And those of the
    /// layers.
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let y = self.body.forward(x, pass);
        let y = y.map_err(|error| error.within("body"))?;
        let passed = self.shortcut.forward(x, pass);
        let passed = passed.map_err(|error| error.within("shortcut"))?;
        if passed.shape() != y.shape() {
            let reason = "expected shortcut and body of one shape; a projection as shortcut, such as \
                          `Linear`, makes them fit";
            let shapes = [passed.shape(), y.shape()];
            return Err(Error::shape("residual", reason, &shapes));
        }
        passed.add(&y)
    }
}
