//! A file that grows with a run: lines are appended, and a resumed run cuts off what its checkpoint
//! does not know of.

use cotangent_core::state::{Entry, StateDict};
use cotangent_core::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// An appended file. Every write reaches the system at once, so that a killed process loses none.
#[derive(Debug)]
pub(super) struct Appended {
    path: PathBuf,
    file: Option<File>,
    /// The number of bytes written, also by the runs that this one resumes.
    written: u64,
}

impl Appended {
    /// Refers to a file, which is opened by the first write.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            file: None,
            written: 0,
        }
    }

    /// Returns whether nothing was written yet, by this run or one that it resumes.
    #[cfg(feature = "tensorboard")]
    pub fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// Begins the file anew at the next write.
    pub fn clear(&mut self) {
        self.file = None;
        self.written = 0;
    }

    /// Cuts off what is beyond the bytes written. A run that is resumed does so at its start, since
    /// the next write may come late or never.
    pub fn cut(&mut self) -> Result<()> {
        self.append(&[])
    }

    /// Appends the bytes, all or none of them if the system can.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let appended = self.try_append(bytes);
        appended.map_err(|error| Error::io(&self.path, error))
    }

    fn try_append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(open(&self.path, self.written)?);
        }
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        if let Err(error) = file.write_all(bytes) {
            // A part of a line, as when the disk is full, would run into the next one.
            let _ = cut(file, self.written);
            return Err(error);
        }
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Returns the state, after the file is on the disk: a checkpoint must not know of more than a
    /// crash of the system leaves.
    pub fn state(&self) -> Result<StateDict> {
        if let Some(file) = &self.file {
            match file.sync_data() {
                // A pipe or a terminal.
                Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
                synced => synced.map_err(|error| Error::io(&self.path, error)),
            }?;
        }
        let mut state = StateDict::new();
        state.insert("written", Entry::Count(self.written));
        Ok(state)
    }

    pub fn load_state(&mut self, state: &StateDict) -> Result<()> {
        self.written = state.count("written")?;
        // The next write cuts the file there.
        self.file = None;
        Ok(())
    }
}

/// Opens a file, with its folders, and keeps its first `len` bytes.
fn open(path: &Path, len: u64) -> io::Result<File> {
    super::create_folder(path)?;
    let mut options = OpenOptions::new();
    let mut file = options
        .create(true)
        .write(true)
        .truncate(false)
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        // A pipe or a terminal has no place to go back to.
        return Ok(file);
    }
    if found.len() < len {
        let reason = format!(
            "the checkpoint knows of {len} bytes of this log, found {}; put the file back, or log \
             to another one",
            found.len()
        );
        return Err(io::Error::new(ErrorKind::UnexpectedEof, reason));
    }
    cut(&mut file, len)?;
    Ok(file)
}

fn cut(file: &mut File, len: u64) -> io::Result<()> {
    file.set_len(len)?;
    file.seek(SeekFrom::Start(len)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_file_is_cut_at_the_checkpoint() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("logs/run.csv");
        let mut log = Appended::new(&path);
        log.append(b"one\n")?;
        let state = log.state()?;
        log.append(b"two\n")?;
        let mut resumed = Appended::new(&path);
        resumed.load_state(&state)?;
        resumed.append(b"2\n")?;
        assert_eq!(std::fs::read(&path)?, b"one\n2\n");
        // A new run begins a new file.
        Appended::new(&path).append(b"new\n")?;
        assert_eq!(std::fs::read(&path)?, b"new\n");
        Ok(())
    }

    #[test]
    fn a_file_shorter_than_the_checkpoint_is_an_error() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("run.csv");
        let mut log = Appended::new(&path);
        log.append(b"0123456789")?;
        let state = log.state()?;
        std::fs::write(&path, b"0123")?;
        let mut resumed = Appended::new(&path);
        resumed.load_state(&state)?;
        let error = resumed.append(b"4").expect_err("an error");
        assert!(
            error.to_string().contains("10 bytes of this log, found 4"),
            "{error}"
        );
        assert_eq!(std::fs::read(&path)?, b"0123");
        Ok(())
    }

    #[test]
    fn paths_that_cannot_be_written_are_errors() -> Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("file"), b"")?;
        for path in ["", "file/log"] {
            let refused = Appended::new(folder.path().join(path)).append(b"x");
            assert!(matches!(refused, Err(Error::Io { .. })), "{path}");
        }
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let error = Appended::new("/dev/full")
            .append(b"x")
            .expect_err("an error");
        assert!(matches!(error, Error::Io { .. }) && error.to_string().starts_with("/dev/full: "));
    }
}
