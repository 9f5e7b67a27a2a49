//! Which call each golden layer and optimizer stands for, and where the bound on its error has to
//! give.

mod keras;
mod layers;
mod optimizers;

pub use keras::keras;
pub use layers::layers;
pub use optimizers::{Row, optimizers};
