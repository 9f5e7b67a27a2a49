//! Splitting work over threads.

pub(crate) mod crew;
pub(crate) mod panics;
pub(crate) mod parallel;
