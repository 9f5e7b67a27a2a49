//! Elements by number: rows and elements taken and added up.

pub(crate) mod rows;
