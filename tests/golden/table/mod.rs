//! The tables of golden layers and optimizers: the call for each case, with looser bounds where
//! needed.

mod convolutional;
mod keras;
mod layers;
mod optimizers;
mod spatial;
mod transformer;

pub use convolutional::convolutional;
pub use keras::keras;
pub use layers::layers;
pub use optimizers::{Row, optimizers};
pub use spatial::spatial;
pub use transformer::transformer;
