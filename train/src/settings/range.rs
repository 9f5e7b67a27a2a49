//! The ranges of fields, checked while a text is read, so that an error has the place.

use cotangent_core::Interval;
use serde::de::{Deserialize, Deserializer, Error};

/// Reads a number in an interval.
fn inside<'de, D: Deserializer<'de>>(
    interval: Interval,
    deserializer: D,
) -> Result<Option<f64>, D::Error> {
    let value = Option::<f64>::deserialize(deserializer)?;
    if let Some(value) = value
        && let Err(cotangent_core::Error::Argument { reason, .. }) = interval.check("", "", value)
    {
        return Err(D::Error::custom(reason.trim_start()));
    }
    Ok(value)
}

macro_rules! ranges {
    ($($name:ident $interval:ident;)*) => {$(
        pub(super) fn $name<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<f64>, D::Error> {
            inside(Interval::$interval, deserializer)
        }
    )*};
}

ranges! {
    at_least_0 AtLeast0;
    above_0 Above0;
    below_1 Below1;
    share Share;
}

/// Reads a required number that is finite and at least 0.
pub(super) fn required_at_least_0<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<f64, D::Error> {
    let value = inside(Interval::AtLeast0, deserializer)?;
    value.ok_or_else(|| D::Error::custom("expected a number"))
}

/// Reads a whole number from 1 on.
pub(super) fn at_least_1<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    match Option::<u64>::deserialize(deserializer)? {
        Some(0) => Err(D::Error::custom("must be at least 1, found 0")),
        number => Ok(number),
    }
}

/// Defines a struct whose fields besides the required ones are options, each with the function of
/// its range.
macro_rules! options {
    (
        $(#[$meta:meta])*
        $name:ident {
            $($(#[$required_meta:meta])* $required:ident: $required_type:ty,)*
            --
            $($(#[$field_meta:meta])* $field:ident: $type:ty => $range:literal,)*
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
                #[serde(
                    default,
                    deserialize_with = $range,
                    skip_serializing_if = "Option::is_none"
                )]
                pub $field: Option<$type>,
            )*
        }

        impl $name {
            /// Creates settings without any option.
            pub fn new($($required: $required_type),*) -> Self {
                Self { $($required,)* $($field: None,)* }
            }

            /// Returns the names of the options that are set.
            fn set(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$field.is_some() {
                    names.push(stringify!($field));
                })*
                names
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Self::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let settings = Self::deserialize(deserializer)?;
                let checked = settings.check();
                checked.map_err(serde::de::Error::custom)?;
                Ok(settings)
            }
        }
    };
}
pub(super) use options;

/// Returns an error if an option is set that is not `known`.
pub(super) fn check_known(set: &[&str], known: &[&str], always: &str) -> Result<(), String> {
    match set.iter().find(|name| !known.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let all: Vec<&str> = [always].iter().chain(known).copied().collect();
            let all = all.join(", ");
            Err(format!(
                "this kind has no option `{name}`, but it has {all}"
            ))
        }
    }
}
