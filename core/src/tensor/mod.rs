//! The tensor floor: shapes, strides, dtypes, storage, and arrays, which are storage seen through
//! a layout. Nothing here knows the graph.

mod array;
mod axes;
pub(crate) mod bytes;
mod contiguous;
mod dtype;
mod indices;
mod layout;
mod mask;
mod reduce;
mod shape;
mod small_list;
mod storage;

pub(crate) use array::Array;
pub use axes::Axes;
pub(crate) use axes::Reduced;
pub(crate) use contiguous::Contiguous;
pub use dtype::DType;
pub use dtype::Element;
pub(crate) use dtype::with_dtype;
pub use indices::Indices;
pub(crate) use layout::Layout;
pub use mask::Mask;
pub use shape::Shape;
pub(crate) use shape::{broadcast_shapes, resolve_axis};
pub(crate) use storage::refusable;
pub use storage::{MemoryUse, memory_use};
