//! Named values in memory, and what can be saved as such.

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

/// Named values: a model's state, an optimizer's, or several of these together.
#[derive(Clone, Debug, Default)]
pub struct StateDict {
    entries: BTreeMap<String, Entry>,
}

impl StateDict {
    /// No entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry; returns the one that had this name before.
    pub fn insert(&mut self, name: &str, entry: Entry) -> Option<Entry> {
        self.entries.insert(name.to_owned(), entry)
    }

    /// Adds a number, as a scalar of f64.
    pub fn insert_number(&mut self, name: &str, number: f64) {
        self.insert(name, Entry::Tensor(Tensor::from(number)));
    }

    /// The entry of a name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// The number of a name.
    ///
    /// # Errors
    /// [`Error::State`] if there is none, or it is no scalar of f64.
    pub fn number(&self, name: &str) -> Result<f64> {
        match self.entries.get(name) {
            Some(Entry::Tensor(tensor)) if tensor.dtype() == DType::F64 && tensor.rank() == 0 => {
                tensor.item()
            }
            _ => Err(mismatch(name, "expected a scalar of dtype F64")),
        }
    }

    /// The count of a name.
    ///
    /// # Errors
    /// [`Error::State`] if there is none.
    pub fn count(&self, name: &str) -> Result<u64> {
        match self.entries.get(name) {
            Some(Entry::Count(count)) => Ok(*count),
            _ => Err(mismatch(name, "expected a scalar of dtype I64")),
        }
    }

    /// The tensor of a name.
    ///
    /// # Errors
    /// [`Error::State`] if there is none.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        match self.entries.get(name) {
            Some(Entry::Tensor(tensor)) => Ok(tensor),
            _ => Err(mismatch(name, "expected a tensor of dtype F32 or F64")),
        }
    }

    /// All entries, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries
            .iter()
            .map(|(name, entry)| (name.as_str(), entry))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds all entries of `other` under `part.` and their names.
    pub fn insert_part(&mut self, part: &str, other: Self) {
        let named = |(name, entry)| (format!("{part}.{name}"), entry);
        self.entries.extend(other.entries.into_iter().map(named));
    }

    /// The entries whose names begin with `part.`, without that.
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
    let mismatch = format!("`{name}`: missing, or of another kind: {expected}");
    Error::state("", vec![mismatch])
}

/// Something whose state a checkpoint holds: every [`Module`](crate::module::Module) is, and
/// every optimizer.
pub trait Stateful {
    /// The state.
    ///
    /// # Errors
    /// [`Error::Format`] if it cannot be saved.
    fn state(&self) -> Result<StateDict>;

    /// Takes a state over. All or nothing, and strict: every entry must be one that is expected.
    ///
    /// # Errors
    /// [`Error::State`] with every mismatch; nothing has changed then.
    fn load_state(&mut self, state: &StateDict) -> Result<()>;
}
