//! Finds the path of the layer that raised an error, by the parameters of that layer.

use super::walk::{LeafRef, Module, Walk};
use crate::error::{Error, ModulePath};
use std::ops::ControlFlow;

impl Error {
    /// The same error with the path, relative to `module`, of the layer that raised it.
    ///
    /// [`Layer::forward`](crate::module::Layer::forward) places errors by itself. This is for a
    /// model whose forward is no `Layer`'s, because it takes or returns something else, and whose
    /// errors else begin at the outermost layer that it called: call it where the model is at hand.
    /// Gradient checks, the signal report and recalibration do. Each layer that an error passes
    /// reports a parameter of its own, by which it is found; the layer of an error that none has
    /// reported is `module` itself.
    ///
    /// ```
    /// use cotangent::module::{Layer, Param, Pass};
    /// use cotangent::{Result, Tensor};
    /// # use cotangent::module::{Module, Walk, WalkMut};
    /// // With a derived `Module`: `struct Scale { factor: Param }`, `struct Two { left: Scale, right: Scale }`.
    /// # struct Scale { factor: Param }
    /// # impl Module for Scale {
    /// #     fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) { walk.field("factor", &self.factor) }
    /// #     fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) { walk.field("factor", &mut self.factor) }
    /// # }
    /// # struct Two { left: Scale, right: Scale }
    /// # impl Module for Two {
    /// #     fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) { walk.field("left", &self.left); walk.field("right", &self.right) }
    /// #     fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) { walk.field("left", &mut self.left); walk.field("right", &mut self.right) }
    /// # }
    /// impl Layer for Scale {
    ///     fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
    ///         x.mul(&self.factor.read(pass))
    ///     }
    /// }
    /// impl Two {
    ///     fn difference(&self, a: &Tensor, b: &Tensor, pass: &Pass) -> Result<Tensor> {
    ///         self.left.forward(a, pass)?.sub(&self.right.forward(b, pass)?)
    ///     }
    /// }
    /// let scale = |x: f32| Scale { factor: Param::new(&Tensor::from([x, x])) };
    /// let (net, a, b) = (Two { left: scale(1.0), right: scale(2.0) }, Tensor::from([1.0f32]), Tensor::from([1.0f32; 3]));
    /// let error = net.difference(&a, &b, &Pass::train(0)).unwrap_err().placed_in(&net);
    /// assert!(error.to_string().starts_with("`right`: mul: "));
    /// ```
    #[must_use]
    pub fn placed_in(self, module: &(impl Module + ?Sized)) -> Self {
        self.map_path(|path| {
            path.take_linked();
            place(path, &params(module));
        })
    }

    /// As [`placed_in`](Self::placed_in), for each layer that the error passes: one that has been
    /// named by the layer around it needs no search.
    pub(super) fn raised_in(self, module: &(impl Module + ?Sized)) -> Self {
        self.map_path(|path| {
            if !path.take_linked() || path.origin().is_none() {
                place(path, &params(module));
            }
        })
    }
}

/// Is shown the path and the identity of each parameter, in order, until it has seen enough.
type OnParam<'f> = dyn FnMut(&str, u64) -> ControlFlow<()> + 'f;

/// Shows the parameters of a module.
type Params<'m> = dyn Fn(&mut OnParam<'_>) + 'm;

/// The parameters of `module`, for code that is compiled once and not for each type of modules.
fn params(module: &(impl Module + ?Sized)) -> impl Fn(&mut OnParam<'_>) {
    move |on_param| {
        Walk::until(module, &mut |place, leaf| match leaf {
            LeafRef::Param(param) => on_param(place.path, param.id().0),
            _ => ControlFlow::Continue(()),
        });
    }
}

/// Makes `path` one that is relative to the module with these parameters, and the first of them
/// what the module is known by from here on: it is near, so that each level of a deep model takes
/// as long.
fn place(path: &mut ModulePath, params: &Params<'_>) {
    let mut found: Option<String> = None;
    if let Some(origin) = path.origin() {
        params(&mut |name, leaf| {
            if leaf != origin.leaf {
                return ControlFlow::Continue(());
            }
            let above = name.strip_suffix(origin.path.as_str());
            found = above.map(|above| above.strip_suffix('.').unwrap_or(above).to_owned());
            ControlFlow::Break(())
        });
    }
    if let Some(above) = found {
        path.replace_above(&above);
    }
    let mut first: Option<(String, u64)> = None;
    params(&mut |name, leaf| {
        first = Some((name.to_owned(), leaf));
        ControlFlow::Break(())
    });
    if let Some((name, leaf)) = first {
        path.set_origin(leaf, name);
    }
}
