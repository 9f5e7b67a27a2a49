//! The thread that owns the engine, and does the jobs that the main thread gives it.

use crate::desk::Desk;
use crate::engine::{Engine, Meanwhile, Tag};
use crate::jobs::{Job, Leave, Net};
use crate::shared::{Failure, Main, Shared};
use cotangent_core::{Error, Result};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a courier without jobs waits for one before it looks for messages.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// A job begins only when the one that began this many before it has ended. Jobs of one
/// [tag](Tag) are further apart.
const AT_ONCE: u64 = 4096;

/// The thread that exchanges messages with other ranks.
pub(crate) struct Courier {
    shared: Arc<Shared>,
    commands: Mutex<Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

enum Command {
    Do(Box<dyn Job>),
    Leave,
}

/// The result of a job that a courier does.
pub(crate) struct Ticket<T> {
    result: Receiver<T>,
    shared: Arc<Shared>,
}

impl Courier {
    /// Starts the thread, which starts the engine.
    pub fn start(
        engine: impl FnOnce() -> Result<Box<dyn Engine>> + Send + 'static,
        patience: Duration,
    ) -> Result<Self> {
        let (commands, receiver) = channel();
        let (sender, started) = channel();
        let run = move || {
            let mut engine = match engine() {
                Ok(engine) => engine,
                Err(error) => return drop(sender.send(Err(error))),
            };
            let shared = Arc::new(Shared::new(engine.rank(), engine.ranks(), patience));
            if sender.send(Ok(Arc::clone(&shared))).is_ok() {
                let mut desk = Desk::new(shared);
                work(&mut *engine, &mut desk, &receiver);
                engine.close(desk.shared.failure().is_some());
            }
        };
        let thread = thread::Builder::new().name("courier".into()).spawn(run)?;
        let shared = match started.recv_timeout(patience) {
            Ok(shared) => shared?,
            Err(RecvTimeoutError::Timeout) => return Err(not_started(patience)),
            Err(RecvTimeoutError::Disconnected) => return Err(ended()),
        };
        Ok(Self {
            shared,
            commands: Mutex::new(commands),
            thread: Some(thread),
        })
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Gives the courier a job, which is created with the sender of its result.
    pub fn begin<T, J: Job + 'static>(&self, job: impl FnOnce(Sender<T>) -> J) -> Ticket<T> {
        let (sender, result) = channel();
        self.command(Command::Do(Box::new(job(sender))));
        let shared = Arc::clone(&self.shared);
        Ticket { result, shared }
    }

    /// Tells all ranks that this one has failed, unless the job ends already. Returns the error
    /// with the rank that has failed first.
    pub fn fail(&self, error: Error) -> Error {
        if error.rank().is_some() {
            return error;
        }
        self.shared.fail(Failure {
            rank: self.shared.rank,
            reason: error.to_string(),
        });
        error.of_rank(self.shared.rank, self.shared.ranks)
    }

    fn command(&self, command: Command) {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        // Of a courier that has ended, `Ticket::wait` returns the error.
        let _ = commands.send(command);
    }
}

impl Drop for Courier {
    /// Waits for the other ranks, unless one has failed.
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.fail(Error::other("it has panicked"));
        }
        self.shared.set_main(Main::Waiting);
        self.command(Command::Leave);
        let Some(thread) = self.thread.take() else {
            return;
        };
        while !thread.is_finished() {
            if self.shared.failure().is_some() {
                // The courier may wait for a rank that is gone. It gets some time to tell others.
                thread::sleep(Duration::from_millis(100));
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
        let _ = thread.join();
    }
}

impl<T> Ticket<T> {
    /// Waits for the result.
    pub fn wait(self) -> Result<T> {
        let before = self.shared.set_main(Main::Waiting);
        let result = loop {
            match self.result.recv_timeout(Duration::from_millis(20)) {
                Ok(result) => break Ok(result),
                Err(RecvTimeoutError::Disconnected) if self.shared.failure().is_none() => {
                    break Err(ended());
                }
                Err(_) => {}
            }
            if let Some(failure) = self.shared.failure() {
                break Err(self.shared.error(failure));
            }
        };
        self.shared.set_main(before);
        self.shared.works();
        result
    }
}

fn ended() -> Error {
    Error::other("the thread that exchanges messages with other ranks has ended")
}

/// The engine does not start before all ranks have called for it. It cannot tell which has not.
fn not_started(patience: Duration) -> Error {
    let seconds = patience.as_secs_f64();
    Error::other(format!(
        "`Ranks` have not started for {seconds:.1} s: at least one of the other processes has not \
         called for them, or hangs"
    ))
}

/// Does jobs until it is told to leave and all ranks have left, or until the job fails.
fn work(engine: &mut dyn Engine, desk: &mut Desk, commands: &Receiver<Command>) {
    // With their numbers, in the order in which they began.
    let mut active: Vec<(u64, Box<dyn Job>)> = Vec::new();
    let mut begun = 0;
    let mut looks = 0;
    loop {
        let command = if active.is_empty() {
            commands.recv_timeout(LOOK_EVERY)
        } else if active
            .first()
            .is_some_and(|(first, _)| begun - first >= AT_ONCE)
        {
            Err(RecvTimeoutError::Timeout)
        } else {
            commands.try_recv().map_err(|_| RecvTimeoutError::Timeout)
        };
        let mut has_moved = command.is_ok();
        begun += u64::from(has_moved);
        match command {
            Ok(Command::Do(job)) => active.push((begun, job)),
            Ok(Command::Leave) => active.push((begun, Box::new(Leave::new()))),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while let Some(message) = engine.receive(desk) {
            has_moved = true;
            desk.arrived(message);
        }
        let mut has_left = false;
        let mut net = Net {
            engine: &mut *engine,
            desk: &mut *desk,
        };
        active.retain_mut(|(_, job)| match job.advance(&mut net) {
            Ok(done) => {
                has_moved |= done;
                has_left |= done && job.is_last();
                !done
            }
            Err(error) => {
                let (rank, reason) = (net.desk.shared.rank, error.to_string());
                net.desk.shared.fail(Failure { rank, reason });
                false
            }
        });
        if active.is_empty() {
            desk.end_wait();
        }
        let has_failed = desk.shared.failure().is_some();
        for (to, bytes) in desk.due() {
            engine.send(to, Tag::CONTROL, &bytes, desk);
        }
        if has_left || has_failed {
            return;
        }
        looks = if has_moved { 0 } else { looks + 1 };
        if !active.is_empty() {
            desk.rest(looks);
        }
    }
}
