//! The parametric ReLU, whose slopes are learned.

use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::{DType, Error, Result, Tensor};
use cotangent_macros::Module;

/// Parametric ReLU: `x` if `x > 0`, else `weight · x`, with learned slopes.
///
/// There is one slope for all elements, or one for each channel (axis 1). Input and output have the
/// same shape. See [`Tensor::prelu`]. PyTorch's name is `PReLU`.
///
/// By default there is one slope, which starts at 0.25. Exclude it from weight decay, as the paper
/// does: decay pulls it towards 0 and so towards ReLU.
///
/// Source: He, Zhang, Ren, Sun 2015, Delving Deep into Rectifiers.
///
/// ```
/// use cotangent::prelude::*;
///
/// let y = PRelu::default().predict(&Tensor::from([-4.0f32, 2.0]))?;
/// assert_eq!(y.to_vec::<f32>()?, [-1.0, 2.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Clone, Debug, Module)]
#[module(crate = "cotangent_core")]
pub struct PRelu {
    /// The slopes below 0, (1) or (channels).
    pub weight: Param,
}

impl PRelu {
    /// Creates a layer with this many slopes, 1 or one per channel, which all start at `slope`.
    ///
    /// # Errors
    /// [`Error::Argument`] if `slopes` is 0, and the errors of [`Tensor::full`].
    pub fn new(slopes: usize, slope: f64) -> Result<Self> {
        if slopes == 0 {
            return Err(Error::argument("prelu", "expected at least one slope"));
        }
        Ok(Self {
            weight: Param::new(&Tensor::full([slopes], slope, DType::F32)?),
        })
    }
}

impl Default for PRelu {
    fn default() -> Self {
        Self {
            weight: Param::new(&Tensor::from([0.25f32])),
        }
    }
}

impl Layer for PRelu {
    /// # Errors
    /// Returns the errors of [`Tensor::prelu`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        x.prelu(&self.weight.read(pass))
    }
}
