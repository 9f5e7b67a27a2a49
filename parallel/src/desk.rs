//! The messages that a rank has received, and the watch over ranks that it waits for.

use crate::engine::{Meanwhile, Message, Tag};
use crate::shared::{Failure, Main, Shared};
use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a courier sleeps if it waits for other ranks. It leaves the core to the computation.
const NAP: Duration = Duration::from_micros(20);
/// How often a courier looks again at once.
const LOOKS: u32 = 50;
/// How often it looks again before it sleeps if the main thread waits too, and needs no core.
const WAITING_LOOKS: u32 = 20_000;
/// How often a rank that is waited for is asked what it does.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// The messages that a rank has received, and the watch over ranks that it waits for.
///
/// A rank that waits asks the one it waits for, whose courier answers at once. It is to blame for
/// the wait if it does not answer, or if its main thread computes, all for too long. If it waits
/// itself, some other rank is to blame, and those who wait for that one find it.
pub(crate) struct Desk {
    pub shared: Arc<Shared>,
    inbox: HashMap<(usize, Tag), VecDeque<Vec<u8>>>,
    outbox: Vec<(usize, Vec<u8>)>,
    /// The ranks that take part in no further exchange.
    left: Vec<bool>,
    /// The rank that is waited for.
    wait: Option<Wait>,
    /// Whether ranks may work as long as they like.
    pub is_patient: bool,
    /// Whether the others know why the job ends, from this rank or from another.
    is_told: bool,
}

struct Wait {
    rank: usize,
    began: Instant,
    asked: Instant,
    /// The first question that was not answered.
    open: Option<Instant>,
    /// How many ranks away the one is that is busy, if it said last that it is busy itself, or
    /// waits for one that is.
    busy: Option<u64>,
    /// Since when it says that it waits too.
    waits_since: Option<Instant>,
    /// Whether a long message to it or from it is on its way, which takes as long as it takes.
    is_transfer: bool,
}

/// The first byte of a message about the state of a rank.
mod kind {
    pub const ASK: u8 = 0;
    pub const WAITING: u8 = 1;
    pub const WORKING: u8 = 2;
    pub const BUSY: u8 = 3;
    pub const FAILED: u8 = 4;
    pub const LEFT: u8 = 5;
}

impl Desk {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            inbox: HashMap::new(),
            outbox: Vec::new(),
            left: vec![false; shared.ranks],
            wait: None,
            is_patient: false,
            is_told: false,
            shared,
        }
    }

    /// Takes the first message with this tag from a rank. If there is none, that rank is waited
    /// for.
    pub fn take(&mut self, from: usize, tag: Tag) -> Option<Vec<u8>> {
        self.take_all(from, tag, 1)
    }

    /// Takes a message in so many pieces, as [`take`](Self::take) does.
    pub fn take_all(&mut self, from: usize, tag: Tag, pieces: usize) -> Option<Vec<u8>> {
        if let Entry::Occupied(mut entry) = self.inbox.entry((from, tag))
            && entry.get().len() >= pieces
        {
            let mut taken = entry.get_mut().drain(..pieces);
            let mut message = taken.next().unwrap_or_default();
            for piece in taken {
                message.extend(piece);
            }
            if entry.get().is_empty() {
                entry.remove();
            }
            return Some(message);
        }
        self.wait_for(from);
        if self.left[from] {
            let reason = "it has ended, and other ranks have not".to_owned();
            self.fail(from, reason);
        }
        None
    }

    /// Waits for a rank, if none is waited for.
    pub fn wait_for(&mut self, rank: usize) {
        let now = Instant::now();
        self.wait.get_or_insert(Wait {
            rank,
            began: now,
            asked: now,
            open: None,
            busy: None,
            waits_since: None,
            is_transfer: false,
        });
    }

    /// Ends the wait, after something was received.
    pub fn end_wait(&mut self) {
        self.wait = None;
    }

    /// Says that this rank takes part in no further exchange.
    pub fn leave(&mut self) {
        self.left[self.shared.rank] = true;
        self.tell_all(&[kind::LEFT]);
    }

    /// Returns the first rank that has not left.
    pub fn present(&self) -> Option<usize> {
        self.left.iter().position(|left| !left)
    }

    /// Ends the job for this reason.
    fn fail(&self, rank: usize, reason: String) {
        self.shared.fail(Failure { rank, reason });
    }

    /// Tells all ranks why the job ends, unless they know.
    fn tell_failure(&mut self) {
        let Some(failure) = self.shared.failure().filter(|_| !self.is_told) else {
            return;
        };
        self.is_told = true;
        let mut message = vec![kind::FAILED];
        message.extend((failure.rank as u64).to_le_bytes());
        // It must fit into a short message.
        let end = failure.reason.floor_char_boundary(900);
        message.extend(&failure.reason.as_bytes()[..end]);
        self.tell_all(&message);
    }

    fn tell_all(&mut self, message: &[u8]) {
        let others = (0..self.shared.ranks).filter(|&rank| rank != self.shared.rank);
        self.outbox
            .extend(others.map(|rank| (rank, message.to_vec())));
    }

    fn control(&mut self, from: usize, bytes: &[u8]) {
        let number = |bytes: &[u8]| {
            let bytes = bytes.first_chunk::<8>().copied().unwrap_or_default();
            u64::from_le_bytes(bytes)
        };
        match bytes.split_first() {
            Some((&kind::ASK, _)) => {
                let answer = match self.shared.main() {
                    Main::Working(since) => {
                        let mut answer = vec![kind::WORKING];
                        answer.extend((since.elapsed().as_millis() as u64).to_le_bytes());
                        answer
                    }
                    Main::Busy => busy(0),
                    Main::Waiting => self.hearsay().map_or_else(|| vec![kind::WAITING], busy),
                };
                self.outbox.push((from, answer));
            }
            Some((&kind::WAITING, _)) => self.answered(from, Answer::Waits),
            Some((&kind::BUSY, rest)) => self.answered(from, Answer::IsBusy(number(rest))),
            Some((&kind::WORKING, rest)) => {
                let works = Duration::from_millis(number(rest));
                self.answered(from, Answer::Works(works));
            }
            Some((&kind::FAILED, rest)) => {
                let reason = String::from_utf8_lossy(rest.get(8..).unwrap_or_default());
                self.is_told = true;
                self.fail(number(rest) as usize, reason.into_owned());
            }
            Some((&kind::LEFT, _)) => {
                self.left[from] = true;
                self.wait.take_if(|wait| wait.rank == from);
            }
            _ => {
                let reason = "it has sent a message of another version".to_owned();
                self.fail(from, reason);
            }
        }
    }

    /// Returns how many ranks away the one is that is busy, if this rank waits for such a one. It
    /// is none that is further away than there are ranks: then ranks that wait for each other would
    /// repeat what they have heard for ever.
    ///
    /// A rank in the middle of a long message is busy: the other end of it is watched.
    fn hearsay(&self) -> Option<u64> {
        let wait = self.wait.as_ref()?;
        if wait.is_transfer {
            return Some(0);
        }
        let away = wait.busy? + 1;
        (away < self.shared.ranks as u64).then_some(away)
    }

    /// Takes the answer of a rank that is waited for.
    fn answered(&mut self, from: usize, answer: Answer) {
        let Some(wait) = self.wait.as_mut().filter(|wait| wait.rank == from) else {
            return;
        };
        let patience = self.shared.patience;
        wait.open = None;
        wait.busy = match answer {
            Answer::IsBusy(away) => Some(away),
            _ => None,
        };
        let since = match answer {
            Answer::Waits => Some(wait.waits_since.unwrap_or_else(Instant::now)),
            _ => None,
        };
        wait.waits_since = since;
        let began = wait.began;
        if self.is_patient || wait.is_transfer {
            return;
        }
        match answer {
            Answer::Works(works) if began.elapsed().min(works) > patience => {
                let seconds = works.as_secs_f64();
                let reason = format!("it has taken part in no exchange for {seconds:.1} s");
                self.fail(from, reason);
            }
            // Somebody else is found sooner if the wait is for one rank.
            Answer::Waits if since.is_some_and(|since| since.elapsed() > 2 * patience) => {
                let reason = "it waits for another exchange than this rank; all ranks must call \
                              the same functions in the same order"
                    .to_owned();
                self.fail(from, reason);
            }
            _ => {}
        }
    }
}

/// Returns the answer of a rank that waits for a busy one so many ranks away.
fn busy(away: u64) -> Vec<u8> {
    let mut answer = vec![kind::BUSY];
    answer.extend(away.to_le_bytes());
    answer
}

/// The state of a rank that is waited for.
#[derive(Clone, Copy)]
enum Answer {
    /// Its main thread computes for so long.
    Works(Duration),
    /// It does something that takes any time, or waits for a rank that does, so many ranks away.
    IsBusy(u64),
    /// It waits for an exchange.
    Waits,
}

impl Meanwhile for Desk {
    fn transfers(&mut self, rank: Option<usize>) {
        self.wait
            .take_if(|wait| !wait.is_transfer || Some(wait.rank) != rank);
        if let Some(rank) = rank {
            self.wait_for(rank);
        }
        if let Some(wait) = &mut self.wait {
            wait.is_transfer = true;
        }
    }

    fn arrived(&mut self, message: Message) {
        if message.tag == Tag::CONTROL {
            return self.control(message.from, &message.bytes);
        }
        if self
            .wait
            .as_ref()
            .is_some_and(|wait| wait.rank == message.from)
        {
            self.wait = None;
        }
        let key = (message.from, message.tag);
        self.inbox.entry(key).or_default().push_back(message.bytes);
    }

    fn due(&mut self) -> Vec<(usize, Vec<u8>)> {
        self.tell_failure();
        let (now, patience) = (Instant::now(), self.shared.patience);
        let mut silent = None;
        if let Some(wait) = &mut self.wait
            && now - wait.asked > ASK_EVERY
        {
            wait.asked = now;
            let open = *wait.open.get_or_insert(now);
            self.outbox.push((wait.rank, vec![kind::ASK]));
            silent = (now - open > patience).then_some(wait.rank);
        }
        if let Some(rank) = silent {
            let seconds = patience.as_secs_f64();
            let reason = format!("it has not answered for {seconds:.1} s");
            self.fail(rank, reason);
        }
        std::mem::take(&mut self.outbox)
    }

    fn rest(&self, looks: u32) {
        if looks < LOOKS {
            std::hint::spin_loop();
        } else if looks < WAITING_LOOKS && self.shared.main() == Main::Waiting {
            thread::yield_now();
        } else {
            thread::sleep(NAP);
        }
    }
}
