//! `#[elementwise]` as a user's program meets it: where functions may stand, which names they may
//! have, and what their operations do.
#![deny(warnings, missing_docs, unused, clippy::pedantic)]

#[path = "elementwise/operations.rs"]
mod operations;
#[path = "elementwise/places.rs"]
mod places;
