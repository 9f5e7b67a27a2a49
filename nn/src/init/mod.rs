//! Initializers of weights, which keep signals from vanishing or exploding.
//!
//! A weight is (out, in, …). Its fan in is the product of all axes except the first, its fan out
//! the product of all axes except the second. The scaled initializers draw with variance
//! `scale / fan`, from a normal or a uniform distribution:
//!
//! | initializer | for | scale | fan |
//! |---|---|---|---|
//! | [`glorot_normal`], [`glorot_uniform`] | linear, tanh, sigmoid, softmax | 1 | average |
//! | [`he_normal`], [`he_uniform`] | ReLU and its variants, ELU | 2 | in |
//! | [`lecun_normal`], [`lecun_uniform`] | SELU | 1 | in |
//! | [`pytorch_linear`] | PyTorch's default for `Linear` | 1/3 | in |
//! | [`variance_scaling`] | other choices | | |
//!
//! Convolutions draw the weight of each group by itself, so that the fans are those of a unit.
//! PyTorch's functions, applied to such a weight, take the fan out of all groups together, and swap
//! the fans of transposed convolutions. Attention draws queries, keys and values by themselves,
//! recurrent layers all gates at once.
//!
//! Options are methods: [`Init::fan`], [`Init::truncated`], [`Init::gain`].
//!
//! Some textbooks define He's initializers with the average of the fans: variance 4 / (fan in + fan
//! out), or uniform on ±√(12 / (fan in + fan out)). These are `he_normal().fan(Fan::Average)` and
//! `he_uniform().fan(Fan::Average)`. (Where 24 is printed instead of 12, the variance is twice as
//! large.)
//!
//! The other initializers are [`orthogonal`] and [`identity`] for deep and recurrent networks,
//! [`normal`] and [`uniform`] of a given width, and [`constant`], [`zeros`] and [`ones`].
//!
//! PyTorch's `calculate_gain` recommends these gains, for `glorot_normal().gain(..)` or
//! `orthogonal().gain(..)`. See also [`Activation::gain`](crate::Activation::gain).
//!
//! | activation | gain |
//! |---|---|
//! | none, sigmoid | 1 |
//! | tanh | 5/3 |
//! | ReLU | √2 |
//! | leaky ReLU of slope a | √(2 / (1 + a²)) |
//! | SELU | 3/4 |
//!
//! All draws come from the generator passed in: the same seed gives the same weights.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let layer = Linear::builder(784, 300).weight(init::he_normal()).build(&mut rng)?;
//! # Ok::<(), cotangent::Error>(())
//! ```

mod draw;
mod orthogonal;

use cotangent_core::random::Rng;
use cotangent_core::{Result, Tensor};

/// The fan of a weight that the variance is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// The number of inputs of a unit.
    #[doc(alias = "fan_in")]
    In,
    /// The number of units that an input feeds.
    #[doc(alias = "fan_out")]
    Out,
    /// The mean of both.
    #[doc(alias = "fan_avg")]
    Average,
}

/// The distribution of a scaled initializer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Normal. Keras's name is `untruncated_normal`.
    Normal,
    /// Normal, where draws beyond two standard deviations are repeated. The standard deviation
    /// before truncation is raised so that the variance afterwards is the requested one, as in
    /// Keras.
    TruncatedNormal,
    /// Uniform on an interval around 0.
    Uniform,
}

/// An initializer: the distribution that the values of a tensor are drawn from.
///
/// The functions of this module create it, and its methods set options. An option that does not
/// fit, such as a fan for an initializer without one, is an error of [`draw`](Self::draw).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Init {
    kind: Kind,
    gain: f64,
}

/// The distribution before it is multiplied by the gain.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Constant(f64),
    Normal {
        mean: f64,
        standard_deviation: f64,
        truncated: bool,
    },
    Uniform {
        low: f64,
        high: f64,
    },
    VarianceScaling {
        scale: f64,
        fan: Fan,
        distribution: Distribution,
    },
    Orthogonal,
    Identity,
    /// An initializer was given an option that it does not have.
    Invalid(&'static str),
}

impl Kind {
    fn init(self) -> Init {
        Init {
            kind: self,
            gain: 1.0,
        }
    }
}

/// Sets every element to `value`. Use it for biases. As a weight it keeps all units of a layer
/// equal forever.
#[doc(alias = "constant_")]
#[doc(alias = "Constant")]
pub fn constant(value: f64) -> Init {
    Kind::Constant(value).init()
}

/// Sets every element to 0.
#[doc(alias = "zeros_")]
#[doc(alias = "Zeros")]
pub fn zeros() -> Init {
    constant(0.0)
}

/// Sets every element to 1.
#[doc(alias = "ones_")]
#[doc(alias = "Ones")]
pub fn ones() -> Init {
    constant(1.0)
}

/// Draws from a normal distribution with mean 0 (see [`mean`](Init::mean)) and the given standard
/// deviation, at least 0. A standard deviation of 1 is the naive choice for comparison.
#[doc(alias = "normal_")]
#[doc(alias = "RandomNormal")]
pub fn normal(standard_deviation: f64) -> Init {
    let (mean, truncated) = (0.0, false);
    Kind::Normal {
        mean,
        standard_deviation,
        truncated,
    }
    .init()
}

/// Draws uniformly from `[low, high)`, with `low` at most `high`. See [`Tensor::uniform`].
#[doc(alias = "uniform_")]
#[doc(alias = "RandomUniform")]
pub fn uniform(low: f64, high: f64) -> Init {
    Kind::Uniform { low, high }.init()
}

/// Draws with mean 0 and variance `scale / fan`, with `scale` above 0. The uniform distribution is
/// on ±√(3 scale / fan).
///
/// ```
/// use cotangent::nn::init::{self, Distribution, Fan};
///
/// let he = init::variance_scaling(2.0, Fan::In, Distribution::TruncatedNormal);
/// assert_eq!(he, init::he_normal().truncated());
/// ```
#[doc(alias = "VarianceScaling")]
#[doc(alias = "variance_scaling_initializer")]
pub fn variance_scaling(scale: f64, fan: Fan, distribution: Distribution) -> Init {
    Kind::VarianceScaling {
        scale,
        fan,
        distribution,
    }
    .init()
}

macro_rules! named {
    ($(
        $(#[$doc:meta])*
        pub fn $name:ident() = $scale:literal $fan:ident $distribution:ident;
    )*) => {$(
        $(#[$doc])*
        pub fn $name() -> Init {
            variance_scaling($scale, Fan::$fan, Distribution::$distribution)
        }
    )*};
}

named! {
    /// Draws from a normal distribution with variance 2 / (fan in + fan out), also called Xavier.
    ///
    /// Keras's is truncated: use `glorot_normal().truncated()`.
    ///
    /// Source: Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward
    /// neural networks.
    #[doc(alias = "xavier_normal")]
    #[doc(alias = "xavier_normal_")]
    #[doc(alias = "GlorotNormal")]
    pub fn glorot_normal() = 1.0 Average Normal;
    /// Draws uniformly from ±√(6 / (fan in + fan out)), also called Xavier (Glorot, Bengio 2010).
    /// It is the default of [`Linear`](crate::Linear), as in Keras.
    #[doc(alias = "xavier_uniform")]
    #[doc(alias = "xavier_uniform_")]
    #[doc(alias = "GlorotUniform")]
    pub fn glorot_uniform() = 1.0 Average Uniform;
    /// Draws from a normal distribution with variance 2 / fan in, also called Kaiming.
    ///
    /// Keras's is truncated: use `he_normal().truncated()`.
    ///
    /// Source: He, Zhang, Ren, Sun 2015, Delving Deep into Rectifiers.
    #[doc(alias = "kaiming_normal")]
    #[doc(alias = "kaiming_normal_")]
    #[doc(alias = "HeNormal")]
    pub fn he_normal() = 2.0 In Normal;
    /// Draws uniformly from ±√(6 / fan in), also called Kaiming (He, Zhang, Ren, Sun 2015).
    /// PyTorch's `kaiming_uniform_` is the same with `nonlinearity="relu"`.
    #[doc(alias = "kaiming_uniform")]
    #[doc(alias = "kaiming_uniform_")]
    #[doc(alias = "HeUniform")]
    pub fn he_uniform() = 2.0 In Uniform;
    /// Draws from a normal distribution with variance 1 / fan in (LeCun, Bottou, Orr, Müller 1998,
    /// Efficient BackProp). Keras's is truncated: use `lecun_normal().truncated()`.
    #[doc(alias = "LecunNormal")]
    pub fn lecun_normal() = 1.0 In Normal;
    /// Draws uniformly from ±√(3 / fan in) (LeCun, Bottou, Orr, Müller 1998).
    #[doc(alias = "LecunUniform")]
    pub fn lecun_uniform() = 1.0 In Uniform;
}

/// Draws uniformly from ±1 / √fan in, PyTorch's default for the weight of a linear layer.
///
/// PyTorch draws the bias from the same interval.
/// [`LinearBuilder::pytorch_default`](crate::LinearBuilder::pytorch_default) sets both.
pub fn pytorch_linear() -> Init {
    variance_scaling(1.0 / 3.0, Fan::In, Distribution::Uniform)
}

/// Draws a matrix with orthonormal rows, or columns if there are fewer of them.
///
/// A signal keeps its length through any number of such layers (Saxe, McClelland, Ganguli 2014,
/// Exact solutions to the nonlinear dynamics of learning in deep linear neural networks). All such
/// matrices are equally likely. A weight with more than two axes is treated as the matrix (out, in
/// · …), as in PyTorch. The time is that of a QR decomposition, cubic in the length of a square
/// matrix.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let w = init::orthogonal().draw(&[2, 5], &mut rng)?;
/// let products = w.matmul(&w.transpose(0, 1)?)?.to_f64_vec();
/// assert!(products.iter().zip([1.0, 0.0, 0.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-6));
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "orthogonal_")]
#[doc(alias = "Orthogonal")]
pub fn orthogonal() -> Init {
    Kind::Orthogonal.init()
}

/// Sets the diagonal of a matrix (out, in) to 1 and all other elements to 0: each unit passes on
/// one input. Other shapes are an error, as in PyTorch and Keras.
///
/// ```
/// use cotangent::prelude::*;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let w = init::identity().draw(&[2, 3], &mut rng)?;
/// assert_eq!(w.to_vec::<f32>()?, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "eye_")]
#[doc(alias = "Identity")]
pub fn identity() -> Init {
    Kind::Identity.init()
}

impl Init {
    /// Sets the mean of a normal distribution. Default: 0.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let w = init::normal(0.1).mean(5.0).draw(&[1000], &mut rng)?;
    /// assert!((w.mean().item()? - 5.0).abs() < 0.02);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn mean(mut self, mean: f64) -> Self {
        match &mut self.kind {
            Kind::Normal { mean: old, .. } => *old = mean,
            kind => *kind = Kind::Invalid("only `normal` has the option `mean`"),
        }
        self
    }

    /// Truncates a normal distribution at two standard deviations: draws beyond them are repeated.
    ///
    /// A scaled initializer keeps its variance, as in Keras. For [`normal`] the standard deviation
    /// is the one before truncation, and 0.88 of it remains, as in Keras's `TruncatedNormal` and
    /// TF1's `truncated_normal`. PyTorch's `trunc_normal_` has absolute bounds, -2 and 2 by
    /// default: with a standard deviation of 0.02 it truncates nothing.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let w = init::normal(0.5).truncated().draw(&[1000], &mut rng)?;
    /// assert!(w.to_f64_vec().iter().all(|w| w.abs() <= 1.0));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "truncated_normal")]
    #[doc(alias = "TruncatedNormal")]
    #[doc(alias = "trunc_normal_")]
    pub fn truncated(mut self) -> Self {
        match &mut self.kind {
            Kind::Normal { truncated, .. } => *truncated = true,
            Kind::VarianceScaling { distribution, .. }
                if *distribution != Distribution::Uniform =>
            {
                *distribution = Distribution::TruncatedNormal;
            }
            kind => *kind = Kind::Invalid("only normal distributions have the option `truncated`"),
        }
        self
    }

    /// Sets the fan of a scaled initializer.
    ///
    /// ```
    /// use cotangent::nn::init::Fan;
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let he = init::he_uniform().fan(Fan::Average);
    /// let w = he.draw(&[30, 90], &mut rng)?;
    /// let bound = (12.0f64 / (30.0 + 90.0)).sqrt();
    /// assert!(w.to_f64_vec().iter().all(|w| w.abs() <= bound * (1.0 + 1e-6)));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "mode")]
    pub fn fan(mut self, fan: Fan) -> Self {
        match &mut self.kind {
            Kind::VarianceScaling { fan: old, .. } => *old = fan,
            kind => *kind = Kind::Invalid("only a scaled initializer has the option `fan`"),
        }
        self
    }

    /// Multiplies the draws by `gain`, finite and above 0. The variance is multiplied by its
    /// square. The [module's documentation](self) has a table of gains by activation.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let draw = |init: init::Init| init.draw(&[2, 2], &mut ChaCha8Rng::seed_from_u64(1));
    /// let (one, two) = (draw(init::glorot_normal())?, draw(init::glorot_normal().gain(2.0))?);
    /// assert_eq!(one.mul_scalar(2.0).to_vec::<f32>()?, two.to_vec::<f32>()?);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "calculate_gain")]
    pub fn gain(mut self, gain: f64) -> Self {
        // An invalid gain stays invalid when it is multiplied by another one.
        self.gain = if gain > 0.0 { self.gain * gain } else { gain };
        self
    }

    /// Draws a tensor of `f32`. For a model in `f64`, draw it and then
    /// [convert](cotangent_core::ModuleExt::convert) it.
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if
    ///
    /// - a number is not finite in `f32` or out of its range: a negative standard deviation,
    ///   `low > high`, a scale or gain not above 0,
    /// - an option does not fit the initializer,
    /// - a fan is needed and the shape has fewer than two axes or a fan of 0.
    ///
    /// [`Error::Shape`](cotangent_core::Error::Shape) if there would be more elements than memory
    /// can hold.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let weight = init::he_normal().draw(&[300, 784], &mut rng)?;
    /// let variance = weight.square().mean().item()?;
    /// assert!((variance * 784.0 / 2.0 - 1.0).abs() < 0.02);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn draw(&self, shape: &[usize], rng: &mut (impl Rng + ?Sized)) -> Result<Tensor> {
        draw::draw(self, shape, rng)
    }
}
