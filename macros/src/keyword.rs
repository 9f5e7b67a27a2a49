//! The options, their places, and the messages about misplaced ones.

use syn::Ident;
use syn::ext::IdentExt;

use crate::hint;

/// An option of `#[module(…)]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Skip,
    Rename,
    Flatten,
    Bound,
    Crate,
    VariantPath,
}

/// The place of an attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Struct,
    Enum,
    Field,
    Variant,
}

/// Returns the message about an unknown option.
pub(crate) fn unknown(word: &Ident, place: Place) -> String {
    let text = word.unraw().to_string();
    let end = match hint::closest(&text) {
        _ if hint::freezes(&text) => {
            "to freeze a field, give it the type `Frozen<…>` and build it with `Frozen::new(…)`"
                .to_owned()
        }
        Some(near) if near.belongs_on(place) => format!("did you mean `{}`?", near.word()),
        Some(near) => {
            let (near, home) = (near.word(), near.home());
            format!("did you mean `{near}`, which goes on {home}?")
        }
        None => place.options(),
    };
    format!("unknown option `{word}`: {end}")
}

/// Returns the message about an option in the wrong place.
pub(crate) fn misplaced(keyword: Keyword, place: Place) -> String {
    let (word, home, here) = (keyword.word(), keyword.home(), place.name());
    format!("`{word}` goes on {home}, not on {here}")
}

impl Keyword {
    pub(crate) const ALL: [Self; 6] = [
        Self::Skip,
        Self::Rename,
        Self::Flatten,
        Self::Bound,
        Self::Crate,
        Self::VariantPath,
    ];

    pub(crate) fn find(word: &Ident) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|keyword| word == keyword.word())
    }

    /// Returns the word of the option.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Rename => "rename",
            Self::Flatten => "flatten",
            Self::Bound => "bound",
            Self::Crate => "crate",
            Self::VariantPath => "variant_path",
        }
    }

    /// Returns an example of the value, if the option takes one.
    fn value(self) -> Option<&'static str> {
        match self {
            Self::Rename => Some("weight"),
            Self::Bound => Some("T: Module"),
            Self::Crate => Some("::cotangent"),
            Self::Skip | Self::Flatten | Self::VariantPath => None,
        }
    }

    pub(crate) fn takes_value(self) -> bool {
        self.value().is_some()
    }

    /// Returns an example of the whole attribute.
    pub(crate) fn example(self) -> String {
        let word = self.word();
        match self.value() {
            Some(value) => format!("`#[module({word} = \"{value}\")]`"),
            None => format!("`#[module({word})]`"),
        }
    }

    pub(crate) fn belongs_on(self, place: Place) -> bool {
        match self {
            Self::Skip | Self::Rename | Self::Flatten => place == Place::Field,
            Self::Bound | Self::Crate => place == Place::Struct || place == Place::Enum,
            Self::VariantPath => place == Place::Enum,
        }
    }

    fn home(self) -> &'static str {
        match self {
            Self::Skip | Self::Rename | Self::Flatten => "a field",
            Self::Bound | Self::Crate => "the struct or enum itself",
            Self::VariantPath => "an enum",
        }
    }
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Struct => "a struct",
            Self::Enum => "an enum",
            Self::Field => "a field",
            Self::Variant => "a variant",
        }
    }

    /// Returns the options for this place, for messages.
    pub(crate) fn options(self) -> String {
        let keywords = Keyword::ALL.into_iter();
        let words: Vec<String> = keywords
            .filter(|keyword| keyword.belongs_on(self))
            .map(|keyword| match keyword.value() {
                Some(_) => format!("`{} = \"…\"`", keyword.word()),
                None => format!("`{}`", keyword.word()),
            })
            .collect();
        let name = self.name();
        match words.split_last() {
            Some((last, others)) => format!("{name} takes {} or {last}", others.join(", ")),
            None => format!("{name} takes no options"),
        }
    }
}
