//! Splitting work over threads: where to cut it ([`parallel`]), who does it ([`pool`]).

pub(crate) mod panics;
pub(crate) mod parallel;
pub(crate) mod pool;
