//! Random operations: dropout, draws of classes, and the noise of other operations. `normal` and
//! `uniform` are in `create.rs`.

pub(in crate::ops) mod dropout;
pub(in crate::ops) mod multinomial;
pub(in crate::ops) mod noise;
