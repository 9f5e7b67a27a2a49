//! The tree of a model: the trait that the derive implements, and the walks over it.

use super::buffer::{Buffer, Counter};
use super::name::check_name;
use super::param::Param;
use crate::autograd::Tensor;
use crate::error::Error;
use std::ops::ControlFlow;

/// A model or a part of one: a tree whose leaves are [`Param`]s, [`Buffer`]s and [`Counter`]s.
///
/// `#[derive(Module)]` implements it: every field must itself be a `Module`, or be marked
/// `#[module(skip)]`. Leaves have dotted paths of field names, in declaration order, such as
/// `hidden.weight`. Names, counts, freezing, saving and whatever else follows from the leaves are
/// the methods of [`ModuleExt`](crate::ModuleExt), which every module has.
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

    /// The name of the type with its path, for [`Summary`](super::Summary); that of the module
    /// inside for `Box`, `Option` and [`Frozen`](super::Frozen). The default is right but for such
    /// wrappers.
    fn type_name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
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

impl LeafMut<'_> {
    /// The value of a parameter or a buffer.
    pub(crate) fn tensor(&self) -> Option<Tensor> {
        match self {
            Self::Param(param) => Some(param.value().clone()),
            Self::Buffer(buffer) => Some(buffer.value()),
            Self::Counter(_) => None,
        }
    }
}

/// What a walk knows of the place that it is at.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    /// The dotted path. It is borrowed, so that a long one costs nothing where nobody copies it.
    pub path: &'p str,
    /// The type of the module that has the leaf as a field.
    pub layer: &'static str,
    /// Whether it is inside a [`Frozen`](super::Frozen).
    pub in_frozen: bool,
}

macro_rules! walks {
    ($(
        $(#[$doc:meta])*
        $walk:ident $leaf:ident $visit:ident ($($mutability:tt)?);
    )*) => {$(
        $(#[$doc])*
        pub struct $walk<'a, 'f> {
            path: String,
            in_frozen: bool,
            /// Whether all that is still ahead is passed over.
            stopped: bool,
            /// The types of the module that is being visited, and of the one that it is a field of.
            types: [&'static str; 2],
            /// The first key that cannot be part of a path, and where it is.
            wrong_key: Option<(String, Error)>,
            on_leaf: &'f mut dyn FnMut(Place<'_>, $leaf<'a>) -> ControlFlow<()>,
        }

        impl<'a, 'f> $walk<'a, 'f> {
            /// Calls `on_leaf` with the path of each leaf of `module` and the leaf, in declaration
            /// order.
            pub fn over(module: &'a $($mutability)? (impl Module + ?Sized), mut on_leaf: impl FnMut(&str, $leaf<'a>)) {
                Self::places(module, |place, leaf| on_leaf(place.path, leaf));
            }

            /// As [`over`](Self::over), with all that the walk knows of the leaf's place.
            pub(crate) fn places(
                module: &'a $($mutability)? (impl Module + ?Sized),
                mut on_leaf: impl FnMut(Place<'_>, $leaf<'a>),
            ) {
                Self::until(module, &mut |place, leaf| {
                    on_leaf(place, leaf);
                    ControlFlow::Continue(())
                });
            }

            /// As [`places`](Self::places), until `on_leaf` breaks the walk off.
            pub(super) fn until(
                module: &'a $($mutability)? (impl Module + ?Sized),
                on_leaf: &mut dyn FnMut(Place<'_>, $leaf<'a>) -> ControlFlow<()>,
            ) {
                module.$visit(&mut $walk::new(module.type_name(), on_leaf));
            }

            fn new(
                root: &'static str,
                on_leaf: &'f mut dyn FnMut(Place<'_>, $leaf<'a>) -> ControlFlow<()>,
            ) -> Self {
                Self {
                    path: String::new(),
                    in_frozen: false,
                    stopped: false,
                    types: [root, ""],
                    wrong_key: None,
                    on_leaf,
                }
            }

            /// Visits the child of the key `name`, which was chosen at run time. Unlike a field's
            /// name it is [checked](super::check_names), when leaves are next found by their paths.
            pub fn key(&mut self, name: &str, child: &'a $($mutability)? (impl Module + ?Sized)) {
                if self.wrong_key.is_none() && let Err(error) = check_name("module", name) {
                    self.wrong_key = Some((self.path.clone(), error));
                }
                self.field(name, child);
            }

            /// Visits the child `name`.
            pub fn field(&mut self, name: &str, child: &'a $($mutability)? (impl Module + ?Sized)) {
                if self.stopped {
                    return;
                }
                let parent = self.path.len();
                if parent > 0 {
                    self.path.push('.');
                }
                self.path.push_str(name);
                let types = self.types;
                self.types = [child.type_name(), types[0]];
                child.$visit(self);
                self.types = types;
                self.path.truncate(parent);
            }

            /// Visits what a [`Frozen`](super::Frozen) holds, under the path of that.
            pub(super) fn frozen(&mut self, module: &'a $($mutability)? (impl Module + ?Sized)) {
                let outer = std::mem::replace(&mut self.in_frozen, true);
                module.$visit(self);
                self.in_frozen = outer;
            }

            fn leaf(&mut self, leaf: $leaf<'a>) {
                let place = Place { path: &self.path, layer: self.types[1], in_frozen: self.in_frozen };
                self.stopped = self.stopped || (self.on_leaf)(place, leaf).is_break();
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
    /// A walk over a model's leaves, which knows the path that it has come. It changes nothing.
    Walk LeafRef visit ();
    /// As [`Walk`], for changing the leaves.
    WalkMut LeafMut visit_mut (mut);
}

impl Walk<'_, '_> {
    /// Returns the path of the first map with a key that cannot be part of a path, and what is
    /// wrong with the key.
    pub(super) fn wrong_key(module: &(impl Module + ?Sized)) -> Option<(String, Error)> {
        let mut on_leaf = |_: Place<'_>, _: LeafRef<'_>| ControlFlow::Continue(());
        let mut walk = Walk::new(module.type_name(), &mut on_leaf);
        module.visit(&mut walk);
        walk.wrong_key
    }
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
