//! A stack of layers chosen at run time.

use cotangent_core::module::{DynLayer, Layer, Module, Pass, Walk, WalkMut, check_name};
use cotangent_core::{Error, Result, Tensor};

/// A stack of layers applied in order, chosen at run time. PyTorch: `nn.Sequential`.
///
/// The paths of the layers are their positions, as in `0.weight`, or the names that you give them.
/// If the layers are known at compile time, use `#[derive(Layer)]` on a struct: its layers are
/// fields with types.
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
    /// Creates an empty stack, which is the identity.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer at the end. Its name is its position, counted from 0.
    #[must_use]
    pub fn push(mut self, layer: impl DynLayer + 'static) -> Self {
        let position = self.layers.len().to_string();
        self.layers.push((position, Box::new(layer)));
        self
    }

    /// Adds a layer at the end with a name for checkpoints, reports and errors.
    ///
    /// # Errors
    /// [`Error::Argument`] if the name is empty, has a dot in it, is that of another layer, or is a
    /// number: numbers are the names of layers without one.
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

    /// Returns the number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Returns whether there are no layers.
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
