//! The combination of short messages of all ranks.

use super::{Job, LARGEST, Net};
use crate::engine::Tag;
use crate::tree::Tree;
use cotangent_core::{Error, Result};
use std::sync::mpsc::Sender;

/// Combines what the shards on the left and on the right of a node of the tree have.
pub(crate) type Combine = Box<dyn Fn(Vec<u8>, Vec<u8>) -> Result<Vec<u8>> + Send>;

/// The combination of one message of each rank, in the order of the [`Tree`].
pub(crate) struct Merge {
    tag: Tag,
    stage: u32,
    is_sent: bool,
    /// The combined message so far. Of a number of ranks that is no power of two: the messages of
    /// the first ranks.
    messages: Vec<Vec<u8>>,
    combine: Combine,
    result: Sender<Vec<u8>>,
}

impl Merge {
    pub fn new(message: Vec<u8>, combine: Combine, tag: Tag, result: Sender<Vec<u8>>) -> Self {
        Self {
            tag,
            stage: 0,
            is_sent: false,
            messages: vec![message],
            combine,
            result,
        }
    }

    fn finish(&mut self) -> bool {
        // If nobody waits for the result, nobody needs it.
        let _ = self.result.send(self.messages.pop().unwrap_or_default());
        true
    }
}

impl Job for Merge {
    fn advance(&mut self, net: &mut Net<'_>) -> Result<bool> {
        let (rank, ranks) = (net.engine.rank(), net.engine.ranks());
        if ranks.is_power_of_two() {
            while self.stage < ranks.trailing_zeros() {
                let partner = rank ^ (1 << self.stage);
                if !std::mem::replace(&mut self.is_sent, true) {
                    short(&self.messages[0])?;
                    net.send(partner, self.tag, &self.messages[0]);
                }
                let Some(theirs) = net.desk.take(partner, self.tag) else {
                    return Ok(false);
                };
                let mine = std::mem::take(&mut self.messages[0]);
                self.messages[0] = if rank < partner {
                    (self.combine)(mine, theirs)?
                } else {
                    (self.combine)(theirs, mine)?
                };
                self.stage += 1;
                self.is_sent = false;
            }
            return Ok(self.finish());
        }
        if !std::mem::replace(&mut self.is_sent, true) {
            short(&self.messages[0])?;
            for other in (0..ranks).filter(|&other| other != rank) {
                net.send(other, self.tag, &self.messages[0]);
            }
        }
        // The message of this rank is the last until those of all others are there.
        while self.messages.len() < ranks {
            let arrived = self.messages.len() - 1;
            let from = arrived + usize::from(arrived >= rank);
            let Some(message) = net.desk.take(from, self.tag) else {
                return Ok(false);
            };
            self.messages.insert(arrived, message);
        }
        let own = self.messages.pop().unwrap_or_default();
        self.messages.insert(rank, own);
        let mut tree = Tree::new();
        for message in std::mem::take(&mut self.messages) {
            tree.push(message, &self.combine)?;
        }
        self.messages.extend(tree.sum(&self.combine)?);
        Ok(self.finish())
    }
}

fn short(message: &[u8]) -> Result<()> {
    if message.len() <= LARGEST {
        return Ok(());
    }
    let found = message.len();
    let reason = format!("expected a message of at most {LARGEST} bytes, found {found}");
    Err(Error::argument("Ranks::merge", reason))
}
