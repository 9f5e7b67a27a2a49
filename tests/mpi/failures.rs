//! Ranks that fail: the job ends in time and names the rank, the last checkpoint is whole, and the
//! resumed run has the bits of an undisturbed one.

use crate::bits::{check, single};
use crate::job::{Ended, Job, signal};
use crate::{fit, worker};
use anyhow::{Context, Result, ensure};
use cotangent::prelude::*;
use cotangent::state::StateDict;
use cotangent::train::Checkpoints;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The folders of a test of failures, and the outcome of an undisturbed run.
struct Disturbed {
    folder: TempDir,
    expected: Vec<u8>,
}

const EPOCHS: u64 = 5;

impl Disturbed {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let outcome = fit::run(&single()?, &folder.path().join("whole"), EPOCHS)?;
        let expected = worker::written(&outcome);
        Ok(Self { folder, expected })
    }

    /// Returns the folder of the checkpoints.
    fn checkpoints(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Starts a run from the first step.
    fn start(&self, ranks: usize, fault: &str, at: usize) -> Result<Job> {
        if self.checkpoints().exists() {
            for file in fs::read_dir(self.checkpoints())? {
                fs::remove_file(file?.path())?;
            }
        }
        self.job(ranks, fault, at)
    }

    fn job(&self, ranks: usize, fault: &str, at: usize) -> Result<Job> {
        let (checkpoints, epochs) = (self.checkpoints().display().to_string(), EPOCHS.to_string());
        let arguments = ["fit", &checkpoints, &epochs, fault, &at.to_string()];
        Job::start(ranks, self.folder.path(), &arguments)
    }

    /// Checks that there is a checkpoint, and that the newest one is whole.
    fn has_whole_checkpoint(&self) -> Result<()> {
        let newest = Checkpoints::newest(self.checkpoints())?.context("no checkpoint")?;
        StateDict::from_bytes(&fs::read(newest)?)?;
        Ok(())
    }

    /// Resumes the run on another number of ranks.
    fn resume(&self, ranks: usize) -> Result<()> {
        self.job(ranks, "none", 0)?.succeeded()?;
        check(self.folder.path(), ranks, &self.expected)
    }
}

/// Checks that what a person sees has these words.
fn says(ended: &Ended, words: &[&str]) -> Result<()> {
    for word in words {
        ensure!(
            ended.stderr.contains(word),
            "expected `{word}`, found: {}",
            ended.stderr
        );
    }
    Ok(())
}

/// A rank returns an error, panics, exits, aborts or sleeps for ever.
pub fn planted() -> Result<()> {
    let run = Disturbed::new()?;
    let cases: [(&str, usize, &[&str]); 5] = [
        ("error", 4, &["rank 1 of 4: ", "the data are gone"]),
        ("panic", 2, &["a planted panic", "rank 1"]),
        ("exit", 2, &["rank 1"]),
        ("abort", 2, &["rank 1", "signal 6"]),
        (
            "sleep",
            4,
            &["rank 1 of 4: it has taken part in no exchange for 4."],
        ),
    ];
    for (fault, ranks, words) in cases {
        let context = || format!("{fault} on {ranks} ranks");
        let ended = run.start(ranks, fault, 1)?.failed().with_context(context)?;
        says(&ended, words).with_context(context)?;
        run.has_whole_checkpoint().with_context(context)?;
        run.resume(1).with_context(context)?;
    }
    Ok(())
}

/// Random ranks get a signal at random moments, from before the start of MPI on.
pub fn killed(name: &str, moments: usize) -> Result<()> {
    // Of a rank that hangs while MPI starts, the others cannot know which it is.
    let (kind, other) = match name {
        "STOP" => ("hang", "`Ranks` have not started for 4.0 s"),
        _ => ("slow", "on signal 9"),
    };
    let run = Disturbed::new()?;
    let mut job = run.start(2, "slow", 0)?;
    job.processes()?;
    let started = Instant::now();
    job.succeeded()?;
    let whole = started.elapsed();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut done = 0;
    while done < moments {
        let ranks = [2, 4][rng.random_range(0..2)];
        let rank = rng.random_range(0..ranks);
        let moment = whole.mul_f64(rng.random_range(0.0..1.0));
        let mut job = run.start(ranks, kind, 0)?;
        let processes = job.processes()?;
        sleep(moment);
        if !job.is_running()? || signal(name, processes[rank]).is_err() {
            continue; // It has ended earlier than the first run.
        }
        let context = || format!("{name} of rank {rank} of {ranks} after {moment:?}");
        let at = Instant::now();
        let ended = job.failed().with_context(context)?;
        println!("{}: ended after {:.1?}", context(), at.elapsed());
        if !ended.stderr.contains(other) {
            says(&ended, &[&format!("rank {rank}")]).with_context(context)?;
        }
        run.resume([4, 1, 2][done % 3]).with_context(context)?;
        done += 1;
    }
    Ok(())
}

/// Ranks are stopped that exchange long messages.
pub fn stopped(moments: usize) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for moment in 0..moments {
        let folder = tempfile::tempdir()?;
        let ranks = [2, 4][moment % 2];
        let rank = rng.random_range(0..ranks);
        let mut job = Job::start(ranks, folder.path(), &["endless"])?;
        let processes = job.processes()?;
        sleep(Duration::from_secs_f64(rng.random_range(1.0..2.0)));
        signal("STOP", processes[rank])?;
        let ended = job.failed()?;
        says(
            &ended,
            &[&format!(
                "rank {rank} of {ranks}: it has not answered for 4.0 s"
            )],
        )?;
    }
    Ok(())
}

/// A rank sleeps for ever before it takes part.
pub fn absent() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ended = Job::start(2, folder.path(), &["absent"])?.failed()?;
    says(
        &ended,
        &["`Ranks` have not started for 4.0 s: at least one of the other processes"],
    )
}

/// The ranks have different models.
pub fn models_differ() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ended = Job::start(2, folder.path(), &["models"])?.failed()?;
    says(
        &ended,
        &["rank 1 of 2: Ranks::agree: the parameters differ from those of rank 0"],
    )
}

/// A file system of a few MiB in memory.
struct Disk<'a>(&'a Path);

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

/// The disk of rank 0 becomes full.
pub fn full_disk() -> Result<()> {
    let run = Disturbed::new()?;
    let folder = run.checkpoints();
    fs::create_dir(&folder)?;
    let mount = ["-t", "tmpfs", "-o", "size=8m", "tmpfs"];
    let status = Command::new("mount").args(mount).arg(&folder).status();
    if !status.is_ok_and(|status| status.success()) {
        println!("the_disk_is_full: skipped, since it must mount a file system as root");
        return Ok(());
    }
    let _disk = Disk(&folder);
    let ended = run.start(2, "fill", 0)?.failed()?;
    says(&ended, &["rank 0 of 2: ", "No space left on device"])?;
    run.has_whole_checkpoint()?;
    fs::remove_file(folder.join("filler"))?;
    run.resume(4)
}
