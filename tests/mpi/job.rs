//! MPI jobs that a test starts, watches and ends.

use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a job may take to start and to run without a failure.
const START: Duration = Duration::from_mins(2);
/// How long a job may take to end after a failure. The promise is 10 s.
const END: Duration = Duration::from_secs(15);

/// A running job. Its folder has the output and the numbers of the processes.
pub struct Job {
    child: Child,
    folder: PathBuf,
    ranks: usize,
}

/// A job that has ended.
pub struct Ended {
    pub status: ExitStatus,
    pub stderr: String,
}

impl Job {
    /// Starts this program as the ranks of a job.
    pub fn start(ranks: usize, folder: &Path, arguments: &[&str]) -> Result<Self> {
        fs::create_dir_all(folder)?;
        for file in fs::read_dir(folder)? {
            let file = file?.path();
            if file.extension().is_some_and(|extension| extension == "pid") {
                fs::remove_file(file)?;
            }
        }
        let output = |name: &str| File::create(folder.join(name));
        let child = Command::new("mpirun")
            .args([
                "--oversubscribe",
                "--bind-to",
                "none",
                "-n",
                &ranks.to_string(),
            ])
            .arg(std::env::current_exe()?)
            .arg("--worker")
            .arg(folder)
            .args(arguments)
            // In containers the tests run as root.
            .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
            .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(output("stdout")?)
            .stderr(output("stderr")?)
            .spawn()
            .context("mpirun")?;
        Ok(Self {
            child,
            folder: folder.to_owned(),
            ranks,
        })
    }

    /// Waits for the end of a job, which must come without a failure.
    pub fn succeeded(self) -> Result<()> {
        let ended = self.end(START)?;
        ensure!(
            ended.status.success(),
            "the job has failed: {}",
            ended.stderr
        );
        Ok(())
    }

    /// Returns the numbers of the processes by rank, once all have started.
    pub fn processes(&mut self) -> Result<Vec<u32>> {
        let started = Instant::now();
        loop {
            let number = |rank| {
                let text = fs::read_to_string(self.folder.join(format!("{rank}.pid"))).ok()?;
                text.strip_suffix('\n')?.parse().ok()
            };
            let numbers: Option<Vec<u32>> = (0..self.ranks).map(number).collect();
            if let Some(numbers) = numbers {
                return Ok(numbers);
            }
            if started.elapsed() > START || self.child.try_wait()?.is_some() {
                bail!("the job has not started: {}", self.stderr()?);
            }
            sleep(Duration::from_millis(5));
        }
    }

    /// Returns whether the job runs.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for the end of a job that has just failed, which must come in time. No process may
    /// stay.
    pub fn failed(mut self) -> Result<Ended> {
        let processes = self.processes()?;
        let ended = self.end(END)?;
        ensure!(
            !ended.status.success(),
            "the job has not failed: {}",
            ended.stderr
        );
        for (rank, process) in processes.iter().enumerate() {
            // A process that has been killed needs some time to end.
            let since = Instant::now();
            while is_alive(*process) {
                ensure!(since.elapsed() < END, "rank {rank} still runs");
                sleep(Duration::from_millis(10));
            }
        }
        Ok(ended)
    }

    fn end(mut self, limit: Duration) -> Result<Ended> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                let stderr = self.stderr()?;
                return Ok(Ended { status, stderr });
            }
            if started.elapsed() > limit {
                bail!("the job still runs after {limit:?}: {}", self.stderr()?);
            }
            sleep(Duration::from_millis(10));
        }
    }

    fn stderr(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.folder.join("stderr"))?).into_owned())
    }
}

impl Drop for Job {
    /// Ends what still runs after a failed test.
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_some()) {
            return;
        }
        for rank in 0..self.ranks {
            let file = fs::read_to_string(self.folder.join(format!("{rank}.pid")));
            if let Some(process) = file.ok().and_then(|text| text.trim().parse().ok()) {
                let _ = signal("KILL", process);
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process.
pub fn signal(name: &str, process: u32) -> Result<()> {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &process.to_string()])
        .stderr(Stdio::null())
        .status()
        .context("kill")?;
    ensure!(status.success(), "process {process} is gone");
    Ok(())
}

/// Returns whether a process runs. One whose parent has not read its exit code does not.
fn is_alive(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    !(state.is_empty() || state.starts_with('Z') || state.starts_with('X'))
}
