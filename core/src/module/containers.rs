//! `Module` and `Layer` for the containers of the standard library.

use super::layer::Layer;
use super::pass::Pass;
use super::walk::{Module, Walk, WalkMut};
use crate::autograd::Tensor;
use crate::error::Result;
use std::collections::BTreeMap;
use std::marker::PhantomData;

impl<M: Module + ?Sized> Module for Box<M> {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        (**self).visit(walk);
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        (**self).visit_mut(walk);
    }
    fn type_name(&self) -> &'static str {
        (**self).type_name()
    }
}

/// The path is that of the field. `None` has no leaves.
impl<M: Module> Module for Option<M> {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        if let Some(module) = self {
            module.visit(walk);
        }
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        if let Some(module) = self {
            module.visit_mut(walk);
        }
    }
    fn type_name(&self) -> &'static str {
        self.as_ref()
            .map_or_else(std::any::type_name::<Self>, Module::type_name)
    }
}

/// Paths are the positions, as in `layers.0.weight`.
impl<M: Module> Module for [M] {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        for (i, module) in self.iter().enumerate() {
            walk.field(&i.to_string(), module);
        }
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        for (i, module) in self.iter_mut().enumerate() {
            walk.field(&i.to_string(), module);
        }
    }
}

impl<M: Module> Module for Vec<M> {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        self.as_slice().visit(walk);
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        self.as_mut_slice().visit_mut(walk);
    }
}

impl<M: Module, const N: usize> Module for [M; N] {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        self.as_slice().visit(walk);
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        self.as_mut_slice().visit_mut(walk);
    }
}

/// Paths are the keys, in their order. A key must not be empty or have a dot in it: saving, loading
/// and other functions that find leaves by their paths return an error then, as
/// [`check_names`](super::check_names) does.
impl<M: Module> Module for BTreeMap<String, M> {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        for (key, module) in self {
            walk.key(key, module);
        }
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        for (key, module) in self {
            walk.key(key, module);
        }
    }
}

impl<T: ?Sized> Module for PhantomData<T> {
    fn visit<'a>(&'a self, _: &mut Walk<'a, '_>) {}
    fn visit_mut<'a>(&'a mut self, _: &mut WalkMut<'a, '_>) {}
}

impl<L: Layer + ?Sized> Layer for Box<L> {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        (**self).compute(x, pass)
    }
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        (**self).forward(x, pass)
    }
}

/// `None` is the identity.
impl<L: Layer> Layer for Option<L> {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.forward(x, pass)
    }
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.as_ref()
            .map_or_else(|| Ok(x.clone()), |layer| layer.forward(x, pass))
    }
}

/// The layers in order. A slice runs a part of a stack: `net.hidden[..4].predict(&x)`. Errors count
/// the layers of a slice from 0.
impl<L: Layer> Layer for [L] {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let apply = |x: Tensor, (i, layer): (usize, &L)| {
            layer
                .forward(&x, pass)
                .map_err(|error| error.within(&i.to_string()))
        };
        self.iter().enumerate().try_fold(x.clone(), apply)
    }
}

/// The layers in order.
impl<L: Layer> Layer for Vec<L> {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.as_slice().compute(x, pass)
    }
}

/// The layers in order.
impl<L: Layer, const N: usize> Layer for [L; N] {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.as_slice().compute(x, pass)
    }
}

/// Writes impls for tuples of 1 to 12 elements.
macro_rules! tuples {
    ([$($done:tt)*]) => {};
    ([$($done:tt)*] $next:tt $($rest:tt)*) => {
        tuples! { impl $($done)* $next }
        tuples! { [$($done)* $next] $($rest)* }
    };
    (impl $(($index:tt $name:ident))+) => {
        /// Paths are the positions.
        impl<$($name: Module),+> Module for ($($name,)+) {
            fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
                $(walk.field(stringify!($index), &self.$index);)+
            }
            fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
                $(walk.field(stringify!($index), &mut self.$index);)+
            }
        }

        /// The layers in order. Errors count them from 0.
        impl<$($name: Layer),+> Layer for ($($name,)+) {
            fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
                let x = x.clone();
                $(
                    let x = self.$index.forward(&x, pass);
                    let x = x.map_err(|error| error.within(stringify!($index)))?;
                )+
                Ok(x)
            }
        }
    };
}
tuples! {
    [] (0 A) (1 B) (2 C) (3 D) (4 E) (5 F) (6 G) (7 H) (8 I) (9 J) (10 K) (11 L)
}

macro_rules! empty_leaves {
    ($($type:ty)*) => {$(
        /// Configuration: no leaves.
        #[diagnostic::do_not_recommend]
        impl Module for $type {
            fn visit<'a>(&'a self, _: &mut Walk<'a, '_>) {}
            fn visit_mut<'a>(&'a mut self, _: &mut WalkMut<'a, '_>) {}
        }
    )*};
}
empty_leaves! { () bool u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64 }
