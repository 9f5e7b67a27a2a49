//! Initializers: how weights are drawn so that signals neither die nor explode.
//!
//! With `n` the weight's fan, all of these are draws with variance `scale / n`; which fan, which
//! scale and which distribution makes the difference:
//!
//! | initializer | for | scale | fan |
//! |---|---|---|---|
//! | [`glorot_normal`], [`glorot_uniform`] | linear, tanh, sigmoid, softmax | 1 | average |
//! | [`he_normal`], [`he_uniform`] | ReLU and its kin, ELU | 2 | in |
//! | [`lecun_normal`], [`lecun_uniform`] | SELU | 1 | in |
//!
//! Every draw comes from the generator that is handed in: the same seed gives the same weights.

use cotangent_core::random::Rng;
use cotangent_core::{DType, Error, Result, Tensor};

/// Which of a weight's two fans the variance is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// The number of inputs of a unit.
    In,
    /// The number of units that an input feeds.
    Out,
    /// The mean of the two.
    Average,
}

/// The distribution that a scaled variance is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Normal.
    Normal,
    /// Normal, draws beyond two standard deviations drawn again; the standard deviation before
    /// truncation is raised so that the variance after it is as asked.
    TruncatedNormal,
    /// Uniform on a symmetric interval.
    Uniform,
}

/// How a tensor of weights is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// Every element the same.
    Constant(f64),
    /// Normal with this mean and standard deviation.
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation, at least 0.
        standard_deviation: f64,
    },
    /// Uniform on `[low, high)`.
    Uniform {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// Variance `scale / fan`: Keras's and TF1's `VarianceScaling`, of which the named ones are
    /// cases.
    VarianceScaling {
        /// The factor, above 0.
        scale: f64,
        /// What it is divided by.
        fan: Fan,
        /// What is drawn from.
        distribution: Distribution,
    },
}

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident $scale:literal $fan:ident $distribution:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name() -> Init {
            Init::VarianceScaling { scale: $scale, fan: Fan::$fan, distribution: Distribution::$distribution }
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
    /// Uniform on ±√(6 / fan in) (He, Zhang, Ren, Sun 2015).
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

/// PyTorch's default for the weight of a linear layer: uniform on ±1 / √fan in.
pub fn pytorch_linear() -> Init {
    Init::VarianceScaling {
        scale: 1.0 / 3.0,
        fan: Fan::In,
        distribution: Distribution::Uniform,
    }
}

/// Normal with mean 0 and the given standard deviation: with 1, the naive choice that one compares
/// with.
pub fn normal(standard_deviation: f64) -> Init {
    Init::Normal {
        mean: 0.0,
        standard_deviation,
    }
}

/// Every element the same.
pub fn constant(value: f64) -> Init {
    Init::Constant(value)
}

/// The standard deviation of a standard normal distribution truncated at two standard deviations.
const TRUNCATED_DEVIATION: f64 = 0.879_625_661_034_239_8;

impl Init {
    /// The same with a normal distribution truncated at two standard deviations. Does nothing to
    /// initializers that are not a scaled normal.
    #[must_use]
    pub fn truncated(self) -> Self {
        match self {
            Self::VarianceScaling {
                scale,
                fan,
                distribution: Distribution::Normal,
            } => Self::VarianceScaling {
                scale,
                fan,
                distribution: Distribution::TruncatedNormal,
            },
            other => other,
        }
    }

    /// Draws a tensor of `f32`. A weight is (out, in, …): the fan in is the product of all axes but
    /// the first, the fan out that of all but the second.
    ///
    /// # Errors
    /// [`Error::Argument`] if a parameter is out of its range, or if a fan is needed and the shape
    /// has fewer than two axes or a fan of 0.
    ///
    /// ```
    /// use cotangent_nn::init;
    /// use cotangent_core::random::SeedableRng;
    /// let mut rng = cotangent_core::random::ChaCha8Rng::seed_from_u64(1);
    /// let weight = init::he_normal().draw(&[300, 784], &mut rng)?;
    /// let variance = weight.square().mean().item()?;
    /// assert!((variance * 784.0 / 2.0 - 1.0).abs() < 0.02);
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    pub fn draw(&self, shape: &[usize], rng: &mut (impl Rng + ?Sized)) -> Result<Tensor> {
        let dtype = DType::F32;
        match *self {
            Self::Constant(value) => Tensor::full(shape, value, dtype),
            Self::Normal {
                mean,
                standard_deviation,
            } => Tensor::normal(shape, mean, standard_deviation, dtype, rng),
            Self::Uniform { low, high } => Tensor::uniform(shape, low, high, dtype, rng),
            Self::VarianceScaling {
                scale,
                fan,
                distribution,
            } => {
                let variance = scale / fan_size(shape, fan)?;
                if !(variance > 0.0 && variance.is_finite()) {
                    let reason = format!("the scale must be above 0 and finite, found {scale}");
                    return Err(Error::Argument {
                        op: "initializer",
                        reason,
                    });
                }
                let deviation = variance.sqrt();
                match distribution {
                    Distribution::Normal => Tensor::normal(shape, 0.0, deviation, dtype, rng),
                    Distribution::Uniform => {
                        let limit = (3.0 * variance).sqrt();
                        Tensor::uniform(shape, -limit, limit, dtype, rng)
                    }
                    Distribution::TruncatedNormal => truncated_normal(shape, deviation, rng),
                }
            }
        }
    }
}

fn fan_size(shape: &[usize], fan: Fan) -> Result<f64> {
    let refuse = |reason: String| {
        Err(Error::Argument {
            op: "initializer",
            reason,
        })
    };
    let &[out, input, ref kernel @ ..] = shape else {
        return refuse(format!(
            "a fan needs a weight (out, in, …), found shape {shape:?}"
        ));
    };
    let area: f64 = kernel.iter().map(|&n| n as f64).product();
    let (fan_in, fan_out) = (input as f64 * area, out as f64 * area);
    let size = match fan {
        Fan::In => fan_in,
        Fan::Out => fan_out,
        Fan::Average => f64::midpoint(fan_in, fan_out),
    };
    if size > 0.0 {
        Ok(size)
    } else {
        refuse(format!("the fan of a weight {shape:?} is 0"))
    }
}

fn truncated_normal(
    shape: &[usize],
    deviation: f64,
    rng: &mut (impl Rng + ?Sized),
) -> Result<Tensor> {
    use cotangent_core::random::rand_distr::{Distribution as _, StandardNormal};
    let deviation = deviation / TRUNCATED_DEVIATION;
    Tensor::from_fn(shape, DType::F32, || {
        loop {
            let draw: f64 = StandardNormal.sample(rng);
            if draw.abs() <= 2.0 {
                return draw * deviation;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cotangent_core::random::ChaCha8Rng;
    use cotangent_core::random::SeedableRng;

    /// (out, in) of about a million weights.
    const SHAPE: [usize; 2] = [800, 1250];

    fn moments(init: Init) -> (f64, f64, f64) {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let w = init
            .draw(&SHAPE, &mut rng)
            .expect("the shape has fans")
            .to_f64_vec();
        let n = w.len() as f64;
        let mean = w.iter().sum::<f64>() / n;
        let variance = w.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        (mean, variance, w.iter().fold(0.0, |m, x| m.max(x.abs())))
    }

    #[test]
    fn variances_and_bounds_are_those_of_the_formulas() {
        let (fan_in, fan_out) = (1250.0, 800.0);
        let cases = [
            (glorot_normal(), 2.0 / (fan_in + fan_out), None),
            (glorot_uniform(), 2.0 / (fan_in + fan_out), Some(3f64)),
            (he_normal(), 2.0 / fan_in, None),
            (he_uniform(), 2.0 / fan_in, Some(3.0)),
            (lecun_normal(), 1.0 / fan_in, None),
            (lecun_uniform(), 1.0 / fan_in, Some(3.0)),
            (
                he_normal().truncated(),
                2.0 / fan_in,
                Some(4.0 / TRUNCATED_DEVIATION.powi(2)),
            ),
            (pytorch_linear(), 1.0 / (3.0 * fan_in), Some(3.0)),
        ];
        for (init, variance, bound) in cases {
            let (mean, found, largest) = moments(init);
            // Six standard errors of the mean and of the variance of a million draws.
            assert!(
                mean.abs() < 6.0 * f64::sqrt(variance / 1e6),
                "{init:?}: mean {mean}"
            );
            assert!(
                (found / variance - 1.0).abs() < 6.0 * (2.0 / 1e6f64).sqrt(),
                "{init:?}: {found}"
            );
            if let Some(bound) = bound {
                let bound = (bound * variance).sqrt();
                assert!(
                    largest <= bound * (1.0 + 1e-6) && largest > 0.999 * bound,
                    "{init:?}: {largest}"
                );
            } else {
                assert!(
                    largest > 4.0 * variance.sqrt(),
                    "{init:?}: a normal distribution has tails"
                );
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_weights() -> Result<()> {
        let draw = |seed| he_normal().draw(&[3, 4], &mut ChaCha8Rng::seed_from_u64(seed));
        assert_eq!(draw(1)?.to_f64_vec(), draw(1)?.to_f64_vec());
        assert_ne!(draw(1)?.to_f64_vec(), draw(2)?.to_f64_vec());
        Ok(())
    }

    #[test]
    fn shapes_without_fans_are_refused() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        assert!(he_normal().draw(&[3], &mut rng).is_err());
        assert!(he_normal().draw(&[3, 0], &mut rng).is_err());
        assert!(
            Init::Normal {
                mean: 0.0,
                standard_deviation: -1.0
            }
            .draw(&[3], &mut rng)
            .is_err()
        );
    }
}
