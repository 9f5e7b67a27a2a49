//! Loading parts of a state, under other names: pretrained layers reused.

use super::dict::StateDict;
use super::file;
use super::stored::Stored;
use super::tree::{Offer, Scope, entries_of, set_leaves};
use crate::disk::read_file;
use crate::error::{Error, Result};
use crate::module::pattern::whole;
use crate::module::{Module, Pattern};
use regex_lite::Regex;
use std::borrow::Cow;
use std::path::Path;

/// How to load a state that is not exactly the model's: rules for the names in the file, and which
/// leaves of the model are meant.
///
/// Renaming rules run in the order in which they are given, each on what the one before has left.
/// Then names must be the model's paths, no two the same. A rule that changes nothing, and a
/// selection that nothing matches, is an error: it is a mistake in its pattern. So is to load
/// nothing at all, whatever may be missing or unused. As with
/// [`ModuleExt::load`](crate::ModuleExt::load) it is all or nothing, and values are never rounded.
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

/// What happens to the names in a file.
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
    /// The new name; none if the rule does not concern this one.
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
    /// No rules: names must be exactly the model's.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names that the regular expression matches, all of them from their first character to their
    /// last, become `replacement`, in which `$1` or `${name}` stands for what a group has matched.
    /// In front of a letter, a digit or `_` it must be `${1}`, for `$1a` is the group called `1a`.
    /// The text of a group that does not exist is empty; `$$` is a dollar sign.
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

    /// Names lose `prefix`, those that have it: `"model."`.
    pub fn strip_prefix(mut self, prefix: &str) -> Self {
        self.rules.push(Rule::StripPrefix(prefix.to_owned()));
        self
    }

    /// Names gain `prefix`: a file of the encoder alone becomes `"encoder."` of the model.
    pub fn add_prefix(mut self, prefix: &str) -> Self {
        self.rules.push(Rule::AddPrefix(prefix.to_owned()));
        self
    }

    /// Only the leaves whose paths (in the model) the pattern means: the model's others keep their
    /// values, the file's others are left out.
    ///
    /// # Errors
    /// [`Error::Argument`] if a regular expression is malformed.
    pub fn select(mut self, pattern: impl Pattern) -> Result<Self> {
        self.scope.selection = Some(pattern.matcher()?);
        Ok(self)
    }

    /// Leaves that the file lacks keep their values.
    pub fn allow_missing(mut self) -> Self {
        self.scope.allow_missing = true;
        self
    }

    /// Entries of the file that the model lacks are left out.
    pub fn allow_unused(mut self) -> Self {
        self.scope.allow_unused = true;
        self
    }

    /// Loads a safetensors file; returns the paths that were set, in the model's order.
    ///
    /// # Errors
    /// [`Error::Io`] if reading fails, [`Error::Format`] if it is no sound safetensors file,
    /// [`Error::Argument`] if a rule changes nothing or nothing is loaded, [`Error::State`] with
    /// every mismatch if what is selected does not fit. The model is unchanged then.
    pub fn load(
        &self,
        module: &mut (impl Module + ?Sized),
        path: impl AsRef<Path>,
    ) -> Result<Vec<String>> {
        let path = path.as_ref();
        self.load_file(module, &read_file(path)?, path)
    }

    /// As [`load`](Self::load), from the bytes of a safetensors file, such as
    /// [`to_bytes`](super::to_bytes) gives for another model.
    ///
    /// # Errors
    /// As [`load`](Self::load).
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
        let file = file::parse(bytes, path)?;
        let offer = self.offer(file::entries(&file))?;
        set_leaves(module, offer, &self.scope, path)
    }

    /// As [`load`](Self::load), from a state in memory.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_state(
        &self,
        module: &mut (impl Module + ?Sized),
        state: &StateDict,
    ) -> Result<Vec<String>> {
        let entries = state.iter();
        let entries = entries.map(|(name, entry)| (name, Stored::InMemory(entry)));
        set_leaves(module, self.offer(entries)?, &self.scope, Path::new(""))
    }

    /// As [`load`](Self::load), from another model, whose paths are the names: how the lower layers
    /// of a pretrained net come into a new one. Whether a leaf is frozen stays as it is.
    ///
    /// # Errors
    /// As [`load`](Self::load), and [`Error::Format`] if two leaves of `source` have one path.
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

    /// The entries of a file or a state by what their names become.
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
