//! Dropout as a layer.

use cotangent_core::module::{Layer, Module, Pass, Walk, WalkMut};
use cotangent_core::{Error, Result, Tensor};

/// While training, each element is 0 with probability `p`, else divided by 1 - p; when predicting,
/// nothing happens. See [`Tensor::dropout`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// Drops with probability `p`.
    ///
    /// # Errors
    /// [`Error::Argument`] if `p` is not in `[0, 1)`.
    pub fn new(p: f64) -> Result<Self> {
        if (0.0..1.0).contains(&p) {
            Ok(Self { p })
        } else {
            Err(Error::Argument {
                op: "dropout",
                reason: format!("p must be in [0, 1), found {p}"),
            })
        }
    }
}

impl Module for Dropout {
    fn visit<'a>(&'a self, _: &mut Walk<'a, '_>) {}
    fn visit_mut<'a>(&'a mut self, _: &mut WalkMut<'a, '_>) {}
}

impl Layer for Dropout {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        pass.dropout(x, self.p)
    }
}
