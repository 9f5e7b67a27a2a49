//! States as safetensors files. The header of a file, with all lengths, is checked before memory is
//! allocated for its tensors.

use super::dict::{Entry, StateDict};
use super::stored::{Stored, file_dtype};
use crate::error::{Error, Result};
use crate::tensor::bytes::little_endian;
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::path::Path;

/// The name that the format reserves.
const RESERVED: &str = "__metadata__";

/// Metadata: the names, shapes and layouts are those of PyTorch. Some loaders read only files that
/// say so.
const METADATA: [(&str, &str); 1] = [("format", "pt")];

impl StateDict {
    /// Returns the bytes of a safetensors file. The same entries give the same bytes.
    ///
    /// # Errors
    /// [`Error::Format`] if a name is `__metadata__` or a count is at least 2⁶³.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        to_file(self, Path::new(""))
    }

    /// Reads the entries from the bytes of a safetensors file. F16 and BF16 tensors become f32.
    ///
    /// # Errors
    /// [`Error::Format`] if the bytes are not a valid file, or if it has other types than F64, F32,
    /// F16, BF16 and I64 scalars.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        from_file(bytes, Path::new(""))
    }
}

/// Returns the bytes of a file with these entries. `path` is for errors.
pub(super) fn to_file(state: &StateDict, path: &Path) -> Result<Vec<u8>> {
    for (name, entry) in state.iter() {
        if let Entry::Count(count) = entry
            && i64::try_from(*count).is_err()
        {
            let reason = format!("`{name}`: {count} is too large to be saved as I64");
            return Err(Error::format(path, reason));
        }
        if name == RESERVED {
            let reason = format!("the path `{name}` is reserved by the safetensors format");
            return Err(Error::format(path, reason));
        }
    }
    let views = state.iter().map(|(name, entry)| (name, ToWrite(entry)));
    let metadata = METADATA.map(|(key, value)| (key.to_owned(), value.to_owned()));
    safetensors::serialize(views, Some(metadata.into()))
        .map_err(|error| Error::format(path, error.to_string()))
}

/// An entry as the format writes it. Its bytes are created only when they are written.
struct ToWrite<'a>(&'a Entry);

impl View for ToWrite<'_> {
    fn dtype(&self) -> Dtype {
        match self.0 {
            Entry::Tensor(tensor) => file_dtype(tensor.dtype()),
            Entry::Count(_) => Dtype::I64,
        }
    }
    fn shape(&self) -> &[usize] {
        match self.0 {
            Entry::Tensor(tensor) => tensor.shape(),
            Entry::Count(_) => &[],
        }
    }
    fn data(&self) -> Cow<'_, [u8]> {
        match self.0 {
            Entry::Tensor(tensor) => little_endian(tensor.array()).into(),
            Entry::Count(count) => count.to_le_bytes().to_vec().into(),
        }
    }
    fn data_len(&self) -> usize {
        match self.0 {
            Entry::Tensor(tensor) => tensor.len() * tensor.dtype().size(),
            Entry::Count(_) => size_of::<u64>(),
        }
    }
}

/// Reads all entries of a file: F64, F32, F16 and BF16 tensors, and I64 scalars, which are counts.
pub(super) fn from_file(bytes: &[u8], path: &Path) -> Result<StateDict> {
    let mut state = StateDict::new();
    for (name, stored) in entries(&parse(bytes, path)?) {
        let entry = stored
            .read()
            .map_err(|reason| Error::format(path, format!("`{name}`: {reason}")))?;
        state.insert(name, entry);
    }
    Ok(state)
}

/// Returns the entries of a file, of any types, without reading their values.
pub(super) fn entries<'s>(
    file: &'s SafeTensors<'s>,
) -> impl Iterator<Item = (&'s str, Stored<'s>)> {
    file.iter()
        .map(|(name, view)| (name, Stored::InFile(view.into())))
}

/// Parses and checks the header of a file.
pub(super) fn parse<'a>(bytes: &'a [u8], path: &Path) -> Result<SafeTensors<'a>> {
    let invalid =
        |reason: &str| Error::format(path, format!("not a valid safetensors file: {reason}"));
    let file = SafeTensors::deserialize(bytes).map_err(|error| invalid(&error.to_string()))?;
    // Of two entries with the same name, the crate silently takes the last.
    match repeated_name(bytes).map_err(|error| invalid(&error.to_string()))? {
        Some(name) => Err(invalid(&format!("the name `{name}` occurs twice"))),
        None => Ok(file),
    }
}

/// Returns a name that is twice in the header of a file, whose length has been checked.
fn repeated_name(file: &[u8]) -> serde_json::Result<Option<String>> {
    let (length, rest) = file.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let header = rest.get(..length).unwrap_or_default();
    serde_json::Deserializer::from_slice(header).deserialize_map(RepeatedName)
}

/// A visitor that looks for a name that a JSON object has twice.
struct RepeatedName;

impl<'de> Visitor<'de> for RepeatedName {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        let (mut names, mut repeated) = (HashSet::new(), None);
        while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
            // `insert` would drop the name, but `replace` returns it.
            repeated = repeated.or(names.replace(name));
        }
        Ok(repeated)
    }
}

#[cfg(test)]
mod tests {
    use super::repeated_name;

    #[test]
    fn repeated_names_are_found_after_decoding() {
        let repeated = |header: &str| {
            let length = (header.len() as u64).to_le_bytes();
            repeated_name(&[&length[..], header.as_bytes(), b"data"].concat())
                .expect("a sound header")
        };
        for header in [
            "{}",
            r#"{"a": {"a": 1, "b": ["a", "a"]}, "b": "a", "c": ["b", {"c": "c"}]}"#,
            r#"{"a": 1, "\\u0061": 2, "A": 3, "": 4, "a\"": 5, "{a": 6, "a,": 7}"#,
        ] {
            assert_eq!(repeated(header), None, "{header}");
        }
        for (header, name) in [
            (r#"{"a": 1, "b": 2, "a": 3}"#, "a"),
            (r#"{"a": 1, "b": 2, "a": 3, "b": 4}"#, "a"),
            (r#"{"": {}, "": {}}"#, ""),
            (r#"{"aé": [], "\u0061\u00E9": 0}"#, "aé"),
            (
                "{\"\u{1f600}\\n\": 0, \"\\ud83d\\uDE00\\u000a\": 0}",
                "\u{1f600}\n",
            ),
            (
                r#"{"\/\\\"\b\f\r\t": 0, "/\u005c\u0022\u0008\u000c\u000d\u0009": 0}"#,
                "/\\\"\u{8}\u{c}\r\t",
            ),
        ] {
            assert_eq!(repeated(header).as_deref(), Some(name), "{header}");
        }
    }
}
