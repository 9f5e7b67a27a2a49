//! Every operation in `f32` on extreme values, against `f64`.
