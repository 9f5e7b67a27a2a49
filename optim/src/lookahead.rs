//! Lookahead: slow weights that follow the fast weights of an optimizer.

use crate::average::toward;
use crate::optimizer::{Optimizer, delegate};
use crate::settings::check_range;
use crate::state::Mismatches;
use crate::stepper::OF_ANOTHER_MODEL;
use cotangent_core::kernel::{Real, Step};
use cotangent_core::module::{Matcher, Module, Param, Part, ZeroRows, step};
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{DType, Error, Gradients, LeafId, ModuleExt, Result, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// An optimizer around another one. After every k steps of the inner optimizer:
/// `slow += α (w - slow); w = slow` (Zhang, Lucas, Hinton, Ba 2019, Lookahead Optimizer: k steps
/// forward, 1 step back).
///
/// The slow weights start as the weights before the first step. The inner optimizer keeps its state
/// when the weights are synchronized, as in Optax; PyTorch has no Lookahead. A parameter that is
/// frozen or has no gradient in the step that synchronizes is synchronized in the next step that
/// has its gradient.
///
/// ```
/// use cotangent::{Tensor, module::{Param, Pass}};
/// use cotangent::optim::{Lookahead, Optimizer, Sgd};
/// let mut w = Param::new(&Tensor::from(8.0f32));
/// let mut optimizer = Lookahead::new(Sgd::new(1.0).build()?, 2, 0.5)?;
/// let mut path = Vec::new();
/// for _ in 0..4 {
///     let grads = w.read(&Pass::train(0)).sum().backward()?;
///     optimizer.step(&mut w, grads)?;
///     path.push(w.value().item()?);
/// }
/// assert_eq!(path, [7.0, 7.0, 6.0, 6.0]);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Debug)]
pub struct Lookahead<O> {
    optimizer: O,
    period: u64,
    alpha: f64,
    slow: BTreeMap<String, Slow>,
}

#[derive(Clone, Debug)]
struct Slow {
    weights: Tensor,
    /// The parameter that the weights belong to; none if they were loaded and it has not been seen.
    owner: Option<LeafId>,
    /// Steps since the last synchronization.
    steps: u64,
}

/// The formula `w := slow + α (w - slow)`.
#[derive(Clone, Copy)]
struct Approach {
    alpha: f64,
}

impl Step<0> for Approach {
    #[inline(always)]
    fn apply<T: Real>(self, w: T, slow: T, []: [T; 0]) -> (T, [T; 0]) {
        (toward(slow, w, self.alpha), [])
    }
}

impl<O: Optimizer> Lookahead<O> {
    /// Creates an optimizer that synchronizes every `period` steps (5 to 10 are usual), by the
    /// share `alpha` in `(0, 1]` (0.5 is usual).
    ///
    /// # Errors
    /// [`Error::Argument`] if one is out of range.
    pub fn new(optimizer: O, period: u64, alpha: f64) -> Result<Self> {
        check_range("the period", period as f64, period > 0, "above 0")?;
        check_range("α", alpha, alpha > 0.0 && alpha <= 1.0, "in (0, 1]")?;
        Ok(Self {
            optimizer,
            period,
            alpha,
            slow: BTreeMap::new(),
        })
    }
}

impl<O: Optimizer> Optimizer for Lookahead<O> {
    fn step(&mut self, model: &mut dyn Module, gradients: Gradients) -> Result<()> {
        let (mut moved, mut before) = (BTreeSet::new(), Vec::new());
        for (path, param) in model.named_params() {
            if param.is_frozen() || gradients.get(param).is_none() {
                continue;
            }
            moved.insert(param.id());
            match self.slow.get(&path) {
                Some(slow) => slow.check(param).map_err(|error| error.within(&path))?,
                None => before.push((path, param.value().clone())),
            }
        }
        self.optimizer.step(model, gradients)?;
        for (path, weights) in before {
            let slow = Slow {
                weights,
                owner: None,
                steps: 0,
            };
            self.slow.insert(path, slow);
        }
        for (path, param) in model.named_params_mut() {
            let moved = moved.contains(&param.id());
            let Some(slow) = self.slow.get_mut(&path).filter(|_| moved) else {
                continue;
            };
            slow.owner = Some(param.id());
            slow.steps += 1;
            if slow.steps >= self.period {
                step(&mut [Part {
                    param: &mut *param,
                    gradient: &slow.weights,
                    state: [],
                    step: Approach { alpha: self.alpha },
                    zero_rows: ZeroRows::Change,
                }])?;
                slow.weights = param.value().clone();
                slow.steps = 0;
            }
        }
        Ok(())
    }

    fn forget(&mut self, paths: &Matcher) -> Result<usize> {
        let forgotten = self.optimizer.forget(paths)?;
        self.slow.retain(|path, _| !paths.matches(path));
        Ok(forgotten)
    }

    fn adopt(&mut self, model: &dyn Module) -> Result<()> {
        let mut owners = Vec::new();
        for (path, param) in model.named_params() {
            if let Some(slow) = self.slow.get(&path) {
                slow.check_form(param)
                    .map_err(|error| error.within(&path))?;
                owners.push((path, param.id()));
            }
        }
        self.optimizer.adopt(model)?;
        for (path, id) in owners {
            if let Some(slow) = self.slow.get_mut(&path) {
                slow.owner = Some(id);
            }
        }
        Ok(())
    }

    delegate!(settings self, self.optimizer);
}

impl Slow {
    /// Returns an error unless the slow weights belong to the parameter.
    fn check(&self, param: &Param) -> Result<()> {
        self.check_form(param)?;
        if self.owner.is_some_and(|owner| owner != param.id()) {
            return Err(Error::argument("Lookahead", OF_ANOTHER_MODEL));
        }
        Ok(())
    }

    /// Returns an error unless the parameter has the shape and dtype of the slow weights.
    fn check_form(&self, param: &Param) -> Result<()> {
        let (slow, value) = (&self.weights, param.value());
        let dtypes = [
            ("the slow weight", slow.dtype()),
            ("the parameter", value.dtype()),
        ];
        DType::expect_same("Lookahead", &dtypes)?;
        if slow.shape() != value.shape() {
            let reason = "the slow weights belong to another parameter that had this path; \
                          `forget_where` drops them";
            let shapes = [slow.shape(), value.shape()];
            return Err(Error::shape("Lookahead", reason, &shapes));
        }
        Ok(())
    }
}

/// The entries are the state of the inner optimizer under `fast.`, and for each parameter its slow
/// weights, `slow.PATH`, and the number of steps since it was synchronized, `steps.PATH`.
impl<O: Stateful> Stateful for Lookahead<O> {
    fn state(&self) -> Result<StateDict> {
        let mut all = StateDict::new();
        all.insert_part("fast", self.optimizer.state()?);
        for (path, slow) in &self.slow {
            all.insert(&format!("slow.{path}"), Entry::Tensor(slow.weights.clone()));
            all.insert(&format!("steps.{path}"), Entry::Count(slow.steps));
        }
        Ok(all)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let (mut wrong, mut slow) = (Mismatches::default(), BTreeMap::new());
        for (path, _) in state.part("slow").iter() {
            let steps = wrong.take(state.count(&format!("steps.{path}")));
            let weights = wrong.take(state.tensor(&format!("slow.{path}")).cloned());
            if let (Some(steps), Some(weights)) = (steps, weights) {
                let owner = None;
                slow.insert(
                    path.to_owned(),
                    Slow {
                        weights,
                        owner,
                        steps,
                    },
                );
            }
        }
        wrong.only(state, |name| {
            let path = name.strip_prefix("slow.").or(name.strip_prefix("steps."));
            name.starts_with("fast.") || path.is_some_and(|path| slow.contains_key(path))
        });
        wrong.finish()?;
        self.optimizer.load_state(&state.part("fast"))?;
        self.slow = slow;
        Ok(())
    }
}
