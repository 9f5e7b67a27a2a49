//! The leaves of a model as the entries of a state, and back. All names, shapes and dtypes are
//! checked before anything changes.

use super::dict::{Entry, StateDict};
use super::stored::Stored;
use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::module::{LeafMut, LeafRef, Matcher, Module, Walk, WalkMut, check_names};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Returns all leaves by their paths.
pub(super) fn entries_of<M: Module + ?Sized>(module: &M, file: &Path) -> Result<StateDict> {
    check_names(module)?;
    let mut entries = StateDict::new();
    let mut wrong = None;
    Walk::over(module, |name, leaf| {
        let entry = match leaf {
            LeafRef::Param(param) => Entry::Tensor(param.value().clone()),
            LeafRef::Buffer(buffer) => Entry::Tensor(buffer.value()),
            LeafRef::Counter(counter) => Entry::Count(counter.get()),
        };
        if entries.insert(name, entry).is_some() {
            wrong = Some(format!("two leaves of the model have the path `{name}`"));
        }
    });
    wrong.map_or(Ok(entries), |reason| Err(Error::format(file, reason)))
}

/// The leaves to be loaded, and what may be missing.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// All leaves are loaded if it is `None`.
    pub selection: Option<Matcher>,
    pub allow_missing: bool,
    pub allow_unused: bool,
}

impl Scope {
    /// Returns whether a leaf is to be loaded.
    pub fn selects(&self, path: &str) -> bool {
        self.selection
            .as_ref()
            .is_none_or(|selection| selection.matches(path))
    }
}

/// The entries to be loaded, by paths in the model.
#[derive(Default)]
pub(super) struct Offer<'s> {
    /// The entries, with their names in the file.
    pub entries: BTreeMap<Cow<'s, str>, (&'s str, Stored<'s>)>,
    /// The mismatches found so far.
    pub mismatches: Vec<String>,
    /// Whether there was no entry before rules and selection.
    pub is_empty: bool,
}

/// A leaf and its new value.
enum Change<'a> {
    Tensor(LeafMut<'a>, Tensor),
    Count(LeafMut<'a>, u64),
}

/// Sets the leaves in scope from the entries, or none of them, and returns their paths. `file` is
/// for errors.
pub(super) fn set_leaves<M: Module + ?Sized>(
    module: &mut M,
    offer: Offer<'_>,
    scope: &Scope,
    file: &Path,
) -> Result<Vec<String>> {
    check_names(module)?;
    let Offer {
        mut entries,
        mut mismatches,
        is_empty,
    } = offer;
    let mut changes = Vec::new();
    let (mut order, mut missing, mut unselected) = (Vec::new(), Vec::new(), Vec::new());
    let mut to_round = 0;
    let mut seen = HashSet::new();
    WalkMut::over(module, |name, leaf| {
        if !scope.selects(name) {
            unselected.push(name.to_owned());
            return;
        }
        if !seen.insert(name.to_owned()) {
            mismatches.push(format!("`{name}`: two leaves of the model have this path"));
            return;
        }
        let Some((original, stored)) = entries.remove(name) else {
            missing.push(name.to_owned());
            if !scope.allow_missing {
                mismatches.push(format!("`{name}`: missing in the file"));
            }
            return;
        };
        to_round += usize::from(
            leaf.tensor()
                .is_some_and(|leaf| stored.is_wider_than(&leaf)),
        );
        match change(leaf, &stored) {
            Ok(change) => {
                changes.push(change);
                order.push(name.to_owned());
            }
            Err(mismatch) => {
                mismatches.push(format!("{}: {mismatch}", entry_name(name, original)));
            }
        }
    });
    if !scope.allow_unused {
        mismatches.extend(entries.iter().map(|(name, (original, _))| {
            let name = entry_name(name, original);
            format!("{name}: in the file, but not in the model")
        }));
    }
    if mismatches.len() > 1 && to_round == mismatches.len() {
        let one = format!(
            "the file holds F64, but the model f32 (in {to_round} leaves), and loading never \
             rounds: call `convert(DType::F64)` on the model before it, and \
             `convert(DType::F32)` after it"
        );
        return Err(Error::state(file, vec![one]));
    }
    if !mismatches.is_empty() {
        let one = order.is_empty().then(|| prefixed(&missing, &entries));
        mismatches = one.flatten().map_or(mismatches, |one| vec![one]);
        return Err(Error::state(file, mismatches));
    }
    if order.is_empty() {
        match &scope.selection {
            Some(selection) if seen.is_empty() => {
                return Err(selection.no_match("load", "the model's leaves", &unselected));
            }
            None if seen.is_empty() && is_empty => {}
            _ => {
                let reason = "no name in the file is a path of the model";
                return Err(Error::argument("load", reason));
            }
        }
    }
    changes.into_iter().try_for_each(Change::make)?;
    Ok(order)
}

/// Returns what to call if the entries have all missing paths after one prefix, as a part of a
/// checkpoint has.
fn prefixed<T>(missing: &[String], entries: &BTreeMap<Cow<'_, str>, T>) -> Option<String> {
    let first = format!(".{}", missing.first()?);
    let mut prefixes = entries.keys().filter_map(|name| name.strip_suffix(&first));
    let named = |prefix: &str, path: &String| format!("{prefix}.{path}");
    let prefix = prefixes.find(|prefix| {
        let mut missing = missing.iter();
        missing.all(|path| entries.contains_key(&*named(prefix, path)))
    })?;
    let others = if entries.len() > missing.len() {
        ".allow_unused()"
    } else {
        ""
    };
    Some(format!(
        "the file has the model's paths after `{prefix}.`: load a file of `save_checkpoint` with \
         `load_checkpoint`, or this part of it with \
         `Loader::new().strip_prefix(\"{prefix}.\"){others}`"
    ))
}

/// Returns the new value of a leaf, if the entry fits.
fn change<'a>(leaf: LeafMut<'a>, stored: &Stored<'_>) -> Result<Change<'a>, String> {
    match leaf.tensor() {
        Some(expected) => Ok(Change::Tensor(leaf, stored.tensor_like(&expected)?)),
        None => stored.count().map(|count| Change::Count(leaf, count)),
    }
}

impl Change<'_> {
    fn make(self) -> Result<()> {
        match self {
            Self::Tensor(LeafMut::Param(param), value) => param.set(&value)?,
            Self::Tensor(LeafMut::Buffer(buffer), value) => buffer.set(&value)?,
            Self::Count(LeafMut::Counter(counter), value) => counter.set(value),
            // `change` gives each leaf a value of its kind.
            Self::Tensor(LeafMut::Counter(_), _) | Self::Count(..) => {}
        }
        Ok(())
    }
}

/// Returns the name of an entry, with its name in the file if that is another.
fn entry_name(name: &str, original: &str) -> String {
    if name == original {
        format!("`{name}`")
    } else {
        format!("`{name}` (`{original}` in the file)")
    }
}
