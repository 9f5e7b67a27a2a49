//! A model's leaves as the entries of a state, and entries as a model's leaves: names, shapes and
//! dtypes are all checked before anything changes.

use super::dict::{Entry, StateDict};
use super::stored::Stored;
use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::module::{LeafMut, LeafRef, Matcher, Module, Walk, WalkMut};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// All leaves by their paths.
pub(super) fn entries_of<M: Module + ?Sized>(module: &M) -> Result<StateDict, String> {
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
    wrong.map_or(Ok(entries), Err)
}

/// Which leaves are loaded, and what need not be there.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// All leaves if there is none.
    pub selection: Option<Matcher>,
    pub allow_missing: bool,
    pub allow_unused: bool,
}

impl Scope {
    /// Whether a leaf is to be loaded.
    pub fn selects(&self, path: &str) -> bool {
        self.selection
            .as_ref()
            .is_none_or(|selection| selection.matches(path))
    }
}

/// What there is to load, by the paths in the model that it is for.
#[derive(Default)]
pub(super) struct Offer<'s> {
    /// The entries with the names that they have where they come from.
    pub entries: BTreeMap<Cow<'s, str>, (&'s str, Stored<'s>)>,
    /// What is wrong with them already.
    pub mismatches: Vec<String>,
    /// Whether there was nothing at all, of whatever name.
    pub is_empty: bool,
}

/// A leaf and what it is to become.
enum Change<'a> {
    Tensor(LeafMut<'a>, Tensor),
    Count(LeafMut<'a>, u64),
}

/// Sets the leaves in scope from what there is; returns their paths. All or nothing. The path of
/// the file is for errors.
pub(super) fn set_leaves<M: Module + ?Sized>(
    module: &mut M,
    offer: Offer<'_>,
    scope: &Scope,
    file: &Path,
) -> Result<Vec<String>> {
    let Offer {
        mut entries,
        mut mismatches,
        is_empty,
    } = offer;
    let mut changes = Vec::new();
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    WalkMut::over(module, |name, leaf| {
        if !scope.selects(name) {
            return;
        }
        if !seen.insert(name.to_owned()) {
            mismatches.push(format!("`{name}`: two leaves of the model have this path"));
            return;
        }
        let Some((original, stored)) = entries.remove(name) else {
            if !scope.allow_missing {
                mismatches.push(format!("`{name}`: missing in the file"));
            }
            return;
        };
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
    if !mismatches.is_empty() {
        return Err(Error::state(file, mismatches));
    }
    if order.is_empty() {
        match &scope.selection {
            Some(selection) => {
                return Err(selection.no_match("load", "that both the model and the file have"));
            }
            None if seen.is_empty() && is_empty => {}
            None => {
                let reason = "no name in the file is a path of the model";
                return Err(Error::argument("load", reason));
            }
        }
    }
    changes.into_iter().try_for_each(Change::make)?;
    Ok(order)
}

/// What an entry makes of a leaf, if it fits.
fn change<'a>(leaf: LeafMut<'a>, stored: &Stored<'_>) -> Result<Change<'a>, String> {
    let expected = match &leaf {
        LeafMut::Param(param) => param.value().clone(),
        LeafMut::Buffer(buffer) => buffer.value(),
        LeafMut::Counter(_) => return stored.count().map(|count| Change::Count(leaf, count)),
    };
    let value = stored.tensor_like(&expected)?;
    Ok(Change::Tensor(leaf, value))
}

impl Change<'_> {
    fn make(self) -> Result<()> {
        match self {
            Self::Tensor(LeafMut::Param(param), value) => param.set(&value)?,
            Self::Tensor(LeafMut::Buffer(buffer), value) => buffer.set(&value)?,
            Self::Count(LeafMut::Counter(counter), value) => counter.set(value),
            // `change` puts the right kind with each leaf.
            Self::Tensor(LeafMut::Counter(_), _) | Self::Count(..) => {}
        }
        Ok(())
    }
}

/// An entry by its name, and by the one that it has in the file if that is another.
fn entry_name(name: &str, original: &str) -> String {
    if name == original {
        format!("`{name}`")
    } else {
        format!("`{name}` (`{original}` in the file)")
    }
}
