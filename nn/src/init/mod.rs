//! Initializers: how weights are drawn so that signals neither die nor explode.
//!
//! A weight is (out, in, …); its fan in is the product of all axes but the first, its fan out that
//! of all but the second. The scaled initializers draw with variance `scale / fan`, from a normal
//! or a uniform distribution:
//!
//! | initializer | for | scale | fan |
//! |---|---|---|---|
//! | [`glorot_normal`], [`glorot_uniform`] | linear, tanh, sigmoid, softmax | 1 | average |
//! | [`he_normal`], [`he_uniform`] | ReLU and its kin, ELU | 2 | in |
//! | [`lecun_normal`], [`lecun_uniform`] | SELU | 1 | in |
//! | [`pytorch_linear`] | what PyTorch's `Linear` starts with | 1/3 | in |
//! | [`variance_scaling`] | anything else | | |
//!
//! Options are methods: [`Init::fan`], [`Init::truncated`], [`Init::gain`]. He's initializers with
//! the average of the fans, as textbooks have them (variance 4 / (fan in + fan out), the uniform
//! one on ±√(12 / (fan in + fan out)); where 24 is printed, that is twice the variance), are
//! `he_normal().fan(Fan::Average)` and `he_uniform().fan(Fan::Average)`.
//!
//! Beside these there are [`orthogonal`] and [`identity`] for deep and for recurrent nets,
//! [`normal`] and [`uniform`] of given width, and [`constant`], [`zeros`] and [`ones`].
//!
//! The gains that PyTorch's `calculate_gain` recommends, for `glorot_normal().gain(..)` or
//! `orthogonal().gain(..)`:
//!
//! | activation | gain |
//! |---|---|
//! | none, sigmoid | 1 |
//! | tanh | 5/3 |
//! | ReLU | √2 |
//! | leaky ReLU of slope a | √(2 / (1 + a²)) |
//! | SELU | 3/4 |
//!
//! Every draw comes from the generator that is handed in: the same seed gives the same weights.

mod draw;
mod orthogonal;

use cotangent_core::random::Rng;
use cotangent_core::{Result, Tensor};

/// Which of a weight's two fans the variance is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// The number of inputs of a unit.
    #[doc(alias = "fan_in")]
    In,
    /// The number of units that an input feeds.
    #[doc(alias = "fan_out")]
    Out,
    /// The mean of the two.
    #[doc(alias = "fan_avg")]
    Average,
}

/// The distribution that a scaled variance is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Normal. Keras calls it `untruncated_normal`.
    Normal,
    /// Normal, draws beyond two standard deviations drawn again; the standard deviation before
    /// truncation is raised so that the variance after it is as asked, as in Keras.
    TruncatedNormal,
    /// Uniform on a symmetric interval.
    Uniform,
}

/// How a tensor of weights is drawn: one of the functions of this module, and options.
///
/// What does not fit, such as the fan of an initializer that divides by none, is an error when it
/// comes to drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Init {
    law: Law,
    gain: f64,
}

/// What the draws are before they are multiplied by the gain.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Law {
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
    /// Was given an option that it does not have.
    Unfit(&'static str),
}

impl Law {
    fn init(self) -> Init {
        Init {
            law: self,
            gain: 1.0,
        }
    }
}

/// Every element the same. That of a weight keeps all units of a layer alike for ever: it is there
/// to be compared with, and for biases.
#[doc(alias = "constant_")]
#[doc(alias = "Constant")]
pub fn constant(value: f64) -> Init {
    Law::Constant(value).init()
}

/// Every element 0.
#[doc(alias = "zeros_")]
#[doc(alias = "Zeros")]
pub fn zeros() -> Init {
    constant(0.0)
}

/// Every element 1.
#[doc(alias = "ones_")]
#[doc(alias = "Ones")]
pub fn ones() -> Init {
    constant(1.0)
}

/// Normal with mean 0, or another [`mean`](Init::mean), and the given standard deviation, at least
/// 0: with 1, the naive choice that one compares with.
#[doc(alias = "normal_")]
#[doc(alias = "RandomNormal")]
pub fn normal(standard_deviation: f64) -> Init {
    let (mean, truncated) = (0.0, false);
    Law::Normal {
        mean,
        standard_deviation,
        truncated,
    }
    .init()
}

/// Uniform on `[low, high)`, `low` at most `high`; see [`Tensor::uniform`].
#[doc(alias = "uniform_")]
#[doc(alias = "RandomUniform")]
pub fn uniform(low: f64, high: f64) -> Init {
    Law::Uniform { low, high }.init()
}

/// Mean 0 and variance `scale / fan`, scale above 0. The uniform distribution is that on
/// ±√(3 scale / fan).
///
/// ```
/// use cotangent::nn::init::{self, Distribution, Fan};
/// let he = init::variance_scaling(2.0, Fan::In, Distribution::TruncatedNormal);
/// assert_eq!(he, init::he_normal().truncated());
/// ```
#[doc(alias = "VarianceScaling")]
#[doc(alias = "variance_scaling_initializer")]
pub fn variance_scaling(scale: f64, fan: Fan, distribution: Distribution) -> Init {
    Law::VarianceScaling {
        scale,
        fan,
        distribution,
    }
    .init()
}

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident $scale:literal $fan:ident $distribution:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name() -> Init {
            variance_scaling($scale, Fan::$fan, Distribution::$distribution)
        }
    )*};
}

named! {
    /// Normal with variance 2 / (fan in + fan out) (Glorot, Bengio 2010, Understanding the
    /// difficulty of training deep feedforward neural networks). Keras's is truncated: that is
    /// `glorot_normal().truncated()`.
    #[doc(alias = "xavier_normal_")]
    #[doc(alias = "GlorotNormal")]
    glorot_normal 1.0 Average Normal;
    /// Uniform on ±√(6 / (fan in + fan out)) (Glorot, Bengio 2010): Keras's default, and ours.
    #[doc(alias = "xavier_uniform_")]
    #[doc(alias = "GlorotUniform")]
    glorot_uniform 1.0 Average Uniform;
    /// Normal with variance 2 / fan in (He, Zhang, Ren, Sun 2015, Delving Deep into Rectifiers).
    /// Keras's is truncated: that is `he_normal().truncated()`.
    #[doc(alias = "kaiming_normal_")]
    #[doc(alias = "HeNormal")]
    he_normal 2.0 In Normal;
    /// Uniform on ±√(6 / fan in) (He, Zhang, Ren, Sun 2015). PyTorch's `kaiming_uniform_` is this
    /// with `nonlinearity="relu"`.
    #[doc(alias = "kaiming_uniform_")]
    #[doc(alias = "HeUniform")]
    he_uniform 2.0 In Uniform;
    /// Normal with variance 1 / fan in (LeCun, Bottou, Orr, Müller 1998, Efficient BackProp).
    /// Keras's is truncated: that is `lecun_normal().truncated()`.
    #[doc(alias = "LecunNormal")]
    lecun_normal 1.0 In Normal;
    /// Uniform on ±√(3 / fan in) (LeCun, Bottou, Orr, Müller 1998).
    #[doc(alias = "LecunUniform")]
    lecun_uniform 1.0 In Uniform;
}

/// PyTorch's default for the weight of a linear layer: uniform on ±1 / √fan in. Its bias is drawn
/// from the same interval:
/// [`LinearBuilder::pytorch_default`](crate::LinearBuilder::pytorch_default) sets both.
pub fn pytorch_linear() -> Init {
    variance_scaling(1.0 / 3.0, Fan::In, Distribution::Uniform)
}

/// Rows that are orthogonal and of length 1, or columns, whichever are fewer: a signal keeps its
/// length through any number of such layers (Saxe, McClelland, Ganguli 2014, Exact solutions to the
/// nonlinear dynamics of learning in deep linear neural networks). Of all such matrices each is as
/// likely as any other.
///
/// A weight of more than two axes is taken as the matrix (out, in · …), as in PyTorch. The time is
/// that of a decomposition, cubic in the length of a square matrix.
///
/// ```
/// use cotangent::random::{ChaCha8Rng, SeedableRng};
/// use cotangent::nn::init;
/// let w = init::orthogonal().draw(&[2, 5], &mut ChaCha8Rng::seed_from_u64(1))?;
/// let products = w.matmul(&w.transpose(0, 1)?)?.to_f64_vec();
/// assert!(products.iter().zip([1.0, 0.0, 0.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-6));
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "orthogonal_")]
#[doc(alias = "Orthogonal")]
pub fn orthogonal() -> Init {
    Law::Orthogonal.init()
}

/// Ones on the diagonal of a matrix (out, in), zeros beside it: as many inputs as can be are passed
/// on. Only matrices have it, as in PyTorch and Keras.
///
/// ```
/// use cotangent::random::{ChaCha8Rng, SeedableRng};
/// use cotangent::nn::init;
/// let w = init::identity().draw(&[2, 3], &mut ChaCha8Rng::seed_from_u64(1))?;
/// assert_eq!(w.to_vec::<f32>()?, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[doc(alias = "eye_")]
#[doc(alias = "Identity")]
pub fn identity() -> Init {
    Law::Identity.init()
}

impl Init {
    /// A normal distribution around another mean than 0.
    ///
    /// ```
    /// # use cotangent::random::{ChaCha8Rng, SeedableRng};
    /// # use cotangent::nn::init;
    /// let w = init::normal(0.1).mean(5.0).draw(&[1000], &mut ChaCha8Rng::seed_from_u64(1))?;
    /// assert!((w.mean().item()? - 5.0).abs() < 0.02);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn mean(mut self, mean: f64) -> Self {
        match &mut self.law {
            Law::Normal { mean: old, .. } => *old = mean,
            law => *law = Law::Unfit("only a `normal` has a mean to choose"),
        }
        self
    }

    /// The same with a normal distribution truncated at two standard deviations: what lies beyond
    /// is drawn again.
    ///
    /// A scaled initializer keeps its variance, as Keras's do. Of [`normal`] the standard deviation
    /// is that before truncation, which leaves 0.88 of it, as in Keras's `TruncatedNormal` and
    /// TF1's `truncated_normal`. PyTorch's `trunc_normal_` has absolute bounds, -2 and 2 by
    /// default: at a standard deviation of 0.02 it truncates nothing.
    ///
    /// ```
    /// # use cotangent::random::{ChaCha8Rng, SeedableRng};
    /// # use cotangent::nn::init;
    /// let w = init::normal(0.5).truncated().draw(&[1000], &mut ChaCha8Rng::seed_from_u64(1))?;
    /// assert!(w.to_f64_vec().iter().all(|w| w.abs() <= 1.0));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "truncated_normal")]
    #[doc(alias = "TruncatedNormal")]
    #[doc(alias = "trunc_normal_")]
    pub fn truncated(mut self) -> Self {
        match &mut self.law {
            Law::Normal { truncated, .. } => *truncated = true,
            Law::VarianceScaling { distribution, .. } if *distribution != Distribution::Uniform => {
                *distribution = Distribution::TruncatedNormal;
            }
            law => *law = Law::Unfit("only a normal distribution can be truncated"),
        }
        self
    }

    /// A scaled initializer with another fan.
    ///
    /// ```
    /// # use cotangent::random::{ChaCha8Rng, SeedableRng};
    /// # use cotangent::nn::init::{self, Fan};
    /// let he = init::he_uniform().fan(Fan::Average);
    /// let w = he.draw(&[30, 90], &mut ChaCha8Rng::seed_from_u64(1))?;
    /// let bound = (12.0f64 / (30.0 + 90.0)).sqrt();
    /// assert!(w.to_f64_vec().iter().all(|w| w.abs() <= bound * (1.0 + 1e-6)));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "mode")]
    pub fn fan(mut self, fan: Fan) -> Self {
        match &mut self.law {
            Law::VarianceScaling { fan: old, .. } => *old = fan,
            law => *law = Law::Unfit("only a scaled variance is divided by a fan"),
        }
        self
    }

    /// The same multiplied by `gain`, finite and above 0: the standard deviation grows by it, the
    /// variance by its square. The module's documentation has a table of gains by activation.
    ///
    /// ```
    /// # use cotangent::random::{ChaCha8Rng, SeedableRng};
    /// # use cotangent::nn::init;
    /// let draw = |init: init::Init| init.draw(&[2, 2], &mut ChaCha8Rng::seed_from_u64(1));
    /// let (one, two) = (draw(init::glorot_normal())?, draw(init::glorot_normal().gain(2.0))?);
    /// assert_eq!(one.mul_scalar(2.0).to_vec::<f32>()?, two.to_vec::<f32>()?);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    #[doc(alias = "calculate_gain")]
    pub fn gain(mut self, gain: f64) -> Self {
        // One that is refused stays so, whatever it is multiplied by.
        self.gain = if gain > 0.0 { self.gain * gain } else { gain };
        self
    }

    /// Draws a tensor of `f32`; a module of `f64` is one that was drawn and
    /// [converted](cotangent_core::ModuleExt::convert).
    ///
    /// # Errors
    /// [`Error::Argument`](cotangent_core::Error::Argument) if a number is not finite in `f32` or
    /// out of its range (a negative standard deviation, `low > high`, a scale or gain not above 0),
    /// if an option does not fit the initializer, or if a fan is needed and the shape has fewer
    /// than two axes or a fan of 0; [`Error::Shape`](cotangent_core::Error::Shape) if there would
    /// be more elements than memory can hold.
    ///
    /// ```
    /// use cotangent::nn::init;
    /// use cotangent::random::SeedableRng;
    /// let mut rng = cotangent::random::ChaCha8Rng::seed_from_u64(1);
    /// let weight = init::he_normal().draw(&[300, 784], &mut rng)?;
    /// let variance = weight.square().mean().item()?;
    /// assert!((variance * 784.0 / 2.0 - 1.0).abs() < 0.02);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn draw(&self, shape: &[usize], rng: &mut (impl Rng + ?Sized)) -> Result<Tensor> {
        draw::draw(self, shape, rng)
    }
}
