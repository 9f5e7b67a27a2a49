//! Names of the user do not change the generated code, nor does it change theirs.

#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(dead_code, non_camel_case_types, non_upper_case_globals)]

pub struct Result;
pub struct Option;
pub struct Ok;
pub struct Err;
pub struct Tensor;
pub struct Error;
pub struct Pass;
pub struct Walk;
pub struct WalkMut;

pub struct walk;
pub const x: u8 = 0;
pub static pass: u8 = 0;
pub struct error;
pub mod core {}
pub mod std {}
pub mod module {}

/// Gives every type the methods that the expansion calls.
pub trait Module {
    fn visit(&self) {}
    fn visit_mut(&mut self) {}
    fn field(&self) {}
    fn forward(&self) {}
    fn map_err(&self) {}
    fn within(&self) {}
}

impl<T: ?Sized> Module for T {}

pub trait Layer {}

use cotangent::prelude as facade;

#[derive(facade::Module, facade::Layer)]
struct r#struct {
    r#type: facade::Linear,
    walk: facade::Linear,
    x: facade::Linear,
    pass: facade::Linear,
    error: facade::Linear,
}

#[derive(facade::Module, facade::Layer)]
enum r#enum {
    r#match(facade::Linear),
    walk {
        r#self_: facade::Linear,
        x: facade::Linear,
    },
}

#[derive(facade::Module, facade::Layer)]
struct Generic<Result, walk>(Result, walk);

#[test]
fn runs() {
    #[derive(facade::Module, facade::Layer)]
    struct Local(facade::Linear);
}
