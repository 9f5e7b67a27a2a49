//! Choosing parameters by their paths.

use super::param::Param;
use super::pattern::Pattern;
use super::walk::{LeafRef, Module, Walk};
use crate::error::Result;

/// The parameters whose paths match, at least one.
pub(crate) fn select(
    module: &(impl Module + ?Sized),
    pattern: impl Pattern,
) -> Result<Vec<(String, &Param)>> {
    let matcher = pattern.matcher()?;
    let mut params = Vec::new();
    Walk::over(module, |path, leaf| {
        if let LeafRef::Param(param) = leaf
            && matcher.matches(path)
        {
            params.push((path.to_owned(), param));
        }
    });
    if params.is_empty() {
        return Err(matcher.no_match("select", "among the model's parameters"));
    }
    Ok(params)
}
