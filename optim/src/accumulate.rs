//! Accumulates the gradients of several micro-batches.

use crate::state::Mismatches;
use cotangent_core::module::{Module, Param};
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{DType, Error, Gradients, Interval, LeafId, ModuleExt, Result, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// The weighted mean of the gradients of several micro-batches. Up to rounding it is the gradient
/// of one large batch, if the loss is a mean over samples and no sample depends on another. With
/// batch normalization samples do: its statistics are those of the micro-batch.
///
/// ```
/// use cotangent::{Tensor, module::{Param, Pass}};
/// use cotangent::optim::{Accumulator, Optimizer, Sgd};
/// let mut w = Param::new(&Tensor::from(2.0f32));
/// let mut optimizer = Sgd::new(0.1).build()?;
/// let mut accumulator = Accumulator::new();
/// for batch in [Tensor::from([1.0f32, 2.0, 3.0]), Tensor::from([4.0f32])] {
///     let loss = batch.mul(&w.read(&Pass::train(0)))?.square().mean();
///     accumulator.add(&w, loss.backward()?, batch.len() as f64)?;
/// }
/// let grads = accumulator.take(&w)?;
/// let expected = 2.0 * 2.0 * (1.0 + 4.0 + 9.0 + 16.0) / 4.0;
/// assert_eq!(grads.get(&w).expect("it has one").item()?, expected);
/// optimizer.step(&mut w, grads)?;
/// # Ok::<(), cotangent::Error>(())
/// ```
///
/// Gradients are stored by the parameters' paths, so that they can be saved beside the model
/// between two micro-batches.
#[derive(Clone, Debug, Default)]
pub struct Accumulator {
    /// Weighted sums, divided by [`unit`] of the weight. They are no larger than the mean, so that
    /// they cannot overflow.
    sums: BTreeMap<String, Sum>,
    weight: f64,
}

/// A weighted sum of gradients.
#[derive(Clone, Debug)]
struct Sum {
    tensor: Tensor,
    /// The parameter whose gradients these are; none if the sum was loaded and the parameter has
    /// not been seen.
    owner: Option<LeafId>,
}

impl Sum {
    /// Returns an error unless these are gradients of the parameter.
    fn check(&self, op: &'static str, param: &Param) -> Result<()> {
        if self.owner.is_none_or(|owner| owner == param.id()) {
            return Ok(());
        }
        let reason = "the gradients so far are those of another model, or of the model that this \
            one was cloned from: create an accumulator for each model";
        Err(Error::argument(op, reason))
    }
}

/// Returns the smallest power of two above a weight, or about that near the ends of the range; 1
/// for 0. Dividing by it is exact.
fn unit(weight: f64) -> f64 {
    if weight == 0.0 {
        return 1.0;
    }
    2f64.powi(weight.log2().floor().clamp(-1000.0, 1000.0) as i32 + 1)
}

impl Accumulator {
    /// Creates an accumulator without gradients.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the gradients of a micro-batch with a weight: the number of its samples if the loss is
    /// their mean, or 1 if all micro-batches have the same size.
    ///
    /// # Errors
    /// [`Error::Argument`] if the weight is not above 0, if the weights together are not finite, or
    /// if the gradients are those of another model; [`Error::Shape`] or [`Error::DType`], placed at
    /// the parameter's path, if a gradient does not fit those before. Nothing has changed then.
    pub fn add(
        &mut self,
        model: &(impl Module + ?Sized),
        gradients: Gradients,
        weight: f64,
    ) -> Result<()> {
        let total = self.weight + weight;
        if !(total.is_finite() && weight > 0.0) {
            let reason = format!("the weight must be above 0 and finite, found {weight}");
            return Err(Error::argument("Accumulator::add", reason));
        }
        gradients.expect_of("Accumulator::add", model)?;
        self.add_to(model.named_params(), gradients, weight)
    }

    /// Adds the gradients of the model that has these parameters.
    fn add_to(
        &mut self,
        params: Vec<(String, &Param)>,
        mut gradients: Gradients,
        weight: f64,
    ) -> Result<()> {
        let total = self.weight + weight;
        let [before, unit] = [unit(self.weight), unit(total)];
        let mut sums = self.sums.clone();
        for sum in sums.values_mut().filter(|_| before != unit) {
            sum.tensor = sum.tensor.clone().scaled_in_place(before / unit);
        }
        for (path, param) in params {
            let Some(gradient) = gradients.remove(param) else {
                continue;
            };
            let weighted = gradient.scaled_in_place(weight / unit);
            let added = match sums.get(&path) {
                None => Ok(weighted),
                Some(sum) => sum
                    .check("Accumulator::add", param)
                    .and_then(|()| sum_of(param, &sum.tensor, weighted)),
            };
            let sum = Sum {
                tensor: added.map_err(|error| error.within(&path))?,
                owner: Some(param.id()),
            };
            sums.insert(path, sum);
        }
        (self.sums, self.weight) = (sums, total);
        Ok(())
    }

    /// Returns the sum of the weights so far.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Returns the weighted mean of the gradients that were added, and empties the accumulator.
    ///
    /// A parameter that had no gradient in some of the micro-batches counts as 0 there.
    ///
    /// # Errors
    /// [`Error::Argument`] if the gradients are those of another model. Nothing has changed then.
    pub fn take(&mut self, model: &(impl Module + ?Sized)) -> Result<Gradients> {
        self.take_of(model.named_params())
    }

    /// Returns the mean for the model that has these parameters.
    fn take_of(&mut self, params: Vec<(String, &Param)>) -> Result<Gradients> {
        const OP: &str = "Accumulator::take";
        let mut found = 0;
        for (path, param) in &params {
            if let Some(sum) = self.sums.get(path) {
                found += 1;
                sum.check(OP, param).map_err(|error| error.within(path))?;
            }
        }
        if found < self.sums.len() {
            let known: BTreeSet<&str> = params.iter().map(|(path, _)| &**path).collect();
            let path = self.sums.keys().find(|path| !known.contains(&***path));
            let path = path.map_or("", String::as_str);
            let reason =
                format!("there are gradients of `{path}`, the model has no such parameter");
            return Err(Error::argument(OP, reason));
        }
        let Self { mut sums, weight } = std::mem::take(self);
        let mut gradients = Gradients::default();
        for (path, param) in params {
            if let Some(sum) = sums.remove(&path) {
                let mean = sum.tensor.scaled_in_place(unit(weight) / weight);
                gradients.insert(param, mean);
            }
        }
        Ok(gradients)
    }
}

/// Returns the sum of two gradients of one parameter, which have the same shape.
fn sum_of(param: &Param, before: &Tensor, gradient: Tensor) -> Result<Tensor> {
    const OP: &str = "Accumulator::add";
    let dtypes = [
        ("the gradients so far", before.dtype()),
        ("the gradient", gradient.dtype()),
    ];
    DType::expect_same(OP, &dtypes)?;
    if before.shape() != gradient.shape() {
        let reason = "the gradient has another shape than the gradients so far";
        let shapes = [before.shape(), gradient.shape()];
        return Err(Error::shape(OP, reason, &shapes));
    }
    // Unlike `Tensor::add`, this keeps the form of gradients of which only rows are stored.
    let [mut sum, mut other] = [Gradients::default(), Gradients::default()];
    sum.insert(param, before.clone());
    other.insert(param, gradient);
    sum.add(other)?;
    Ok(sum.remove(param).unwrap_or_else(|| before.clone()))
}

/// The entries are `weight`, and the weighted sums `scaled_sum.PATH`, divided by the smallest power
/// of two above the weight.
impl Stateful for Accumulator {
    fn state(&self) -> Result<StateDict> {
        let mut all = StateDict::new();
        all.insert_number("weight", self.weight);
        for (path, sum) in &self.sums {
            all.insert(
                &format!("scaled_sum.{path}"),
                Entry::Tensor(sum.tensor.clone()),
            );
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
                let sum = Sum {
                    tensor: sum.clone(),
                    owner: None,
                };
                sums.insert(path.to_owned(), sum);
            }
        }
        if weight == 0.0 && !sums.is_empty() {
            wrong.add("`weight`: expected above 0, since there are sums".to_owned());
        }
        wrong.only(state, |name| {
            name == "weight" || name.starts_with("scaled_sum.")
        });
        wrong.finish()?;
        *self = Self { sums, weight };
        Ok(())
    }
}
