//! The fields of a type with `#[derive(Stateful)]`: plain values and parts with a state of their
//! own.
//!
//! The derive does not know types, but the compiler does. Numbers are modules without leaves, so
//! that they have an empty state of their own, which must not be used here. Of several methods with
//! one name the compiler calls the one that needs the fewest dereferences and whose condition
//! holds. So `access` of a `&&&Kind<T>` is that of [`Values`] if `T` is a plain value, else that
//! of [`Plain`] if `T` is known to have no leaves, else that of [`States`].

use super::dict::{Entry, StateDict, Stateful, mismatch};
use crate::autograd::Tensor;
use crate::error::Result;
use crate::module::skipped::Leafless;
use std::marker::PhantomData;

/// The type of a field.
#[derive(Debug, Default)]
pub struct Kind<T>(PhantomData<T>);

impl<T> Kind<T> {
    /// Creates the kind of a field of the type `T`.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

/// The access to plain values.
pub trait Values<T> {
    /// Returns how a field is saved and loaded.
    fn access(&self) -> Access<T>;
}
impl<T: Value> Values<T> for &&Kind<T> {
    fn access(&self) -> Access<T> {
        Access {
            save: |field| Ok(written(field)),
            load: load_value,
        }
    }
}

/// The access to modules without leaves. It is refused if their values would be lost.
pub trait Plain<T> {
    /// Returns how a field is saved and loaded.
    fn access(&self) -> Access<T>
    where
        T: Nothing;
}
impl<T: Leafless> Plain<T> for &Kind<T> {
    fn access(&self) -> Access<T>
    where
        T: Nothing,
    {
        Access {
            save: T::state,
            load: T::load_state,
        }
    }
}

/// The access to all other types.
pub trait States<T> {
    /// Returns how a field is saved and loaded.
    fn access(&self) -> Access<T>
    where
        T: Saved;
}
impl<T> States<T> for Kind<T> {
    fn access(&self) -> Access<T>
    where
        T: Saved,
    {
        Access {
            save: T::save,
            load: T::load,
        }
    }
}

/// Imports the methods and no names: a user's type may be called as the traits are.
pub mod accesses {
    pub use super::{Plain as _, States as _, Values as _};
}

/// The functions that save and load a field.
#[derive(Debug)]
pub struct Access<T> {
    save: fn(&T) -> Result<StateDict>,
    load: fn(&mut T, &StateDict) -> Result<()>,
}

impl<T> Access<T> {
    /// Returns the state of the field.
    pub fn save(&self, field: &T) -> Result<StateDict> {
        (self.save)(field)
    }

    /// Returns the part that loads the field.
    pub fn part(self, field: &mut T) -> Part<'_, T> {
        let access = self;
        Part { field, access }
    }
}

/// A field as a part of a state.
#[derive(Debug)]
pub struct Part<'a, T> {
    field: &'a mut T,
    access: Access<T>,
}

impl<T> Stateful for Part<'_, T> {
    fn state(&self) -> Result<StateDict> {
        self.access.save(self.field)
    }
    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        (self.access.load)(self.field, state)
    }
}

fn written<T: Value>(value: &T) -> StateDict {
    let mut state = StateDict::new();
    value.write(&mut state);
    state
}

fn load_value<T: Value>(field: &mut T, state: &StateDict) -> Result<()> {
    let value = T::read(state)?;
    let written = written(&value);
    if let Some((name, _)) = state.iter().find(|(name, _)| written.get(name).is_none()) {
        return Err(mismatch(name, "this field has no such entry"));
    }
    *field = value;
    Ok(())
}

/// A type with a state of its own.
#[diagnostic::on_unimplemented(
    message = "a field of the type `{Self}` has no state to be saved",
    label = "neither a plain value nor `Stateful`",
    note = "`#[derive(Stateful)]` makes a struct `Stateful`",
    note = "if the field is not a part of the state, mark it `#[state(skip)]`"
)]
pub trait Saved {
    /// Returns the state.
    fn save(&self) -> Result<StateDict>;
    /// Loads the state.
    fn load(&mut self, state: &StateDict) -> Result<()>;
}
#[diagnostic::do_not_recommend]
impl<T: Stateful> Saved for T {
    fn save(&self) -> Result<StateDict> {
        self.state()
    }
    fn load(&mut self, state: &StateDict) -> Result<()> {
        self.load_state(state)
    }
}

/// A type that holds nothing which a state could lose.
#[diagnostic::on_unimplemented(
    message = "a field of the type `{Self}` cannot be saved",
    label = "a combination of plain values that has no state",
    note = "plain values with a state are tensors, numbers, `bool`, vectors and arrays of numbers, \
            and an `Option` of one of these",
    note = "if the field is not a part of the state, mark it `#[state(skip)]`"
)]
pub trait Nothing: Stateful {}
#[diagnostic::do_not_recommend]
impl Nothing for () {}
#[diagnostic::do_not_recommend]
impl<T: ?Sized> Nothing for PhantomData<T> {}

/// A plain value, which is the entry `value` of a state.
pub trait Value: Sized {
    /// Adds the entry to a state.
    fn write(&self, state: &mut StateDict);
    /// Returns the value of a state.
    ///
    /// # Errors
    /// [`Error::State`](crate::Error::State) if the entry is missing or of another kind.
    fn read(state: &StateDict) -> Result<Self>;
}

const NAME: &str = "value";

/// Implements [`Value`] for vectors of integers. An `f64` has 53 bits, so that a state has both
/// halves of each.
macro_rules! integers {
    ($($int:ty)*) => {$(
        impl Value for Vec<$int> {
            fn write(&self, state: &mut StateDict) {
                // Of some of the types the conversion can lose something.
                #[allow(clippy::cast_lossless)]
                let wide = self.iter().map(|&int| int as i128);
                let halves = wide.flat_map(|int| [int >> 32, int & i128::from(u32::MAX)]);
                halves.map(|half| half as f64).collect::<Vec<f64>>().write(state);
            }
            fn read(state: &StateDict) -> Result<Self> {
                integers(&Vec::<f64>::read(state)?)
            }
        }
    )*};
}
integers! { u8 u16 u32 u64 usize i8 i16 i32 i64 isize }

fn integers<I: TryFrom<i128>>(halves: &[f64]) -> Result<Vec<I>> {
    let integer = |halves: &[f64]| match halves {
        &[high, low] => {
            let wide = ((high as i128) << 32) | low as i128;
            let narrow = I::try_from(wide);
            narrow.map_err(|_| mismatch(NAME, "expected smaller integers"))
        }
        _ => Err(mismatch(NAME, "expected two halves of each integer")),
    };
    halves.chunks(2).map(integer).collect()
}

/// Implements [`Value`] for unsigned integers, which are counts.
macro_rules! counts {
    ($($int:ty)*) => {$(
        impl Value for $int {
            fn write(&self, state: &mut StateDict) {
                #[allow(clippy::cast_lossless)]
                state.insert(NAME, Entry::Count(*self as u64));
            }
            fn read(state: &StateDict) -> Result<Self> {
                let count = state.count(NAME)?;
                count.try_into().map_err(|_| mismatch(NAME, "expected a smaller count"))
            }
        }
    )*};
}
counts! { u8 u16 u32 u64 usize }

/// Implements [`Value`] for integers that are saved as a vector of one.
macro_rules! signed {
    ($($type:ty)*) => {$(
        impl Value for $type {
            fn write(&self, state: &mut StateDict) {
                vec![*self].write(state);
            }
            fn read(state: &StateDict) -> Result<Self> {
                let [value] = <[Self; 1]>::read(state)?;
                Ok(value)
            }
        }
    )*};
}
signed! { i8 i16 i32 i64 isize }

impl<T: Copy, const N: usize> Value for [T; N]
where
    Vec<T>: Value,
{
    fn write(&self, state: &mut StateDict) {
        self.to_vec().write(state);
    }
    fn read(state: &StateDict) -> Result<Self> {
        let values = Vec::<T>::read(state)?;
        let array = values.try_into();
        array.map_err(|_| mismatch(NAME, &format!("expected {N} values")))
    }
}

impl Value for bool {
    fn write(&self, state: &mut StateDict) {
        u64::from(*self).write(state);
    }
    fn read(state: &StateDict) -> Result<Self> {
        match u64::read(state)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(mismatch(NAME, "expected 0 or 1")),
        }
    }
}

impl Value for f64 {
    fn write(&self, state: &mut StateDict) {
        state.insert_number(NAME, *self);
    }
    fn read(state: &StateDict) -> Result<Self> {
        state.number(NAME)
    }
}

impl Value for f32 {
    fn write(&self, state: &mut StateDict) {
        f64::from(*self).write(state);
    }
    fn read(state: &StateDict) -> Result<Self> {
        Ok(f64::read(state)? as f32)
    }
}

impl Value for Tensor {
    fn write(&self, state: &mut StateDict) {
        state.insert(NAME, Entry::Tensor(self.detach()));
    }
    fn read(state: &StateDict) -> Result<Self> {
        state.tensor(NAME).cloned()
    }
}

impl Value for Vec<f64> {
    fn write(&self, state: &mut StateDict) {
        state.insert(NAME, Entry::Tensor(Tensor::from(&self[..])));
    }
    fn read(state: &StateDict) -> Result<Self> {
        Ok(state.tensor(NAME)?.to_f64_vec())
    }
}

impl Value for Vec<f32> {
    fn write(&self, state: &mut StateDict) {
        state.insert(NAME, Entry::Tensor(Tensor::from(&self[..])));
    }
    fn read(state: &StateDict) -> Result<Self> {
        state.tensor(NAME)?.to_vec()
    }
}

impl Value for Vec<bool> {
    fn write(&self, state: &mut StateDict) {
        let numbers: Vec<u8> = self.iter().map(|&value| value.into()).collect();
        numbers.write(state);
    }
    fn read(state: &StateDict) -> Result<Self> {
        let numbers = Vec::<u8>::read(state)?;
        let value = |number| match number {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(mismatch(NAME, "expected 0 or 1")),
        };
        numbers.into_iter().map(value).collect()
    }
}

/// No entry if it is `None`.
impl<T: Value> Value for Option<T> {
    fn write(&self, state: &mut StateDict) {
        if let Some(value) = self {
            value.write(state);
        }
    }
    fn read(state: &StateDict) -> Result<Self> {
        let some = !state.is_empty();
        some.then(|| T::read(state)).transpose()
    }
}
