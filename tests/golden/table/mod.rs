//! Which call each golden operation stands for, and where the bound on its error has to give.

mod elementwise;
mod indexing;
mod keras;
mod layers;
mod losses;
mod networks;
mod optimizers;
mod products;
mod reductions;
mod shapes;

pub use elementwise::{activation, binary, binary_differences, differences, unary};
pub use indexing::indexing;
pub use keras::keras;
pub use layers::layers;
pub use losses::{loss_differences, losses};
pub use networks::{batch_norm, layer_norms, rms_norms, softmax};
pub use optimizers::{Row, optimizers};
pub use products::{einsum, matmul, vectors};
pub use reductions::{extremes, product, reduce, statistics};
pub use shapes::shape;
