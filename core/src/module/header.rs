//! The names in the header of a safetensors file: the crate that reads it takes the last of two entries
//! of one name, and does not say so.

use std::collections::BTreeSet;
use std::str::Chars;

/// A name that comes twice in a file whose header has been read: in it there is a sound JSON object.
pub(super) fn repeated_name(file: &[u8]) -> Option<String> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let header = std::str::from_utf8(rest.get(..length)?).ok()?;
    let (mut depth, mut is_name) = (0, false);
    let mut names = BTreeSet::new();
    let mut rest = header.chars();
    while let Some(c) = rest.next() {
        match c {
            '{' | '[' => {
                depth += 1;
                is_name = depth == 1;
            }
            '}' | ']' => depth -= 1,
            ',' => is_name = depth == 1,
            '"' => {
                let text = string(&mut rest);
                if is_name && let Some(text) = names.replace(text) {
                    return Some(text);
                }
                is_name = false;
            }
            _ => {}
        }
    }
    None
}

/// The text of a JSON string up to the quote at its end.
fn string(rest: &mut Chars<'_>) -> String {
    // Escapes are in UTF-16: what is beyond 2^16 comes as two of them.
    let mut units = Vec::new();
    while let Some(c) = rest.next() {
        let c = match c {
            '"' => break,
            '\\' => match rest.next() {
                Some('u') => {
                    let digits: String = rest.by_ref().take(4).collect();
                    units.extend(u16::from_str_radix(&digits, 16));
                    continue;
                }
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some(c) => c,
                None => break,
            },
            c => c,
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::repeated_name;

    #[test]
    fn names_are_compared_as_texts() {
        let repeated = |header: &str| {
            let length = (header.len() as u64).to_le_bytes();
            repeated_name(&[&length[..], header.as_bytes(), b"data"].concat())
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
