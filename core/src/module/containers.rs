//! Standard containers of modules are modules.

use super::walk::{Module, Walk, WalkMut};
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

/// Its path is that of the field; absent, it has no leaves.
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

/// Paths are the positions: `layers.0.weight`.
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

/// Paths are the keys, in their order.
///
/// A key may be any text. One with a dot in it reads like the path of a module in a module: `"a.b"`
/// with a leaf `weight` and `"a"` with a module `b` that has a leaf `weight` both give
/// `a.b.weight`. A model in which two leaves have one path can be trained, but neither saved nor
/// loaded.
impl<M: Module> Module for BTreeMap<String, M> {
    fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
        for (key, module) in self {
            walk.field(key, module);
        }
    }
    fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
        for (key, module) in self {
            walk.field(key, module);
        }
    }
}

impl<T: ?Sized> Module for PhantomData<T> {
    fn visit<'a>(&'a self, _: &mut Walk<'a, '_>) {}
    fn visit_mut<'a>(&'a mut self, _: &mut WalkMut<'a, '_>) {}
}

macro_rules! tuples {
    ($($(($index:tt $name:ident))+;)*) => {$(
        /// Paths are the positions.
        impl<$($name: Module),+> Module for ($($name,)+) {
            fn visit<'a>(&'a self, walk: &mut Walk<'a, '_>) {
                $(walk.field(stringify!($index), &self.$index);)+
            }
            fn visit_mut<'a>(&'a mut self, walk: &mut WalkMut<'a, '_>) {
                $(walk.field(stringify!($index), &mut self.$index);)+
            }
        }
    )*};
}
tuples! {
    (0 A);
    (0 A) (1 B);
    (0 A) (1 B) (2 C);
    (0 A) (1 B) (2 C) (3 D);
    (0 A) (1 B) (2 C) (3 D) (4 E);
    (0 A) (1 B) (2 C) (3 D) (4 E) (5 F);
}

macro_rules! empty_leaves {
    ($($type:ty)*) => {$(
        /// Configuration: no leaves.
        impl Module for $type {
            fn visit<'a>(&'a self, _: &mut Walk<'a, '_>) {}
            fn visit_mut<'a>(&'a mut self, _: &mut WalkMut<'a, '_>) {}
        }
    )*};
}
empty_leaves! { () bool u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64 }
