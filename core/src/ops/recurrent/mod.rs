//! Recurrent layers: one direction of one layer over a whole sequence is one operation.

mod layer;
mod recorded;

pub use layer::{Recurrence, RecurrentCell, Steps};
