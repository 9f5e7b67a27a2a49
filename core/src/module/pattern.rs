//! Patterns choose leaves by their paths: a regular expression or a closure.

use crate::error::{Error, Result};
use regex_lite::Regex;
use std::sync::Arc;

/// A choice of paths: a regular expression that matches the whole path, or a closure.
///
/// `"hidden1"` does not match `hidden10.weight`, nor `hidden1.weight`: `"hidden1\\..*"` matches all
/// leaves of `hidden1`. The syntax is that of the crate
/// [`regex-lite`](https://docs.rs/regex-lite).
///
/// A function that takes a pattern returns an error if it matches nothing, with the pattern that
/// was probably intended or with the nearest paths.
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
    /// Compiles the pattern.
    ///
    /// # Errors
    /// [`Error::Argument`] if a regular expression is malformed.
    fn matcher(self) -> Result<Matcher>;
}

/// A compiled [`Pattern`].
#[derive(Clone)]
pub struct Matcher {
    matches: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    /// The regular expression as it was written; none of a closure.
    pattern: Option<String>,
}

impl Matcher {
    /// Returns whether a path matches.
    pub fn matches(&self, path: &str) -> bool {
        (self.matches)(path)
    }

    /// Returns an [`Error::Argument`]: none of `paths`, which are those of `things` (such as "the
    /// model's parameters"), matches. It suggests a pattern that does, or else names the paths that
    /// come nearest.
    ///
    /// ```
    /// use cotangent::module::Pattern;
    /// let things = "the model's parameters";
    /// let error = "hidden".matcher()?.no_match("select", things, ["hidden.weight"]);
    /// assert!(error.to_string().ends_with(r"did you mean `hidden\..*`?"));
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn no_match(
        &self,
        op: &'static str,
        things: &str,
        paths: impl IntoIterator<Item: AsRef<str>>,
    ) -> Error {
        let paths = paths.into_iter();
        let paths: Vec<String> = paths.map(|path| path.as_ref().to_owned()).collect();
        Error::argument(op, no_match(self, things, &paths))
    }
}

/// How many paths an error lists.
const NAMED: usize = 3;

fn no_match(matcher: &Matcher, things: &str, paths: &[String]) -> String {
    if paths.is_empty() {
        return format!("{matcher:?} matches nothing among {things}: there are none");
    }
    let mut named: Vec<&str> = paths.iter().map(String::as_str).collect();
    let which = match &matcher.pattern {
        None => "the first",
        Some(pattern) => {
            if let Some(meant) = wider(pattern, paths) {
                return format!(
                    "{matcher:?} matches nothing among {things}: patterns match whole paths; did \
                     you mean `{meant}`?"
                );
            }
            named.sort_by_cached_key(|path| edit_distance(pattern, path));
            "the nearest"
        }
    };
    let all = named.len();
    named.truncate(NAMED);
    let list = named.join("`, `");
    let which = if all > NAMED {
        format!("{which} of {all} are")
    } else {
        "these are".to_owned()
    };
    format!("{matcher:?} matches nothing among {things}: {which} `{list}`")
}

/// Returns the narrowest pattern around `pattern` that matches one of the paths.
fn wider(pattern: &str, paths: &[String]) -> Option<String> {
    let part = if pattern.contains('|') {
        format!("({pattern})")
    } else {
        pattern.to_owned()
    };
    let candidates = [
        format!(r"{part}\..*"),
        format!(r".*\.{part}"),
        format!(r".*\.{part}\..*"),
        format!("{part}.*"),
        format!(".*{part}"),
        format!(".*{part}.*"),
    ];
    // The empty pattern is inside everything.
    let mut candidates = candidates.into_iter().filter(|_| !pattern.is_empty());
    candidates.find(|candidate| {
        whole(candidate).is_ok_and(|regex| paths.iter().any(|path| regex.is_match(path)))
    })
}

/// Returns how many characters must be inserted, removed or replaced to make `b` of `a` (the
/// Levenshtein distance).
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

impl std::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.pattern {
            Some(pattern) => write!(f, "the pattern `{pattern}`"),
            None => f.write_str("the closure"),
        }
    }
}

impl Pattern for &str {
    fn matcher(self) -> Result<Matcher> {
        let regex = whole(self)?;
        Ok(Matcher {
            matches: Arc::new(move |path| regex.is_match(path)),
            pattern: Some(self.to_owned()),
        })
    }
}

impl<F: Fn(&str) -> bool + Send + Sync + 'static> Pattern for F {
    fn matcher(self) -> Result<Matcher> {
        Ok(Matcher {
            matches: Arc::new(self),
            pattern: None,
        })
    }
}

/// Compiles a regular expression that must match the whole text.
pub(crate) fn whole(pattern: &str) -> Result<Regex> {
    // Checked alone first: `a)(b` would be well-formed between the parentheses.
    let malformed =
        |error: regex_lite::Error| Error::argument("pattern", format!("`{pattern}`: {error}"));
    Regex::new(pattern).map_err(malformed)?;
    Regex::new(&format!("^(?:{pattern})$"))
        // In verbose mode, `(?x)`, a comment at the end would hide the closing parenthesis.
        .or_else(|_| Regex::new(&format!("^(?:{pattern}\n)$")))
        .map_err(malformed)
}
