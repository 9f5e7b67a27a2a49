//! Layers one after another, chosen at run time.

use cotangent_core::module::{Layer, Module, Pass, Walk, WalkMut};
use cotangent_core::{Result, Tensor};
use std::fmt::Debug;

/// What a [`Sequential`] holds: any layer that can be cloned, printed and sent to another thread.
pub trait SequentialLayer: Layer + Debug + Send + Sync {
    /// A deep copy.
    fn boxed_clone(&self) -> Box<dyn SequentialLayer>;
}

impl<L: Layer + Debug + Clone + Send + Sync + 'static> SequentialLayer for L {
    fn boxed_clone(&self) -> Box<dyn SequentialLayer> {
        Box::new(self.clone())
    }
}

/// Layers applied in order; their paths are their positions, `0.weight`, as in PyTorch.
///
/// ```
/// use cotangent_core::{DType, Tensor, module::{Layer, Module}};
/// use cotangent_nn::{Linear, Relu, Sequential};
/// use cotangent_core::random::SeedableRng;
/// let mut rng = cotangent_core::random::ChaCha8Rng::seed_from_u64(1);
/// let net = Sequential::new()
///     .push(Linear::new(4, 8, &mut rng)?)
///     .push(Relu)
///     .push(Linear::new(8, 2, &mut rng)?);
/// assert_eq!(net.predict(&Tensor::zeros([5, 4], DType::F32)?)?.shape(), [5, 2]);
/// let paths: Vec<String> = net.named_params().into_iter().map(|(path, _)| path).collect();
/// assert_eq!(paths, ["0.weight", "0.bias", "2.weight", "2.bias"]);
/// # Ok::<(), cotangent_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Sequential {
    layers: Vec<Box<dyn SequentialLayer>>,
}

impl Sequential {
    /// Without layers it is the identity.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer at the end.
    #[must_use]
    pub fn push(mut self, layer: impl SequentialLayer + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// The number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl Clone for Sequential {
    fn clone(&self) -> Self {
        Self {
            layers: self
                .layers
                .iter()
                .map(|layer| (**layer).boxed_clone())
                .collect(),
        }
    }
}

impl Module for Sequential {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        for (i, layer) in self.layers.iter().enumerate() {
            walk.field(&i.to_string(), &**layer);
        }
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        for (i, layer) in self.layers.iter_mut().enumerate() {
            walk.field(&i.to_string(), &mut **layer);
        }
    }
}

impl Layer for Sequential {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let mut x = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            x = layer
                .forward(&x, pass)
                .map_err(|error| error.within(&i.to_string()))?;
        }
        Ok(x)
    }
}
