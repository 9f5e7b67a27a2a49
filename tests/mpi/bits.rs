//! The same bits on any number of processes, and after stops.

use crate::job::Job;
use crate::{fit, worker};
use anyhow::{Result, ensure};
use cotangent::parallel::Ranks;
use std::fs;
use std::path::Path;

/// Returns the one process that all jobs are compared with.
pub fn single() -> Result<Ranks> {
    Ok(Ranks::builder().shards(8).single()?)
}

/// Checks that all ranks of the last job in a folder have these bytes.
pub fn check(folder: &Path, ranks: usize, expected: &[u8]) -> Result<()> {
    for rank in 0..ranks {
        let found = fs::read(folder.join(format!("{rank}.outcome")))?;
        ensure!(found == expected, "rank {rank} of {ranks} differs");
    }
    Ok(())
}

/// Trains all kinds of nets on these numbers of ranks.
pub fn nets(counts: &[usize]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let expected = worker::nets(&single()?)?;
    for &count in counts {
        Job::start(count, folder.path(), &["nets"])?.succeeded()?;
        check(folder.path(), count, &expected)?;
    }
    Ok(())
}

/// Trains an epoch on each of these numbers of ranks in turn, each in a job of its own.
pub fn stops(counts: &[usize]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let expected = fit::run(&single()?, &path("whole"), counts.len() as u64)?;
    let stopped = path("stopped").display().to_string();
    for (epoch, &count) in counts.iter().enumerate() {
        let epochs = (epoch + 1).to_string();
        let arguments = ["fit", &stopped, &epochs, "none", "0"];
        Job::start(count, folder.path(), &arguments)?.succeeded()?;
    }
    check(
        folder.path(),
        counts[counts.len() - 1],
        &worker::written(&expected),
    )?;
    let history = |name: &str| fs::read_to_string(path(name).join("history.csv"));
    ensure!(
        history("stopped")? == history("whole")?,
        "the CSV files differ"
    );
    Ok(())
}
