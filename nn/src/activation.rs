//! Activation functions as layers, and the type [`Activation`], which can be any of them.

use crate::init::{self, Init};
use crate::prelu::PRelu;
use cotangent_core::module::{Layer, Module, Pass, Walk, WalkMut};
use cotangent_core::{Error, Result, Tensor};
use std::f64::consts::{PI, SQRT_2};
use std::fmt;
use std::str::FromStr;

/// Defines the struct of a layer. Without settings it is a unit struct: `Relu` is the layer.
macro_rules! layer_struct {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $name;
    };
    ($(#[$doc:meta])* $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr),+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),+ }

        impl $name {
            #[doc = concat!(
                "Creates the layer with `", stringify!($($field),+), "`. ",
                "Use `default` for the usual setting."
            )]
            pub const fn new($($field: $type),+) -> Self {
                Self { $($field),+ }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),+ }
            }
        }
    };
}

/// Defines the layers, and [`Activation`] over them. A row contains the name, the layer with its
/// settings and their defaults, the initializer of the weights before it, its gain, and its forward
/// function.
macro_rules! activations {
    ($(
        $(#[$doc:meta])*
        $text:literal $name:ident
        $({ $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr),+ })?
            weight $weight:ident,
            gain |$settings:pat_param| $gain:expr,
            forward |$this:pat_param, $x:pat_param, $pass:pat_param| $forward:expr;
    )*) => {
        $(
            layer_struct!(
                $(#[$doc])* $name $({ $($(#[$field_doc])* $field: $type = $default),+ })?
            );

            impl Module for $name {
                fn visit<'a>(&'a self, _: &mut Walk<'a, '_>) {}
                fn visit_mut<'a>(&'a mut self, _: &mut WalkMut<'a, '_>) {}
            }

            impl Layer for $name {
                fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
                    let ($this, $x, $pass) = (self, x, pass);
                    $forward
                }
            }

            impl From<$name> for Activation {
                fn from(layer: $name) -> Self {
                    Self::$name(layer)
                }
            }
        )*

        /// Any activation, as one type: it can be chosen at run time, for example by name from a
        /// command line.
        ///
        /// It also returns the right initializer for the weights before it. The names are those of
        /// the methods of [`Tensor`], listed in [`NAMES`](Self::NAMES). Settings other than the
        /// defaults follow in parentheses: `leaky_relu(0.2)`.
        ///
        /// ```
        /// use cotangent::prelude::*;
        ///
        /// let activation: Activation = "leaky_relu".parse()?;
        /// let y = activation.predict(&Tensor::from([-1.0f64, 2.0]))?;
        /// assert_eq!(y.to_vec::<f64>()?, [-0.01, 2.0]);
        /// assert_eq!(activation.initializer(), init::he_normal());
        /// let steeper = Activation::from(LeakyRelu::new(0.2));
        /// assert_eq!(steeper.to_string(), "leaky_relu(0.2)");
        /// # Ok::<(), cotangent::Error>(())
        /// ```
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum Activation {
            $(#[doc = concat!("`", $text, "`")] $name($name),)*
            /// `prelu`
            PRelu(PRelu),
        }

        /// Evaluates an expression on the layer inside.
        macro_rules! each {
            ($activation:expr, $layer:ident => $result:expr) => {
                match $activation {
                    $(Activation::$name($layer) => $result,)*
                    Activation::PRelu($layer) => $result,
                }
            };
        }

        impl Activation {
            /// The names of all activations.
            pub const NAMES: &[&str] = &[$($text,)* "prelu"];

            /// Returns the default initializer of the weights in the layer before this one: He
            /// normal for ReLU and its variants, including ELU; LeCun normal for SELU; Glorot
            /// uniform, the default of [`Linear`](crate::Linear), for functions that are linear
            /// around 0.
            pub fn initializer(&self) -> Init {
                match self {
                    $(Self::$name(_) => init::$weight(),)*
                    Self::PRelu(_) => init::he_normal(),
                }
            }

            /// Returns the gain: the factor by which the standard deviation of the weights should
            /// exceed 1/√fan, so that signals keep their size.
            ///
            /// Where PyTorch's `calculate_gain` has a value, it is the same: 1 for sigmoid and the
            /// identity, 5/3 for tanh, √2 for ReLU, √(2 / (1 + slope²)) for the leaky variants
            /// (with the mean of the squared slopes), 3/4 for SELU. (With LeCun normal weights, for
            /// which SELU was designed, the gain is 1.) Softmax and its logarithm count as linear.
            /// For all others it is 1 / √E f(z)² for a standard normal z, which keeps the mean
            /// square as He's √2 does for ReLU.
            #[doc(alias = "calculate_gain")]
            pub fn gain(&self) -> f64 {
                match self {
                    $(Self::$name($settings) => $gain,)*
                    Self::PRelu(layer) => {
                        let squared_slope = layer.weight.value().square().mean().item();
                        leaky(squared_slope.unwrap_or(f64::NAN))
                    }
                }
            }
        }

        /// Writes the name, and the settings in parentheses if they are not the defaults.
        impl fmt::Display for Activation {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name(layer) => {
                        f.write_str($text)?;
                        let settings: &[String] = &[$($(layer.$field.to_string()),+)?];
                        if settings.is_empty() || *layer == $name::default() {
                            return Ok(());
                        }
                        write!(f, "({})", settings.join(", "))
                    })*
                    Self::PRelu(_) => f.write_str("prelu"),
                }
            }
        }

        impl FromStr for Activation {
            type Err = Error;

            /// Reads a name, optionally with settings in parentheses. Omitted settings are the
            /// defaults.
            ///
            /// # Errors
            /// [`Error::Argument`] if there is no such activation or setting.
            fn from_str(text: &str) -> Result<Self> {
                Self::parse(text).ok_or_else(|| {
                    let known = Self::NAMES.join(", ");
                    let settings = "with settings as in `leaky_relu(0.2)`";
                    let reason = format!("expected one of {known}, {settings}, found `{text}`");
                    Error::argument("activation", reason)
                })
            }
        }

        impl Activation {
            fn parse(text: &str) -> Option<Self> {
                let (name, settings) = match text.trim().split_once('(') {
                    None => (text.trim(), None),
                    Some((name, rest)) => (name, Some(rest.strip_suffix(')')?)),
                };
                let mut settings = settings.into_iter().flat_map(|inside| inside.split(','));
                let activation = match name {
                    $($text => Self::$name($name $({ $($field: match settings.next() {
                        Some(setting) => setting.trim().parse().ok()?,
                        None => $default,
                    }),+ })?),)*
                    "prelu" => Self::PRelu(PRelu::default()),
                    _ => return None,
                };
                settings.next().is_none().then_some(activation)
            }
        }
    };
}

activations! {
    /// Returns its input unchanged.
    "identity" Identity
        weight glorot_uniform, gain |_| 1.0,
        forward |_, x, _| Ok(x.clone());
    /// ReLU: `max(x, 0)`. See [`Tensor::relu`].
    "relu" Relu
        weight he_normal, gain |_| SQRT_2,
        forward |_, x, _| Ok(x.relu());
    /// ReLU6: `min(max(x, 0), 6)`. See [`Tensor::relu6`].
    "relu6" Relu6
        weight he_normal, gain |this| gain_by_integration(this),
        forward |_, x, _| Ok(x.relu6());
    /// Leaky ReLU: `x` if `x > 0`, else `negative_slope · x`. See [`Tensor::leaky_relu`].
    "leaky_relu" LeakyRelu {
        /// The slope below 0. Default: 0.01 (Keras: 0.3).
        negative_slope: f64 = 0.01
    }
        weight he_normal, gain |this| leaky(this.negative_slope.powi(2)),
        forward |this, x, _| Ok(x.leaky_relu(this.negative_slope));
    /// Randomized leaky ReLU.
    ///
    /// In training the slope below 0 is drawn for each element from `[lower, upper)`: see
    /// [`Tensor::rrelu`]. In inference it is the mean of the bounds, 11/48 by default.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let y = RRelu::default().predict(&Tensor::from([-48.0f64]))?;
    /// assert!((y.item()? + 11.0).abs() < 1e-12);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    "rrelu" RRelu {
        /// The lowest slope below 0. Default: 1/8.
        lower: f64 = 1.0 / 8.0,
        /// The highest slope below 0. Default: 1/3.
        upper: f64 = 1.0 / 3.0
    }
        weight he_normal,
        gain |RRelu { lower, upper }| leaky((lower * lower + lower * upper + upper * upper) / 3.0),
        forward |&RRelu { lower, upper }, x, pass| {
            if pass.is_training() {
                x.rrelu(lower, upper, pass.next_seed())
            } else {
                // Refuse bounds that training would refuse.
                let _ = Tensor::from([0.0f32; 0]).rrelu(lower, upper, 0)?;
                Ok(x.leaky_relu(f64::midpoint(lower, upper)))
            }
        };
    /// ELU: `x` if `x > 0`, else `alpha (exp(x) - 1)`. See [`Tensor::elu`].
    "elu" Elu {
        /// The limit far below 0 is -alpha. Default: 1.
        alpha: f64 = 1.0
    }
        weight he_normal, gain |this| gain_by_integration(this),
        forward |this, x, _| Ok(x.elu(this.alpha));
    /// CELU: `x` if `x > 0`, else `alpha (exp(x / alpha) - 1)`. See [`Tensor::celu`].
    "celu" Celu {
        /// The limit far below 0 is -alpha. Default: 1. Must not be 0.
        alpha: f64 = 1.0
    }
        weight he_normal, gain |this| gain_by_integration(this),
        forward |this, x, _| x.celu(this.alpha);
    /// SELU: a scaled ELU that keeps mean 0 and variance 1 from layer to layer. See
    /// [`Tensor::selu`].
    ///
    /// This holds if the input is standardized, the weights are LeCun normal, the network is purely
    /// sequential, and dropout is [`AlphaDropout`](crate::AlphaDropout). Skip connections, batch
    /// normalization or plain dropout break it.
    "selu" Selu
        weight lecun_normal, gain |_| 0.75,
        forward |_, x, _| Ok(x.selu());
    /// GELU: `x Φ(x)`, where Φ is the standard normal distribution function. See [`Tensor::gelu`].
    "gelu" Gelu
        weight he_normal, gain |this| gain_by_integration(this),
        forward |_, x, _| Ok(x.gelu());
    /// GELU in the approximation by tanh. See [`Tensor::gelu_tanh`].
    "gelu_tanh" GeluTanh
        weight he_normal, gain |this| gain_by_integration(this),
        forward |_, x, _| Ok(x.gelu_tanh());
    /// SiLU, also called swish: `x sigmoid(x)`. See [`Tensor::silu`].
    #[doc(alias = "swish")]
    "silu" Silu
        weight he_normal, gain |this| gain_by_integration(this),
        forward |_, x, _| Ok(x.silu());
    /// Mish: `x tanh(softplus(x))`. See [`Tensor::mish`].
    "mish" Mish
        weight he_normal, gain |this| gain_by_integration(this),
        forward |_, x, _| Ok(x.mish());
    /// Hard swish: `x relu6(x + 3) / 6`. See [`Tensor::hard_swish`].
    "hard_swish" HardSwish
        weight he_normal, gain |this| gain_by_integration(this),
        forward |_, x, _| Ok(x.hard_swish());
    /// Softplus: `ln(1 + exp(x))`. See [`Tensor::softplus`].
    "softplus" Softplus
        weight he_normal, gain |this| gain_by_integration(this),
        forward |_, x, _| Ok(x.softplus());
    /// Hyperbolic tangent. See [`Tensor::tanh`].
    "tanh" Tanh
        weight glorot_uniform, gain |_| 5.0 / 3.0,
        forward |_, x, _| Ok(x.tanh());
    /// Hard tanh: `x` clamped to `[-1, 1]`. See [`Tensor::hard_tanh`].
    "hard_tanh" HardTanh
        weight glorot_uniform, gain |this| gain_by_integration(this),
        forward |_, x, _| Ok(x.hard_tanh());
    /// Logistic sigmoid: `1 / (1 + exp(-x))`. See [`Tensor::sigmoid`].
    "sigmoid" Sigmoid
        weight glorot_uniform, gain |_| 1.0,
        forward |_, x, _| Ok(x.sigmoid());
    /// Hard sigmoid: `relu6(x + 3) / 6`. See [`Tensor::hard_sigmoid`].
    "hard_sigmoid" HardSigmoid
        weight glorot_uniform, gain |this| gain_by_integration(this),
        forward |_, x, _| Ok(x.hard_sigmoid());
    /// Logarithm of the sigmoid: `-ln(1 + exp(-x))`. See [`Tensor::log_sigmoid`].
    "log_sigmoid" LogSigmoid
        weight glorot_uniform, gain |this| gain_by_integration(this),
        forward |_, x, _| Ok(x.log_sigmoid());
    /// Softmax: `exp(x) / Σ exp(x)` along an axis. See [`Tensor::softmax`].
    "softmax" Softmax {
        /// The axis. Default: -1, the last one.
        axis: isize = -1
    }
        weight glorot_uniform, gain |_| 1.0,
        forward |this, x, _| x.softmax(this.axis);
    /// Logarithm of the softmax: `x - ln Σ exp(x)` along an axis. See [`Tensor::log_softmax`].
    "log_softmax" LogSoftmax {
        /// The axis. Default: -1, the last one.
        axis: isize = -1
    }
        weight glorot_uniform, gain |_| 1.0,
        forward |this, x, _| x.log_softmax(this.axis);
}

impl From<PRelu> for Activation {
    fn from(layer: PRelu) -> Self {
        Self::PRelu(layer)
    }
}

/// The paths are those of the layer inside.
impl Module for Activation {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        each!(self, layer => layer.visit(walk));
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        each!(self, layer => layer.visit_mut(walk));
    }
    fn type_name(&self) -> &'static str {
        each!(self, layer => layer.type_name())
    }
}

impl Layer for Activation {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        each!(self, layer => layer.forward(x, pass))
    }
}

/// Returns the gain of a leaky ReLU from the (mean) square of its slope.
fn leaky(squared_slope: f64) -> f64 {
    (2.0 / (1.0 + squared_slope)).sqrt()
}

/// Returns 1 / √E f(z)² for a standard normal z, integrated numerically to 5 digits. NaN if `f`
/// refuses its settings.
fn gain_by_integration(f: &impl Layer) -> f64 {
    /// Kinks at integers are ends of steps.
    const STEPS_PER_UNIT: i32 = 128;
    let step = 1.0 / f64::from(STEPS_PER_UNIT);
    let z: Vec<f64> = (-12 * STEPS_PER_UNIT..=12 * STEPS_PER_UNIT)
        .map(|i| f64::from(i) * step)
        .collect();
    let Ok(y) = f.predict(&Tensor::from(&z[..])) else {
        return f64::NAN;
    };
    let density = |z: f64| (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
    let terms = z.iter().zip(y.to_f64_vec());
    let moment: f64 = terms.map(|(&z, y)| y * y * density(z) * step).sum();
    1.0 / moment.sqrt()
}
