//! The paths of parameters in drawings of graphs.

use super::leaves::named_params;
use super::walk::Module;
use crate::autograd::Dot;

impl Dot {
    /// Labels the parameters of a model with their paths.
    pub fn params(self, module: &(impl Module + ?Sized)) -> Self {
        let params = named_params(module).into_iter();
        params.fold(self, |dot, (path, param)| dot.name(param, path))
    }
}
