//! What turns a rule into an optimizer: finding each parameter's gradient, keeping its state by path,
//! and one fused sweep over all parameters.

use crate::group::Group;
use crate::optimizer::Optimizer;
use crate::rule::{Rule, StepInfo};
use crate::settings::Settings;
use crate::state::Mismatches;
use cotangent_core::kernel::{Real, Step};
use cotangent_core::module::{Matcher, Module, Param, Part, step};
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{DType, Error, Gradients, ModuleExt, Result, Tensor};
use std::collections::BTreeMap;

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
    /// Whether the states come from elsewhere, and no model has been seen since.
    unchecked: bool,
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
            unchecked: false,
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

    /// Every state that was loaded must be of a parameter that the model has: state that is silently
    /// left unused is a run that is silently another one.
    fn check_owners(&mut self, params: &[(String, &mut Param)]) -> Result<()> {
        if self.unchecked {
            let known = |path: &&String| params.iter().any(|(known, _)| known == *path);
            let mut wrong = Mismatches::default();
            for path in self.states.keys().filter(|path| !known(path)) {
                wrong.add(format!(
                    "`{path}`: the optimizer has state of it, the model no such parameter; `forget_where` drops it"
                ));
            }
            wrong.finish()?;
            self.unchecked = false;
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
        self.check_owners(&params)?;
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
                    "the state",
                    slot,
                    "the state is of another parameter that had this path: `forget_where` drops it",
                )
            });
            let gradient_reason = "the gradient has another shape than the parameter";
            for (name, operand, reason) in
                state.chain([("the gradient", gradient, gradient_reason)])
            {
                check(param.value(), name, operand, reason).map_err(|error| error.within(&path))?;
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
        let mut counts = Vec::with_capacity(work.len());
        for (path, param, gradient, settings) in work {
            let Some((_, state)) = states.find(|(known, _)| **known == path) else {
                let reason = format!("two parameters have the path `{path}`");
                return Err(Error::argument("optimizer step", reason));
            };
            let mut at = StepInfo {
                number: state.steps + 1,
                settings,
                carry: state.carry,
                shared: [0.0; 3],
            };
            self.rule.prepare(&mut at);
            counts.push((&mut state.steps, &mut state.carry));
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
        for (part, (steps, carry)) in parts.into_iter().zip(counts) {
            let Element { rule, at } = part.step;
            (*steps, *carry) = (at.number, at.carry);
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
            return Err(Error::argument("forget", reason));
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

/// The settings under `settings.`, and for each parameter that has state its count of steps, its carried
/// number and its tensors, under `steps.PATH`, `carry.PATH` and `slot.NAME.PATH`. Loading replaces all of it,
/// the settings too, as in PyTorch: to go on with another learning rate, set it afterwards. What the
/// optimizer was built with beside them (β₂, ε, groups) is not part of it, and neither is its kind: a state
/// is refused where its tensors have other names, so that of Adam fits AdamW, NAdam and RAdam too.
impl<R: Rule<N>, const N: usize> Stateful for Stepper<R, N> {
    fn state(&self) -> Result<StateDict> {
        let mut all = StateDict::new();
        all.insert_part("settings", self.settings.state());
        for (path, state) in &self.states {
            all.insert(&format!("steps.{path}"), Entry::Count(state.steps));
            all.insert_number(&format!("carry.{path}"), state.carry);
            for (name, slot) in R::STATE.iter().zip(&state.slots) {
                all.insert(&format!("slot.{name}.{path}"), Entry::Tensor(slot.clone()));
            }
        }
        Ok(all)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let mut wrong = Mismatches::default();
        let settings = wrong.take(Settings::from_state(&state.part("settings")));
        let mut states = BTreeMap::new();
        for (path, _) in state.part("steps").iter() {
            let steps = wrong.take(state.count(&format!("steps.{path}")));
            let carry = wrong.take(state.number(&format!("carry.{path}")));
            let slots = R::STATE.map(|name| {
                let slot = wrong.take(state.tensor(&format!("slot.{name}.{path}")))?;
                Some(slot.clone())
            });
            if slots.iter().flatten().any(|slot| {
                let first = slots[0].as_ref().unwrap_or(slot);
                (slot.shape(), slot.dtype()) != (first.shape(), first.dtype())
            }) {
                wrong.add(format!(
                    "`slot.*.{path}`: the tensors differ in shape or dtype"
                ));
            }
            let slots: Vec<Tensor> = slots.into_iter().flatten().collect();
            if let (Some(steps), Some(carry), Ok(slots)) = (steps, carry, slots.try_into()) {
                let loaded = State {
                    steps,
                    carry,
                    slots,
                };
                states.insert(path.to_owned(), loaded);
            }
        }
        wrong.only(state, |name| {
            name.starts_with("settings.") || {
                let slots = R::STATE.iter().map(|slot| format!("slot.{slot}."));
                let mut kinds = slots.chain(["steps.".to_owned(), "carry.".to_owned()]);
                kinds.any(|kind| {
                    let path = name.strip_prefix(&kind);
                    path.is_some_and(|path| state.get(&format!("steps.{path}")).is_some())
                })
            }
        });
        wrong.finish()?;
        self.settings = settings.unwrap_or(self.settings);
        self.states = states;
        self.unchecked = true;
        Ok(())
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

fn check(value: &Tensor, name: &str, operand: &Tensor, reason: &str) -> Result<()> {
    let dtypes = [("the parameter", value.dtype()), (name, operand.dtype())];
    DType::expect_same("optimizer step", &dtypes)?;
    if value.shape() != operand.shape() {
        let shapes = [value.shape(), operand.shape()];
        return Err(Error::shape("optimizer step", reason, &shapes));
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
