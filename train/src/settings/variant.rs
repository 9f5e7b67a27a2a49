//! The variants of enums in a tree of values.

use super::place::Part;
use super::reader::{Key, Wrong};
use super::value::Value;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Unexpected, VariantAccess, Visitor,
};

/// A variant of an enum: its name, or a table with its name and its content.
impl<'de> EnumAccess<'de> for Value {
    type Error = Wrong;
    type Variant = Variant;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Variant), Wrong> {
        let (name, variant) = self.variant()?;
        match seed.deserialize(Key(name)) {
            Ok(name) => Ok((name, variant)),
            Err(wrong) => Err(match variant.field {
                Some(name) => wrong.at_key(name),
                None => wrong,
            }),
        }
    }
}

impl Value {
    /// Checks that a table has no field but those of a variant, as `toml` does.
    fn check_fields(&self, known: &'static [&'static str]) -> Result<(), Wrong> {
        let Self::Table(fields) = self else {
            return Ok(());
        };
        match fields.iter().find(|(key, _)| !known.contains(&&**key)) {
            None => Ok(()),
            Some((key, _)) => Err(Wrong::unknown_field(key, known).at_key(key.clone())),
        }
    }

    fn variant(self) -> Result<(String, Variant), Wrong> {
        let (name, content) = match self {
            Self::Text(name) => (name, None),
            Self::Table(fields) => match <[_; 1]>::try_from(fields) {
                Ok([(name, content)]) => (name, Some(content)),
                Err(fields) => {
                    let found = fields.len();
                    let reason = format!("must be a table with one field, found {found}");
                    return Err(Wrong::custom(reason));
                }
            },
            _ => return Err(Wrong::custom("must be a name in quotes")),
        };
        let field = content.is_some().then(|| name.clone());
        Ok((name, Variant { field, content }))
    }
}

/// The content of a variant of an enum, and the field that has it.
pub(super) struct Variant {
    field: Option<String>,
    content: Option<Value>,
}

impl Variant {
    fn wrong(self, wrong: Wrong) -> Wrong {
        match self.field {
            Some(name) => wrong.at(Part::Key(name)),
            None => wrong,
        }
    }

    /// Reads the content, which must exist.
    fn read<T>(
        mut self,
        expected: &str,
        read: impl FnOnce(Value) -> Result<T, Wrong>,
    ) -> Result<T, Wrong> {
        match self.content.take() {
            Some(content) => read(content).map_err(|wrong| self.wrong(wrong)),
            None => Err(Wrong::invalid_type(Unexpected::UnitVariant, &expected)),
        }
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        let is_empty = match &self.content {
            None | Some(Value::Null) => true,
            Some(Value::List(values)) => values.is_empty(),
            Some(Value::Table(fields)) => fields.is_empty(),
            Some(_) => false,
        };
        if is_empty {
            return Ok(());
        }
        self.read("an empty table", |content| {
            Err(content.wrong(&"an empty table"))
        })
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Wrong> {
        self.read("newtype variant", |content| seed.deserialize(content))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.read("tuple variant", |content| content.deserialize_seq(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.read("struct variant", |content| {
            content.check_fields(fields)?;
            content.deserialize_struct("", fields, visitor)
        })
    }
}
