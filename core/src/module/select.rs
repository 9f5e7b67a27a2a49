//! Choosing parameters by their paths.

use super::leaves::named_params;
use super::param::Param;
use super::pattern::Pattern;
use super::walk::Module;
use crate::error::Result;

/// The parameters whose paths match, at least one.
pub(crate) fn select(
    module: &(impl Module + ?Sized),
    pattern: impl Pattern,
) -> Result<Vec<(String, &Param)>> {
    let matcher = pattern.matcher()?;
    let mut params = named_params(module);
    params.retain(|(path, _)| matcher.matches(path));
    if params.is_empty() {
        return Err(matcher.no_match("select", "among the model's parameters"));
    }
    Ok(params)
}
