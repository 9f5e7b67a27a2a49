//! Measurements as bytes, to send them to other processes.

use cotangent_core::{Error, OpKind, Result};
use std::collections::BTreeMap;

/// A value that can be written as bytes.
pub(super) trait Wire: Sized {
    fn write(&self, bytes: &mut Vec<u8>);

    /// Reads the value at the front, and removes its bytes.
    fn read(bytes: &mut &[u8]) -> Result<Self>;
}

fn cut_short() -> Error {
    let reason = "a message of another process is not a part of a signal report";
    Error::argument("Signal::step_on", reason)
}

impl Wire for u64 {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Result<Self> {
        let (number, rest) = bytes.split_first_chunk().ok_or_else(cut_short)?;
        *bytes = rest;
        Ok(Self::from_le_bytes(*number))
    }
}

/// Types that are written as another one.
macro_rules! written_as {
    ($($type:ty as $as:ty: $to:expr, $from:expr;)*) => {$(
        impl Wire for $type {
            fn write(&self, bytes: &mut Vec<u8>) {
                <$as>::write(&$to(self), bytes);
            }

            fn read(bytes: &mut &[u8]) -> Result<Self> {
                $from(<$as>::read(bytes)?).ok_or_else(cut_short)
            }
        }
    )*};
}

written_as! {
    usize as u64: |x: &Self| *x as u64, |x| Self::try_from(x).ok();
    i64 as u64: |x: &Self| x.cast_unsigned(), |x: u64| Some(x.cast_signed());
    f64 as u64: |x: &Self| x.to_bits(), |x| Some(Self::from_bits(x));
    OpKind as String: |x: &Self| x.to_string(), |x: String| kind(&x);
}

fn kind(name: &str) -> Option<OpKind> {
    OpKind::ALL
        .into_iter()
        .find(|kind| kind.to_string() == name)
}

impl Wire for bool {
    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(*self));
    }

    fn read(bytes: &mut &[u8]) -> Result<Self> {
        let (byte, rest) = bytes.split_first().ok_or_else(cut_short)?;
        *bytes = rest;
        Ok(*byte > 0)
    }
}

impl Wire for String {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.len().write(bytes);
        bytes.extend(self.as_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Result<Self> {
        let len = usize::read(bytes)?;
        let (text, rest) = bytes.split_at_checked(len).ok_or_else(cut_short)?;
        *bytes = rest;
        Self::from_utf8(text.to_vec()).map_err(|_| cut_short())
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.is_some().write(bytes);
        if let Some(value) = self {
            value.write(bytes);
        }
    }

    fn read(bytes: &mut &[u8]) -> Result<Self> {
        bool::read(bytes)?.then(|| T::read(bytes)).transpose()
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.len().write(bytes);
        for value in self {
            value.write(bytes);
        }
    }

    fn read(bytes: &mut &[u8]) -> Result<Self> {
        let len = usize::read(bytes)?;
        (0..len).map(|_| T::read(bytes)).collect()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
        self.1.write(bytes);
    }

    fn read(bytes: &mut &[u8]) -> Result<Self> {
        Ok((A::read(bytes)?, B::read(bytes)?))
    }
}

impl<K: Wire + Ord + Clone, V: Wire> Wire for BTreeMap<K, V> {
    fn write(&self, bytes: &mut Vec<u8>) {
        self.len().write(bytes);
        for (key, value) in self {
            key.write(bytes);
            value.write(bytes);
        }
    }

    fn read(bytes: &mut &[u8]) -> Result<Self> {
        let len = usize::read(bytes)?;
        (0..len).map(|_| <(K, V)>::read(bytes)).collect()
    }
}

/// Writes the fields of structs one after the other.
macro_rules! wire {
    ($($type:ty { $($field:ident),* $(,)? })*) => {$(
        impl $crate::signal::wire::Wire for $type {
            fn write(&self, bytes: &mut Vec<u8>) {
                let Self { $($field),* } = self;
                $($crate::signal::wire::Wire::write($field, bytes);)*
            }

            fn read(bytes: &mut &[u8]) -> cotangent_core::Result<Self> {
                Ok(Self { $($field: $crate::signal::wire::Wire::read(bytes)?),* })
            }
        }
    )*};
}
pub(super) use wire;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_were_written() -> Result<()> {
        type Value = (Vec<Option<f64>>, BTreeMap<String, Vec<(OpKind, i64)>>);
        let value: Value = (
            vec![Some(0.1), None, Some(f64::NEG_INFINITY)],
            BTreeMap::from([("a".to_owned(), vec![(OpKind::Loss, -3)])]),
        );
        let mut bytes = Vec::new();
        value.write(&mut bytes);
        assert_eq!(Value::read(&mut &bytes[..])?, value);
        for len in 0..bytes.len() {
            assert!(Value::read(&mut &bytes[..len]).is_err(), "{len}");
        }
        bytes.fill(255);
        assert!(Value::read(&mut &bytes[..]).is_err());
        Ok(())
    }
}
