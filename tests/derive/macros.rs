//! Types that macros generate from their arguments.

#![deny(warnings)]
#![allow(dead_code)]

use cotangent::prelude::*;

macro_rules! net {
    ($name:ident { $field:ident: $ty:ty }, $rename:literal) => {
        #[derive(Module, Layer)]
        struct $name {
            $field: $ty,
            own: Linear,
            many: Vec<$ty>,
            #[module(rename = $rename)]
            renamed: $ty,
        }
    };
}

net!(One { field: Linear }, "head");
net!(Two { own_field: Vec<Linear> }, "head");

macro_rules! block {
    ($variant:ident($ty:ty)) => {
        #[derive(Module, Layer)]
        enum Block {
            $variant($ty, Linear),
            Other { field: $ty },
        }
    };
}

block!(Dense(Linear));

macro_rules! layers {
    ($ty:ty) => { Vec<$ty> };
}

#[derive(Module, Layer)]
struct MacroInType<L> {
    layers: layers!(L),
}
