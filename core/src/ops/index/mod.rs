//! Elements by index (`index_select`, `embedding`, `one_hot`), and in order (`sort`, `top_k`).

pub(in crate::ops) mod gather;
pub(in crate::ops) mod order;
