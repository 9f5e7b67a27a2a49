//! Bounds are inferred from the types of the fields.

#![deny(warnings)]
#![allow(dead_code)]

use std::marker::PhantomData;

use cotangent::prelude::*;

struct NotAModule;

trait Family {
    type Layer;
}

impl Family for NotAModule {
    type Layer = Linear;
}

#[derive(Module, Layer)]
struct Plain<L>(L);

#[derive(Module)]
struct Marked<T> {
    layer: Linear,
    marker: PhantomData<T>,
}

#[derive(Module)]
struct Skipping<T> {
    layer: Linear,
    #[module(skip)]
    config: T,
}

#[derive(Module)]
struct Projected<F: Family> {
    short: F::Layer,
    long: <F as Family>::Layer,
}

#[derive(Module)]
struct Arrays<L = Linear, const N: usize = 2>
where
    L: Clone,
{
    some: [L; N],
    more: [L; 2 + 1],
}

#[derive(Module)]
struct Unsized<L: ?Sized> {
    first: Linear,
    last: L,
}

#[derive(Module)]
#[module(bound = "L: Module")]
struct Even<L> {
    layer: L,
    next: Option<Box<Odd<L>>>,
}

#[derive(Module)]
#[module(bound = "L: Module")]
struct Odd<L> {
    next: Option<Box<Even<L>>>,
}

struct Private<L>(L);

impl<L: Module> Module for Private<L> {
    fn visit<'a>(&'a self, walk: &mut cotangent::module::Walk<'a, '_>) {
        walk.field("inner", &self.0);
    }

    fn visit_mut<'a>(&'a mut self, walk: &mut cotangent::module::WalkMut<'a, '_>) {
        walk.field("inner", &mut self.0);
    }
}

#[derive(Module)]
pub struct Public<L> {
    private: Private<L>,
}

fn is_module<M: Module + ?Sized>() {}
fn is_layer<L: Layer + ?Sized>() {}

#[test]
fn runs() {
    is_layer::<Plain<Vec<Linear>>>();
    is_module::<Plain<Marked<NotAModule>>>();
    is_module::<Skipping<NotAModule>>();
    is_module::<Projected<NotAModule>>();
    is_module::<Unsized<[Linear]>>();
    is_module::<Unsized<dyn Module>>();
    is_module::<Even<Linear>>();
    is_module::<Public<Linear>>();
}
