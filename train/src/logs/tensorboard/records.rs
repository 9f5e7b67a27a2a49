//! The frame of `TFRecord` around each message: its length and its bytes, each with a checksum.

use crc::{CRC_32_ISCSI, Crc, Table};

/// CRC-32C (Castagnoli).
const CHECKSUM: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

/// Bytes before the message: its length and the checksum of the length.
const HEAD: usize = 12;

/// Returns the checksum, masked so that the checksum of data with embedded checksums stays good.
fn checksum(bytes: &[u8]) -> u32 {
    CHECKSUM
        .checksum(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// Frames a message.
pub(super) fn frame(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(HEAD + message.len() + 4);
    record.extend(length);
    record.extend(checksum(&length).to_le_bytes());
    record.extend(message);
    record.extend(checksum(message).to_le_bytes());
    record
}

/// The messages of an event file. A record that is cut off ends it, as in TensorBoard.
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> Records<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, place: 0 }
    }

    /// Reads the next record: its message and its end. Returns `None` if it is cut off.
    fn read(&self) -> Option<Result<(&'a [u8], usize), &'static str>> {
        let start = self.place + HEAD;
        let head = self.bytes.get(self.place..start)?;
        let (length, masked) = head.split_at(8);
        if checksum(length).to_le_bytes() != masked {
            return Some(Err("the checksum of its length does not match"));
        }
        let length = length.try_into().map_or(u64::MAX, u64::from_le_bytes);
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        let message = self.bytes.get(start..end)?;
        let masked = self.bytes.get(end..end.checked_add(4)?)?;
        if checksum(message).to_le_bytes() != masked {
            return Some(Err("the checksum of its contents does not match"));
        }
        Some(Ok((message, end + 4)))
    }
}

impl<'a> Iterator for Records<'a> {
    /// A message, or the place and the fault of a damaged record.
    type Item = Result<&'a [u8], String>;

    fn next(&mut self) -> Option<Self::Item> {
        let place = self.place;
        Some(match self.read()? {
            Ok((message, end)) => {
                self.place = end;
                Ok(message)
            }
            Err(fault) => {
                // There is no way to find the record after it.
                self.place = self.bytes.len();
                Err(format!("the record at byte {place} is damaged: {fault}"))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_crc_32c() {
        // RFC 3720, appendix B.4.
        assert_eq!(CHECKSUM.checksum(&[0; 32]), 0x8a91_36aa);
        assert_eq!(CHECKSUM.checksum(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn a_file_cut_anywhere_keeps_its_whole_records() {
        let messages: [&[u8]; 3] = [b"first", b"", b"third message"];
        let file: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
        let mut ends = vec![0];
        for message in messages {
            ends.push(ends[ends.len() - 1] + message.len() + 16);
        }
        for length in 0..=file.len() {
            let read: Vec<_> = Records::new(&file[..length]).collect();
            let whole = ends.iter().filter(|&&end| end <= length).count() - 1;
            let expected: Vec<_> = messages[..whole]
                .iter()
                .map(|&message| Ok(message))
                .collect();
            assert_eq!(read, expected, "{length}");
        }
    }

    #[test]
    fn every_damaged_byte_is_found() {
        let file = [frame(b"first"), frame(b"second")].concat();
        for place in 0..file.len() {
            let mut damaged = file.clone();
            damaged[place] ^= 0x10;
            let read: Vec<_> = Records::new(&damaged).collect();
            assert!(
                matches!(read.last(), Some(Err(_))),
                "byte {place}: {read:?}"
            );
        }
    }
}
