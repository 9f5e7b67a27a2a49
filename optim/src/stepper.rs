//! What all optimizers share: finding each parameter's gradient, keeping its state by path, and one
//! fused sweep over all parameters.

use crate::group::Group;
use crate::settings::Settings;
use cotangent_core::kernel::{Real, Step};
use cotangent_core::module::{
    Entry, Matcher, Module, Param, Part, Pattern, StateDict, Stateful, step,
};
use cotangent_core::{Error, Gradients, Result, Tensor};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Something that changes a model's parameters, given their gradients.
pub trait Optimizer: Stateful + Debug + Send {
    /// One update of every parameter that has a gradient. Frozen parameters and those without a
    /// gradient are not touched, nor is their state.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::DType`], placed at the parameter's path, if a gradient or a
    /// state does not fit its parameter; no parameter has changed then.
    fn step(&mut self, model: &mut dyn Module, gradients: &Gradients) -> Result<()>;

    /// Forgets the state of the parameters whose paths are meant; how many these are. See
    /// [`forget_where`](#method.forget_where), which takes a pattern.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no state under such a path.
    fn forget(&mut self, paths: &Matcher) -> Result<usize>;

    /// Gives some of the parameters settings of their own. A group that means none of the model's
    /// parameters is an error of the next step.
    fn add_group(&mut self, group: Group);

    /// The learning rate, momentum and weight decay.
    fn settings(&self) -> Settings;

    /// Changes the settings, as a schedule does.
    ///
    /// # Errors
    /// [`Error::Argument`] if one is out of range; nothing has changed then.
    fn set_settings(&mut self, settings: Settings) -> Result<()>;

    /// The learning rate.
    fn learning_rate(&self) -> f64 {
        self.settings().learning_rate
    }

    /// Sets the learning rate.
    ///
    /// # Errors
    /// [`Error::Argument`] if it is not finite and at least 0; nothing has changed then.
    fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        self.set_settings(Settings {
            learning_rate,
            ..self.settings()
        })
    }
}

/// What the builders give is an optimizer itself: a function that takes `&mut dyn Optimizer` can be
/// given `&mut optimizer`.
impl Optimizer for Box<dyn Optimizer> {
    fn step(&mut self, model: &mut dyn Module, gradients: &Gradients) -> Result<()> {
        (**self).step(model, gradients)
    }
    fn forget(&mut self, paths: &Matcher) -> Result<usize> {
        (**self).forget(paths)
    }
    fn add_group(&mut self, group: Group) {
        (**self).add_group(group);
    }
    fn settings(&self) -> Settings {
        (**self).settings()
    }
    fn set_settings(&mut self, settings: Settings) -> Result<()> {
        (**self).set_settings(settings)
    }
}

impl Stateful for Box<dyn Optimizer> {
    fn state(&self) -> Result<StateDict> {
        (**self).state()
    }
    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        (**self).load_state(state)
    }
}

impl dyn Optimizer + '_ {
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

/// What a [`Rule`] is told about the step that it takes with one parameter.
#[derive(Clone, Copy, Debug)]
pub struct StepInfo {
    /// The number of the parameter's step, from 1.
    pub number: u64,
    /// The optimizer's settings.
    pub settings: Settings,
    /// A number of the parameter's own, which [`Rule::prepare`] may change: 1 before its first step,
    /// and saved with its state (NAdam's product of momenta).
    pub carry: f64,
}

/// The formula of an optimizer with `N` numbers of state per element: all that an optimizer of one's
/// own needs.
///
/// ```
/// use cotangent_core::kernel::Real;
/// use cotangent_core::{Tensor, module::{Param, Pass}};
/// use cotangent_optim::{Optimizer, Rule, Settings, StepInfo, Stepper};
///
/// /// m = μ m + (1 - μ) g; w -= η m / (1 + |m|)
/// #[derive(Clone, Copy, Debug)]
/// struct Bounded;
///
/// impl Rule<1> for Bounded {
///     const STATE: [&'static str; 1] = ["average"];
///
///     #[inline(always)]
///     fn update<T: Real>(&self, at: StepInfo, w: T, g: T, [m]: [T; 1]) -> (T, [T; 1]) {
///         let m = m * at.settings.momentum + g * (1.0 - at.settings.momentum);
///         (w - m / (m.abs() + 1.0) * at.settings.learning_rate, [m])
///     }
/// }
///
/// let mut w = Param::new(&Tensor::from([5.0f32, -3.0]));
/// let mut optimizer = Stepper::new(Bounded, Settings { momentum: 0.5, ..Settings::new(0.1) })?;
/// for _ in 0..200 {
///     let grads = w.read(&Pass::train(0)).square().sum().backward()?;
///     optimizer.step(&mut w, &grads)?;
/// }
/// assert!(w.value().square().sum().item()? < 0.01);
/// # Ok::<(), cotangent_core::Error>(())
/// ```
pub trait Rule<const N: usize>: Copy + Debug + Send + Sync + 'static {
    /// The names of the state, under which it is saved.
    const STATE: [&'static str; N];

    /// What the state of a parameter starts as.
    fn initial(&self) -> [f64; N] {
        [0.0; N]
    }

    /// Works out, once per parameter and step, what the elements share.
    fn prepare(&self, _at: &mut StepInfo) {}

    /// The new parameter and state, from parameter `w`, gradient `g` and state. To be marked
    /// `#[inline(always)]`: what is not inlined is not vectorized.
    fn update<T: Real>(&self, at: StepInfo, w: T, g: T, state: [T; N]) -> (T, [T; N]);

    /// What is left to do with a parameter after the sweep, if it takes more than one: [`Lamb`]
    /// needs norms.
    ///
    /// # Errors
    /// Those of the tensor operations that it uses.
    ///
    /// [`Lamb`]: crate::Lamb
    fn finish(&self, _at: StepInfo, _param: &mut Param, _state: &[Tensor; N]) -> Result<()> {
        Ok(())
    }
}

/// An optimizer that applies a [`Rule`] to every element.
///
/// State is kept by the parameter's path, so that a model that was loaded or cloned goes on with
/// it. Each parameter counts its own steps: while it is frozen its state stands still, and when it
/// is unfrozen it goes on from there, or, if it has none yet, starts as in a first step.
#[derive(Clone, Debug)]
pub struct Stepper<R, const N: usize> {
    rule: R,
    settings: Settings,
    groups: Vec<Group>,
    /// The groups of each parameter that has been seen, by their numbers.
    members: BTreeMap<String, Vec<usize>>,
    states: BTreeMap<String, State<N>>,
}

#[derive(Clone, Debug)]
struct State<const N: usize> {
    steps: u64,
    carry: f64,
    slots: [Tensor; N],
}

impl<R: Rule<N>, const N: usize> Stepper<R, N> {
    /// An optimizer with no state yet.
    ///
    /// # Errors
    /// [`Error::Argument`] if a setting is out of range.
    pub fn new(rule: R, settings: Settings) -> Result<Self> {
        settings.check()?;
        Ok(Self {
            rule,
            settings,
            groups: Vec::new(),
            members: BTreeMap::new(),
            states: BTreeMap::new(),
        })
    }

    /// Finds the groups of the model's parameters, if there is one not seen yet.
    fn assign(&mut self, params: &[(String, &mut Param)]) -> Result<()> {
        if self.groups.is_empty()
            || params
                .iter()
                .all(|(path, _)| self.members.contains_key(path))
        {
            return Ok(());
        }
        for group in &self.groups {
            if !params.iter().any(|(path, _)| group.paths.matches(path)) {
                let place = "among the model's parameters";
                return Err(group.paths.no_match("optimizer group", place));
            }
        }
        for (path, _) in params {
            let groups = self.groups.iter().enumerate();
            let meant = groups.filter(|(_, group)| group.paths.matches(path));
            let meant = meant.map(|(number, _)| number).collect();
            self.members.insert(path.clone(), meant);
        }
        Ok(())
    }

    /// The settings of a parameter; none if a group of its is frozen.
    fn settings_of(&self, path: &str) -> Option<Settings> {
        let groups = self.members.get(path).into_iter().flatten();
        let mut groups = groups.map(|&number| &self.groups[number]);
        groups.try_fold(self.settings, |settings, group| group.adjust(settings))
    }
}

impl<R: Rule<N>, const N: usize> Optimizer for Stepper<R, N> {
    fn step(&mut self, model: &mut dyn Module, gradients: &Gradients) -> Result<()> {
        let params = model.named_params_mut();
        self.assign(&params)?;
        let mut work: Vec<(String, &mut Param, &Tensor, Settings)> = Vec::new();
        for (path, param) in params {
            let Some(settings) = self.settings_of(&path) else {
                continue;
            };
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
            work.push((path, param, gradient, settings));
        }
        for (path, param, ..) in &work {
            if !self.states.contains_key(path) {
                let state = State::new(param.value(), self.rule.initial())?;
                self.states.insert(path.clone(), state);
            }
        }
        // Both in the order of the paths, so that each state is borrowed once.
        work.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let mut states = self.states.iter_mut();
        let mut parts = Vec::with_capacity(work.len());
        for (path, param, gradient, settings) in work {
            let Some((_, state)) = states.find(|(known, _)| **known == path) else {
                let reason = format!("two parameters have the path `{path}`");
                return Err(Error::Argument {
                    op: "optimizer step",
                    reason,
                });
            };
            let mut at = StepInfo {
                number: state.steps + 1,
                settings,
                carry: state.carry,
            };
            self.rule.prepare(&mut at);
            (state.steps, state.carry) = (at.number, at.carry);
            parts.push(Part {
                param,
                gradient,
                state: &mut state.slots,
                step: Element {
                    rule: self.rule,
                    at,
                },
            });
        }
        step(&mut parts)?;
        for part in parts {
            let Element { rule, at } = part.step;
            rule.finish(at, part.param, part.state)?;
        }
        Ok(())
    }

    fn add_group(&mut self, group: Group) {
        self.groups.push(group);
        self.members.clear();
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

    fn settings(&self) -> Settings {
        self.settings
    }

    fn set_settings(&mut self, settings: Settings) -> Result<()> {
        settings.check()?;
        self.settings = settings;
        Ok(())
    }
}

/// The settings, and for each parameter that has state its steps and its tensors, under
/// `state.PATH.`. Loading replaces all of it, the settings too, as in PyTorch: to go on with another
/// learning rate, set it afterwards.
impl<R: Rule<N>, const N: usize> Stateful for Stepper<R, N> {
    fn state(&self) -> Result<StateDict> {
        let mut all = StateDict::new();
        all.insert_number("learning_rate", self.settings.learning_rate);
        all.insert_number("momentum", self.settings.momentum);
        all.insert_number("weight_decay", self.settings.weight_decay);
        for (path, state) in &self.states {
            let path = state_path(path);
            all.insert(&format!("{path}.steps"), Entry::Count(state.steps));
            all.insert_number(&format!("{path}.carry"), state.carry);
            for (name, slot) in R::STATE.iter().zip(&state.slots) {
                all.insert(&format!("{path}.slot.{name}"), Entry::Tensor(slot.clone()));
            }
        }
        Ok(all)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let settings = Settings {
            learning_rate: state.number("learning_rate")?,
            momentum: state.number("momentum")?,
            weight_decay: state.number("weight_decay")?,
        };
        settings.check()?;
        let mut states = BTreeMap::new();
        for (name, _) in state.iter() {
            let Some(path) = name.strip_suffix(".steps") else {
                continue;
            };
            let mut slots = Vec::with_capacity(N);
            for slot in R::STATE {
                slots.push(state.tensor(&format!("{path}.slot.{slot}"))?.clone());
            }
            if let Ok(slots) = <[Tensor; N]>::try_from(slots) {
                let loaded = State {
                    steps: state.count(name)?,
                    carry: state.number(&format!("{path}.carry"))?,
                    slots,
                };
                let param = path.strip_prefix("state").unwrap_or(path);
                states.insert(param.trim_start_matches('.').to_owned(), loaded);
            }
        }
        let loaded = Self {
            settings,
            states,
            groups: self.groups.clone(),
            members: BTreeMap::new(),
            ..*self
        };
        let expected = loaded.state()?;
        let unknown = state
            .iter()
            .filter(|(name, _)| expected.get(name).is_none());
        let mismatches: Vec<String> = unknown
            .map(|(name, _)| format!("`{name}`: not a part of this optimizer's state"))
            .collect();
        if !mismatches.is_empty() {
            return Err(Error::State {
                path: std::path::PathBuf::new(),
                mismatches,
            });
        }
        *self = loaded;
        Ok(())
    }
}

/// Where the state of a parameter is kept; a parameter that is the whole model has the empty path.
fn state_path(path: &str) -> String {
    if path.is_empty() {
        "state".to_owned()
    } else {
        format!("state.{path}")
    }
}

impl<const N: usize> State<N> {
    fn new(value: &Tensor, initial: [f64; N]) -> Result<Self> {
        let mut slots = [(); N].map(|()| value.clone());
        for (slot, initial) in slots.iter_mut().zip(initial) {
            *slot = Tensor::full(value.shape(), initial, value.dtype())?;
        }
        Ok(Self {
            steps: 0,
            carry: 1.0,
            slots,
        })
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

/// A rule at one step.
#[derive(Clone, Copy)]
struct Element<R> {
    rule: R,
    at: StepInfo,
}

impl<R: Rule<N>, const N: usize> Step<N> for Element<R> {
    #[inline(always)]
    fn apply<T: Real>(self, w: T, g: T, state: [T; N]) -> (T, [T; N]) {
        self.rule.update(self.at, w, g, state)
    }
}

/// `g + λ w`
#[inline(always)]
pub(crate) fn decayed<T: Real>(at: StepInfo, w: T, g: T) -> T {
    if at.settings.weight_decay == 0.0 {
        g
    } else {
        g + w * at.settings.weight_decay
    }
}

/// `w - η λ w`
#[inline(always)]
pub(crate) fn shrunk<T: Real>(at: StepInfo, w: T) -> T {
    if at.settings.weight_decay == 0.0 {
        w
    } else {
        w * (1.0 - at.settings.learning_rate * at.settings.weight_decay)
    }
}
