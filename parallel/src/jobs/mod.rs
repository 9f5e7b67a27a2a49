//! The jobs that couriers do together: sums of tensors, and the combination of short messages.

use crate::desk::Desk;
use crate::engine::{Engine, Tag};
use cotangent_core::Result;

mod merge;
mod sum;

pub(crate) use merge::{Combine, Merge};
pub(crate) use sum::{SumByPairs, SumByParts};

/// The largest message in bytes. MPI counts elements as `i32`.
const LARGEST: usize = 1 << 28;
/// The size in bytes of the pieces in which vectors are sent. Between them a slow link has room for
/// messages about the state of the ranks.
const PIECE: usize = 4 << 20;

/// The messages of a rank: what it sends and what it has received.
pub(crate) struct Net<'a> {
    pub engine: &'a mut dyn Engine,
    pub desk: &'a mut Desk,
}

impl Net<'_> {
    fn send(&mut self, to: usize, tag: Tag, bytes: &[u8]) {
        self.engine.send(to, tag, bytes, self.desk);
    }

    /// Sends a vector, in pieces if it is long.
    fn send_vector(&mut self, to: usize, tag: Tag, bytes: &[u8]) {
        if bytes.is_empty() {
            return self.send(to, tag, bytes);
        }
        for piece in bytes.chunks(PIECE) {
            self.send(to, tag, piece);
        }
    }
}

/// A job of all ranks, in steps that do not block.
pub(crate) trait Job: Send {
    /// Goes on as far as the received messages allow. Returns whether the job is done.
    fn advance(&mut self, net: &mut Net<'_>) -> Result<bool>;

    /// Returns whether the courier ends when the job is done.
    fn is_last(&self) -> bool {
        false
    }
}

/// The end of all exchanges: waits until all ranks have left.
pub(crate) struct Leave {
    has_left: bool,
}

impl Leave {
    pub fn new() -> Self {
        Self { has_left: false }
    }
}

impl Job for Leave {
    fn advance(&mut self, net: &mut Net<'_>) -> Result<bool> {
        if !std::mem::replace(&mut self.has_left, true) {
            net.desk.leave();
            net.desk.is_patient = true;
        }
        match net.desk.present() {
            Some(rank) => net.desk.wait_for(rank),
            None => return Ok(true),
        }
        Ok(false)
    }

    fn is_last(&self) -> bool {
        true
    }
}
