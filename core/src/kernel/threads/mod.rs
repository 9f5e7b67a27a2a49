//! Splitting work over threads: where the work is cut ([`parallel`]) and the threads that run it
//! ([`pool`]).

pub(crate) mod panics;
pub(crate) mod parallel;
pub(crate) mod pool;
