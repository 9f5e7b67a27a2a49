//! Layers one after another, chosen at run time.

use cotangent_core::module::{DynLayer, Layer, Module, Pass, Walk, WalkMut, check_name};
use cotangent_core::{Error, Result, Tensor};

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
#[derive(Clone, Debug, Default)]
pub struct Sequential {
    layers: Vec<(String, Box<dyn DynLayer>)>,
}

impl Sequential {
    /// Without layers it is the identity.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer at the end, called by its position, counted from 0.
    #[must_use]
    pub fn push(mut self, layer: impl DynLayer + 'static) -> Self {
        let position = self.layers.len().to_string();
        self.layers.push((position, Box::new(layer)));
        self
    }

    /// Adds a layer at the end under a name, by which checkpoints, reports and errors call it.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is empty, has a dot in it, is a number, which is what layers
    /// without a name are called, or is that of another layer.
    pub fn named(mut self, name: &str, layer: impl DynLayer + 'static) -> Result<Self> {
        let op = "Sequential::named";
        check_name(op, name)?;
        let problem = if name.bytes().all(|byte| byte.is_ascii_digit()) {
            "is a number, but numbers are the names of layers added with `push`"
        } else if self.layers.iter().any(|(other, _)| other == name) {
            "is taken by another layer"
        } else {
            self.layers.push((name.to_owned(), Box::new(layer)));
            return Ok(self);
        };
        Err(Error::argument(op, format!("the name `{name}` {problem}")))
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
        let apply = |x: Tensor, (name, layer): &(String, Box<dyn DynLayer>)| {
            let y = layer.forward(&x, pass);
            y.map_err(|error| error.within(name))
        };
        self.layers.iter().try_fold(x.clone(), apply)
    }
}
