//! Ctrl-C: the first one ends a run after the current step, the second one ends the process. A
//! request of the system to end, by SIGTERM or SIGHUP, counts as Ctrl-C.

use cotangent_core::{Error, Result};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Whether Ctrl-C was pressed since the first of the present runs began.
static PRESSED: AtomicBool = AtomicBool::new(false);
/// The number of runs that end at Ctrl-C.
static LISTENING: AtomicUsize = AtomicUsize::new(0);
/// Whether the handler is installed. A process has one.
static INSTALLED: Mutex<bool> = Mutex::new(false);
/// Called before the process ends, to leave the terminal as it was.
pub(crate) static BEFORE_EXIT: Mutex<Option<fn()>> = Mutex::new(None);

/// The exit status of a process that Ctrl-C ended, as shells count it: 128 and the signal's number.
const STATUS: i32 = 130;

/// Ends a run at Ctrl-C, as long as it lives.
#[derive(Debug)]
pub(crate) struct Interrupt {
    pressed: &'static AtomicBool,
}

impl Interrupt {
    /// Installs the handler, if it is not installed yet.
    pub fn listen() -> Result<Self> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if LISTENING.load(Relaxed) == 0 {
            PRESSED.store(false, Relaxed);
        }
        // Before the handler, which ends the process if nobody listens.
        LISTENING.fetch_add(1, Relaxed);
        let interrupt = Self { pressed: &PRESSED };
        if !*installed {
            ctrlc::set_handler(press).map_err(Error::other)?;
            *installed = true;
        }
        Ok(interrupt)
    }

    /// Returns whether Ctrl-C was pressed.
    pub fn is_pressed(&self) -> bool {
        self.pressed.load(Relaxed)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        LISTENING.fetch_sub(1, Relaxed);
    }
}

/// Acts as if Ctrl-C was pressed.
pub(crate) fn press() {
    if LISTENING.load(Relaxed) == 0 || PRESSED.swap(true, Relaxed) {
        let before = *BEFORE_EXIT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = before {
            before();
        }
        std::process::exit(STATUS);
    }
}
