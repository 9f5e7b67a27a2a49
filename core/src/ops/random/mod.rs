//! Random draws, and layers of noise.

pub(in crate::ops) mod dropout;
pub(in crate::ops) mod noise;
