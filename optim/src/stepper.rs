//! Runs an algorithm as an optimizer: finds the parameters' gradients, stores their state by path,
//! applies groups, saves and loads.

use crate::algorithm::{Algorithm, ParamState, ParamStep};
use crate::group::{Group, negated};
use crate::optimizer::Optimizer;
use crate::settings::Settings;
use crate::state::{Mismatches, check_writer, insert_writer, writer};
use cotangent_core::module::{Matcher, Module, Param, check_names};
use cotangent_core::state::{Entry, StateDict, Stateful};
use cotangent_core::{DType, Error, Gradients, LeafId, ModuleExt, Result, Shape, Tensor};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The optimizer that runs an [`Algorithm`].
///
/// State is stored by the parameter's path and belongs to one model: a parameter of another model
/// at the same path is an error, until [`adopt`](Optimizer::adopt) passes the state on to it. State
/// that was loaded belongs to the model of the first step after loading.
///
/// Each parameter counts its own steps. While it is frozen, its state does not change. When it is
/// unfrozen, it continues from there; if it has no state yet, it starts as in a first step.
#[derive(Clone, Debug)]
pub struct Stepper {
    algorithm: Arc<dyn Algorithm>,
    settings: Settings,
    groups: Vec<Group>,
    /// The groups of each parameter that has been seen, as indices of `groups`.
    members: BTreeMap<String, Vec<usize>>,
    states: BTreeMap<String, Kept>,
    /// Whether no model has been seen since the states were created or loaded.
    unchecked: bool,
}

/// The state of a parameter.
#[derive(Clone, Debug)]
struct Kept {
    state: ParamState,
    /// The parameter that the state belongs to; none if the state was loaded and the parameter has
    /// not been seen yet.
    owner: Option<Owner>,
}

/// A parameter that state belongs to.
#[derive(Clone, Debug)]
struct Owner {
    id: LeafId,
    shape: Shape,
    dtype: DType,
}

impl Owner {
    fn of(param: &Param) -> Self {
        let value = param.value();
        Self {
            id: param.id(),
            shape: value.shape().into(),
            dtype: value.dtype(),
        }
    }

    /// Returns an error unless the parameter has the shape and dtype of the owner.
    fn check_form(&self, param: &Param) -> Result<()> {
        let state = ("the state", &*self.shape, self.dtype);
        check(("the parameter", param.value()), state, OF_ANOTHER)
    }
}

impl Stepper {
    /// Creates an optimizer without state.
    ///
    /// # Errors
    /// [`Error::Argument`] if a setting is out of range.
    pub fn new(algorithm: impl Algorithm, settings: Settings) -> Result<Self> {
        settings.check()?;
        Ok(Self {
            algorithm: Arc::new(algorithm),
            settings,
            groups: Vec::new(),
            members: BTreeMap::new(),
            states: BTreeMap::new(),
            unchecked: true,
        })
    }

    /// Finds the groups of the model's parameters if one of these has not been seen yet.
    fn assign(&mut self, params: &[(String, &mut Param)]) -> Result<()> {
        let mut paths = params.iter().map(|(path, _)| path);
        if self.groups.is_empty() || paths.all(|path| self.members.contains_key(path)) {
            return Ok(());
        }
        for group in &self.groups {
            if !params.iter().any(|(path, _)| group.paths.matches(path)) {
                let (op, paths) = ("optimizer group", params.iter().map(|(path, _)| path));
                return Err(group.paths.no_match(op, "the model's parameters", paths));
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

    /// Checks the paths of a model that has not been seen yet.
    fn check_model(&mut self, params: &[(String, &mut Param)]) -> Result<()> {
        if self.unchecked {
            let paths: Vec<&str> = params.iter().map(|(path, _)| &**path).collect();
            self.check_paths(&paths)?;
            self.unchecked = false;
        }
        Ok(())
    }

    /// Checks that the algorithm finds the paths that it needs, and that the model has all
    /// parameters of which there is state: without this, a run would continue silently with a part
    /// of its state.
    fn check_paths(&self, paths: &[&str]) -> Result<()> {
        self.algorithm.check_paths(paths)?;
        let known: BTreeSet<&str> = paths.iter().copied().collect();
        let mut wrong = Mismatches::default();
        for path in self.states.keys().filter(|path| !known.contains(&***path)) {
            wrong.add(format!(
                "`{path}`: the optimizer has state of this parameter, the model does not have it; \
                 `forget_where` drops the state"
            ));
        }
        wrong.finish()
    }

    /// Returns the groups of a parameter.
    fn groups_of(&self, path: &str) -> impl Iterator<Item = &Group> {
        let groups = self.members.get(path).into_iter().flatten();
        groups.map(|&number| &self.groups[number])
    }

    /// Returns the settings of a parameter; none if one of its groups is frozen.
    fn settings_of(&self, path: &str) -> Option<Settings> {
        let mut groups = self.groups_of(path);
        groups.try_fold(self.settings, |settings, group| group.adjust(settings))
    }

    /// Returns whether steps of a parameter skip rows without a gradient.
    fn has_lazy_rows(&self, path: &str) -> Result<bool> {
        let lazy = self.groups_of(path).any(Group::has_lazy_rows);
        if lazy && !self.algorithm.has_lazy_rows() {
            let reason = format!(
                "{} updates whole parameters, but a group with `lazy_rows` contains this one",
                self.algorithm.name()
            );
            return Err(Error::argument("optimizer step", reason));
        }
        Ok(lazy)
    }

    /// Returns an error if the state at this path belongs to another parameter or does not fit it.
    fn check_state(&mut self, path: &str, param: &Param) -> Result<()> {
        let Some(kept) = self.states.get_mut(path) else {
            return Ok(());
        };
        if let Some(owner) = &kept.owner {
            owner.check_form(param)?;
            // Without tensors there is no state that two models would share.
            if owner.id != param.id() && kept.state.tensors().next().is_some() {
                return Err(Error::argument("optimizer step", OF_ANOTHER_MODEL));
            }
            return Ok(());
        }
        let value = param.value();
        let expected = self.algorithm.init(path, value)?;
        let names =
            |state: &ParamState| -> Vec<_> { state.tensors().map(|(name, _)| name).collect() };
        let [found, expected_names] = [&kept.state, &expected].map(names);
        if found != expected_names {
            let reason = format!(
                "the loaded state has the tensors {found:?}, expected {expected_names:?}; \
                 `forget_where` drops it"
            );
            return Err(Error::argument("optimizer step", reason));
        }
        for ((_, expected), (_, found)) in expected.tensors().zip(kept.state.tensors()) {
            let found = ("the loaded state", found.shape(), found.dtype());
            check(("its initial state", expected), found, OF_ANOTHER)?;
        }
        kept.owner = Some(Owner::of(param));
        Ok(())
    }
}

const OF_ANOTHER: &str =
    "the state belongs to another parameter that had this path; `forget_where` drops it";

pub(crate) const OF_ANOTHER_MODEL: &str = "the optimizer's state belongs to another model, or to \
    the model that this one was cloned from: build an optimizer for each model, or call `adopt` to \
    go on with this one; if a layer was replaced, `forget_where` drops its state";

/// Returns an error that names both unless the second has the shape and dtype of the first.
fn check(
    (expected_name, expected): (&str, &Tensor),
    (name, shape, dtype): (&str, &[usize], DType),
    reason: &str,
) -> Result<()> {
    let dtypes = [(expected_name, expected.dtype()), (name, dtype)];
    DType::expect_same("optimizer step", &dtypes)?;
    if expected.shape() != shape {
        let shapes = [expected.shape(), shape];
        return Err(Error::shape("optimizer step", reason, &shapes));
    }
    Ok(())
}

impl Optimizer for Stepper {
    fn step(&mut self, model: &mut dyn Module, mut gradients: Gradients) -> Result<()> {
        gradients.expect_of("optimizer step", model)?;
        if self.unchecked {
            check_names(model)?;
        }
        let params = model.named_params_mut();
        self.assign(&params)?;
        self.check_model(&params)?;
        for (path, param) in &params {
            if self.groups_of(path).any(Group::maximizes)
                && let Some(gradient) = gradients.remove(&**param)
            {
                let negated = negated(gradient).map_err(|error| error.within(path))?;
                gradients.insert(&**param, negated);
            }
        }
        let mut work: Vec<(String, &mut Param, &Tensor, Settings, bool)> = Vec::new();
        for (path, param) in params {
            let Some(settings) = self.settings_of(&path) else {
                continue;
            };
            let Some(gradient) = gradients.get(&*param).filter(|_| !param.is_frozen()) else {
                continue;
            };
            let value = param.value();
            let reason = "the gradient has another shape than the parameter";
            let gradient_is = ("the gradient", gradient.shape(), gradient.dtype());
            check(("the parameter", value), gradient_is, reason)
                .and_then(|()| self.check_state(&path, param))
                .map_err(|error| error.within(&path))?;
            let lazy_rows = self.has_lazy_rows(&path);
            let lazy_rows = lazy_rows.map_err(|error| error.within(&path))?;
            work.push((path, param, gradient, settings, lazy_rows));
        }
        for (path, param, ..) in &work {
            if !self.states.contains_key(path) {
                let kept = Kept {
                    state: self
                        .algorithm
                        .init(path, param.value())
                        .map_err(|error| error.within(path))?,
                    owner: Some(Owner::of(param)),
                };
                self.states.insert(path.clone(), kept);
            }
        }
        // In the order of the states, so that one pass over these borrows each once.
        work.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let mut states = self.states.iter_mut();
        let mut steps = Vec::with_capacity(work.len());
        for (path, param, gradient, settings, lazy_rows) in work {
            let Some((path, Kept { state, .. })) = states.find(|(known, _)| **known == path) else {
                let reason = format!("two parameters have the path `{path}`");
                return Err(Error::argument("optimizer step", reason));
            };
            steps.push(ParamStep {
                path,
                number: state.steps + 1,
                settings,
                lazy_rows,
                param,
                gradient,
                state,
            });
        }
        self.algorithm.update_all(steps)
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
            let things = "the parameters that the optimizer has state of";
            return Err(paths.no_match("forget_where", things, self.states.keys()));
        }
        Ok(forgotten)
    }

    fn adopt(&mut self, model: &dyn Module) -> Result<()> {
        let params = model.named_params();
        let paths: Vec<&str> = params.iter().map(|(path, _)| &**path).collect();
        self.check_paths(&paths)?;
        let mut owners = Vec::new();
        for (path, param) in &params {
            // State without an owner belongs to the model of the next step.
            if let Some(owner) = self.states.get(path).and_then(|kept| kept.owner.as_ref()) {
                owner
                    .check_form(param)
                    .map_err(|error| error.within(path))?;
                owners.push((path, Owner::of(param)));
            }
        }
        for (path, owner) in owners {
            if let Some(kept) = self.states.get_mut(path) {
                kept.owner = Some(owner);
            }
        }
        Ok(())
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

/// The entries are `algorithm.NAME`, the number of parameters that have state; the settings under
/// `settings.`; and for each parameter that has state the count of its steps, `steps.PATH`, and its
/// tensors, `slot.NAME.PATH`. Loading replaces all of it, the settings too, as in PyTorch: set
/// another learning rate after loading. Other options, such as β₂, ε and groups, are not part of
/// the state.
///
/// State of an algorithm with another name is refused. The state of [`Adam`](crate::Adam) fits
/// [`AdamW`](crate::AdamW), which is the same algorithm with another weight decay.
///
/// State that was saved before states named their algorithm has one more number for each parameter,
/// `carry.PATH`. It is loaded if its tensors have the expected names and the number is the one that
/// the algorithm would have. Adam, AdamW, RAdam and LAMB have the same state there and cannot be
/// told apart; nor can Momentum and Nesterov.
impl Stateful for Stepper {
    fn state(&self) -> Result<StateDict> {
        let mut all = StateDict::new();
        insert_writer(&mut all, self.algorithm.name(), self.states.len());
        all.insert_part("settings", self.settings.state());
        for (path, Kept { state, .. }) in &self.states {
            all.insert(&format!("steps.{path}"), Entry::Count(state.steps));
            for (name, tensor) in state.tensors() {
                let entry = Entry::Tensor(tensor.clone());
                all.insert(&format!("slot.{name}.{path}"), entry);
            }
        }
        Ok(all)
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let (algorithm, kinds) = (self.algorithm.name(), self.algorithm.state_names());
        check_writer(state, algorithm)?;
        let upgraded = match writer(state) {
            Some(_) => None,
            None => Some(named(state, algorithm, &kinds)?),
        };
        let state = upgraded.as_ref().unwrap_or(state);
        let mut wrong = Mismatches::default();
        let settings = wrong.take(Settings::from_state(&state.part("settings")));
        let (mut states, mut known) = (BTreeMap::new(), BTreeSet::new());
        for (path, _) in state.part("steps").iter() {
            let (count, slot) = (format!("steps.{path}"), |name: &str| {
                format!("slot.{name}.{path}")
            });
            let steps = wrong.take(state.count(&count)).unwrap_or_default();
            known.insert(count);
            let found = |kind: &[&str]| {
                let there = kind.iter().filter(|name| state.get(&slot(name)).is_some());
                there.count()
            };
            // The largest kind of which all tensors are there. If there is none, the error lists
            // the tensors that are missing of the kind with most tensors.
            let kind = kinds
                .iter()
                .max_by_key(|kind| (found(kind) == kind.len(), found(kind)));
            let mut tensors = Vec::new();
            for &name in kind.into_iter().flatten() {
                let tensor = wrong.take(state.tensor(&slot(name)));
                tensors.extend(tensor.map(|tensor| (name, tensor.clone())));
                known.insert(slot(name));
            }
            let state = ParamState { steps, tensors };
            states.insert(path.to_owned(), Kept { state, owner: None });
        }
        let counted = format!("algorithm.{algorithm}");
        let count = wrong.take(state.count(&counted));
        if count.is_some_and(|count| count != states.len() as u64) {
            let found = states.len();
            wrong.add(format!(
                "`{counted}`: expected {found}, the number of `steps.*`"
            ));
        }
        wrong.only(state, |name| {
            name.starts_with("settings.") || name == counted || known.contains(name)
        });
        wrong.finish()?;
        self.settings = settings.unwrap_or(self.settings);
        self.states = states;
        self.unchecked = true;
        Ok(())
    }
}

/// Converts a state that was saved before states named their algorithm: a number that an algorithm
/// carries from step to step is a tensor with a name today.
fn named(state: &StateDict, algorithm: &str, kinds: &[Vec<&str>]) -> Result<StateDict> {
    let mut all = StateDict::new();
    insert_writer(&mut all, algorithm, state.part("steps").len());
    let mut wrong = Mismatches::default();
    for (name, entry) in state.iter() {
        let Some(path) = name.strip_prefix("carry.") else {
            all.insert(name, entry.clone());
            continue;
        };
        let slot = |name: &str| format!("slot.{name}.{path}");
        let mut slots = kinds.iter().flatten();
        let carried = slots.find(|name| state.get(&slot(name)).is_none());
        match (wrong.take(state.number(name)), carried) {
            (Some(1.0) | None, _) => {}
            (Some(_), Some(carried)) => {
                all.insert(&slot(carried), entry.clone());
            }
            (Some(_), None) => wrong.add(format!(
                "`{name}`: the state of an optimizer that carries a number; this one does not"
            )),
        }
    }
    for (path, _) in state.part("steps").iter() {
        let name = format!("carry.{path}");
        if state.get(&name).is_none() {
            wrong.take(state.number(&name));
        }
    }
    wrong.finish()?;
    Ok(all)
}
