//! Engines, which carry messages between ranks.

mod local;
#[cfg(feature = "mpi")]
mod mpi;

pub(crate) use local::Local;
#[cfg(feature = "mpi")]
pub(crate) use mpi::Mpi;

/// The job that a message belongs to. Messages from one rank to another with the same tag arrive in
/// the order in which they were sent.
///
/// MPI allows tags up to 32767 on every system.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Tag(pub u16);

impl Tag {
    /// Messages about the state of the ranks.
    pub const CONTROL: Self = Self(0);

    /// Returns the tag of the job of this number among those of its kind, below 3.
    pub fn of_job(kind: u8, number: u64) -> Self {
        Self((number % 8192) as u16 * 4 + u16::from(kind) + 1)
    }
}

/// A message that has arrived.
#[derive(Debug)]
pub(crate) struct Message {
    pub from: usize,
    pub tag: Tag,
    pub bytes: Vec<u8>,
}

/// The work of an engine while it waits for the end of a long message.
pub(crate) trait Meanwhile {
    /// Says to or from which rank a message is on its way. Until there is none, no other is waited
    /// for.
    #[cfg_attr(
        not(feature = "mpi"),
        expect(dead_code, reason = "channels never block")
    )]
    fn transfers(&mut self, rank: Option<usize>);
    /// Takes a message that has arrived.
    fn arrived(&mut self, message: Message);
    /// Returns short messages to send at once, with their receivers.
    fn due(&mut self) -> Vec<(usize, Vec<u8>)>;
    /// Rests for a moment, after `looks` looks for messages in a row that found none.
    fn rest(&self, looks: u32);
}

/// Carries messages between ranks. One thread owns it.
pub(crate) trait Engine {
    fn rank(&self) -> usize;
    fn ranks(&self) -> usize;
    /// Sends a message. It may return before the message has arrived, and receives others until
    /// it does.
    fn send(&mut self, to: usize, tag: Tag, bytes: &[u8], meanwhile: &mut dyn Meanwhile);
    /// Returns a message that has arrived. One that is on its way is received to its end.
    fn receive(&mut self, meanwhile: &mut dyn Meanwhile) -> Option<Message>;
    /// Takes back the memory of a message, to use it for others.
    fn recycle(&mut self, bytes: Vec<u8>) {
        drop(bytes);
    }
    /// Ends the use of the engine. All ranks call it, unless `failed`: then others may be gone, and
    /// it returns at once.
    fn close(self: Box<Self>, failed: bool);
}
