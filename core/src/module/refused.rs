//! Types that may hold modules but cannot be part of a model. Each implements `Module` under a
//! condition that is never met, so that the compiler reports the text of the condition. The
//! conditions are on [`Refused`]: of two conditions on one type the compiler reports the outer one.

use super::walk::{Module, Walk, WalkMut};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

/// The type that the conditions are on.
#[doc(hidden)]
#[derive(Debug)]
pub struct Refused;

/// Never implemented.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{T}` is not a `Module`: it shares what it holds, and a model owns its parameters",
    label = "a shared pointer",
    note = "to tie two layers, hold the `Param` or the layer once, without `{T}`, and use it in \
            both places of `forward`: its gradient is the sum of both uses"
)]
pub trait Owned<T: ?Sized> {}

/// Never implemented.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{T}` is not a `Module`, unlike a `BTreeMap<String, _>` or a `Vec<_>` of modules",
    label = "not a collection of modules",
    note = "hold modules with names in a `BTreeMap<String, _>`, and others in a `Vec<_>`",
    note = "mark the field `#[module(skip)]` if it holds no modules"
)]
pub trait Named<T: ?Sized> {}

/// Never implemented.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{T}` is not a `Module`, but a reference",
    label = "a reference",
    note = "pass the module itself: `&*model` or `&mut *model`, if `model` is the reference"
)]
pub trait Dereferenced<T: ?Sized> {}

// The impls are written out, because the compiler shows their first lines.
macro_rules! nothing {
    () => {
        fn visit<'a>(&'a self, _: &mut Walk<'a, '_>) {}
        fn visit_mut<'a>(&'a mut self, _: &mut WalkMut<'a, '_>) {}
    };
}

#[doc(hidden)]
impl<T: ?Sized> Module for Arc<T>
where
    Refused: Owned<Self>,
{
    nothing! {}
}

#[doc(hidden)]
impl<T: ?Sized> Module for Rc<T>
where
    Refused: Owned<Self>,
{
    nothing! {}
}

#[doc(hidden)]
impl<K, V, S> Module for HashMap<K, V, S>
where
    Refused: Named<Self>,
{
    nothing! {}
}

#[doc(hidden)]
impl<T, S> Module for HashSet<T, S>
where
    Refused: Named<Self>,
{
    nothing! {}
}

#[doc(hidden)]
impl<T> Module for BTreeSet<T>
where
    Refused: Named<Self>,
{
    nothing! {}
}

#[doc(hidden)]
impl<T> Module for VecDeque<T>
where
    Refused: Named<Self>,
{
    nothing! {}
}

#[doc(hidden)]
impl<T: ?Sized> Module for &T
where
    Refused: Dereferenced<Self>,
{
    nothing! {}
}

#[doc(hidden)]
impl<T: ?Sized> Module for &mut T
where
    Refused: Dereferenced<Self>,
{
    nothing! {}
}
