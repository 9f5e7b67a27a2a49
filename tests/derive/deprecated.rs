//! Deprecated types, variants and fields.

#![deny(warnings)]
#![allow(dead_code)]

use cotangent::prelude::*;

#[deprecated]
#[derive(Module, Layer)]
struct Old(Linear);

#[allow(deprecated)]
#[derive(Module, Layer)]
struct HoldsOld {
    old: Old,
    all: Vec<Old>,
}

#[derive(Module, Layer)]
struct OldField {
    #[deprecated]
    field: Linear,
}

#[derive(Module, Layer)]
enum OldVariant {
    #[deprecated]
    Old(Linear),
    New(#[deprecated] Linear),
}
