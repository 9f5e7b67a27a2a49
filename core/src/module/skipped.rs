//! The check of the derive that a field marked `#[module(skip)]` holds no parameters.
//!
//! A derive does not know types, but the compiler does. Of several methods with one name it calls
//! the one that needs the fewest dereferences and whose condition holds. So the method that is
//! called on a `&&&Skipped<T>` is that of [`Plain`] if `T` is known to have no leaves, else of
//! [`Holds`] if `T` is a module, else of [`Unknown`].

use super::walk::Module;
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// The type of a skipped field.
#[derive(Debug, Default)]
pub struct Skipped<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> Skipped<T> {
    pub fn new() -> Self {
        Self(PhantomData)
    }

    /// Compiles if the field may be skipped.
    pub fn check<V: Skippable<T>>(&self, _: V) {}
}

/// A module without leaves: configuration.
pub trait Leafless {}

#[diagnostic::on_unimplemented(
    message = "`#[module(skip)]` is on a field of the type `{T}`, which is a `Module`",
    label = "its parameters would be neither trained nor saved",
    note = "remove `skip` to make the field a part of the model",
    note = "write `#[module(skip(params))]` to leave its parameters out on purpose"
)]
pub trait Skippable<T: ?Sized> {}

/// The verdict on what may be skipped.
#[derive(Debug)]
pub struct May;
impl<T: ?Sized> Skippable<T> for May {}

/// The verdict on what may not.
#[derive(Debug)]
pub struct MayNot;

pub trait Plain {
    fn skipped_field_verdict(&self) -> May {
        May
    }
}
impl<T: Leafless + ?Sized> Plain for &&Skipped<T> {}

pub trait Holds {
    fn skipped_field_verdict(&self) -> MayNot {
        MayNot
    }
}
impl<T: Module + ?Sized> Holds for &Skipped<T> {}

pub trait Unknown {
    fn skipped_field_verdict(&self) -> May {
        May
    }
}
impl<T: ?Sized> Unknown for Skipped<T> {}

/// Imports the methods and no names: a user's type may be called as the traits are.
pub mod verdicts {
    pub use super::{Holds as _, Plain as _, Unknown as _};
}

macro_rules! leafless {
    ($($type:ty)*) => {$(
        impl Leafless for $type {}
    )*};
}
leafless! { () bool u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64 }

impl<T: ?Sized> Leafless for PhantomData<T> {}
impl<T: Leafless + ?Sized> Leafless for Box<T> {}
impl<T: Leafless> Leafless for Option<T> {}
impl<T: Leafless> Leafless for Vec<T> {}
impl<T: Leafless> Leafless for [T] {}
impl<T: Leafless, const N: usize> Leafless for [T; N] {}
impl<T: Leafless> Leafless for BTreeMap<String, T> {}

macro_rules! tuples {
    ($first:ident $($name:ident)*) => {
        impl<$first: Leafless, $($name: Leafless),*> Leafless for ($first, $($name,)*) {}
        tuples! { $($name)* }
    };
    () => {};
}
tuples! { A B C D E F G H I J K L }
