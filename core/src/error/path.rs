//! The place in a model where an error was raised.

use std::fmt;

/// The dotted path of a module, such as `hidden.0.linear`. It is empty for the whole model.
///
/// Adding a level takes the same time at any depth. The names are joined when the path is printed.
#[derive(Clone, Default)]
pub struct ModulePath {
    /// The names, innermost first.
    names: Vec<String>,
    /// The outermost module that has reported itself, if it has a parameter.
    origin: Option<Box<Origin>>,
    /// Whether the name of the module that reported itself last has been added.
    linked: bool,
}

/// A parameter of a module, by which the module is found in a larger one.
#[derive(Clone)]
pub(crate) struct Origin {
    /// The identity of the parameter.
    pub leaf: u64,
    /// Its path in the module.
    pub path: String,
    /// The number of names between the module and the place of the error.
    below: usize,
}

impl ModulePath {
    /// Adds the name of the surrounding module.
    pub(super) fn push(&mut self, name: &str) {
        if !name.is_empty() {
            self.names.push(name.to_owned());
        }
        self.linked = true;
    }

    /// Returns whether the path is that of the whole model.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(crate) fn origin(&self) -> Option<&Origin> {
        self.origin.as_deref()
    }

    /// Returns whether a name has been added since the last call.
    pub(crate) fn take_linked(&mut self) -> bool {
        std::mem::take(&mut self.linked)
    }

    /// Makes the path relative to a module that has the parameter `leaf` at `path`.
    pub(crate) fn set_origin(&mut self, leaf: u64, path: String) {
        let below = self.names.len();
        self.origin = Some(Box::new(Origin { leaf, path, below }));
    }

    /// Replaces all names above the origin with the dotted path `above`.
    pub(crate) fn replace_above(&mut self, above: &str) {
        self.names
            .truncate(self.origin().map_or(0, |origin| origin.below));
        if !above.is_empty() {
            self.names.push(above.to_owned());
        }
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names.iter().rev().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}
