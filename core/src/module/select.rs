//! Choosing parameters by their paths.

use super::leaves::{check_names, named_params};
use super::param::Param;
use super::pattern::Pattern;
use super::walk::Module;
use crate::error::Result;

/// Returns the parameters whose paths match: at least one.
pub(crate) fn select(
    module: &(impl Module + ?Sized),
    pattern: impl Pattern,
) -> Result<Vec<(String, &Param)>> {
    let matcher = pattern.matcher()?;
    check_names(module)?;
    let (params, others): (Vec<_>, Vec<_>) = named_params(module)
        .into_iter()
        .partition(|(path, _)| matcher.matches(path));
    if params.is_empty() {
        let paths = others.iter().map(|(path, _)| path);
        return Err(matcher.no_match("select", "the model's parameters", paths));
    }
    Ok(params)
}
