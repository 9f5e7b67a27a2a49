//! Checkpoints: several things' states in one file, loaded all or nothing.

use super::state::{deserialize, entries, format_error, load_bytes, serialize};
use super::walk::Module;
use crate::autograd::Tensor;
use crate::disk::{read_file, replace_file};
use crate::error::{Error, Result};
use crate::tensor::DType;
use std::collections::BTreeMap;
use std::path::Path;

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

    /// The bytes of a safetensors file. The same entries give the same bytes.
    ///
    /// # Errors
    /// [`Error::Format`] if a name is `__metadata__` or a count has come to 2⁶³.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.file_bytes(Path::new(""))
    }

    /// The entries of the bytes of a safetensors file. Tensors of F16 and BF16 become f32.
    ///
    /// # Errors
    /// [`Error::Format`] if they are no sound one, or hold other types than F64, F32, F16, BF16 and
    /// scalars of I64.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        deserialize(bytes, Path::new(""))
    }

    pub(super) fn file_bytes(&self, path: &Path) -> Result<Vec<u8>> {
        serialize(self, path)
    }
}

pub(super) fn mismatch(name: &str, expected: &str) -> Error {
    Error::State {
        path: Path::new("").to_owned(),
        mismatches: vec![format!("`{name}`: missing, or of another kind: {expected}")],
    }
}

/// Something whose state a checkpoint holds: every [`Module`] is, and every optimizer.
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

impl<M: Module> Stateful for M {
    fn state(&self) -> Result<StateDict> {
        entries(self).map_err(|reason| format_error(Path::new(""), reason))
    }

    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        if state.is_empty() && self.state()?.is_empty() {
            return Ok(());
        }
        load_bytes(self, &state.to_bytes()?)
    }
}

/// Writes the states of several parts, each under its name, to one safetensors file, which is
/// [replaced whole or not at all](crate::replace_file): model and optimizer cannot come from
/// different steps.
///
/// ```
/// use cotangent_core::module::{Counter, Param, load_checkpoint, save_checkpoint};
/// use cotangent_core::Tensor;
/// # let path = std::env::temp_dir().join(format!("checkpoint-{}", std::process::id()));
/// let (net, epoch) = (Param::new(&Tensor::from([1.0f32, 2.0])), Counter::new(3));
/// save_checkpoint(&path, &[("model", &net), ("epoch", &epoch)])?;
///
/// let (mut net, mut epoch) = (Param::new(&Tensor::from([0.0f32, 0.0])), Counter::new(0));
/// load_checkpoint(&path, &mut [("model", &mut net), ("epoch", &mut epoch)])?;
/// assert_eq!((net.value().to_f64_vec(), epoch.get()), (vec![1.0, 2.0], 3));
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), cotangent_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::Argument`] if two parts have one name, a name is empty or has a dot in it; [`Error::Io`]
/// if writing fails; [`Error::Format`] if a state cannot be saved. The old file is unchanged then.
pub fn save_checkpoint(path: impl AsRef<Path>, parts: &[(&str, &dyn Stateful)]) -> Result<()> {
    let path = path.as_ref();
    check_names(parts.iter().map(|(name, _)| *name))?;
    let mut all = StateDict::new();
    for (name, part) in parts {
        all.insert_part(name, part.state()?);
    }
    replace_file(path, &all.file_bytes(path)?)
}

/// Loads the states of parts that [`save_checkpoint`] has saved, all or nothing: if one does not fit,
/// or the file holds a part that is not asked for, none has changed.
///
/// # Errors
/// [`Error::Io`] if reading fails, [`Error::Format`] if the file is no sound one, [`Error::State`]
/// with every mismatch of the first part that does not fit.
pub fn load_checkpoint(
    path: impl AsRef<Path>,
    parts: &mut [(&str, &mut dyn Stateful)],
) -> Result<()> {
    let path = path.as_ref();
    check_names(parts.iter().map(|(name, _)| *name))?;
    let all = deserialize(&read_file(path)?, path)?;
    let in_file = |error| match error {
        Error::State { mismatches, .. } => Error::State {
            path: path.to_owned(),
            mismatches,
        },
        error => error,
    };
    let unknown = |(name, _): (&str, &Entry)| {
        let part = name.split('.').next().unwrap_or_default();
        let known = parts.iter().any(|(known, _)| *known == part);
        (!known).then(|| format!("`{name}`: of a part that is not loaded"))
    };
    let mismatches: Vec<String> = all.iter().filter_map(unknown).collect();
    if !mismatches.is_empty() {
        return Err(in_file(Error::State {
            path: path.to_owned(),
            mismatches,
        }));
    }
    let before: Vec<StateDict> = parts
        .iter()
        .map(|(_, part)| part.state())
        .collect::<Result<_>>()?;
    for i in 0..parts.len() {
        let (name, part) = &mut parts[i];
        if let Err(error) = part.load_state(&all.part(name)) {
            let error = in_file(error).within(name);
            for ((_, part), state) in parts[..i].iter_mut().zip(&before) {
                part.load_state(state)?;
            }
            return Err(error);
        }
    }
    Ok(())
}

fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = Vec::new();
    for name in names {
        if name.is_empty() || name.contains('.') || seen.contains(&name) {
            let reason = format!(
                "the names of parts must be distinct, not empty and without dots, found `{name}`"
            );
            return Err(Error::argument("checkpoint", reason));
        }
        seen.push(name);
    }
    Ok(())
}
