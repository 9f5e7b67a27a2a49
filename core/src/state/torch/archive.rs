//! Zip archives of files that are not compressed, as PyTorch writes them.

use std::collections::BTreeMap;

/// The signature of a file in the archive, with which an archive begins.
pub(super) const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const LONG_LOCATOR: [u8; 4] = *b"PK\x06\x07";
const LONG_END: [u8; 4] = *b"PK\x06\x06";

/// The lengths of the fixed parts of the records.
const LOCAL_LEN: usize = 30;
const CENTRAL_LEN: usize = 46;
const END_LEN: usize = 22;
const LONG_LOCATOR_LEN: usize = 20;

/// The kind of the extra field that has lengths of 64 bits.
const LONG_FIELD: u16 = 1;

/// Returns the contents of all files by their names.
///
/// Only the directory at the end of the archive is read. The lengths may have 32 or 64 bits.
pub(super) fn files(bytes: &[u8]) -> Result<BTreeMap<&str, &[u8]>, String> {
    let mut files = BTreeMap::new();
    let (mut place, count) = directory(bytes)?;
    for _ in 0..count {
        let entry = Entry::read(bytes, place)?;
        place = entry.end;
        let content = entry.content(bytes)?;
        if files.insert(entry.name, content).is_some() {
            return Err(format!("two files have the name `{}`", entry.name));
        }
    }
    Ok(files)
}

/// Returns the place of the directory and the number of its entries.
fn directory(bytes: &[u8]) -> Result<(usize, u64), String> {
    // A comment of at most 65,535 bytes may follow.
    let first = bytes.len().saturating_sub(END_LEN + usize::from(u16::MAX));
    let tail = &bytes[first..];
    let end = tail.windows(END.len()).rposition(|window| window == END);
    let end = first + end.ok_or("the archive has no directory: it may be truncated")?;
    slice(bytes, end, END_LEN)?;
    if let Some(locator) = end.checked_sub(LONG_LOCATOR_LEN)
        && slice(bytes, locator, 4)? == LONG_LOCATOR
    {
        let end = length(u64_at(bytes, locator + 8)?)?;
        if slice(bytes, end, 4)? != LONG_END {
            return Err("the end of the directory is not where it should be".to_owned());
        }
        return Ok((length(u64_at(bytes, end + 48)?)?, u64_at(bytes, end + 32)?));
    }
    let count = u16_at(bytes, end + 10)?;
    Ok((length(u32_at(bytes, end + 16)?.into())?, count.into()))
}

/// An entry of the directory.
struct Entry<'b> {
    name: &'b str,
    len: usize,
    /// The place of the record before the content.
    local: usize,
    /// The place behind the entry.
    end: usize,
}

impl<'b> Entry<'b> {
    fn read(bytes: &'b [u8], place: usize) -> Result<Self, String> {
        let fixed = slice(bytes, place, CENTRAL_LEN)?;
        if fixed[..4] != CENTRAL {
            return Err("an entry of the directory is not where it should be".to_owned());
        }
        let [names, extras, comments] =
            [28, 30, 32].map(|at| u16_at(fixed, at).map(usize::from).unwrap_or_default());
        let name = slice(bytes, place + CENTRAL_LEN, names)?;
        let name = std::str::from_utf8(name).map_err(|_| "a name is not UTF-8")?;
        let (flags, method) = (u16_at(fixed, 8)?, u16_at(fixed, 10)?);
        if method != 0 || flags & 1 != 0 {
            return Err(format!("`{name}` is compressed or encrypted"));
        }
        // Lengths of 64 bits follow in this order, if those of 32 bits have all bits set.
        let mut long = long_lengths(slice(bytes, place + CENTRAL_LEN + names, extras)?)?;
        let mut long = |short: u32| -> Result<usize, String> {
            if short != u32::MAX {
                return length(short.into());
            }
            let value = u64_at(long, 0)?;
            long = &long[8..];
            length(value)
        };
        let len = long(u32_at(fixed, 24)?)?;
        let stored = long(u32_at(fixed, 20)?)?;
        let local = long(u32_at(fixed, 42)?)?;
        if stored != len {
            return Err(format!("`{name}` has two different lengths"));
        }
        let end = place + CENTRAL_LEN + names + extras + comments;
        Ok(Self {
            name,
            len,
            local,
            end,
        })
    }

    fn content(&self, bytes: &'b [u8]) -> Result<&'b [u8], String> {
        let fixed = slice(bytes, self.local, LOCAL_LEN)?;
        if fixed[..4] != LOCAL {
            return Err(format!("`{}` is not where it should be", self.name));
        }
        // The names and the extra fields here may differ from those in the directory.
        let (names, extras) = (u16_at(fixed, 26)?, u16_at(fixed, 28)?);
        let before = LOCAL_LEN + usize::from(names) + usize::from(extras);
        slice(bytes, self.local + before, self.len)
    }
}

/// Returns the lengths of 64 bits among the extra fields of an entry.
fn long_lengths(mut extras: &[u8]) -> Result<&[u8], String> {
    while extras.len() >= 4 {
        let len = usize::from(u16_at(extras, 2)?);
        let field = slice(extras, 4, len)?;
        if u16_at(extras, 0)? == LONG_FIELD {
            return Ok(field);
        }
        extras = &extras[4 + len..];
    }
    Ok(&[])
}

fn slice(bytes: &[u8], from: usize, len: usize) -> Result<&[u8], String> {
    let found = from.checked_add(len).and_then(|end| bytes.get(from..end));
    found.ok_or_else(|| "the archive ends too early".to_owned())
}

fn array<const N: usize>(bytes: &[u8], from: usize) -> Result<[u8; N], String> {
    let mut array = [0; N];
    array.copy_from_slice(slice(bytes, from, N)?);
    Ok(array)
}

fn u16_at(bytes: &[u8], from: usize) -> Result<u16, String> {
    array(bytes, from).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], from: usize) -> Result<u32, String> {
    array(bytes, from).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], from: usize) -> Result<u64, String> {
    array(bytes, from).map(u64::from_le_bytes)
}

/// Converts a length or a place. Places near the end of the address space would overflow in sums.
fn length(value: u64) -> Result<usize, String> {
    let length = usize::try_from(value).ok();
    let length = length.filter(|&length| length <= usize::MAX / 2);
    length.ok_or_else(|| format!("the archive has no {value} bytes"))
}
