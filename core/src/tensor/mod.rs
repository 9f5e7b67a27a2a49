//! The tensor floor: storage, layouts, and arrays, which are storage with a layout; indices and
//! masks. Nothing here uses the graph.

mod array;
mod axes;
pub(crate) mod bytes;
mod cells;
mod checks;
mod contiguous;
mod element;
mod indices;
mod layout;
mod mask;
mod reduce;
mod rows;
mod span;
mod storage;

pub use crate::shape::{DType, INFER, Shape, Spatial};
pub(crate) use array::Array;
pub use axes::Axes;
pub(crate) use axes::Reduced;
pub(crate) use checks::{broadcast_shapes, resolve_axis, resolve_place};
pub(crate) use contiguous::Contiguous;
pub use element::Element;
pub(crate) use element::with_dtype;
pub use indices::Indices;
pub(crate) use layout::Layout;
pub use mask::Mask;
pub(crate) use rows::Rows;
pub(crate) use span::Span;
pub(crate) use storage::room;
pub use storage::{MemoryUse, memory_use, refusable};
