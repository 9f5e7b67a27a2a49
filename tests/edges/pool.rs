//! Threads after panics, forks and on small stacks; memory that the system refuses.
