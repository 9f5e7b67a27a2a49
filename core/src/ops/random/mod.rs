//! Random draws (`normal`, `uniform`), and layers of noise (`dropout`).

pub(in crate::ops) mod dropout;
pub(in crate::ops) mod multinomial;
pub(in crate::ops) mod noise;
