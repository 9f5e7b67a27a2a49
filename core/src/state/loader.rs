//! Loads parts of a state, and under other names, to reuse pretrained layers.

use super::dict::StateDict;
use super::file;
use super::stored::Stored;
use super::torch::{TorchFile, is_torch};
use super::tree::{Offer, Scope, entries_of, set_leaves};
use crate::disk::read_file;
use crate::error::{Error, Result};
use crate::module::pattern::whole;
use crate::module::{Module, Pattern};
use regex_lite::Regex;
use std::borrow::Cow;
use std::path::Path;

/// Loads a state that does not match the model exactly: renames the entries of a file, and selects
/// leaves of the model. PyTorch: `load_state_dict` with `strict=False`, and loops over its keys.
///
/// Rules for names run in the order in which they were added, each on the names after the rule
/// before it. Then the names must be paths of the model, each at most once.
///
/// A rule that changes no name is an error, and so are a selection that matches nothing and a load
/// that sets nothing: each is probably a mistake in a pattern. As with
/// [`ModuleExt::load`](crate::ModuleExt::load), all or nothing is loaded, and values are never
/// rounded.
///
/// ```
/// use cotangent::state::{Loader, to_bytes};
/// use cotangent::{Tensor, module::Param};
/// # fn param(value: f32) -> Param { Param::new(&Tensor::from([value])) }
/// // `0.0` and `0.1` are the lower layers, `1` is the head.
/// let old = (vec![param(1.0), param(2.0)], param(3.0));
/// let mut new = (vec![param(0.0), param(0.0)], param(0.0));
/// let loaded = Loader::new().select(r"0\..*")?.load_bytes(&mut new, &to_bytes(&old)?)?;
/// assert_eq!(loaded, ["0.0", "0.1"]);
/// assert_eq!(new.0[1].value().item()?, 2.0);
/// assert_eq!(new.1.value().item()?, 0.0);
/// # Ok::<(), cotangent::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct Loader {
    rules: Vec<Rule>,
    scope: Scope,
}

/// A rule for the names in a file.
#[derive(Debug)]
enum Rule {
    Rename {
        pattern: String,
        regex: Regex,
        replacement: String,
    },
    StripPrefix(String),
    AddPrefix(String),
}

impl Rule {
    /// Returns the new name, or `None` if the rule does not match.
    fn apply(&self, name: &str) -> Option<String> {
        match self {
            Self::Rename {
                regex, replacement, ..
            } => {
                let captures = regex.captures(name)?;
                let mut renamed = String::new();
                captures.expand(replacement, &mut renamed);
                Some(renamed)
            }
            Self::StripPrefix(prefix) => name.strip_prefix(prefix).map(str::to_owned),
            Self::AddPrefix(prefix) => Some(format!("{prefix}{name}")),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Rename { pattern, .. } => format!("rename `{pattern}`"),
            Self::StripPrefix(prefix) => format!("strip_prefix `{prefix}`"),
            Self::AddPrefix(prefix) => format!("add_prefix `{prefix}`"),
        }
    }
}

impl Loader {
    /// Creates a loader without rules: the names in the file must be the paths of the model.
    pub fn new() -> Self {
        Self::default()
    }

    /// Renames the entries whose whole names match a regular expression. In `replacement`, `$1` and
    /// `${name}` are the texts that groups have matched. Before a letter, a digit or `_`, write
    /// `${1}`, because `$1a` is the group called `1a`. The text of a group that does not exist is
    /// empty. `$$` is a dollar sign.
    ///
    /// # Errors
    /// [`Error::Argument`] if the regular expression is malformed.
    ///
    /// ```
    /// use cotangent::state::Loader;
    /// // layers.0.weight, as PyTorch's `ModuleList` has it, becomes hidden.0.weight.
    /// let loader = Loader::new().rename(r"layers\.(.*)", "hidden.$1")?;
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn rename(mut self, pattern: &str, replacement: &str) -> Result<Self> {
        self.rules.push(Rule::Rename {
            pattern: pattern.to_owned(),
            regex: whole(pattern)?,
            replacement: replacement.to_owned(),
        });
        Ok(self)
    }

    /// Removes a prefix, such as `"model."`, from the names that have it.
    pub fn strip_prefix(mut self, prefix: &str) -> Self {
        self.rules.push(Rule::StripPrefix(prefix.to_owned()));
        self
    }

    /// Adds a prefix to all names: `"encoder."` loads a file of an encoder into a model that has
    /// one.
    pub fn add_prefix(mut self, prefix: &str) -> Self {
        self.rules.push(Rule::AddPrefix(prefix.to_owned()));
        self
    }

    /// Loads only the leaves whose paths in the model match. Other leaves of the model keep their
    /// values, and other entries of the file are skipped.
    ///
    /// # Errors
    /// [`Error::Argument`] if a regular expression is malformed.
    pub fn select(mut self, pattern: impl Pattern) -> Result<Self> {
        self.scope.selection = Some(pattern.matcher()?);
        Ok(self)
    }

    /// Allows leaves that are missing in the file. They keep their values.
    pub fn allow_missing(mut self) -> Self {
        self.scope.allow_missing = true;
        self
    }

    /// Allows entries of the file that are not in the model. They are skipped.
    pub fn allow_unused(mut self) -> Self {
        self.scope.allow_unused = true;
        self
    }

    /// Loads a safetensors file, or a file of PyTorch's `torch.save`, and returns the paths of the
    /// leaves that were set, in the order of the model.
    ///
    /// A file of `torch.save`, often called `.pt` or `.pth`, is one of PyTorch 1.6 or later with a
    /// dictionary of tensors, such as a `state_dict`. Nested dictionaries give dotted names, and
    /// other values are skipped: of `{"model": model.state_dict(), "epoch": 3}`,
    /// `strip_prefix("model.")` loads the model. The pickle in such a file is a program, which may
    /// call any function of Python. Here it is only read, and unknown functions are not called.
    ///
    /// # Errors
    /// [`Error::Io`] if reading fails. [`Error::Format`] if the file is not a valid file of these
    /// kinds. [`Error::Argument`] if a rule changes no name, or if nothing is loaded.
    /// [`Error::State`] with all mismatches if a selected entry does not fit. The model is
    /// unchanged then.
    pub fn load(
        &self,
        module: &mut (impl Module + ?Sized),
        path: impl AsRef<Path>,
    ) -> Result<Vec<String>> {
        let path = path.as_ref();
        self.load_file(module, &read_file(path)?, path)
    }

    /// Loads the bytes of a file, such as those that [`to_bytes`](super::to_bytes)
    /// returns for another model.
    ///
    /// # Errors
    /// Those of [`load`](Self::load).
    pub fn load_bytes(
        &self,
        module: &mut (impl Module + ?Sized),
        bytes: &[u8],
    ) -> Result<Vec<String>> {
        self.load_file(module, bytes, Path::new(""))
    }

    fn load_file(
        &self,
        module: &mut (impl Module + ?Sized),
        bytes: &[u8],
        path: &Path,
    ) -> Result<Vec<String>> {
        if is_torch(bytes) {
            let file = TorchFile::parse(bytes, path)?;
            let offer = self.offer(file.entries())?;
            return set_leaves(module, offer, &self.scope, path);
        }
        let file = file::parse(bytes, path)?;
        let offer = self.offer(file::entries(&file))?;
        set_leaves(module, offer, &self.scope, path)
    }

    /// Loads a state in memory.
    ///
    /// # Errors
    /// Those of [`load`](Self::load).
    pub fn load_state(
        &self,
        module: &mut (impl Module + ?Sized),
        state: &StateDict,
    ) -> Result<Vec<String>> {
        let entries = state.iter();
        let entries = entries.map(|(name, entry)| (name, Stored::InMemory(entry)));
        set_leaves(module, self.offer(entries)?, &self.scope, Path::new(""))
    }

    /// Loads the leaves of another model under their paths, such as the lower layers of a
    /// pretrained net. Frozen leaves stay frozen, and others stay as they are.
    ///
    /// # Errors
    /// Those of [`load`](Self::load), and [`Error::Format`] if two leaves of `source` have the same
    /// path.
    ///
    /// ```
    /// use cotangent::state::Loader;
    /// use cotangent::{Tensor, module::Param};
    /// # fn param(value: f32) -> Param { Param::new(&Tensor::from([value])) }
    /// let old = (vec![param(1.0), param(2.0)], param(3.0));
    /// let mut new = (vec![param(0.0), param(0.0)], param(0.0));
    /// let loaded = Loader::new().select(r"0\.0")?.load_from(&mut new, &old)?;
    /// assert_eq!(loaded, ["0.0"]);
    /// assert_eq!(new.0[0].value().item()?, 1.0);
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn load_from(
        &self,
        module: &mut (impl Module + ?Sized),
        source: &(impl Module + ?Sized),
    ) -> Result<Vec<String>> {
        self.load_state(module, &entries_of(source, Path::new(""))?)
    }

    /// Returns the entries of a file or a state by their new names.
    fn offer<'s>(&self, entries: impl Iterator<Item = (&'s str, Stored<'s>)>) -> Result<Offer<'s>> {
        let mut now: Vec<_> = entries
            .map(|(name, stored)| (Cow::Borrowed(name), (name, stored)))
            .collect();
        let mut offer = Offer {
            is_empty: now.is_empty(),
            ..Offer::default()
        };
        for rule in &self.rules {
            let mut changed = false;
            for (name, _) in &mut now {
                if let Some(renamed) = rule.apply(name) {
                    changed |= renamed != *name;
                    *name = renamed.into();
                }
            }
            if !changed {
                let reason = format!("{} changes no name in the file", rule.describe());
                return Err(Error::argument("load", reason));
            }
        }
        now.retain(|(name, _)| self.scope.selects(name));
        now.sort_by(|(a, (first, _)), (b, (second, _))| (a, first).cmp(&(b, second)));
        for (name, (original, stored)) in now {
            if let Some((other, _)) = offer.entries.get(&name) {
                offer.mismatches.push(format!(
                    "`{name}`: both `{other}` and `{original}` are renamed to this"
                ));
            }
            offer.entries.insert(name, (original, stored));
        }
        Ok(offer)
    }
}
