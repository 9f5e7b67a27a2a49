//! Freezes and unfreezes leaves: all of a model, or those with matching paths.

use super::leaves::check_names;
use super::pattern::Pattern;
use super::walk::{LeafMut, LeafRef, Module, Place, Walk, WalkMut};
use crate::error::Result;

/// Freezes or unfreezes all parameters and buffers.
pub(crate) fn set_frozen(module: &mut (impl Module + ?Sized), frozen: bool) {
    WalkMut::places(module, |place, leaf| {
        set(place, leaf, frozen);
    });
}

/// Freezes or unfreezes the parameters and buffers whose paths match, and returns their number,
/// which is at least one.
pub(crate) fn set_frozen_where(
    module: &mut (impl Module + ?Sized),
    pattern: impl Pattern,
    frozen: bool,
) -> Result<usize> {
    let matcher = pattern.matcher()?;
    check_names(module)?;
    let mut count = 0;
    WalkMut::places(module, |place, leaf| {
        if matcher.matches(place.path) {
            count += usize::from(set(place, leaf, frozen));
        }
    });
    if count == 0 {
        let op = if frozen {
            "freeze_where"
        } else {
            "unfreeze_where"
        };
        let mut all = Vec::new();
        Walk::over(module, |path, leaf| {
            if !matches!(leaf, LeafRef::Counter(_)) {
                all.push(path.to_owned());
            }
        });
        return Err(matcher.no_match(op, "the model's parameters and buffers", all));
    }
    Ok(count)
}

/// Freezes or unfreezes one leaf, and returns whether it can be frozen. Inside a
/// [`Frozen`](super::Frozen) it stays frozen.
fn set(place: Place<'_>, leaf: LeafMut<'_>, frozen: bool) -> bool {
    let frozen = frozen || place.in_frozen;
    match leaf {
        LeafMut::Param(param) if frozen => param.freeze(),
        LeafMut::Param(param) => param.unfreeze(),
        LeafMut::Buffer(buffer) if frozen => buffer.freeze(),
        LeafMut::Buffer(buffer) => buffer.unfreeze(),
        LeafMut::Counter(_) => return false,
    }
    true
}
