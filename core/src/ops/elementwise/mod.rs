//! Elementwise functions: of one tensor in [`unary`] (`exp`, `abs`), [`power`], [`rounding`]
//! (`floor`, `sign`) and [`trigonometric`] (`tan`, `log2`, `lgamma`), of several in [`arithmetic`]
//! (`add`, `maximum`), [`division`] (`remainder`, `hypot`) and [`pairs`] (`logaddexp`, `lerp`),
//! with masks in [`compare`], [`select`] and [`mask`]. `#[elementwise]` writes their
//! kernels and derivatives: [`functions`] has the tables, [`operation`] records, and [`symbolic`]
//! runs formulas on whole tensors.

pub(in crate::ops) mod arithmetic;
pub(in crate::ops) mod compare;
pub(in crate::ops) mod division;
pub(in crate::ops) mod functions;
pub(in crate::ops) mod mask;
pub(in crate::ops) mod operation;
pub(in crate::ops) mod operators;
pub(in crate::ops) mod pairs;
pub(in crate::ops) mod power;
pub(in crate::ops) mod rounding;
pub(in crate::ops) mod select;
pub(in crate::ops) mod support;
pub(in crate::ops) mod symbolic;
pub(in crate::ops) mod trigonometric;
pub(in crate::ops) mod unary;

/// The parts of which `#[elementwise]` composes an operation. Programs use the attribute and need
/// nothing of this module.
pub mod parts {
    pub use super::operation::{Operation, Reduced, apply, apply_one, reduce, sum_one};
    pub use super::support::{
        Argument, Named, Number, angle, call, check, larger, larger_size, named, number, pull,
        select, smaller,
    };
    pub use crate::kernel::{Formula, Needs, Real, float_power};

    /// The operations of the library, for calls in formulas.
    pub mod library {
        pub use super::super::arithmetic::atan2;
        pub use super::super::trigonometric::types::*;
        pub use super::super::unary::{clamp, erf, erfc, erfinv, logit, rsqrt};
        pub use crate::ops::activation::gated::{
            gelu, gelu_tanh, hard_sigmoid, hard_swish, hard_tanh, mish, relu6, silu,
        };
        pub use crate::ops::activation::rectifier::{
            celu, elu, leaky_relu, log_sigmoid, relu, selu, softplus,
        };
    }
}
