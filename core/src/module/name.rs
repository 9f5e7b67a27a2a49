//! Names that are given to modules at run time: the keys of maps and the names of layers.

use crate::error::{Error, Result};

/// Checks that a name that a module gets at run time can be a component of a path.
///
/// # Errors
/// [`Error::Argument`] if the name is empty or has a dot in it.
///
/// ```
/// use cotangent::module::check_name;
/// check_name("heads", "left")?;
/// let error = check_name("heads", "left.x").unwrap_err();
/// assert!(error.to_string().starts_with("heads: the name `left.x` has a dot in it"));
/// # Ok::<(), cotangent::Error>(())
/// ```
pub fn check_name(op: &'static str, name: &str) -> Result<()> {
    let problem = if name.is_empty() {
        "is empty"
    } else if name.contains('.') {
        "has a dot in it, but dots separate the names in a path"
    } else {
        return Ok(());
    };
    Err(Error::argument(op, format!("the name `{name}` {problem}")))
}
