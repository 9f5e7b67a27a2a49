//! Layers one after another, chosen at run time.

use cotangent_core::module::{Layer, Module, Pass, Walk, WalkMut};
use cotangent_core::{Error, Result, Tensor};
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

/// Layers applied in order; their paths are their positions, `0.weight`, as in PyTorch, or the
/// names that they are given.
///
/// ```
/// use cotangent::{DType, ModuleExt, Tensor, module::{Layer, Module}};
/// use cotangent::nn::{Linear, Relu, Sequential};
/// use cotangent::random::SeedableRng;
/// let mut rng = cotangent::random::ChaCha8Rng::seed_from_u64(1);
/// let net = Sequential::new()
///     .push(Linear::new(4, 8, &mut rng)?)
///     .push(Relu)
///     .named("out", Linear::new(8, 2, &mut rng)?)?;
/// assert_eq!(net.predict(&Tensor::zeros([5, 4], DType::F32)?)?.shape(), [5, 2]);
/// let paths: Vec<String> = net.named_params().into_iter().map(|(path, _)| path).collect();
/// assert_eq!(paths, ["0.weight", "0.bias", "out.weight", "out.bias"]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Sequential {
    layers: Vec<(String, Box<dyn SequentialLayer>)>,
}

impl Sequential {
    /// Without layers it is the identity.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer at the end, called by its position, counted from 0.
    #[must_use]
    pub fn push(mut self, layer: impl SequentialLayer + 'static) -> Self {
        let position = self.layers.len().to_string();
        self.layers.push((position, Box::new(layer)));
        self
    }

    /// Adds a layer at the end under a name, by which checkpoints, reports and errors call it.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is empty, has a dot in it, is a number, which is what layers
    /// without a name are called, or is that of another layer.
    pub fn named(mut self, name: &str, layer: impl SequentialLayer + 'static) -> Result<Self> {
        let problem = if name.is_empty() {
            "is empty"
        } else if name.contains('.') {
            "has a dot in it, which parts the names of a path"
        } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
            "is a number, which is what layers without a name are called"
        } else if self.layers.iter().any(|(other, _)| other == name) {
            "is that of another layer"
        } else {
            self.layers.push((name.to_owned(), Box::new(layer)));
            return Ok(self);
        };
        let reason = format!("the name `{name}` {problem}");
        Err(Error::argument("sequential", reason))
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
        let layers = self.layers.iter();
        Self {
            layers: layers
                .map(|(name, layer)| (name.clone(), (**layer).boxed_clone()))
                .collect(),
        }
    }
}

impl Module for Sequential {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        for (name, layer) in &self.layers {
            walk.field(name, &**layer);
        }
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        for (name, layer) in &mut self.layers {
            walk.field(name, &mut **layer);
        }
    }
}

impl Layer for Sequential {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let apply = |x: Tensor, (name, layer): &(String, Box<dyn SequentialLayer>)| {
            let y = layer.forward(&x, pass);
            y.map_err(|error| error.within(name))
        };
        self.layers.iter().try_fold(x.clone(), apply)
    }
}
