//! Splitting work over threads: where the work is cut ([`parallel`]), the threads that run it
//! ([`pool`]), and their memory ([`scratch`]).

pub(crate) mod panics;
pub(crate) mod parallel;
pub(crate) mod pool;
pub(crate) mod scratch;
