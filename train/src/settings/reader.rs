//! The deserializer of settings from a tree of values. Its errors have the path of the field.

use super::place::Part;
use super::value::Value;
use serde::de::{
    DeserializeSeed, Deserializer, Error, Expected, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use std::fmt::{self, Display, Formatter};
use std::{iter, vec};
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

/// A field that is wrong, and serde's message.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The parts of the path, the last one first.
    pub path: Vec<Part>,
    pub message: String,
    /// Whether the key is wrong, and not the value.
    pub is_key: bool,
}

impl Wrong {
    /// Adds the part that leads to the rest of the path.
    pub fn at(mut self, part: Part) -> Self {
        self.path.push(part);
        self
    }

    /// Adds the key that is wrong.
    pub fn at_key(mut self, key: String) -> Self {
        self.is_key = true;
        self.at(Part::Key(key))
    }
}

impl Display for Wrong {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Wrong {}

impl Error for Wrong {
    fn custom<T: Display>(message: T) -> Self {
        Self {
            path: Vec::new(),
            message: message.to_string(),
            is_key: false,
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(match found {
            Unexpected::Unit => format!("invalid type: null, expected {expected}"),
            // `1e300` has no 300 zeros.
            Unexpected::Float(number) => {
                format!("invalid type: number `{number:?}`, expected {expected}")
            }
            found => format!("invalid type: {found}, expected {expected}"),
        })
    }
}

impl Value {
    /// Returns the error of a value whose type does not match.
    pub fn wrong(&self, expected: &dyn Expected) -> Wrong {
        let other;
        let found = match self {
            Self::Null => Unexpected::Unit,
            Self::Flag(flag) => Unexpected::Bool(*flag),
            Self::Float(number) => Unexpected::Float(*number),
            Self::Text(text) => Unexpected::Str(text),
            Self::List(_) => Unexpected::Seq,
            Self::Table(_) => Unexpected::Map,
            Self::Signed(number) => {
                other = format!("integer `{number}`");
                Unexpected::Other(&other)
            }
            Self::Unsigned(number) => {
                other = format!("integer `{number}`");
                Unexpected::Other(&other)
            }
            Self::Date(date) => {
                other = format!("date `{date}`");
                Unexpected::Other(&other)
            }
        };
        Wrong::invalid_type(found, expected)
    }

    /// Returns the fields of a table. A date has the one that [`toml::value::Datetime`] reads.
    fn fields(self) -> Result<Vec<(String, Self)>, Self> {
        match self {
            Self::Table(fields) => Ok(fields),
            Self::Date(date) => {
                let date_of_toml = Spanned::new(0..0, DeValue::Datetime(date));
                match Self::deserialize(ValueDeserializer::from(date_of_toml)) {
                    Ok(Self::Table(fields)) => Ok(fields),
                    _ => Err(self),
                }
            }
            value => Err(value),
        }
    }

    fn number<'de, V: Visitor<'de>>(self, is_whole: bool, visitor: V) -> Result<V::Value, Wrong> {
        match self {
            Self::Signed(number) => match i64::try_from(number) {
                Ok(number) => visitor.visit_i64(number),
                Err(_) if is_whole => visitor.visit_i128(number),
                Err(_) => visitor.visit_f64(number as f64),
            },
            Self::Unsigned(number) => match u64::try_from(number) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) if is_whole => visitor.visit_u128(number),
                Err(_) => visitor.visit_f64(number as f64),
            },
            Self::Float(number) => visitor.visit_f64(number),
            value => Err(value.wrong(&visitor)),
        }
    }
}

/// Defines methods of a deserializer that all do the same.
macro_rules! methods {
    ($($method:ident)* => |$value:ident, $visitor:ident| $body:expr) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            let ($value, $visitor) = (self, visitor);
            $body
        }
    )*};
}

impl<'de> Deserializer<'de> for Value {
    type Error = Wrong;

    methods!(deserialize_any => |value, visitor| match value {
        Self::Null => visitor.visit_unit(),
        Self::Flag(flag) => visitor.visit_bool(flag),
        Self::Text(text) => visitor.visit_string(text),
        Self::List(values) => List::visit(values, visitor),
        Self::Table(_) | Self::Date(_) => value.deserialize_map(visitor),
        number => number.number(false, visitor),
    });

    methods!(deserialize_bool => |value, visitor| match value {
        Self::Flag(flag) => visitor.visit_bool(flag),
        value => Err(value.wrong(&visitor)),
    });

    methods!(
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        => |value, visitor| value.number(true, visitor)
    );

    methods!(deserialize_f32 deserialize_f64 => |value, visitor| value.number(false, visitor));

    methods!(
        deserialize_char deserialize_str deserialize_string deserialize_identifier
        => |value, visitor| match value {
            Self::Text(text) => visitor.visit_string(text),
            value => Err(value.wrong(&visitor)),
        }
    );

    methods!(deserialize_bytes deserialize_byte_buf => |value, visitor| match value {
        Self::Text(text) => visitor.visit_byte_buf(text.into_bytes()),
        value => value.deserialize_seq(visitor),
    });

    methods!(deserialize_option => |value, visitor| match value {
        Self::Null => visitor.visit_none(),
        value => visitor.visit_some(value),
    });

    methods!(deserialize_unit => |value, visitor| match value {
        Self::Null => visitor.visit_unit(),
        value => Err(value.wrong(&visitor)),
    });

    methods!(deserialize_ignored_any => |_value, visitor| visitor.visit_unit());

    methods!(deserialize_seq => |value, visitor| match value {
        Self::List(values) => List::visit(values, visitor),
        value => Err(value.wrong(&visitor)),
    });

    methods!(deserialize_map => |value, visitor| match value.fields() {
        Ok(fields) => Table::visit(fields, visitor),
        Err(value) => Err(value.wrong(&visitor)),
    });

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self {
            Self::List(values) => List::visit(values, visitor),
            value => value.deserialize_map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_enum(self)
    }
}

/// The elements of a list that are not read yet.
struct List {
    values: iter::Enumerate<vec::IntoIter<Value>>,
}

impl List {
    fn visit<'de, V: Visitor<'de>>(values: Vec<Value>, visitor: V) -> Result<V::Value, Wrong> {
        let values = values.into_iter().enumerate();
        let mut list = Self { values };
        let found = visitor.visit_seq(&mut list)?;
        list.end().map(|()| found)
    }

    /// Checks that all elements were read.
    fn end(mut self) -> Result<(), Wrong> {
        let Some((read, _)) = self.values.next() else {
            return Ok(());
        };
        let (found, expected) = (read + 1 + self.values.len(), format!("a list of {read}"));
        Err(Wrong::invalid_length(found, &&*expected))
    }
}

impl<'de> SeqAccess<'de> for &mut List {
    type Error = Wrong;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Wrong> {
        let Some((index, value)) = self.values.next() else {
            return Ok(None);
        };
        let element = seed.deserialize(value).map(Some);
        element.map_err(|wrong| wrong.at(Part::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

/// The fields of a table that are not read yet.
struct Table {
    fields: vec::IntoIter<(String, Value)>,
    /// The field whose key was read.
    next: Option<(String, Value)>,
}

impl Table {
    fn visit<'de, V: Visitor<'de>>(
        fields: Vec<(String, Value)>,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let (fields, next) = (fields.into_iter(), None);
        let mut table = Self { fields, next };
        let found = visitor.visit_map(&mut table)?;
        table.end().map(|()| found)
    }

    /// Checks that all fields were read.
    fn end(mut self) -> Result<(), Wrong> {
        match self.next.take().or_else(|| self.fields.next()) {
            None => Ok(()),
            Some((key, _)) => Err(Wrong::custom("is one field too many").at_key(key)),
        }
    }

    /// Moves to the next field, and returns its key.
    fn key(&mut self) -> Option<String> {
        self.next = self.fields.next();
        self.next.as_ref().map(|(key, _)| key.clone())
    }

    fn value(&mut self) -> Result<(String, Value), Wrong> {
        let no_key = || Wrong::custom("a value was read before its key");
        self.next.take().ok_or_else(no_key)
    }

    /// Adds the key of the current field to an error.
    fn wrong(&mut self, wrong: Wrong) -> Wrong {
        match self.next.take() {
            Some((key, _)) => wrong.at_key(key),
            None => wrong,
        }
    }
}

impl<'de> MapAccess<'de> for &mut Table {
    type Error = Wrong;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Wrong> {
        let Some(key) = self.key() else {
            return Ok(None);
        };
        let key = seed.deserialize(Key(key)).map(Some);
        key.map_err(|wrong| self.wrong(wrong))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Wrong> {
        let (key, value) = self.value()?;
        let value = seed.deserialize(value);
        value.map_err(|wrong| wrong.at(Part::Key(key)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}

/// The key of a field, which is a text unless a number or a flag is expected.
pub(super) struct Key(pub String);

macro_rules! parsed {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => visitor.visit_string(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key {
    type Error = Wrong;

    methods!(deserialize_any => |key, visitor| visitor.visit_string(key.0));

    methods!(deserialize_option => |key, visitor| visitor.visit_some(key));

    parsed! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_u128 visit_u128
        deserialize_f32 visit_f32
        deserialize_f64 visit_f64
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        Value::Text(self.0).deserialize_enum(name, variants, visitor)
    }

    methods!(deserialize_bytes deserialize_byte_buf => |key, visitor| {
        visitor.visit_byte_buf(key.0.into_bytes())
    });

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
