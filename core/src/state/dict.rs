//! Named values in memory, and the trait of everything that can be saved as such.

use crate::autograd::Tensor;
use crate::error::{Error, Result};
use crate::tensor::DType;
use std::collections::BTreeMap;

/// A value in a state.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A tensor.
    Tensor(Tensor),
    /// A whole number below 2⁶³.
    Count(u64),
}

/// Named values: the state of a model, of an optimizer, or of several parts together. PyTorch:
/// `state_dict`.
#[derive(Clone, Debug, Default)]
pub struct StateDict {
    entries: BTreeMap<String, Entry>,
}

impl StateDict {
    /// Creates a state without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry, and returns the one that it replaces.
    pub fn insert(&mut self, name: &str, entry: Entry) -> Option<Entry> {
        self.entries.insert(name.to_owned(), entry)
    }

    /// Adds a number as an f64 scalar.
    pub fn insert_number(&mut self, name: &str, number: f64) {
        self.insert(name, Entry::Tensor(Tensor::from(number)));
    }

    /// Returns the entry with this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// Returns the number with this name.
    ///
    /// # Errors
    /// [`Error::State`] if there is none, or if it is not an f64 scalar.
    pub fn number(&self, name: &str) -> Result<f64> {
        match self.entries.get(name) {
            Some(Entry::Tensor(tensor)) if tensor.dtype() == DType::F64 && tensor.rank() == 0 => {
                tensor.item()
            }
            _ => Err(mismatch(name, "expected a scalar of dtype F64")),
        }
    }

    /// Returns the count with this name.
    ///
    /// # Errors
    /// [`Error::State`] if there is none.
    pub fn count(&self, name: &str) -> Result<u64> {
        match self.entries.get(name) {
            Some(Entry::Count(count)) => Ok(*count),
            _ => Err(mismatch(name, "expected a scalar of dtype I64")),
        }
    }

    /// Returns the tensor with this name.
    ///
    /// # Errors
    /// [`Error::State`] if there is none.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        match self.entries.get(name) {
            Some(Entry::Tensor(tensor)) => Ok(tensor),
            _ => Err(mismatch(name, "expected a tensor of dtype F32 or F64")),
        }
    }

    /// Returns all entries, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries
            .iter()
            .map(|(name, entry)| (name.as_str(), entry))
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds all entries of `other`, with `part.` before their names.
    pub fn insert_part(&mut self, part: &str, other: Self) {
        let named = |(name, entry)| (format!("{part}.{name}"), entry);
        self.entries.extend(other.entries.into_iter().map(named));
    }

    /// Returns the entries whose names begin with `part.`, without this prefix.
    #[must_use]
    pub fn part(&self, part: &str) -> Self {
        let prefix = format!("{part}.");
        let strip = |(name, entry): (&String, &Entry)| {
            Some((name.strip_prefix(&prefix)?.to_owned(), entry.clone()))
        };
        Self {
            entries: self.entries.iter().filter_map(strip).collect(),
        }
    }
}

pub(super) fn mismatch(name: &str, expected: &str) -> Error {
    let mismatch = format!("`{name}`: missing or of another kind, {expected}");
    Error::state("", vec![mismatch])
}

/// A part whose state can be saved in a checkpoint: every [`Module`](crate::module::Module), every
/// optimizer, and a [`Pass`](crate::module::Pass).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no state to be saved",
    note = "`#[derive(Stateful)]` implements it for a struct",
    note = "if it is a field that is not a part of the state, mark it `#[state(skip)]`"
)]
pub trait Stateful {
    /// Returns the state.
    ///
    /// # Errors
    /// [`Error::Format`] if it cannot be saved.
    #[doc(alias = "state_dict")]
    fn state(&self) -> Result<StateDict>;

    /// Replaces the state, or changes nothing if an entry is missing, unknown or does not fit.
    ///
    /// # Errors
    /// [`Error::State`] with all mismatches. Nothing has changed then.
    #[doc(alias = "load_state_dict")]
    fn load_state(&mut self, state: &StateDict) -> Result<()>;
}
