//! One formula over all elements, in one sweep: operations, comparisons, an optimizer's step.

pub(crate) mod compare;
pub(crate) mod map;
