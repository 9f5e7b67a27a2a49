//! Regularization of the size of weights: penalties added to the loss, and a bound restored after
//! each step.
//!
//! ```
//! use cotangent::prelude::*;
//!
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let mut net = Linear::new(2, 3, &mut rng)?;
//! let pass = Pass::train(0);
//! let loss = net.forward(&Tensor::from([[1.0f32, -1.0]]), &pass)?.square().mean();
//! let loss = loss.add(&regularize::l2(1e-4)?.penalty(&net, &pass)?)?;
//! let grads = loss.backward()?;
//! // … the step of the optimizer, and then:
//! regularize::max_norm(3.0)?.apply(&mut net)?;
//! # Ok::<(), cotangent::Error>(())
//! ```
//!
//! By default they apply to the weights: the parameters with two axes or more, and so neither to
//! biases nor to the scales of normalizations. A pattern selects other parameters. Frozen
//! parameters are ignored.

use cotangent_core::module::{Matcher, Module, Param, Pass, Pattern};
use cotangent_core::{DType, Error, Interval, ModuleExt, Norm, Result, Tensor};
use std::ops::Deref;

/// Creates the penalty `lambda · Σ |w|`, which makes many weights 0 or nearly 0.
///
/// The gradient is `lambda · sign(w)`, and 0 at 0. Keras's name is `L1`.
///
/// # Errors
/// [`Error::Argument`] unless `lambda` is finite and at least 0.
#[doc(alias = "lasso")]
pub fn l1(lambda: f64) -> Result<Penalty> {
    elastic_net(lambda, 0.0)
}

/// Creates the penalty `lambda · Σ w²`, which makes all weights smaller.
///
/// The gradient is `2 lambda w`. Keras's name is `L2`. TF1's `l2_regularizer` is half of it.
///
/// The `weight_decay` of PyTorch's SGD adds `weight_decay · w` to the gradient, without a penalty
/// in the loss. It is equal to this penalty with `lambda = weight_decay / 2`. For optimizers that
/// scale gradients, such as Adam, both differ from AdamW's decay, which shrinks the weights
/// directly.
///
/// # Errors
/// [`Error::Argument`] unless `lambda` is finite and at least 0.
#[doc(alias = "ridge")]
#[doc(alias = "weight_decay")]
pub fn l2(lambda: f64) -> Result<Penalty> {
    elastic_net(0.0, lambda)
}

/// Creates the penalty `l1 · Σ |w| + l2 · Σ w²` (Zou, Hastie 2005, Regularization and variable
/// selection via the elastic net). Keras's name is `L1L2`.
///
/// # Errors
/// [`Error::Argument`] unless both factors are finite and at least 0.
#[doc(alias = "L1L2")]
pub fn elastic_net(l1: f64, l2: f64) -> Result<Penalty> {
    for factor in [l1, l2] {
        Interval::AtLeast0.check("penalty", "a factor", factor)?;
    }
    Ok(Penalty {
        l1,
        l2,
        selection: Selection(None),
    })
}

/// Creates a bound `max` on the norm of each unit's incoming weights.
///
/// A unit's weights are a row of the weight (out, in, …). Keras's dense kernel is (in, out), so its
/// `MaxNorm(axis=0)` is the same. Rows within the bound keep their bits, but Keras shrinks them
/// too, by its epsilon of 1e-7.
///
/// Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, Dropout: A Simple Way to
/// Prevent Neural Networks from Overfitting. It uses values from 3 to 4.
///
/// # Errors
/// [`Error::Argument`] unless the bound is above 0.
#[doc(alias = "renorm")]
pub fn max_norm(max: f64) -> Result<MaxNorm> {
    Interval::Bound.check("max_norm", "the bound", max)?;
    Ok(MaxNorm {
        max,
        selection: Selection(None),
    })
}

/// A penalty on the size of parameters, to be added to the loss.
#[derive(Debug)]
#[must_use]
pub struct Penalty {
    l1: f64,
    l2: f64,
    selection: Selection,
}

impl Penalty {
    /// Applies the penalty to the parameters that the pattern matches, of any shape.
    ///
    /// # Errors
    /// Returns the errors of [`Pattern::matcher`].
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let net = vec![Linear::new(2, 3, &mut rng)?, Linear::new(3, 1, &mut rng)?];
    /// let sparse = regularize::l1(1e-3)?.of(r"0\.(weight|bias)")?;
    /// let first = net[0].weight.value().abs().sum().item()?;
    /// assert!((sparse.penalty(&net, &Pass::train(0))?.item()? - 1e-3 * first).abs() < 1e-8);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn of(mut self, pattern: impl Pattern) -> Result<Self> {
        self.selection = Selection(Some(pattern.matcher()?));
        Ok(self)
    }

    /// Computes the penalty, a scalar, of the values that the model's parameters have under this
    /// pass.
    ///
    /// # Errors
    /// [`Error::Argument`] if the model has no matching parameter; [`Error::DType`] if the matching
    /// parameters have different dtypes.
    pub fn penalty(&self, model: &(impl Module + ?Sized), pass: &Pass) -> Result<Tensor> {
        let params = self.selection.of("penalty", model.named_params())?;
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
    selection: Selection,
}

impl MaxNorm {
    /// Applies the bound to the parameters that the pattern matches. They must have two axes or
    /// more.
    ///
    /// # Errors
    /// Returns the errors of [`Pattern::matcher`].
    pub fn of(mut self, pattern: impl Pattern) -> Result<Self> {
        self.selection = Selection(Some(pattern.matcher()?));
        Ok(self)
    }

    /// Scales the rows whose norm is above the bound down to it, up to rounding.
    ///
    /// # Errors
    /// [`Error::Argument`] if the model has no matching parameter, or if one has no rows;
    /// [`Error::NonFinite`], with the parameter's path, if a norm is not finite. After an error the
    /// model is unchanged.
    pub fn apply(&self, model: &mut (impl Module + ?Sized)) -> Result<()> {
        let params = self.selection.of("max_norm", model.named_params_mut())?;
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

    /// Returns the weight with its rows within the bound, or `None` if they are already.
    fn bounded(&self, weight: &Tensor) -> Result<Option<Tensor>> {
        if weight.rank() < 2 {
            let reason = "expected a weight (out, in, …) with a row for each unit";
            return Err(Error::argument("max_norm", reason));
        }
        let norms = weight.flatten_from(1)?.norm_over(1, Norm::L2)?.to_f64_vec();
        // Norms and the factors that undo them may leave the range of `f32`.
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
        let rows = weight.flatten_from(1)?.mul(&factors.unsqueeze(-1)?)?;
        rows.reshape(weight.shape()).map(Some)
    }
}

/// Selects parameters: those that a pattern matches, or the weights.
#[derive(Debug)]
struct Selection(Option<Matcher>);

impl Selection {
    fn of<P: Deref<Target = Param>>(
        &self,
        op: &'static str,
        params: Vec<(String, P)>,
    ) -> Result<Vec<(String, P)>> {
        let (params, others): (Vec<_>, Vec<_>) = params.into_iter().partition(|(path, param)| {
            let is_weight = || param.shape().len() >= 2;
            self.0
                .as_ref()
                .map_or_else(is_weight, |matcher| matcher.matches(path))
        });
        if params.is_empty() {
            let none = "the model has no parameter with two axes or more";
            let others = others.iter().map(|(path, _)| path);
            return Err(match &self.0 {
                Some(matcher) => matcher.no_match(op, "the model's parameters", others),
                None => Error::argument(op, none),
            });
        }
        Ok(params)
    }
}
