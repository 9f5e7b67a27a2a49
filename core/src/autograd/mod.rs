//! The reverse-mode graph: tensors that record how they were computed, and the loop that propagates
//! the cotangent of an output back to the leaves.
//!
//! No operation is named here, except the two that the loop itself needs: the sum of cotangents and
//! the sum over broadcast axes.

mod accumulate;
mod backward;
mod gradients;
mod graphviz;
mod kind;
mod monitor;
mod node;
mod observer;
mod op;
mod sparse_rows;
mod tensor;

pub(crate) use accumulate::{stretch, sum_to_shape};
pub(crate) use backward::nodes_leading_to;
pub use backward::{Backward, grad};
pub use gradients::{Gradients, Leaf, LeafId};
pub use graphviz::Dot;
pub use kind::OpKind;
pub(crate) use monitor::Monitor;
pub(crate) use node::{Links, Node, Parents};
pub(crate) use observer::Both;
pub use observer::{Forward, Observer, Pulled};
pub use op::{Cotangents, Op, Vjp};
pub use sparse_rows::SparseRows;
pub use tensor::Tensor;
