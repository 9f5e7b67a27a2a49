//! The terminal while it shows the dashboard, and its way back.

use crate::interrupt::BEFORE_EXIT;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use std::io::{self, stderr};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Once, PoisonError};

/// Whether the terminal shows a dashboard.
static ACTIVE: AtomicBool = AtomicBool::new(false);

/// Switches to an empty screen, without a cursor and without the echo of keys. [`leave`] runs when
/// the process panics, or ends by Ctrl-C.
pub(super) fn enter() -> io::Result<()> {
    static HOOKS: Once = Once::new();
    HOOKS.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // Before the message, which the other screen would hide.
            leave();
            hook(info);
        }));
        *BEFORE_EXIT.lock().unwrap_or_else(PoisonError::into_inner) = Some(leave);
    });
    enable_raw_mode()?;
    ACTIVE.store(true, SeqCst);
    execute!(stderr(), EnterAlternateScreen, Hide).inspect_err(|_| leave())
}

/// Leaves the terminal as it was before [`enter`].
pub(super) fn leave() {
    if ACTIVE.swap(false, SeqCst) {
        let _ = disable_raw_mode();
        let _ = execute!(stderr(), LeaveAlternateScreen, Show);
    }
}

pub(super) fn is_active() -> bool {
    ACTIVE.load(SeqCst)
}
