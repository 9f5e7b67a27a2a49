//! Modules that contain themselves.

#![deny(warnings)]
#![allow(dead_code)]

use cotangent::prelude::*;

#[derive(Module, Layer)]
struct Chain {
    layer: Linear,
    next: Option<Box<Chain>>,
}

#[derive(Module, Layer)]
struct Tree<L> {
    layer: L,
    children: Vec<Tree<L>>,
}

#[derive(Module, Layer)]
struct ByOtherNames<L> {
    layer: L,
    first: Option<Box<Self>>,
    second: Option<Box<crate::recursion::ByOtherNames<L>>>,
}

#[derive(Module)]
enum Expression<L> {
    Leaf(L),
    Sum(Vec<Expression<L>>),
}

#[derive(Module)]
struct Left {
    right: Option<Box<Right>>,
}

#[derive(Module)]
struct Right {
    left: Option<Box<Left>>,
}

mod inner {
    use super::*;

    /// A type with the name of its field's type, which is not recursive.
    #[derive(Module, Layer)]
    pub(crate) struct Linear<L>(pub(crate) other::Linear<L>);

    pub(crate) mod other {
        use super::*;

        #[derive(Module, Layer)]
        pub(crate) struct Linear<L>(pub(crate) L);
    }
}

fn is_module<M: Module>() {}
fn is_layer<L: Layer>() {}

#[test]
fn runs() {
    is_layer::<Chain>();
    is_layer::<Tree<Linear>>();
    is_layer::<ByOtherNames<Linear>>();
    is_module::<Expression<Linear>>();
    is_module::<Left>();
    is_layer::<inner::Linear<Linear>>();
}
