//! A dashboard in the terminal.

mod screen;
mod terminal;

use super::pace::Pace;
use super::progress::Progress;
use crate::interrupt::{Interrupt, press};
use crate::{EpochRecord, Log, RunEnd, RunStart, StepRecord};
use cotangent_core::Result;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use screen::View;
use std::io::{self, BufWriter, IsTerminal, Stderr, stderr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Shows a run on the whole terminal: its progress, the curves of the loss, and the latest values.
/// After the run, the terminal is as before and has a table of the history.
///
/// It draws on the standard error. If this is not a terminal, it prints the lines of
/// [`Progress`] instead. The picture adapts when the window is resized.
///
/// Ctrl-C ends the run after the current step, as `Fit::stop_on_interrupt` does, and a second one
/// ends the process at once. In either case, and if the program panics, the terminal is left whole.
/// Lines that the program prints meanwhile are drawn over.
#[derive(Debug)]
pub struct Dashboard {
    lines: Progress,
    pace: Pace,
    epochs: u64,
    screen: Option<Screen>,
    interrupt: Option<Interrupt>,
    drawn: Option<Instant>,
}

/// The time between two pictures.
const UPDATE: Duration = Duration::from_millis(100);

impl Dashboard {
    /// Creates a dashboard. The run opens it.
    pub fn new() -> Self {
        Self {
            lines: Progress::lines(),
            pace: Pace::new(),
            epochs: 0,
            screen: None,
            interrupt: None,
            drawn: None,
        }
    }

    fn close(&mut self) {
        self.screen = None;
        self.interrupt = None;
    }
}

impl Default for Dashboard {
    fn default() -> Self {
        Self::new()
    }
}

impl Log for Dashboard {
    fn begin(&mut self, start: &RunStart<'_>) -> Result<()> {
        self.lines.begin(start)?;
        self.pace = Pace::of(start);
        self.epochs = start.epochs;
        self.drawn = None;
        if stderr().is_terminal() {
            self.interrupt = Some(Interrupt::listen()?);
            self.screen = Some(Screen::open()?);
        }
        Ok(())
    }

    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        let (Some(screen), Some(interrupt)) = (&self.screen, &self.interrupt) else {
            return Ok(());
        };
        let mut shared = screen.lock();
        let loss = step.values().find(|(name, _)| *name == "loss");
        if let Some((_, loss)) = loss {
            shared.view.loss.push(step.step, loss);
        }
        if interrupt.is_pressed() {
            shared.view.is_stopping = true;
            step.stop();
        } else if self.drawn.is_some_and(|drawn| drawn.elapsed() < UPDATE) {
            return Ok(());
        }
        self.drawn = Some(Instant::now());
        let (epoch, epochs, number) = (step.epoch, self.epochs, step.step);
        let pace = self.pace.text(number);
        shared.view.heading = format!("epoch {epoch}/{epochs}  step {number}  {pace}");
        let share = |steps: u64| number as f64 / steps.max(1) as f64;
        shared.view.done = self.pace.steps.map(share);
        shared.view.values = step.means();
        shared.draw();
        Ok(())
    }

    fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        let Some(screen) = &self.screen else {
            return self.lines.epoch(epoch);
        };
        let mut shared = screen.lock();
        if let Some(loss) = epoch.get("validation_loss") {
            shared.view.validation.push(epoch.step, loss);
        }
        let values = epoch.values();
        shared.view.last = values
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        shared.draw();
        Ok(())
    }

    fn end(&mut self, end: &RunEnd<'_>) -> Result<()> {
        self.close();
        self.lines.end(end)
    }
}

/// The terminal and the thread that reads its keys.
#[derive(Debug)]
struct Screen {
    shared: Arc<Mutex<Shared>>,
    is_open: Arc<AtomicBool>,
    keys: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    view: View,
}

impl Shared {
    /// Draws the view. An error, as of a closed terminal, must not end the run.
    fn draw(&mut self) {
        // Another thread may have panicked, which gives the terminal back.
        if terminal::is_active() {
            let _ = self.terminal.draw(|frame| screen::draw(frame, &self.view));
        }
    }
}

impl Screen {
    fn open() -> io::Result<Self> {
        terminal::enter()?;
        let backend = CrosstermBackend::new(BufWriter::new(stderr()));
        let shared = Terminal::new(backend).map(|terminal| {
            Arc::new(Mutex::new(Shared {
                terminal,
                view: View::default(),
            }))
        });
        let shared = shared.inspect_err(|_| terminal::leave())?;
        let is_open = Arc::new(AtomicBool::new(true));
        let keys = thread::spawn({
            let (shared, is_open) = (Arc::clone(&shared), Arc::clone(&is_open));
            move || watch(&shared, &is_open)
        });
        Ok(Self {
            shared,
            is_open,
            keys: Some(keys),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.is_open.store(false, Relaxed);
        if let Some(keys) = self.keys.take() {
            let _ = keys.join();
        }
        terminal::leave();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for Ctrl-C, which is a key now and no signal, and draws anew when the window is resized.
fn watch(shared: &Mutex<Shared>, is_open: &AtomicBool) {
    while is_open.load(Relaxed) {
        match event::poll(UPDATE).and_then(|is_ready| is_ready.then(event::read).transpose()) {
            Ok(Some(Event::Key(key)))
                if key.code == KeyCode::Char('c')
                    && key.modifiers.contains(KeyModifiers::CONTROL)
                    && key.is_press() =>
            {
                press();
                let mut shared = lock(shared);
                shared.view.is_stopping = true;
                shared.draw();
            }
            Ok(Some(Event::Resize(..))) => lock(shared).draw(),
            Ok(_) => {}
            // A terminal without a keyboard.
            Err(_) => return,
        }
    }
}
