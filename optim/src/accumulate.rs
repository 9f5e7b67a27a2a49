//! Gradients of several micro-batches as one.

use crate::state::Mismatches;
use cotangent_core::module::Module;
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{Error, Gradients, Interval, ModuleExt, Result, Tensor};
use std::collections::BTreeMap;

/// The weighted mean of the gradients of several micro-batches: what one large batch would give, up
/// to rounding, where the loss is a mean over samples and samples do not see each other (batch
/// normalization lets them: its statistics are those of the micro-batch).
///
/// ```
/// use cotangent::{Tensor, module::{Param, Pass}};
/// use cotangent::optim::{Accumulator, Optimizer, Sgd};
/// let mut w = Param::new(&Tensor::from(2.0f32));
/// let mut optimizer = Sgd::new(0.1).build()?;
/// let mut accumulator = Accumulator::new();
/// for batch in [Tensor::from([1.0f32, 2.0, 3.0]), Tensor::from([4.0f32])] {
///     let loss = batch.mul(&w.read(&Pass::train(0)))?.square().mean();
///     accumulator.add(&w, &loss.backward()?, batch.len() as f64)?;
/// }
/// let grads = accumulator.take(&w);
/// assert_eq!(grads.get(&w).expect("it has one").item()?, 2.0 * 2.0 * (1.0 + 4.0 + 9.0 + 16.0) / 4.0);
/// optimizer.step(&mut w, &grads)?;
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// Gradients are kept by the parameters' paths, so that they can be saved beside the model between
/// two micro-batches.
#[derive(Clone, Debug, Default)]
pub struct Accumulator {
    /// Weighted sums, divided by [`unit`] of the weight: no larger than the mean, so that none
    /// overflows on the way to it.
    sums: BTreeMap<String, Tensor>,
    weight: f64,
}

/// The smallest power of two above a weight, near the ends of the range about that; 1 for 0. To
/// divide by it changes no digit.
fn unit(weight: f64) -> f64 {
    if weight == 0.0 {
        return 1.0;
    }
    2f64.powi(weight.log2().floor().clamp(-1000.0, 1000.0) as i32 + 1)
}

impl Accumulator {
    /// Nothing accumulated.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the gradients of a micro-batch, weighted: by its number of samples if the loss is their
    /// mean, by 1 if micro-batches are of one size.
    ///
    /// # Errors
    /// [`Error::Argument`] if the weight is not above 0, or the weights together are not finite;
    /// [`Error::Shape`] or [`Error::DType`], within the parameter's path, if a gradient does not
    /// fit the one that is there. Then nothing has changed.
    pub fn add(
        &mut self,
        model: &(impl Module + ?Sized),
        gradients: &Gradients,
        weight: f64,
    ) -> Result<()> {
        let total = self.weight + weight;
        if !(total.is_finite() && weight > 0.0) {
            let reason = format!("the weight must be above 0 and finite, found {weight}");
            return Err(Error::argument("Accumulator::add", reason));
        }
        let [before, unit] = [unit(self.weight), unit(total)];
        let mut sums = self.sums.clone();
        for sum in sums.values_mut().filter(|_| before != unit) {
            *sum = sum.mul_scalar(before / unit);
        }
        for (path, param) in model.named_params() {
            let Some(gradient) = gradients.get(param) else {
                continue;
            };
            let weighted = gradient.detach().mul_scalar(weight / unit);
            let sum = match sums.get(&path) {
                // A parameter has the shape of its gradient: nothing is broadcast here.
                Some(sum) if sum.shape() != weighted.shape() => {
                    let reason = "the gradient has another shape than those before";
                    let shapes = [sum.shape(), weighted.shape()];
                    Err(Error::shape("Accumulator::add", reason, &shapes))
                }
                Some(sum) => sum.add(&weighted),
                None => Ok(weighted),
            };
            let sum = sum.map_err(|error| error.within(&path))?;
            sums.insert(path, sum);
        }
        (self.sums, self.weight) = (sums, total);
        Ok(())
    }

    /// The sum of the weights so far.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// The mean of what has been added, for the parameters of the model; nothing is accumulated any
    /// more.
    ///
    /// A parameter that had no gradient in some of the micro-batches counts as 0 there.
    pub fn take(&mut self, model: &(impl Module + ?Sized)) -> Gradients {
        let Self { mut sums, weight } = std::mem::take(self);
        let mut gradients = Gradients::default();
        for (path, param) in model.named_params() {
            if let Some(sum) = sums.remove(&path) {
                gradients.insert(param, sum.scaled_in_place(unit(weight) / weight));
            }
        }
        gradients
    }
}

/// The weight under `weight`; under `scaled_sum.PATH` the weighted sums, divided by the smallest
/// power of two above the weight.
impl Stateful for Accumulator {
    fn state(&self) -> Result<StateDict> {
        let mut all = StateDict::new();
        all.insert_number("weight", self.weight);
        for (path, sum) in &self.sums {
            all.insert(&format!("scaled_sum.{path}"), Entry::Tensor(sum.clone()));
        }
        Ok(all)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let (mut wrong, mut sums) = (Mismatches::default(), BTreeMap::new());
        let weight = wrong.take(state.number("weight")).unwrap_or_default();
        if !Interval::AtLeast0.contains(weight) {
            wrong.add(format!("`weight`: expected at least 0, found {weight}"));
        }
        for (name, _) in state.iter() {
            if let Some(path) = name.strip_prefix("scaled_sum.")
                && let Some(sum) = wrong.take(state.tensor(name))
            {
                sums.insert(path.to_owned(), sum.clone());
            }
        }
        if weight == 0.0 && !sums.is_empty() {
            wrong.add("`weight`: expected above 0, for there are sums".to_owned());
        }
        wrong.only(state, |name| {
            name == "weight" || name.starts_with("scaled_sum.")
        });
        wrong.finish()?;
        *self = Self { sums, weight };
        Ok(())
    }
}
