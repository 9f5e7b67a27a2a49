//! The tree of a model: the trait that the derive implements, and the walks over it.

use super::param::{Buffer, Counter, Param};
use crate::error::Result;
use crate::tensor::DType;
use std::path::Path;

/// A model or a part of one: a tree whose leaves are [`Param`]s, [`Buffer`]s and [`Counter`]s.
///
/// `#[derive(Module)]` implements it: every field must itself be a `Module`, or be marked
/// `#[module(skip)]`. Leaves have dotted paths of field names, in declaration order, such as
/// `hidden.weight`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Module`",
    label = "this type holds no parameters that cotangent knows",
    note = "mark the field `#[module(skip)]` if it is configuration, or derive `Module` for its type"
)]
pub trait Module {
    /// Shows each child to the walk, in declaration order.
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>);

    /// As [`visit`](Self::visit), for changing the leaves.
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>);

    /// The parameters with their paths, in declaration order, frozen ones included.
    fn named_params(&self) -> Vec<(String, &Param)> {
        let mut params = Vec::new();
        Walk::over(self, |path, leaf| {
            if let LeafRef::Param(param) = leaf {
                params.push((path.to_owned(), param));
            }
        });
        params
    }

    /// As [`named_params`](Self::named_params), for changing them.
    fn named_params_mut(&mut self) -> Vec<(String, &mut Param)> {
        let mut params = Vec::new();
        WalkMut::over(self, |path, leaf| {
            if let LeafMut::Param(param) = leaf {
                params.push((path.to_owned(), param));
            }
        });
        params
    }

    /// The number of trainable elements, frozen ones included.
    fn param_count(&self) -> usize {
        self.named_params()
            .iter()
            .map(|(_, param)| param.value().len())
            .sum()
    }

    /// Converts all parameters and buffers to another precision.
    fn convert(&mut self, dtype: DType) {
        WalkMut::over(self, |_, leaf| match leaf {
            LeafMut::Param(param) => param.convert(dtype),
            LeafMut::Buffer(buffer) => buffer.convert(dtype),
            LeafMut::Counter(_) => {}
        });
    }

    /// Freezes all parameters and buffers: frozen parameters get no gradient and no update, frozen
    /// batch normalization runs in inference mode and its statistics stand still.
    fn freeze(&mut self) {
        set_all_frozen(self, true);
    }

    /// Undoes [`freeze`](Self::freeze).
    fn unfreeze(&mut self) {
        set_all_frozen(self, false);
    }

    /// Writes all leaves to a safetensors file under their paths: to a temporary file beside it
    /// first, which then takes its name, so that an interruption leaves the old file whole.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if writing fails; the old file is unchanged then.
    fn save(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        super::state::save(self, path.as_ref())
    }

    /// Reads all leaves from a safetensors file. All or nothing: every name, shape and dtype is
    /// checked first, and nothing changes unless all fit.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if reading fails, [`Error::Format`](crate::Error::Format)
    /// if it is no sound safetensors file, [`Error::State`](crate::Error::State) with every
    /// mismatch if it does not fit the model.
    fn load(&mut self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        super::state::load(self, path.as_ref())
    }
}

fn set_all_frozen<M: Module + ?Sized>(module: &mut M, frozen: bool) {
    WalkMut::over(module, |_, leaf| match leaf {
        LeafMut::Param(param) => param.set_frozen(frozen),
        LeafMut::Buffer(buffer) => buffer.set_frozen(frozen),
        LeafMut::Counter(_) => {}
    });
}

/// A leaf of a model.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum LeafRef<'a> {
    /// Trained.
    Param(&'a Param),
    /// Kept.
    Buffer(&'a Buffer),
    /// Counted.
    Counter(&'a Counter),
}

/// A leaf of a model, to be changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum LeafMut<'a> {
    /// Trained.
    Param(&'a mut Param),
    /// Kept.
    Buffer(&'a mut Buffer),
    /// Counted.
    Counter(&'a mut Counter),
}

macro_rules! walks {
    ($(
        $(#[$doc:meta])*
        $walk:ident $leaf:ident $visit:ident ($($mutability:tt)?);
    )*) => {$(
        $(#[$doc])*
        pub struct $walk<'a, 'f> {
            path: String,
            frozen: bool,
            on_leaf: &'f mut dyn FnMut(&str, $leaf<'a>),
        }

        impl<'a> $walk<'a, '_> {
            /// Calls `on_leaf` with the path of each leaf of `module` and the leaf, in declaration
            /// order.
            pub fn over(module: &'a $($mutability)? (impl Module + ?Sized), mut on_leaf: impl FnMut(&str, $leaf<'a>)) {
                module.$visit(&mut $walk { path: String::new(), frozen: false, on_leaf: &mut on_leaf });
            }

            /// Visits the child `name`.
            pub fn field(&mut self, name: &str, child: &'a $($mutability)? (impl Module + ?Sized)) {
                let parent = self.path.len();
                if parent > 0 {
                    self.path.push('.');
                }
                self.path.push_str(name);
                child.$visit(self);
                self.path.truncate(parent);
            }

            /// Visits the child `name`, whose leaves are frozen by declaration: they become so
            /// when a walk first meets them, and again should somebody unfreeze them.
            pub fn frozen_field(&mut self, name: &str, child: &'a $($mutability)? (impl Module + ?Sized)) {
                let outer = std::mem::replace(&mut self.frozen, true);
                self.field(name, child);
                self.frozen = outer;
            }

            fn leaf(&mut self, leaf: $leaf<'a>) {
                if self.frozen {
                    match &leaf {
                        $leaf::Param(param) => param.set_frozen(true),
                        $leaf::Buffer(buffer) => buffer.set_frozen(true),
                        $leaf::Counter(_) => {}
                    }
                }
                (self.on_leaf)(&self.path, leaf);
            }
        }

        impl std::fmt::Debug for $walk<'_, '_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{} at `{}`", stringify!($walk), self.path)
            }
        }
    )*};
}

walks! {
    /// A walk over a model's leaves, which knows the path that it has come.
    Walk LeafRef visit ();
    /// As [`Walk`], for changing the leaves.
    WalkMut LeafMut visit_mut (mut);
}

macro_rules! leaves {
    ($($type:ident)*) => {$(
        impl Module for $type {
            fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
                walk.leaf(LeafRef::$type(self));
            }
            fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
                walk.leaf(LeafMut::$type(self));
            }
        }
    )*};
}
leaves! { Param Buffer Counter }
