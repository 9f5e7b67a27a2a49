//! Messages put together into one.

use cotangent_core::{Error, Result};

/// Returns a message with its length in front.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u64).to_le_bytes()[..], message].concat()
}

/// Returns the messages of joined [`framed`] ones.
pub(crate) fn frames(mut joined: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut messages = Vec::new();
    while !joined.is_empty() {
        let split = joined.split_first_chunk().and_then(|(len, rest)| {
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)
        });
        let Some((message, rest)) = split else {
            let reason = "a message of another rank is shorter than it says";
            return Err(Error::argument("Ranks::gather", reason));
        };
        messages.push(message.to_vec());
        joined = rest;
    }
    Ok(messages)
}
