//! Fields with ranges: structs of options, which are checked when they are read, written and built.

use cotangent_core::module::Pattern;
use cotangent_core::{Error, Interval};
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Display, Formatter};

/// A field that is wrong, and the reason. Its text is read by [`text`](super::text), which adds the
/// field to the path.
#[derive(Debug)]
pub(super) struct Fault {
    field: &'static str,
    reason: String,
}

impl Fault {
    pub fn new(field: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { field, reason }
    }

    /// Creates the fault of a builder's error, whose reason has the name of one of the fields.
    pub fn of_builder(error: Error, fields: &[&'static str]) -> Self {
        let reason = reason(error);
        if reason.starts_with('`') {
            return Self::new("", reason); // Of a part, which has named the field.
        }
        let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
        let mut words = reason.split(|letter| !is_letter(letter));
        let named = words.find_map(|word| fields.iter().find(|field| **field == word));
        let field = *named.unwrap_or(&"");
        let rest = reason.strip_prefix(field).unwrap_or(&reason);
        Self::new(field, rest.trim_start())
    }

    pub fn error(self, op: &'static str) -> Error {
        Error::argument(op, self.to_string())
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.field {
            "" => write!(f, "{}", self.reason),
            field => write!(f, "`{field}`: {}", self.reason),
        }
    }
}

/// Returns the reason of an error, without the name of the function.
pub(super) fn reason(error: Error) -> String {
    match error {
        Error::Argument { reason, .. } => reason,
        error => error.to_string(),
    }
}

type Checked = Result<(), String>;

fn inside(interval: Interval, value: f64) -> Checked {
    let checked = interval.check("", "", value);
    checked.map_err(|error| reason(error).trim_start().to_owned())
}

pub(super) fn at_least_0(value: &f64) -> Checked {
    inside(Interval::AtLeast0, *value)
}

pub(super) fn above_0(value: &f64) -> Checked {
    inside(Interval::Above0, *value)
}

pub(super) fn below_1(value: &f64) -> Checked {
    inside(Interval::Below1, *value)
}

pub(super) fn share(value: &f64) -> Checked {
    inside(Interval::Share, *value)
}

pub(super) fn both_below_1(values: &[f64; 2]) -> Checked {
    values.iter().try_for_each(below_1)
}

/// Reads a list of two numbers.
pub(super) fn pair<'de, D: Deserializer<'de>>(from: D) -> Result<Option<[f64; 2]>, D::Error> {
    let numbers = Vec::<f64>::deserialize(from)?;
    let pair = <[f64; 2]>::try_from(numbers).map(Some);
    pair.map_err(|numbers| {
        let reason = format!("must be a list of two numbers, found {numbers:?}");
        serde::de::Error::custom(reason)
    })
}

pub(super) fn at_least_1(number: &u64) -> Checked {
    match number {
        0 => Err("must be at least 1, found 0".to_owned()),
        _ => Ok(()),
    }
}

pub(super) fn pattern(pattern: &str) -> Checked {
    pattern.matcher().map(drop).map_err(reason)
}

pub(super) fn patterns(patterns: &[String]) -> Checked {
    patterns.iter().try_for_each(|text| pattern(text))
}

/// The checks of a struct besides the ranges of its fields.
pub(super) trait Check {
    /// Checks the options, given the names of those that are set.
    fn check(&self, set: &[&'static str]) -> Result<(), Fault> {
        let _ = set;
        Ok(())
    }
}

/// Defines a struct with required fields and, after `--`, options, each with its range. The struct
/// implements [`Check`].
macro_rules! options {
    (
        $(#[$meta:meta])*
        $name:ident {
            $($(#[$required_meta:meta])* $required:ident: $required_type:ty $(=> $must:path)?,)*
            --
            $($(#[$field_meta:meta])* $field:ident: $type:ty $(=> $range:path)?,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(remote = "Self", deny_unknown_fields)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$required_meta])* pub $required: $required_type,)*
            $(
                $(#[$field_meta])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }

        impl $name {
            /// Creates settings without any option.
            pub fn new($($required: $required_type),*) -> Self {
                Self { $($required,)* $($field: None,)* }
            }

            fn checked(&self) -> Result<(), $crate::settings::range::Fault> {
                use $crate::settings::range::Fault;
                $($($must(&self.$required)
                    .map_err(|reason| Fault::new(stringify!($required), reason))?;)?)*
                $($(if let Some(value) = &self.$field {
                    $range(value).map_err(|reason| Fault::new(stringify!($field), reason))?;
                })?)*
                let all: &[(bool, &'static str)] =
                    &[$((self.$field.is_some(), stringify!($field))),*];
                let set: Vec<_> = all.iter().filter(|all| all.0).map(|all| all.1).collect();
                $crate::settings::range::Check::check(self, &set)
            }
        }

        // `#[inline(never)]`: see `instances`.
        impl serde::Serialize for $name {
            #[inline(never)]
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.checked().map_err(serde::ser::Error::custom)?;
                Self::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            #[inline(never)]
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let settings = Self::deserialize(deserializer)?;
                settings.checked().map_err(serde::de::Error::custom)?;
                Ok(settings)
            }
        }
    };
}
pub(super) use options;

/// Returns an error if an option that the kind needs is not set, or one is set that it does not
/// have. All kinds have the options in `always`.
pub(super) fn check_options(
    set: &[&'static str],
    needed: &[&str],
    optional: &[&str],
    always: &[&str],
) -> Result<(), Fault> {
    let all = || [needed, optional, always].concat();
    if let Some(name) = set.iter().find(|name| !all().contains(name)) {
        let all = match &all()[..] {
            [] => "none".to_owned(),
            all => all.join(", "),
        };
        let reason = format!("this kind has no such option; it has {all}");
        return Err(Fault::new(name, reason));
    }
    match needed.iter().find(|name| !set.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let reason = format!("this kind needs the option `{name}`");
            Err(Fault::new("kind", reason))
        }
    }
}
