//! Freezing and unfreezing leaves: all of a model, or by their paths.

use super::pattern::Pattern;
use super::walk::{LeafMut, Module, Place, WalkMut};
use crate::error::Result;

/// Freezes or unfreezes all parameters and buffers.
pub(crate) fn set_frozen(module: &mut (impl Module + ?Sized), frozen: bool) {
    WalkMut::places(module, |place, leaf| {
        set(place, leaf, frozen);
    });
}

/// Freezes or unfreezes the parameters and buffers whose paths match; returns how many these are,
/// at least one.
pub(crate) fn set_frozen_where(
    module: &mut (impl Module + ?Sized),
    pattern: impl Pattern,
    frozen: bool,
) -> Result<usize> {
    let matcher = pattern.matcher()?;
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
        return Err(matcher.no_match(op, "among the model's parameters and buffers"));
    }
    Ok(count)
}

/// Freezes or unfreezes one leaf, which stays frozen inside a [`Frozen`](super::Frozen); returns
/// whether it is of a kind that can be.
fn set(place: Place<'_>, leaf: LeafMut<'_>, frozen: bool) -> bool {
    let frozen = frozen || place.in_frozen;
    match leaf {
        LeafMut::Param(param) => param.set_frozen(frozen),
        LeafMut::Buffer(buffer) => buffer.set_frozen(frozen),
        LeafMut::Counter(_) => return false,
    }
    true
}
