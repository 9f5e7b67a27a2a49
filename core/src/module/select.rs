//! Selects parameters by their paths.

use super::leaves::{check_names, named_params};
use super::param::Param;
use super::pattern::Pattern;
use super::walk::{LeafRef, Module, Walk};
use crate::error::Result;

/// Returns the parameters whose paths match: at least one.
pub(crate) fn select(
    module: &(impl Module + ?Sized),
    pattern: impl Pattern,
) -> Result<Vec<(String, &Param)>> {
    let matcher = pattern.matcher()?;
    check_names(module)?;
    let mut params = Vec::new();
    Walk::over(module, |path, leaf| {
        if let LeafRef::Param(param) = leaf
            && matcher.matches(path)
        {
            params.push((path.to_owned(), param));
        }
    });
    if params.is_empty() {
        let all = named_params(module).into_iter().map(|(path, _)| path);
        return Err(matcher.no_match("select", "the model's parameters", all));
    }
    Ok(params)
}
