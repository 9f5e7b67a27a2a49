//! The checkpoints of a run: when they are saved, and which are kept.

use crate::best::Best;
#[cfg(feature = "parallel")]
use cotangent_core::state::StateDict;
use cotangent_core::state::{Stateful, load_checkpoint, save_checkpoint};
use cotangent_core::{Error, Result, replace_file};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The checkpoints of a run, in a folder of their own.
///
/// A checkpoint has everything that a run needs to continue to the same bits: the task with its
/// optimizer, the random numbers, the place in the epoch, the running metrics, the history, the
/// best epoch and the states of the logs. The file `checkpoint-STEPS.safetensors` is named after
/// the number of steps, and replaced whole or not at all. If the run looks for a best epoch, its
/// weights are in `best.safetensors`, which
/// [`load`](cotangent_core::ModuleExt::load) reads into the model of a
/// [`Supervised`](crate::Supervised) task.
///
/// ```
/// use cotangent::train::Checkpoints;
/// use std::time::Duration;
/// let checkpoints = Checkpoints::new("target/run").every(Duration::from_secs(600)).keep(5);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Checkpoints {
    folder: PathBuf,
    every_steps: Option<u64>,
    every: Option<Duration>,
    keep: usize,
    last: Option<Instant>,
    /// Whether one was due after a step at which the run could not be saved.
    is_overdue: bool,
}

/// The file with the weights of the best epoch.
const BEST: &str = "best.safetensors";

impl Checkpoints {
    /// Creates the settings of checkpoints in a folder, which is created when it is needed: one
    /// after each epoch, of which the newest three are kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every_steps: None,
            every: None,
            keep: 3,
            last: None,
            is_overdue: false,
        }
    }

    /// Saves one after every `steps` steps too, with `steps` at least 1.
    pub fn every_steps(mut self, steps: u64) -> Self {
        self.every_steps = Some(steps);
        self
    }

    /// Saves one after a step too if the last one is so long ago.
    pub fn every(mut self, duration: Duration) -> Self {
        self.every = Some(duration);
        self
    }

    /// Sets how many are kept, at least 1. Older ones are deleted.
    pub fn keep(mut self, count: usize) -> Self {
        self.keep = count;
        self
    }

    /// Returns the newest checkpoint in a folder; none if there is none or no such folder.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be read.
    pub fn newest(folder: impl AsRef<Path>) -> Result<Option<PathBuf>> {
        Ok(numbered(folder.as_ref())?.pop().map(|(_, path)| path))
    }

    /// Returns an error if an option is out of range.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |reason: &str| Err(Error::argument("Checkpoints", reason));
        match (self.every_steps, self.every, self.keep) {
            (Some(0), ..) => wrong("every_steps must be at least 1, found 0"),
            (_, Some(Duration::ZERO), _) => wrong("every must be above 0 seconds, found 0"),
            (.., 0) => wrong("keep must be at least 1, found 0"),
            _ => Ok(()),
        }
    }

    /// Returns whether a checkpoint is to be saved after this many steps: if one is due, and the
    /// run does not wait for later batches.
    pub(crate) fn are_due(&mut self, steps: u64, waits: bool) -> bool {
        let by_steps = self
            .every_steps
            .is_some_and(|every| steps.is_multiple_of(every));
        let by_time = self.every.is_some_and(|every| {
            let last = self.last.get_or_insert_with(Instant::now);
            last.elapsed() >= every
        });
        let is_due = by_steps || by_time || self.is_overdue;
        self.is_overdue = is_due && waits;
        is_due && !waits
    }

    /// Saves a checkpoint, and deletes those that are not kept.
    pub(crate) fn save(&mut self, steps: u64, parts: &[(&str, &dyn Stateful)]) -> Result<()> {
        fs::create_dir_all(&self.folder).map_err(|error| Error::io(&self.folder, error))?;
        let name = format!("checkpoint-{steps:010}.safetensors");
        save_checkpoint(self.folder.join(name), parts)?;
        self.last = Some(Instant::now());
        for (_, path) in numbered(&self.folder)?.iter().rev().skip(self.keep) {
            fs::remove_file(path).map_err(|error| Error::io(path, error))?;
        }
        Ok(())
    }

    /// Saves the weights of the best epoch.
    pub(crate) fn save_best(&self, best: &Best) -> Result<()> {
        let Some(weights) = best.weights() else {
            return Ok(());
        };
        fs::create_dir_all(&self.folder).map_err(|error| Error::io(&self.folder, error))?;
        replace_file(&self.folder.join(BEST), &weights.to_bytes()?)
    }

    /// Loads the newest checkpoint, and returns whether there is one.
    pub(crate) fn load(&self, parts: &mut [(&str, &mut dyn Stateful)]) -> Result<bool> {
        let Some(path) = Self::newest(&self.folder)? else {
            return Ok(false);
        };
        load_checkpoint(path, parts)?;
        Ok(true)
    }

    /// Reads the newest checkpoint, and returns its bytes; none if there is none.
    #[cfg(feature = "parallel")]
    pub(crate) fn newest_bytes(&self) -> Result<Option<Vec<u8>>> {
        let Some(path) = Self::newest(&self.folder)? else {
            return Ok(None);
        };
        fs::read(&path)
            .map(Some)
            .map_err(|error| Error::io(&path, error))
    }

    /// Loads a checkpoint that another process may have read, and returns whether there is one.
    #[cfg(feature = "parallel")]
    pub(crate) fn load_bytes(
        bytes: &[u8],
        parts: &mut [(&str, &mut dyn Stateful)],
        with_logs: bool,
    ) -> Result<bool> {
        if bytes.is_empty() {
            return Ok(false);
        }
        let mut state = StateDict::from_bytes(bytes)?;
        if !with_logs {
            let mut others = StateDict::new();
            for (name, entry) in state.iter().filter(|(name, _)| !name.starts_with("logs.")) {
                others.insert(name, entry.clone());
            }
            state = others;
        }
        cotangent_core::state::load_parts(&state, parts)?;
        Ok(true)
    }

    /// Returns an error if the folder has checkpoints, which must be those of another run.
    pub(crate) fn expect_none(&self) -> Result<()> {
        let Some(path) = Self::newest(&self.folder)? else {
            return Ok(());
        };
        let reason = format!(
            "`{}` is of another run: continue it with `resume`, or choose another folder",
            path.display()
        );
        Err(Error::argument("Checkpoints", reason))
    }
}

/// Returns the checkpoints in a folder and their numbers of steps, in ascending order.
fn numbered(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let in_folder = |error| Error::io(folder, error);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(in_folder)? {
        let path = entry.map_err(in_folder)?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let number = name.strip_prefix("checkpoint-");
        let number = number.and_then(|rest| rest.strip_suffix(".safetensors"));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            all.push((number, path));
        }
    }
    all.sort();
    Ok(all)
}
