//! The tree of a model: the trait `Module`, and the walks over its leaves.

use super::buffer::{Buffer, Counter};
use super::name::check_name;
use super::param::Param;
use crate::autograd::Tensor;
use crate::error::Error;
use std::ops::ControlFlow;

/// A model or a part of one: a tree whose leaves are [`Param`]s, [`Buffer`]s and [`Counter`]s.
/// PyTorch: `nn.Module`.
///
/// `#[derive(Module)]` implements it. Every field must be a `Module` too, or be marked
/// `#[module(skip)]` if it is configuration. Numbers and `bool` are modules without leaves, and
/// need no `skip`; a `String` does. Each leaf has a dotted path of field names, such as
/// `hidden.weight`.
///
/// Every module has the methods of [`ModuleExt`](crate::ModuleExt): lists of parameters, counts,
/// freezing, conversion, saving and loading.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Module`",
    label = "this type does not implement `Module`",
    note = "if it is a part of the model, derive it: `#[derive(Module)]`",
    note = "if it is a field of type `Tensor`, hold it in a `Param` (trained) or in a `Buffer` \
            (saved, not trained)",
    note = "if it is a field with configuration, mark it `#[module(skip)]`"
)]
pub trait Module {
    /// Shows each child to the walk, in declaration order: `walk.field("weight", &self.weight)`.
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>);

    /// Shows each child to a walk that may change the leaves, in the same order as
    /// [`visit`](Self::visit).
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>);

    /// Returns the name of the type with its path, for [`Summary`](super::Summary). `Box`, `Option`
    /// and [`Frozen`](super::Frozen) return that of the module inside. Only such wrappers need to
    /// implement it.
    fn type_name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}

/// A leaf of a model.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum LeafRef<'a> {
    /// A parameter, which is trained.
    Param(&'a Param),
    /// A buffer, which is saved but not trained.
    Buffer(&'a Buffer),
    /// A counter, which is saved but not trained.
    Counter(&'a Counter),
}

/// A leaf of a model, to be changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum LeafMut<'a> {
    /// A parameter, which is trained.
    Param(&'a mut Param),
    /// A buffer, which is saved but not trained.
    Buffer(&'a mut Buffer),
    /// A counter, which is saved but not trained.
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

/// The place of a leaf in a model.
#[derive(Clone, Copy)]
pub(crate) struct Place<'p> {
    /// The dotted path. It is borrowed, so that a long path costs nothing unless it is copied.
    pub path: &'p str,
    /// The name of the type that has the leaf as a field.
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
            /// Whether the rest of the walk is skipped.
            stopped: bool,
            /// The names of the type being visited, and of the type that it is a field of.
            types: [&'static str; 2],
            /// The path of the first map with a wrong key, and what is wrong.
            wrong_key: Option<(String, Error)>,
            on_leaf: &'f mut dyn FnMut(Place<'_>, $leaf<'a>) -> ControlFlow<()>,
        }

        impl<'a, 'f> $walk<'a, 'f> {
            /// Calls `on_leaf` with the path of each leaf of `module` and the leaf, in declaration
            /// order.
            pub fn over(
                module: &'a $($mutability)? (impl Module + ?Sized),
                mut on_leaf: impl FnMut(&str, $leaf<'a>),
            ) {
                Self::places(module, |place, leaf| on_leaf(place.path, leaf));
            }

            /// Does the same as [`over`](Self::over), with the whole place of each leaf.
            pub(crate) fn places(
                module: &'a $($mutability)? (impl Module + ?Sized),
                mut on_leaf: impl FnMut(Place<'_>, $leaf<'a>),
            ) {
                Self::until(module, &mut |place, leaf| {
                    on_leaf(place, leaf);
                    ControlFlow::Continue(())
                });
            }

            /// Does the same as [`places`](Self::places), until `on_leaf` breaks.
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

            /// Visits the child with the key `name`, which was chosen at run time. Unlike the name
            /// of a field, the key is [checked](super::check_names) when leaves are found by their
            /// paths.
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

            /// Visits the module in a [`Frozen`](super::Frozen), under the same path.
            pub(super) fn frozen(&mut self, module: &'a $($mutability)? (impl Module + ?Sized)) {
                let outer = std::mem::replace(&mut self.in_frozen, true);
                module.$visit(self);
                self.in_frozen = outer;
            }

            fn leaf(&mut self, leaf: $leaf<'a>) {
                let place = Place {
                    path: &self.path,
                    layer: self.types[1],
                    in_frozen: self.in_frozen,
                };
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
    /// A walk over the leaves of a model, with their paths. It changes nothing.
    Walk LeafRef visit ();
    /// A walk over the leaves of a model, to change them.
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
