//! Ranks that are processes of an MPI job.

use super::{Engine, Meanwhile, Message, Tag};
use cotangent_core::{Error, Result};
use mpi::environment::Universe;
use mpi::point_to_point::{Message as MpiMessage, Status};
use mpi::request::{Request, Scope, scope};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, Destination, Equivalence, Source};
use mpi::{Rank, Tag as MpiTag, Threading};

/// Messages of at most so many bytes are copied and sent later, so that a receiver that hangs does
/// not block this rank.
const SHORT: usize = 1024;
/// The bytes of short messages that may be on their way at once.
const BUFFER: usize = 16 << 20;

/// Messages of at least so many bytes are received into memory of earlier ones: fresh memory takes
/// longer to get than the message to copy.
const LONG: usize = 1 << 16;

/// The largest number of messages whose memory is kept.
const KEPT: usize = 8;

/// A process of an MPI job.
pub(crate) struct Mpi {
    world: SimpleCommunicator,
    /// Memory for long messages.
    kept: Vec<Vec<u8>>,
    universe: Universe,
}

impl Mpi {
    /// Starts MPI on this thread, the only one that may use it.
    pub fn start() -> Result<Self> {
        let Some((mut universe, _)) = mpi::initialize_with_threading(Threading::Funneled) else {
            let reason = "MPI runs in this process already";
            return Err(Error::argument("RanksBuilder::mpi", reason));
        };
        universe.set_buffer_size(BUFFER);
        Ok(Self {
            world: universe.world(),
            kept: Vec::new(),
            universe,
        })
    }
}

impl Engine for Mpi {
    fn rank(&self) -> usize {
        self.world.rank() as usize
    }

    fn ranks(&self) -> usize {
        self.world.size() as usize
    }

    fn send(&mut self, to: usize, tag: Tag, bytes: &[u8], meanwhile: &mut dyn Meanwhile) {
        let receiver = self.world.process_at_rank(to as Rank);
        if bytes.len() <= SHORT {
            receiver.buffered_send_with_tag(bytes, MpiTag::from(tag.0));
            return;
        }
        scope(|scope| {
            let request = receiver.immediate_send_with_tag(scope, bytes, MpiTag::from(tag.0));
            finish(request, to, &self.world, meanwhile, |meanwhile| {
                let found = self.world.any_process().immediate_matched_probe();
                found.map(|found| received(found, &self.world, &mut self.kept, meanwhile))
            });
        });
    }

    fn receive(&mut self, meanwhile: &mut dyn Meanwhile) -> Option<Message> {
        let found = self.world.any_process().immediate_matched_probe()?;
        Some(received(found, &self.world, &mut self.kept, meanwhile))
    }

    fn recycle(&mut self, bytes: Vec<u8>) {
        if bytes.len() >= LONG && self.kept.len() < KEPT {
            self.kept.push(bytes);
        }
    }

    fn close(self: Box<Self>, failed: bool) {
        if failed {
            // The end of MPI would wait for ranks that are gone.
            std::mem::forget(self.universe);
        }
    }
}

/// Returns a message that was found. Of others it receives only short ones until this one is there.
fn received(
    (message, status): (MpiMessage, Status),
    world: &SimpleCommunicator,
    kept: &mut Vec<Vec<u8>>,
    meanwhile: &mut dyn Meanwhile,
) -> Message {
    let (from, tag) = (status.source_rank() as usize, Tag(status.tag() as u16));
    let len = status.count(u8::equivalent_datatype()) as usize;
    let fits = |bytes: &Vec<u8>| bytes.capacity() >= len;
    let place = (len >= LONG).then(|| kept.iter().position(fits)).flatten();
    let mut bytes = place
        .map(|place| kept.swap_remove(place))
        .unwrap_or_default();
    bytes.resize(len, 0);
    if len <= SHORT {
        message.matched_receive_into(&mut bytes[..]);
    } else {
        scope(|scope| {
            let request = message.immediate_matched_receive_into(scope, &mut bytes[..]);
            finish(request, from, world, meanwhile, |meanwhile| {
                let tag = MpiTag::from(Tag::CONTROL.0);
                let found = world.any_process().immediate_matched_probe_with_tag(tag)?;
                Some(received(found, world, &mut Vec::new(), meanwhile))
            });
        });
    }
    Message { from, tag, bytes }
}

/// Waits for the end of a long message to or from a rank. Until then it takes the messages that
/// `look` finds, and sends those that are due.
fn finish<'a, D: ?Sized, S: Scope<'a>>(
    mut request: Request<'a, D, S>,
    rank: usize,
    world: &SimpleCommunicator,
    meanwhile: &mut dyn Meanwhile,
    mut look: impl FnMut(&mut dyn Meanwhile) -> Option<Message>,
) {
    let mut looks = 0;
    loop {
        request = match request.test() {
            Ok(_) => break,
            Err(unfinished) => unfinished,
        };
        meanwhile.transfers(Some(rank));
        if let Some(message) = look(meanwhile) {
            looks = 0;
            meanwhile.arrived(message);
        } else {
            looks += 1;
            meanwhile.rest(looks);
        }
        for (to, bytes) in meanwhile.due() {
            let receiver = world.process_at_rank(to as Rank);
            receiver.buffered_send_with_tag(&bytes[..], MpiTag::from(Tag::CONTROL.0));
        }
    }
    meanwhile.transfers(None);
}
