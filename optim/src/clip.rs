//! Gradient clipping (Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural
//! networks): between `backward` and the optimizer's step.
//!
//! ```
//! use cotangent::{Error, Tensor, module::{Param, Pass}};
//! use cotangent::optim::{Sgd, clip};
//! let mut w = Param::new(&Tensor::from([3.0f64, 4.0]));
//! let mut optimizer = Sgd::new(0.1).build()?;
//! for factor in [0.5, f64::INFINITY] {
//!     let loss = w.read(&Pass::train(0)).square().sum() * factor;
//!     let mut grads = loss.backward()?;
//!     match clip::global_norm(1.0).apply(&w, &mut grads) {
//!         Ok(norm) => {
//!             assert_eq!(norm, 5.0); // Before clipping.
//!             optimizer.step(&mut w, grads)?;
//!         }
//!         // A step that is left out leaves the parameters and the optimizer as they are.
//!         Err(error) if matches!(error.root(), Error::NonFinite { .. }) => eprintln!("skipped: {error}"),
//!         Err(error) => return Err(error),
//!     }
//! }
//! # Ok::<(), Error>(())
//! ```

use cotangent_core::module::{Matcher, Module, Param, Pattern};
use cotangent_core::{
    DType, Error, Gradients, Interval, Leaf, LeafId, ModuleExt, Norm, Result, Tensor,
};
use std::collections::BTreeMap;

/// One factor for all gradients, so that the norm of all of them together is at most `max`:
/// `min(1, max / (norm + 1e-6))`, as in PyTorch.
///
/// With `f64::INFINITY` nothing is clipped: that measures the norm, and finds what is not finite.
#[doc(alias = "clip_grad_norm_")]
pub fn global_norm(max: f64) -> Clip {
    Clip::new(Kind::GlobalNorm, max)
}

/// A factor for each gradient by itself, so that its norm is at most `max`:
/// `min(1, max / (norm + 1e-6))`.
#[doc(alias = "clip_by_norm")]
pub fn norm(max: f64) -> Clip {
    Clip::new(Kind::Norm, max)
}

/// Every element of every gradient comes to lie in `[-max, max]`.
#[doc(alias = "clip_grad_value_")]
#[doc(alias = "clip_by_value")]
pub fn value(max: f64) -> Clip {
    Clip::new(Kind::Value, max)
}

/// A factor for each unit's gradient, so that its norm is at most `ratio · max(‖w‖, 1e-3)`, w being
/// the unit's weights (Brock, De, Smith, Simonyan 2021, High-Performance Large-Scale Image
/// Recognition Without Normalization, with ratios about 0.01).
///
/// A unit's weights are a row of a weight (out, in, …); a vector or a scalar counts as one unit. So
/// it is in Optax, whose kernels are (…, in, out). Gradients of tensors that are no parameters of
/// the model are left alone. The paper does not clip the last layer: [`of`](Clip::of) chooses.
#[doc(alias = "agc")]
pub fn adaptive(ratio: f64) -> Clip {
    Clip::new(Kind::Adaptive, ratio)
}

/// A way to clip gradients, made by the functions of this module.
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

/// What the norm of a unit's weights counts as at least, in adaptive clipping.
const LEAST_NORM: f64 = 1e-3;

/// Beyond it norms may leave the range of `f32`, and factors that undo them: units are clipped in
/// `f64`.
const LARGE_NORM: f64 = 1e30;

/// The norm of a tensor, given its sum of squares, which may have left the range of `f64`.
pub(crate) fn root(sum_of_squares: f64, x: &Tensor) -> Result<f64> {
    if x.dtype() == DType::F64 && !(1e-280..=f64::MAX).contains(&sum_of_squares) {
        x.detach().norm(Norm::L2)?.item()
    } else {
        Ok(sum_of_squares.sqrt())
    }
}

/// The gradient times a factor, which need not have all its digits in the gradient's dtype.
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

impl Clip {
    fn new(kind: Kind, bound: f64) -> Self {
        Self {
            kind,
            bound,
            allow_nonfinite: false,
            paths: None,
        }
    }

    /// The same for gradients that are not finite: they are clipped like others. As PyTorch's
    /// default, whose global norm then turns finite gradients into zeros or NaN.
    pub fn allow_nonfinite(mut self) -> Self {
        self.allow_nonfinite = true;
        self
    }

    /// The same for the parameters that the pattern means alone, the norm being theirs.
    ///
    /// # Errors
    /// [`Error::Argument`] if a regular expression is malformed.
    pub fn of(mut self, pattern: impl Pattern) -> Result<Self> {
        self.paths = Some(pattern.matcher()?);
        Ok(self)
    }

    /// Clips the gradients and returns the norm that all of them had together before.
    ///
    /// The model gives the parameters their names, and the weights for adaptive clipping. Gradients
    /// of tensors that are not its parameters are clipped too, unless [`of`](Self::of) chooses.
    ///
    /// # Errors
    /// [`Error::Argument`] if no gradient belongs to a parameter of the model.
    ///
    /// [`Error::NonFinite`], within the path of the first parameter whose gradient has a value or a
    /// norm that is not finite, unless that is allowed; [`Error::Argument`] if the bound is not
    /// above 0 or a pattern matches no parameter; [`Error::Shape`] if a gradient does not have its
    /// parameter's shape. Then nothing has changed.
    pub fn apply(&self, model: &(impl Module + ?Sized), gradients: &mut Gradients) -> Result<f64> {
        let op = self.kind.name();
        Interval::Bound.check(op, "the bound", self.bound)?;
        gradients.expect_of(op, model)?;
        let mut params = model.named_params();
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
                let error = Error::non_finite(op, "the norm of the gradient", norm);
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
            return Err(Error::non_finite(op, "the norm of the gradients", total));
        }

        let all_by_one = self.bound / (total + 1e-6);
        let mut clipped = Vec::new();
        for (id, gradient) in gradients.iter().filter(|(id, _)| chosen(*id)) {
            let own = self.bound / (norms[&id] + 1e-6);
            let change = match self.kind {
                // Not `factor < 1`: a factor of NaN is to be seen.
                Kind::GlobalNorm if all_by_one >= 1.0 => continue,
                Kind::Norm if own >= 1.0 => continue,
                Kind::GlobalNorm => Change::Scale(all_by_one),
                Kind::Norm => Change::Scale(own),
                Kind::Value => Change::Clamp,
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

    /// The gradient with its units' norms within their bounds; none if they are.
    fn by_unit(&self, weight: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        if weight.shape() != gradient.shape() {
            let reason = "the gradient has another shape than the parameter";
            let shapes = [weight.shape(), gradient.shape()];
            return Err(Error::shape(self.kind.name(), reason, &shapes));
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
    fn the_global_norm_is_over_all_gradients_and_scales_all_alike() -> Result<()> {
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
    fn by_norm_each_gradient_is_scaled_by_itself() -> Result<()> {
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
    fn adaptive_clipping_measures_each_unit_by_its_weights() -> Result<()> {
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
    fn what_is_not_finite_is_named_and_changes_nothing() {
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
    fn a_pattern_chooses_and_bad_bounds_are_refused() -> Result<()> {
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
