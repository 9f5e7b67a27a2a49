//! Ranks that are threads of one process, for tests.

use super::{Engine, Meanwhile, Message, Tag};
use std::sync::mpsc::{Receiver, Sender, channel};

/// One of several threads that send messages through channels.
pub(crate) struct Local {
    rank: usize,
    senders: Vec<Sender<Message>>,
    receiver: Receiver<Message>,
}

impl Local {
    /// Returns the engines of all ranks.
    pub fn all(ranks: usize) -> Vec<Self> {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..ranks).map(|_| channel()).unzip();
        let receivers = receivers.into_iter().enumerate();
        receivers
            .map(|(rank, receiver)| Self {
                rank,
                senders: senders.clone(),
                receiver,
            })
            .collect()
    }
}

impl Engine for Local {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.senders.len()
    }

    fn send(&mut self, to: usize, tag: Tag, bytes: &[u8], _: &mut dyn Meanwhile) {
        let message = Message {
            from: self.rank,
            tag,
            bytes: bytes.to_vec(),
        };
        // A rank that has failed receives nothing more.
        let _ = self.senders[to].send(message);
    }

    fn receive(&mut self, _: &mut dyn Meanwhile) -> Option<Message> {
        self.receiver.try_recv().ok()
    }

    fn close(self: Box<Self>, _: bool) {}
}
