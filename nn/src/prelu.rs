//! Parametric ReLU, whose slopes are learnt.

use cotangent_core::module::{Layer, Param, Pass};
use cotangent_core::{DType, Error, Result, Tensor};
use cotangent_macros::Module;

/// x for x > 0, else weight · x, with one learnt slope for all, or one for each channel, which are
/// axis 1 (He, Zhang, Ren, Sun 2015, Delving Deep into Rectifiers). See [`Tensor::prelu`].
///
/// By default one slope that starts at 0.25. Weight decay pulls it towards 0 and so towards ReLU:
/// the paper leaves it out.
///
/// ```
/// use cotangent::{Tensor, module::Layer};
/// use cotangent::nn::PRelu;
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
    /// A layer with this many slopes, 1 or one for each channel, that all start at `slope`.
    ///
    /// # Errors
    /// [`Error::Argument`] if there are no slopes, and as [`Tensor::full`].
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
    /// As [`Tensor::prelu`].
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        x.prelu(&self.weight.read(pass))
    }
}
