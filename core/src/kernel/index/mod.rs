//! Elements by number.

pub(crate) mod rows;
