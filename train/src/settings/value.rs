//! The tree of values that a text in TOML or JSON is read into.
//!
//! Settings are read from this tree alone, by [`reader`](super::reader). A program compiles its
//! settings for one deserializer and not for those of `toml` and `serde_json`, which are many.

use super::place::Part;
use super::reader::Wrong;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt::{self, Formatter};
use std::iter;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

/// The largest depth of a tree, that of `serde_json`.
const DEPTH: usize = 128;

/// A value in a text. No table has a key twice.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Flag(bool),
    /// A whole number that has 64 bits or is negative.
    Signed(i128),
    /// A whole number from 0 on.
    Unsigned(u128),
    Float(f64),
    Text(String),
    /// Only in TOML.
    Date(Datetime),
    List(Vec<Self>),
    Table(Vec<(String, Self)>),
}

impl Value {
    /// Converts a table of TOML.
    pub fn of_toml(table: DeTable<'_>) -> Result<Self, Wrong> {
        table_of_toml(table, 0)
    }

    /// Reads a number of JSON.
    fn of_number(text: &str) -> Option<Self> {
        let unsigned = || text.parse().map(Self::Unsigned).ok();
        let signed = || text.parse().map(Self::Signed).ok();
        let float = || text.parse().ok().filter(|value: &f64| value.is_finite());
        unsigned()
            .or_else(signed)
            .or_else(|| float().map(Self::Float))
    }

    /// Restores whole numbers beyond 64 bits, which `serde_json` rounds. `numbers` are those of the
    /// text, in order.
    pub fn restore<'t>(&mut self, numbers: &mut impl Iterator<Item = &'t str>) {
        match self {
            Self::Signed(_) | Self::Unsigned(_) | Self::Float(_) => {
                let number = numbers.next().and_then(Self::of_number);
                if let Self::Float(value) = self
                    && value.abs() >= 2_f64.powi(63)
                    && let Some(number) = number
                {
                    *self = number;
                }
            }
            Self::List(values) => values.iter_mut().for_each(|value| value.restore(numbers)),
            Self::Table(fields) => {
                let values = fields.iter_mut().map(|(_, value)| value);
                values.for_each(|value| value.restore(numbers));
            }
            _ => {}
        }
    }
}

/// Returns the numbers of a valid text in JSON, in order.
pub(super) fn numbers_of_json(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    iter::from_fn(move || {
        loop {
            let start = rest.find(|letter: char| matches!(letter, '"' | '-' | '0'..='9'))?;
            rest = &rest[start..];
            if !rest.starts_with('"') {
                let end = rest.find(|letter| !"0123456789+-.eE".contains(letter));
                let number;
                (number, rest) = rest.split_at(end.unwrap_or(rest.len()));
                return Some(number);
            }
            let mut is_escaped = false;
            let end = rest[1..].find(|letter| {
                let ends = letter == '"' && !is_escaped;
                is_escaped = letter == '\\' && !is_escaped;
                ends
            })?;
            rest = &rest[end + 2..];
        }
    })
}

fn table_of_toml(table: DeTable<'_>, depth: usize) -> Result<Value, Wrong> {
    let fields = table.into_iter().map(|(key, value)| {
        let key = key.into_inner().into_owned();
        match value_of_toml(value.into_inner(), depth + 1) {
            Ok(value) => Ok((key, value)),
            Err(wrong) => Err(wrong.at(Part::Key(key))),
        }
    });
    fields.collect::<Result<_, _>>().map(Value::Table)
}

fn value_of_toml(value: DeValue<'_>, depth: usize) -> Result<Value, Wrong> {
    if depth > DEPTH {
        return Err(Wrong::custom("the text is nested too deeply"));
    }
    Ok(match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => {
            let (text, radix) = (number.as_str(), number.radix());
            let small = i64::from_str_radix(text, radix).map(|number| Value::Signed(number.into()));
            let unsigned = || u128::from_str_radix(text, radix).map(Value::Unsigned);
            let signed = || i128::from_str_radix(text, radix).map(Value::Signed);
            let number = small.or_else(|_| unsigned()).or_else(|_| signed());
            number.map_err(|_| Wrong::custom("integer number overflowed"))?
        }
        DeValue::Float(number) => {
            let text = number.as_str();
            let value: f64 = text.parse().map_err(Wrong::custom)?;
            if value.is_infinite() && !text.contains("inf") {
                return Err(Wrong::custom("floating-point number overflowed"));
            }
            Value::Float(value)
        }
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(date) => Value::Date(date),
        DeValue::Array(values) => {
            let values = values.into_iter().enumerate().map(|(index, value)| {
                let value = value_of_toml(value.into_inner(), depth + 1);
                value.map_err(|wrong| wrong.at(Part::Index(index)))
            });
            Value::List(values.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => table_of_toml(table, depth)?,
    })
}

/// Reads any value of JSON.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Signed(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Value, A::Error> {
        let (mut fields, mut keys) = (Vec::new(), HashSet::new());
        while let Some(key) = table.next_key::<String>()? {
            // A number, if a program selects the feature `arbitrary_precision` of `serde_json`.
            if key == "$serde_json::private::Number" && fields.is_empty() {
                let number = Value::of_number(&table.next_value::<String>()?);
                return number.ok_or_else(|| A::Error::custom("number out of range"));
            }
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom(format!("duplicate field `{key}`")));
            }
            fields.push((key, table.next_value()?));
        }
        Ok(Value::Table(fields))
    }
}
