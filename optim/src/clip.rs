//! Gradient clipping, between `backward` and the optimizer's step (Pascanu, Mikolov, Bengio 2013,
//! On the difficulty of training recurrent neural networks).
//!
//! ```
//! use cotangent::{Error, Tensor, module::{Param, Pass}};
//! use cotangent::optim::{Sgd, clip};
//! let mut w = Param::new(&Tensor::from([3.0f64, 4.0]));
//! let mut optimizer = Sgd::new(0.1).build()?;
//! let loss = w.read(&Pass::train(0)).square().sum() * 0.5;
//! let mut grads = loss.backward()?;
//! let norm = clip::global_norm(1.0).apply(&w, &mut grads)?;
//! assert_eq!(norm, 5.0); // Before clipping.
//! optimizer.step(&mut w, grads)?;
//!
//! // The square root has an infinite slope at 0.
//! let mut w = Param::new(&Tensor::from([0.0f64, 4.0]));
//! let mut grads = w.read(&Pass::train(0)).sqrt().sum().backward()?;
//! match clip::global_norm(1.0).apply(&w, &mut grads) {
//!     Ok(_) => optimizer.step(&mut w, grads)?,
//!     // Skip the step: parameters and optimizer do not change.
//!     Err(error) if matches!(error.root(), Error::NonFinite { .. }) => {
//!         eprintln!("skipped: {error}");
//!     }
//!     Err(error) => return Err(error),
//! }
//! # Ok::<(), Error>(())
//! ```

use cotangent_core::module::{Matcher, Module, Param, Pattern};
use cotangent_core::{
    DType, Error, Gradients, Interval, Leaf, LeafId, ModuleExt, Norm, Result, SparseRows, Tensor,
};
use std::collections::BTreeMap;

/// Scales all gradients by one factor, so that their common norm is at most `max`:
/// `min(1, max / (norm + 1e-6))`, as in PyTorch.
///
/// With `f64::INFINITY` it clips nothing, but returns the norm and finds gradients that are not
/// finite.
#[doc(alias = "clip_grad_norm_")]
pub fn global_norm(max: f64) -> Clip {
    Clip::new(Kind::GlobalNorm, max)
}

/// Scales each gradient separately, so that its norm is at most `max`:
/// `min(1, max / (norm + 1e-6))`.
#[doc(alias = "clip_by_norm")]
pub fn norm(max: f64) -> Clip {
    Clip::new(Kind::Norm, max)
}

/// Limits every element of every gradient to `[-max, max]`.
#[doc(alias = "clip_grad_value_")]
#[doc(alias = "clip_by_value")]
pub fn value(max: f64) -> Clip {
    Clip::new(Kind::Value, max)
}

/// Scales each unit's gradient, so that its norm is at most `ratio · max(‖w‖, 1e-3)`, where w are
/// the unit's weights (Brock, De, Smith, Simonyan 2021, High-Performance Large-Scale Image
/// Recognition Without Normalization, with ratios of about 0.01).
///
/// The weights of a unit are a row of a weight (out, in, …). A vector or a scalar counts as one
/// unit. Optax does the same for its kernels (…, in, out). Gradients of tensors that are not
/// parameters of the model do not change. The paper does not clip the last layer: use
/// [`of`](Clip::of) to select.
#[doc(alias = "agc")]
pub fn adaptive(ratio: f64) -> Clip {
    Clip::new(Kind::Adaptive, ratio)
}

/// A way to clip gradients. The functions of this module create it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Clip {
    kind: Kind,
    bound: f64,
    allow_nonfinite: bool,
    paths: Option<Matcher>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    GlobalNorm,
    Norm,
    Value,
    Adaptive,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::GlobalNorm => "clip::global_norm",
            Self::Norm => "clip::norm",
            Self::Value => "clip::value",
            Self::Adaptive => "clip::adaptive",
        }
    }
}

/// The least norm of a unit's weights in adaptive clipping.
const LEAST_NORM: f64 = 1e-3;

/// Above this norm, units are clipped in `f64`: norms or their reciprocals may be beyond the range
/// of `f32`.
const LARGE_NORM: f64 = 1e30;

/// Returns the norm of a tensor, given its sum of squares, which may have overflowed in `f64`.
pub(crate) fn root(sum_of_squares: f64, x: &Tensor) -> Result<f64> {
    if x.dtype() == DType::F64 && !(1e-280..=f64::MAX).contains(&sum_of_squares) {
        x.detach().norm(Norm::L2)?.item()
    } else {
        Ok(sum_of_squares.sqrt())
    }
}

/// Returns the gradient times a factor, which may be subnormal in the gradient's dtype.
pub(crate) fn scaled(gradient: Tensor, factor: f64) -> Tensor {
    const PART: f64 = 1.0 / (1u64 << 62) as f64;
    let smallest = match gradient.dtype() {
        DType::F32 => f64::from(f32::MIN_POSITIVE),
        _ => f64::MIN_POSITIVE,
    };
    if factor < smallest {
        let partly = gradient.scaled_in_place(factor / PART);
        partly.scaled_in_place(PART)
    } else {
        gradient.scaled_in_place(factor)
    }
}

/// The remedy for gradients that are not finite.
const NOT_FINITE: &str = "run the step under `Pass::checked` to find the operation that caused it, \
                          or allow it with `Clip::allow_nonfinite`";

impl Clip {
    fn new(kind: Kind, bound: f64) -> Self {
        Self {
            kind,
            bound,
            allow_nonfinite: false,
            paths: None,
        }
    }

    /// Clips gradients that are not finite like others. This is PyTorch's default; the global norm
    /// then turns finite gradients into zeros or NaN.
    pub fn allow_nonfinite(mut self) -> Self {
        self.allow_nonfinite = true;
        self
    }

    /// Clips only the parameters whose paths match the pattern. The global norm is over these.
    ///
    /// # Errors
    /// [`Error::Argument`] if a regular expression is malformed.
    pub fn of(mut self, pattern: impl Pattern) -> Result<Self> {
        self.paths = Some(pattern.matcher()?);
        Ok(self)
    }

    /// Clips the gradients and returns their common norm before.
    ///
    /// The model provides the names of the parameters, and the weights for adaptive clipping.
    /// Gradients of tensors that are not its parameters are clipped too, unless [`of`](Self::of)
    /// selects parameters.
    ///
    /// # Errors
    /// [`Error::Argument`] if no gradient belongs to a parameter of the model, if the bound is not
    /// above 0, or if a pattern matches no parameter; [`Error::NonFinite`], placed at the path of
    /// the first parameter whose gradient or its norm is not finite, unless that is allowed;
    /// [`Error::Shape`] if a gradient does not have its parameter's shape. Nothing has changed
    /// then.
    pub fn apply(&self, model: &(impl Module + ?Sized), gradients: &mut Gradients) -> Result<f64> {
        let op = self.kind.name();
        Interval::Bound.check(op, "the bound", self.bound)?;
        gradients.expect_of(op, model)?;
        self.apply_to(model.named_params(), gradients)
    }

    /// Clips the gradients of the model that has these parameters.
    fn apply_to(
        &self,
        mut params: Vec<(String, &Param)>,
        gradients: &mut Gradients,
    ) -> Result<f64> {
        let op = self.kind.name();
        if let Some(paths) = &self.paths {
            let (chosen, others): (Vec<_>, Vec<_>) = params
                .into_iter()
                .partition(|(path, _)| paths.matches(path));
            if chosen.is_empty() {
                let others = others.iter().map(|(path, _)| path);
                return Err(paths.no_match(op, "the model's parameters", others));
            }
            params = chosen;
        }
        let params: BTreeMap<LeafId, (String, &Param)> = params
            .into_iter()
            .filter_map(|(path, param)| Some((param.leaf_id()?, (path, param))))
            .collect();
        let chosen = |id: LeafId| self.paths.is_none() || params.contains_key(&id);

        let (mut squares, mut norms) = (0.0, BTreeMap::new());
        for (id, gradient) in gradients.iter().filter(|(id, _)| chosen(*id)) {
            let square = gradient.sum_of_squares();
            let norm = root(square, gradient)?;
            if !norm.is_finite() && !self.allow_nonfinite {
                let error =
                    Error::non_finite(op, "the norm of the gradient", norm).remedied_by(NOT_FINITE);
                return Err(match params.get(&id) {
                    Some((path, _)) => error.within(path),
                    None => error,
                });
            }
            squares += square;
            norms.insert(id, norm);
        }
        let all: Vec<f64> = norms.values().copied().collect();
        let total = root(squares, &Tensor::from(&all[..]))?;
        if !total.is_finite() && !self.allow_nonfinite {
            let error = Error::non_finite(op, "the norm of the gradients", total);
            return Err(error.remedied_by(NOT_FINITE));
        }

        let all_by_one = self.bound / (total + 1e-6);
        let mut clipped = Vec::new();
        for (id, gradient) in gradients.iter().filter(|(id, _)| chosen(*id)) {
            let own = self.bound / (norms[&id] + 1e-6);
            let change = match self.kind {
                // Not `factor < 1`: NaN must stay visible.
                Kind::GlobalNorm if all_by_one >= 1.0 => continue,
                Kind::Norm if own >= 1.0 => continue,
                Kind::GlobalNorm => Change::Scale(all_by_one),
                Kind::Norm => Change::Scale(own),
                Kind::Value => match gradient.sparse_rows() {
                    None => Change::Clamp,
                    Some(rows) => {
                        let values = rows.values.clamp(-self.bound, self.bound);
                        Change::Replace(with_values(gradient, rows, values)?)
                    }
                },
                Kind::Adaptive => match params.get(&id) {
                    None => continue,
                    Some((path, param)) => match self.by_unit(param.value(), gradient) {
                        Ok(None) => continue,
                        Ok(Some(gradient)) => Change::Replace(gradient),
                        Err(error) => return Err(error.within(path)),
                    },
                },
            };
            clipped.push((id, change));
        }
        for (id, change) in clipped {
            let Some(gradient) = gradients.remove(&id) else {
                continue;
            };
            let gradient = match change {
                Change::Scale(factor) => scaled(gradient, factor),
                Change::Clamp => gradient.detach().clamp(-self.bound, self.bound),
                Change::Replace(gradient) => gradient,
            };
            gradients.insert(&id, gradient);
        }
        Ok(total)
    }

    /// Returns the gradient with the norms of its units clipped; none if they are within their
    /// bounds.
    fn by_unit(&self, weight: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        if weight.shape() != gradient.shape() {
            let reason = "the gradient has another shape than the parameter";
            let shapes = [weight.shape(), gradient.shape()];
            return Err(Error::shape(self.kind.name(), reason, &shapes));
        }
        if weight.rank() >= 2
            && let Some(rows) = gradient.sparse_rows()
        {
            let weight = weight.index_select(0, &rows.indices)?;
            let clipped = self.by_unit(&weight, &rows.values)?;
            let whole = clipped.map(|values| with_values(gradient, rows, values));
            return whole.transpose();
        }
        let units = if weight.rank() < 2 {
            1
        } else {
            weight.shape()[0]
        };
        let rows = |x: &Tensor| x.detach().reshape([units, weight.len() / units.max(1)]);
        let norms = |x: &Tensor| Ok::<_, Error>(rows(x)?.norm_over(1, Norm::L2)?.to_f64_vec());
        let (of_weight, of_gradient) = (norms(weight)?, norms(gradient)?);
        if weight.dtype() == DType::F32 && of_gradient.iter().any(|&norm| norm > LARGE_NORM) {
            let [weight, gradient] = [weight, gradient].map(|x| x.to_dtype(DType::F64));
            let clipped = self.by_unit(&weight, &gradient)?;
            return Ok(clipped.map(|clipped| clipped.to_dtype(DType::F32)));
        }
        let most = of_weight
            .iter()
            .map(|norm| self.bound * norm.max(LEAST_NORM));
        let factors: Vec<f64> = most
            .zip(&of_gradient)
            .map(|(most, &norm)| if norm > most { most / norm } else { 1.0 })
            .collect();
        if factors.iter().all(|&factor| factor == 1.0) {
            return Ok(None);
        }
        let factors = Tensor::from(&factors[..]).to_dtype(weight.dtype());
        let clipped = rows(gradient)?.mul(&factors.unsqueeze(-1)?)?;
        clipped.reshape(weight.shape()).map(Some)
    }
}

/// Returns a gradient of the same shape and the same stored rows, with other values.
fn with_values(gradient: &Tensor, rows: SparseRows, values: Tensor) -> Result<Tensor> {
    Tensor::from_sparse_rows(&SparseRows { values, ..rows }, gradient.shape())
}

enum Change {
    Scale(f64),
    Clamp,
    Replace(Tensor),
}

#[cfg(test)]
mod tests {
    use super::*;

    type Two = (Param, Param);

    fn model() -> Two {
        (
            Param::new(&Tensor::from([0.0f64; 2])),
            Param::new(&Tensor::from([[0.0f64]])),
        )
    }

    fn gradients(model: &Two, b: f64) -> Gradients {
        let mut gradients = Gradients::default();
        gradients.insert(&model.0, Tensor::from([3.0f64, -12.0]));
        gradients.insert(&model.1, Tensor::from([[b]]));
        gradients
    }

    fn values(model: &Two, gradients: &Gradients) -> (Vec<f64>, Vec<f64>) {
        let values = |param| {
            gradients
                .get(param)
                .map(Tensor::to_f64_vec)
                .unwrap_or_default()
        };
        (values(&model.0), values(&model.1))
    }

    #[test]
    fn the_global_norm_scales_all_gradients_by_one_factor() -> Result<()> {
        let model = model();
        let mut clipped = gradients(&model, 4.0);
        assert_eq!(global_norm(6.5).apply(&model, &mut clipped)?, 13.0);
        let factor = 6.5 / (13.0 + 1e-6);
        let expected = (vec![3.0 * factor, -12.0 * factor], vec![4.0 * factor]);
        assert_eq!(values(&model, &clipped), expected);
        let mut small = gradients(&model, 4.0);
        for max in [100.0, f64::INFINITY] {
            assert_eq!(global_norm(max).apply(&model, &mut small)?, 13.0);
            assert_eq!(values(&model, &small), (vec![3.0, -12.0], vec![4.0]));
        }
        Ok(())
    }

    #[test]
    fn the_norm_scales_each_gradient_by_its_own_factor() -> Result<()> {
        let model = model();
        let mut clipped = gradients(&model, 4.0);
        assert_eq!(norm(5.0).apply(&model, &mut clipped)?, 13.0);
        let factor = 5.0 / (153.0f64.sqrt() + 1e-6);
        assert_eq!(
            values(&model, &clipped),
            (vec![3.0 * factor, -12.0 * factor], vec![4.0])
        );
        Ok(())
    }

    #[test]
    fn values_are_limited_on_both_sides() -> Result<()> {
        let model = model();
        let mut clipped = gradients(&model, 4.0);
        assert_eq!(value(3.5).apply(&model, &mut clipped)?, 13.0);
        assert_eq!(values(&model, &clipped), (vec![3.0, -3.5], vec![3.5]));
        Ok(())
    }

    #[test]
    fn adaptive_clipping_is_relative_to_the_weights_of_a_unit() -> Result<()> {
        let weight = Param::new(&Tensor::from([[3.0f64, 4.0], [0.0, 0.0], [6.0, 8.0]]));
        let mut gradients = Gradients::default();
        gradients.insert(
            &weight,
            Tensor::from([[0.0f64, 2.0], [3.0, 4.0], [0.1, 0.1]]),
        );
        adaptive(0.1).apply(&weight, &mut gradients)?;
        let found = gradients
            .get(&weight)
            .map(Tensor::to_f64_vec)
            .unwrap_or_default();
        let expected = [0.0, 0.5, 3.0 * 2e-5, 4.0 * 2e-5, 0.1, 0.1];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
        Ok(())
    }

    #[test]
    fn a_gradient_that_is_not_finite_is_an_error_and_changes_nothing() {
        let model = model();
        for clip in [global_norm(1.0), norm(1.0), value(1.0), adaptive(0.01)] {
            let mut broken = gradients(&model, f64::NAN);
            let error = clip.apply(&model, &mut broken).unwrap_err();
            assert!(matches!(error.root(), Error::NonFinite { .. }), "{error}");
            assert!(error.to_string().starts_with("`1`: clip::"), "{error}");
            assert_eq!(values(&model, &broken).0, [3.0, -12.0]);
        }
        let mut broken = gradients(&model, f64::INFINITY);
        assert!(
            global_norm(1.0)
                .allow_nonfinite()
                .apply(&model, &mut broken)
                .is_ok()
        );
        let (a, b) = values(&model, &broken);
        assert!(a == [0.0, 0.0] && b[0].is_nan(), "{a:?} {b:?}"); // As PyTorch.
    }

    #[test]
    fn patterns_select_parameters_and_bounds_must_be_positive() -> Result<()> {
        let model = model();
        let mut clipped = gradients(&model, f64::NAN);
        let norm = global_norm(1.0).of("0")?.apply(&model, &mut clipped)?;
        assert_eq!(norm, 153.0f64.sqrt());
        let mut clipped = gradients(&model, 4.0);
        assert!(
            global_norm(1.0)
                .of("2")?
                .apply(&model, &mut clipped)
                .is_err()
        );
        for bound in [0.0, -1.0, f64::NAN] {
            assert!(value(bound).apply(&model, &mut clipped).is_err());
        }
        assert_eq!(values(&model, &clipped), (vec![3.0, -12.0], vec![4.0]));
        Ok(())
    }
}
