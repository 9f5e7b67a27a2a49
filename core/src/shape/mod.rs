//! The shape floor: the lengths of axes and the element types, which errors use too.

mod dtype;
mod lengths;
mod small_list;
mod spatial;

pub use dtype::DType;
pub use lengths::{INFER, Shape};
pub(crate) use small_list::SmallList;
pub use spatial::Spatial;
