//! The same elements in another arrangement: whole in [`view`] (`reshape`, `transpose`), in part in
//! [`slice`] (`narrow`, `split`, `flip`, `pad`), together in [`join`] (`cat`, `stack`).

pub(in crate::ops) mod join;
pub(in crate::ops) mod slice;
pub(in crate::ops) mod view;
pub(in crate::ops) mod window;
