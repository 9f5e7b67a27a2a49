//! What all optimizers share: finding each parameter's gradient, keeping its state by path, and one
//! fused sweep per parameter.

use cotangent_core::kernel::{Real, Update};
use cotangent_core::module::{Matcher, Module, Pattern};
use cotangent_core::{Error, Gradients, Result, Tensor};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Something that changes a model's parameters, given their gradients.
pub trait Optimizer: Debug + Send {
    /// One update of every parameter that has a gradient. Frozen parameters and those without a
    /// gradient are not touched, nor is their state.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::DType`], placed at the parameter's path, if a gradient or a
    /// state does not fit its parameter; no parameter has changed then.
    fn step(&mut self, model: &mut dyn Module, gradients: &Gradients) -> Result<()>;

    /// Forgets the state of the parameters whose paths are meant; how many these are. See
    /// `forget_where`, which takes a pattern.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no state under such a path.
    fn forget(&mut self, paths: &Matcher) -> Result<usize>;

    /// The learning rate.
    fn learning_rate(&self) -> f64;

    /// Sets the learning rate, as a schedule does.
    fn set_learning_rate(&mut self, learning_rate: f64);
}

impl dyn Optimizer + '_ {
    /// As [`Stepper::forget_where`].
    ///
    /// # Errors
    /// As [`Stepper::forget_where`].
    pub fn forget_where(&mut self, pattern: impl Pattern) -> Result<usize> {
        self.forget(&pattern.matcher()?)
    }
}

/// The formula of an optimizer with `N` numbers of state per element.
pub trait Rule<const N: usize>: Copy + Debug + Send + Sync {
    /// What the state of a parameter starts as.
    const INITIAL: [f64; N];

    /// The learning rate.
    fn learning_rate(&self) -> f64;

    /// Sets the learning rate.
    fn set_learning_rate(&mut self, learning_rate: f64);

    /// The new parameter and state, from parameter `w`, gradient `g` and state, in the parameter's
    /// step number `step` (from 1).
    fn update<T: Real>(&self, step: u64, w: T, g: T, state: [T; N]) -> (T, [T; N]);
}

/// An optimizer that applies a [`Rule`] to every element. `S` is `N + 1`.
///
/// State is kept by the parameter's path, so that a model that was loaded or cloned goes on with
/// it. Each parameter counts its own steps: while it is frozen its state stands still, and when it
/// is unfrozen it goes on from there, or, if it has none yet, starts as in a first step.
#[derive(Clone, Debug)]
pub struct Stepper<R, const N: usize, const S: usize> {
    rule: R,
    states: BTreeMap<String, State<N>>,
}

#[derive(Clone, Debug)]
struct State<const N: usize> {
    steps: u64,
    slots: [Tensor; N],
}

impl<R: Rule<N> + 'static, const N: usize, const S: usize> Stepper<R, N, S> {
    pub(crate) fn new(rule: R) -> Self {
        const { assert!(S == N + 1) };
        Self {
            rule,
            states: BTreeMap::new(),
        }
    }

    /// Forgets the state of the parameters whose paths the pattern means, which then start as in a
    /// first step; returns how many these are. For a layer that is replaced by a new one under the
    /// same path, while all others go on with what they have:
    ///
    /// ```
    /// use cotangent_core::{Tensor, module::{Param, Pass}};
    /// use cotangent_optim::{Momentum, Optimizer};
    ///
    /// let mut net = (Param::new(&Tensor::from([1.0f32])), Param::new(&Tensor::from([1.0f32, 2.0])));
    /// let mut optimizer = Momentum::new(0.1).build()?;
    /// let loss = |net: &(Param, Param)| net.0.read(&Pass::train(0)).mul(&net.1.read(&Pass::train(0)));
    /// let grads = loss(&net)?.sum().backward()?;
    /// optimizer.step(&mut net, &grads)?;
    ///
    /// net.1 = Param::new(&Tensor::from([1.0f32, 2.0, 3.0]));
    /// assert_eq!(optimizer.forget_where("1")?, 1);
    /// let grads = loss(&net)?.sum().backward()?;
    /// optimizer.step(&mut net, &grads)?;
    /// # Ok::<(), cotangent_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] if a regular expression is malformed, or if there is no state under such
    /// a path.
    pub fn forget_where(&mut self, pattern: impl Pattern) -> Result<usize> {
        self.forget(&pattern.matcher()?)
    }
}

impl<R: Rule<N> + 'static, const N: usize, const S: usize> Optimizer for Stepper<R, N, S> {
    fn step(&mut self, model: &mut dyn Module, gradients: &Gradients) -> Result<()> {
        let mut work = Vec::new();
        for (path, param) in model.named_params_mut() {
            let Some(gradient) = gradients.get(&*param).filter(|_| !param.is_frozen()) else {
                continue;
            };
            let state = self.states.get(&path);
            let state = state.iter().flat_map(|state| &state.slots);
            let state = state.map(|slot| {
                (
                    slot,
                    "the state is of another parameter that had this path: `forget_where` drops it",
                )
            });
            let gradient_reason = "the gradient has another shape than the parameter";
            for (operand, reason) in state.chain([(gradient, gradient_reason)]) {
                check(param.value(), operand, reason).map_err(|error| error.within(&path))?;
            }
            work.push((path, param, gradient));
        }
        for (path, param, gradient) in work {
            if !self.states.contains_key(&path) {
                let value = param.value();
                let mut slots = Vec::with_capacity(N);
                for initial in R::INITIAL {
                    slots.push(Tensor::full(value.shape(), initial, value.dtype())?);
                }
                if let Ok(slots) = <[Tensor; N]>::try_from(slots) {
                    self.states.insert(path.clone(), State { steps: 0, slots });
                }
            }
            if let Some(state) = self.states.get_mut(&path) {
                state.steps += 1;
                let element = Element::<R, N> {
                    rule: self.rule,
                    step: state.steps,
                };
                param
                    .update::<S, N>(gradient, &mut state.slots, element)
                    .map_err(|error| error.within(&path))?;
            }
        }
        Ok(())
    }

    fn forget(&mut self, paths: &Matcher) -> Result<usize> {
        let before = self.states.len();
        self.states.retain(|path, _| !paths.matches(path));
        let forgotten = before - self.states.len();
        if forgotten == 0 {
            let reason = format!("{paths:?} matches no parameter that the optimizer has state of");
            return Err(Error::Argument {
                op: "forget",
                reason,
            });
        }
        Ok(forgotten)
    }

    fn learning_rate(&self) -> f64 {
        self.rule.learning_rate()
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.rule.set_learning_rate(learning_rate);
    }
}

fn check(value: &Tensor, operand: &Tensor, reason: &str) -> Result<()> {
    if value.dtype() != operand.dtype() {
        return Err(Error::DType {
            op: "optimizer step",
            expected: value.dtype(),
            found: operand.dtype(),
        });
    }
    if value.shape() != operand.shape() {
        let shapes = vec![value.shape().into(), operand.shape().into()];
        return Err(Error::Shape {
            op: "optimizer step",
            reason: reason.to_owned(),
            shapes,
        });
    }
    Ok(())
}

/// A rule with `N` numbers of state at one step, as an update of [w, state…].
#[derive(Clone, Copy)]
struct Element<R, const N: usize> {
    rule: R,
    step: u64,
}

impl<R: Rule<N>, const N: usize, const S: usize> Update<S, 1> for Element<R, N> {
    #[inline(always)]
    fn apply<T: Real>(self, values: [T; S], [g]: [T; 1]) -> [T; S] {
        let w = values[0];
        let mut state = [w; N];
        state.copy_from_slice(&values[1..]);
        let (w, state) = self.rule.update(self.step, w, g, state);
        let mut values = [w; S];
        values[1..].copy_from_slice(&state);
        values
    }
}

/// An error unless `value` is in range.
pub(crate) fn check_range(what: &str, value: f64, ok: bool, range: &str) -> Result<()> {
    if ok {
        Ok(())
    } else {
        Err(Error::Argument {
            op: "optimizer",
            reason: format!("{what} must be {range}, found {value}"),
        })
    }
}

/// `g + weight_decay w`
#[inline(always)]
pub(crate) fn decayed<T: Real>(g: T, w: T, weight_decay: f64) -> T {
    if weight_decay == 0.0 {
        g
    } else {
        g + w * weight_decay
    }
}
