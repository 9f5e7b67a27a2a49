//! Which paths are meant: by regular expression or by closure.

use crate::error::{Error, Result};
use regex_lite::Regex;
use std::sync::Arc;

/// Which paths are meant: a regular expression that matches the whole path, or a closure.
///
/// `"hidden1"` does not mean `hidden10`, and `"hidden1\\..*"` means all leaves of `hidden1`. The
/// syntax is that of the crate [`regex-lite`](https://docs.rs/regex-lite).
///
/// ```
/// use cotangent::module::Pattern;
/// let hidden = r"hidden\d\..*".matcher()?;
/// assert!(hidden.matches("hidden1.weight") && !hidden.matches("hidden10.weight"));
/// let biases = (|path: &str| path.ends_with("bias")).matcher()?;
/// assert!(biases.matches("hidden10.bias"));
/// # Ok::<(), cotangent::Error>(())
/// ```
pub trait Pattern {
    /// The paths as a function.
    ///
    /// # Errors
    /// [`Error::Argument`] if a regular expression is malformed.
    fn matcher(self) -> Result<Matcher>;
}

/// What a [`Pattern`] means.
#[derive(Clone)]
pub struct Matcher {
    matches: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    text: String,
}

impl Matcher {
    /// Whether a path is meant.
    pub fn matches(&self, path: &str) -> bool {
        (self.matches)(path)
    }

    /// The error, an [`Error::Argument`], that says that there is nothing `place` (such as "among
    /// the model's parameters") that is meant.
    pub fn no_match(&self, op: &'static str, place: &str) -> Error {
        Error::argument(op, format!("{} matches nothing {place}", self.text))
    }
}

impl std::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern for &str {
    fn matcher(self) -> Result<Matcher> {
        let regex = whole(self)?;
        Ok(Matcher {
            matches: Arc::new(move |path| regex.is_match(path)),
            text: format!("the pattern `{self}`"),
        })
    }
}

impl<F: Fn(&str) -> bool + Send + Sync + 'static> Pattern for F {
    fn matcher(self) -> Result<Matcher> {
        Ok(Matcher {
            matches: Arc::new(self),
            text: "the closure".to_owned(),
        })
    }
}

/// The regular expression, to match all of a text.
pub(crate) fn whole(pattern: &str) -> Result<Regex> {
    // Checked by itself first: `a)(b` would be sound between the parentheses.
    let malformed =
        |error: regex_lite::Error| Error::argument("pattern", format!("`{pattern}`: {error}"));
    Regex::new(pattern).map_err(malformed)?;
    Regex::new(&format!("^(?:{pattern})$"))
        // In verbose mode, `(?x)`, a comment at the end would hide the parenthesis.
        .or_else(|_| Regex::new(&format!("^(?:{pattern}\n)$")))
        .map_err(malformed)
}
