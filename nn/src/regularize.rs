//! Regularization by the size of weights: penalties that are added to the loss, and a bound that
//! is restored after each step.
//!
//! ```
//! use cotangent::{Tensor, module::{Layer, Pass}};
//! use cotangent::nn::{Linear, regularize};
//! # use cotangent::random::{ChaCha8Rng, SeedableRng};
//! # let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let mut net = Linear::new(2, 3, &mut rng)?;
//! let pass = Pass::train(0);
//! let loss = net.forward(&Tensor::from([[1.0f32, -1.0]]), &pass)?.square().mean();
//! let loss = loss.add(&regularize::l2(1e-4).penalty(&net, &pass)?)?;
//! let grads = loss.backward()?;
//! // … the optimizer's step, and then:
//! regularize::max_norm(3.0).apply(&mut net)?;
//! # Ok::<(), cotangent::Error>(())
//! ```
//!
//! Unless a pattern says otherwise, they are about the weights: the parameters with two axes or
//! more, so that biases and the scales of normalizations are left alone. Frozen parameters count
//! for nothing and are not touched.

use cotangent_core::module::{Matcher, Module, Param, Pass, Pattern};
use cotangent_core::{DType, Error, Interval, ModuleExt, Norm, Result, Tensor};
use std::ops::Deref;

/// `lambda · Σ |w|`: many weights become 0, or nearly so. The gradient is `lambda · sign(w)`, 0 at
/// 0. Keras's `L1`.
pub fn l1(lambda: f64) -> Penalty {
    elastic_net(lambda, 0.0)
}

/// `lambda · Σ w²`: all weights become smaller. Keras's `L2`; TF1's `l2_regularizer` has half of
/// it.
///
/// The gradient is `2 lambda w`. PyTorch's `weight_decay` of its SGD adds `weight_decay · w` to the
/// gradient, without a penalty in the loss: it is this with `lambda = weight_decay / 2`. With
/// optimizers that scale gradients, such as Adam, both differ from AdamW's decay, which shrinks the
/// weights themselves.
#[doc(alias = "weight_decay")]
pub fn l2(lambda: f64) -> Penalty {
    elastic_net(0.0, lambda)
}

/// `l1 · Σ |w| + l2 · Σ w²` (Zou, Hastie 2005, Regularization and variable selection via the
/// elastic net). Keras's `L1L2`.
pub fn elastic_net(l1: f64, l2: f64) -> Penalty {
    Penalty {
        l1,
        l2,
        which: Which(None),
    }
}

/// The norm of each unit's incoming weights is at most `max` (Srivastava, Hinton, Krizhevsky,
/// Sutskever, Salakhutdinov 2014, Dropout: A Simple Way to Prevent Neural Networks from
/// Overfitting, with values from 3 to 4).
///
/// A unit's weights are a row of the weight (out, in, …). Keras's dense kernel is (in, out), so
/// that its `MaxNorm(axis=0)` is the same. Rows within the bound keep their bits: Keras shrinks
/// them too, by its epsilon of 1e-7.
#[doc(alias = "renorm")]
pub fn max_norm(max: f64) -> MaxNorm {
    MaxNorm {
        max,
        which: Which(None),
    }
}

/// A penalty on parameters' size, to be added to the loss.
#[derive(Debug)]
#[must_use]
pub struct Penalty {
    l1: f64,
    l2: f64,
    which: Which,
}

impl Penalty {
    /// The same for the parameters that the pattern means, whatever their shapes.
    ///
    /// # Errors
    /// As [`Pattern::matcher`].
    ///
    /// ```
    /// use cotangent::module::Pass;
    /// # use cotangent::random::{ChaCha8Rng, SeedableRng};
    /// # let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// # use cotangent::nn::{Linear, regularize};
    /// let net = vec![Linear::new(2, 3, &mut rng)?, Linear::new(3, 1, &mut rng)?];
    /// let sparse = regularize::l1(1e-3).of(r"0\.(weight|bias)")?;
    /// let first = net[0].weight.value().abs().sum().item()?;
    /// assert!((sparse.penalty(&net, &Pass::train(0))?.item()? - 1e-3 * first).abs() < 1e-8);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn of(mut self, pattern: impl Pattern) -> Result<Self> {
        self.which = Which(Some(pattern.matcher()?));
        Ok(self)
    }

    /// The penalty, a scalar, for the values that the model's parameters have under this pass.
    ///
    /// # Errors
    /// [`Error::Argument`] if a factor is negative or not finite, or if the model has no parameter
    /// that is meant; [`Error::DType`] if those that are have different dtypes.
    pub fn penalty(&self, model: &(impl Module + ?Sized), pass: &Pass) -> Result<Tensor> {
        for factor in [self.l1, self.l2] {
            Interval::AtLeast0.check("penalty", "a factor", factor)?;
        }
        let params = self.which.of("penalty", model.named_params())?;
        let dtype = params
            .first()
            .map_or(DType::F32, |(_, w)| w.value().dtype());
        let mut total = Tensor::zeros([], dtype)?;
        for (_, param) in params.iter().filter(|(_, param)| !param.is_frozen()) {
            let w = param.read(pass);
            if self.l1 > 0.0 {
                total = total.add(&w.abs().sum().mul_scalar(self.l1))?;
            }
            if self.l2 > 0.0 {
                total = total.add(&w.square().sum().mul_scalar(self.l2))?;
            }
        }
        Ok(total)
    }
}

/// A bound on the norm of each unit's incoming weights, to be restored after each step.
#[derive(Debug)]
#[must_use]
pub struct MaxNorm {
    max: f64,
    which: Which,
}

impl MaxNorm {
    /// The same for the parameters that the pattern means, which must have two axes or more.
    ///
    /// # Errors
    /// As [`Pattern::matcher`].
    pub fn of(mut self, pattern: impl Pattern) -> Result<Self> {
        self.which = Which(Some(pattern.matcher()?));
        Ok(self)
    }

    /// Scales the rows whose norm is above the bound down to it, up to rounding.
    ///
    /// # Errors
    /// [`Error::Argument`] if the bound is not above 0, if the model has no parameter that is
    /// meant, or if one has no rows; [`Error::NonFinite`], within the parameter's path, if a norm
    /// is not finite. Then nothing has changed.
    pub fn apply(&self, model: &mut (impl Module + ?Sized)) -> Result<()> {
        Interval::Bound.check("max_norm", "the bound", self.max)?;
        let params = self.which.of("max_norm", model.named_params_mut())?;
        let mut bounded = Vec::new();
        for (path, param) in params {
            if !param.is_frozen() {
                let value = self.bounded(param.value());
                bounded.push((value.map_err(|error| error.within(&path))?, param));
            }
        }
        for (value, param) in bounded {
            if let Some(value) = value {
                param.set(&value)?;
            }
        }
        Ok(())
    }

    /// The weight with its rows within the bound; none if they are.
    fn bounded(&self, weight: &Tensor) -> Result<Option<Tensor>> {
        if weight.rank() < 2 {
            let reason = "expected a weight (out, in, …), whose rows are units";
            return Err(Error::argument("max_norm", reason));
        }
        let norms = weight.flatten()?.norm_over(1, Norm::L2)?.to_f64_vec();
        // Norms and the factors that undo them may leave the range of `f32` there.
        if weight.dtype() == DType::F32 && norms.iter().any(|&norm| norm > 1e30) {
            let bounded = self.bounded(&weight.to_dtype(DType::F64))?;
            return Ok(bounded.map(|weight| weight.to_dtype(DType::F32)));
        }
        if let Some(&value) = norms.iter().find(|norm| !norm.is_finite()) {
            let what = "the norm of a unit's weights";
            return Err(Error::non_finite("max_norm", what, value));
        }
        if norms.iter().all(|&norm| norm <= self.max) {
            return Ok(None);
        }
        let factors: Vec<f64> = norms
            .iter()
            .map(|norm| (self.max / norm).min(1.0))
            .collect();
        let factors = Tensor::from(&factors[..]).to_dtype(weight.dtype());
        let rows = weight.flatten()?.mul(&factors.unsqueeze(-1)?)?;
        rows.reshape(weight.shape()).map(Some)
    }
}

/// Which parameters are meant: those of a pattern, or the weights.
#[derive(Debug)]
struct Which(Option<Matcher>);

impl Which {
    fn of<P: Deref<Target = Param>>(
        &self,
        op: &'static str,
        mut params: Vec<(String, P)>,
    ) -> Result<Vec<(String, P)>> {
        params.retain(|(path, param)| match &self.0 {
            Some(matcher) => matcher.matches(path),
            None => param.shape().len() >= 2,
        });
        if params.is_empty() {
            let none = "the model has no parameter with two axes or more";
            return Err(match &self.0 {
                Some(matcher) => matcher.no_match(op, "among the model's parameters"),
                None => Error::argument(op, none),
            });
        }
        Ok(params)
    }
}
