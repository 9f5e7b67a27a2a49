//! Checks that all ranks have the same model, settings and parameters.

use crate::ranks::Ranks;
use cotangent_core::{Error, Result};
use std::hash::{DefaultHasher, Hash, Hasher};

impl Ranks {
    /// Checks that `lines` are the same on all ranks. `what` says what they describe. All ranks
    /// call it. The ranks exchange hashes; they exchange the lines only if these differ.
    ///
    /// # Errors
    /// [`Error::Rank`] with the first rank whose lines differ from those of rank 0, and the first
    /// such line.
    pub fn agree(&self, what: &str, lines: impl FnOnce() -> Vec<String>) -> Result<()> {
        if self.count() == 1 {
            return Ok(());
        }
        let lines = lines();
        let differ = |mut left: Vec<u8>, right: Vec<u8>| {
            if left != right {
                left = b"differ".to_vec();
            }
            Ok(left)
        };
        let hash = hash_of(&lines).to_le_bytes().to_vec();
        let merged = self.merge(hash.clone(), Box::new(differ)).wait()?;
        if merged == hash {
            return Ok(());
        }
        let all = self.gather(lines.join("\n").as_bytes())?;
        let texts: Vec<_> = all
            .iter()
            .map(|text| String::from_utf8_lossy(text))
            .collect();
        for (rank, text) in texts.iter().enumerate() {
            if let Some((found, expected)) = first_difference(text, &texts[0]) {
                let reason =
                    format!("{what} differ from those of rank 0: {found}; there: {expected}");
                let error = Error::argument("Ranks::agree", reason);
                return Err(error.of_rank(rank, self.count()));
            }
        }
        Ok(())
    }
}

/// Returns the first lines that differ.
fn first_difference(found: &str, expected: &str) -> Option<(String, String)> {
    let (mut found, mut expected) = (found.lines(), expected.lines());
    loop {
        match (found.next(), expected.next()) {
            (None, None) => return None,
            (found, expected) if found == expected => {}
            (found, expected) => {
                let text = |line: Option<&str>| match line {
                    Some(line) => line.to_owned(),
                    None => "nothing".to_owned(),
                };
                return Some((text(found), text(expected)));
            }
        }
    }
}

/// Returns a hash that is the same in all processes of one program.
pub(crate) fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
