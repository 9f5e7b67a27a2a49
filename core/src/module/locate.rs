//! Finds the path of the layer that raised an error, by the parameters of the layer.

use super::walk::{LeafRef, Module, Walk};
use crate::error::{Error, ModulePath};
use std::ops::ControlFlow;

impl Error {
    /// Adds to the error the path of the layer that raised it, relative to `module`.
    ///
    /// [`Layer::forward`](crate::module::Layer::forward) does this by itself. Call this if the
    /// forward of a model is not that of a `Layer`, because it takes or returns something else.
    /// Without it, the path begins at the outermost layer that was called. Gradient checks, the
    /// signal report and recalibration call it.
    ///
    /// Each layer that an error passes reports one of its parameters, by which the layer is found.
    /// If no layer has reported one, the error is that of `module` itself.
    ///
    /// ```
    /// use cotangent::prelude::*;
    ///
    /// #[derive(Module)]
    /// struct Pair {
    ///     left: Linear,
    ///     right: Linear,
    /// }
    ///
    /// impl Pair {
    ///     fn difference(&self, a: &Tensor, b: &Tensor, pass: &Pass) -> Result<Tensor> {
    ///         self.left.forward(a, pass)?.sub(&self.right.forward(b, pass)?)
    ///     }
    /// }
    ///
    /// let mut rng = ChaCha8Rng::seed_from_u64(1);
    /// let net = Pair { left: Linear::new(2, 1, &mut rng)?, right: Linear::new(2, 1, &mut rng)? };
    /// let (a, b) = (Tensor::from([[1.0f32, 2.0]]), Tensor::from([[1.0f32, 2.0, 3.0]]));
    /// let error = net.difference(&a, &b, &Pass::train(0)).unwrap_err().placed_in(&net);
    /// assert!(error.to_string().starts_with("`right`: linear: "));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn placed_in(self, module: &(impl Module + ?Sized)) -> Self {
        self.map_path(|path| {
            path.take_linked();
            place(path, &params(module));
        })
    }

    /// Does the same as [`placed_in`](Self::placed_in) for each layer that the error passes. A
    /// layer that the layer around it has named needs no search.
    pub(super) fn raised_in(self, module: &(impl Module + ?Sized)) -> Self {
        self.map_path(|path| {
            if !path.take_linked() || path.origin().is_none() {
                place(path, &params(module));
            }
        })
    }
}

/// A function that gets the path and the identity of each parameter, in order, until it breaks.
type OnParam<'f> = dyn FnMut(&str, u64) -> ControlFlow<()> + 'f;

/// A function that shows the parameters of a module.
type Params<'m> = dyn Fn(&mut OnParam<'_>) + 'm;

/// Returns a function that shows the parameters of `module`. The code that takes it is compiled
/// once, not for each type of module.
fn params(module: &(impl Module + ?Sized)) -> impl Fn(&mut OnParam<'_>) {
    move |on_param| {
        Walk::until(module, &mut |place, leaf| match leaf {
            LeafRef::Param(param) => on_param(place.path, param.id().0),
            _ => ControlFlow::Continue(()),
        });
    }
}

/// Makes `path` relative to the module with these parameters. From here on, the first of them
/// identifies the module: it is found at once, so that each level of a deep model takes the same
/// time.
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
