//! Splitting work over threads: where the work is cut ([`parallel`]), the threads that run it
//! ([`pool`]), their memory ([`scratch`]), and a record of the pieces of work ([`regions`]).

pub(crate) mod panics;
pub(crate) mod parallel;
pub(crate) mod pool;
pub mod regions;
pub(crate) mod scratch;
