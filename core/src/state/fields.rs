//! The fields of a type with `#[derive(Stateful)]`: plain values and parts with a state of their
//! own.
//!
//! The derive does not know types, but the compiler does. Numbers are modules without leaves, so
//! that they have an empty state of their own, which must not be used here. Of several methods with
//! one name the compiler calls the one that needs the fewest dereferences and whose condition
//! holds. So `strategy` of a `&&Kind<T>` is that of [`Values`] if `T` is a plain value, else that
//! of [`States`].

use super::dict::{Entry, StateDict, Stateful, mismatch};
use crate::autograd::Tensor;
use crate::error::Result;
use std::marker::PhantomData;

/// The type of a field.
#[derive(Debug, Default)]
pub struct Kind<T>(PhantomData<T>);

impl<T> Kind<T> {
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

pub trait Values {
    fn strategy(&self) -> AsValue {
        AsValue
    }
}
impl<T: Value> Values for &Kind<T> {}

pub trait States {
    fn strategy(&self) -> AsState {
        AsState
    }
}
impl<T> States for Kind<T> {}

/// Imports the methods and no names: a user's type may be called as the traits are.
pub mod strategies {
    pub use super::{States as _, Values as _};
}

/// Saves and loads a field as a plain value.
#[derive(Debug)]
pub struct AsValue;

/// Saves and loads a field by its own state.
#[derive(Debug)]
pub struct AsState;

/// A field that is a plain value.
#[derive(Debug)]
pub struct ValuePart<'a, T>(&'a mut T);

/// A field with a state of its own.
#[derive(Debug)]
pub struct StatePart<'a, T>(&'a mut T);

impl AsValue {
    pub fn save<T: Value>(&self, field: &T) -> Result<StateDict> {
        let mut state = StateDict::new();
        field.write(&mut state);
        Ok(state)
    }
    pub fn part<'a, T: Value>(&self, field: &'a mut T) -> ValuePart<'a, T> {
        ValuePart(field)
    }
}

impl AsState {
    pub fn save<T: Stateful>(&self, field: &T) -> Result<StateDict> {
        field.state()
    }
    pub fn part<'a, T: Stateful>(&self, field: &'a mut T) -> StatePart<'a, T> {
        StatePart(field)
    }
}

impl<T: Stateful> Stateful for StatePart<'_, T> {
    fn state(&self) -> Result<StateDict> {
        self.0.state()
    }
    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        self.0.load_state(state)
    }
}

impl<T: Value> Stateful for ValuePart<'_, T> {
    fn state(&self) -> Result<StateDict> {
        AsValue.save(self.0)
    }
    fn load_state(&mut self, state: &StateDict) -> Result<()> {
        let value = T::read(state)?;
        let mut written = StateDict::new();
        value.write(&mut written);
        if let Some((name, _)) = state.iter().find(|(name, _)| written.get(name).is_none()) {
            return Err(mismatch(name, "this field has no such entry"));
        }
        *self.0 = value;
        Ok(())
    }
}

/// A plain value, which is the entry `value` of a state.
pub trait Value: Sized {
    fn write(&self, state: &mut StateDict);
    fn read(state: &StateDict) -> Result<Self>;
}

const NAME: &str = "value";

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
counts! { u32 u64 usize }

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

impl Value for Vec<u64> {
    /// Writes both halves of each count, because an `f64` has 53 bits.
    fn write(&self, state: &mut StateDict) {
        let halves = self
            .iter()
            .flat_map(|count| [count >> 32, count & u64::from(u32::MAX)]);
        halves
            .map(|half| half as f64)
            .collect::<Vec<f64>>()
            .write(state);
    }
    fn read(state: &StateDict) -> Result<Self> {
        let halves = Vec::<f64>::read(state)?;
        let counts = halves.chunks(2).map(|halves| match halves {
            &[high, low] => Ok(((high as u64) << 32) | low as u64),
            _ => Err(mismatch(NAME, "expected two halves of each count")),
        });
        counts.collect()
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
