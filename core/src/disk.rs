//! Files that are read whole, and replaced whole or not at all.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file that takes the name `path` only when all of it is on the disk.
///
/// A process that dies on the way leaves its temporary file behind, `.NAME.PROCESS-NUMBER.saving`
/// beside `NAME`. Nobody reads it, and later saves go around it.
///
/// # Errors
/// [`Error::Io`] if writing fails; the old file is as it was then.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let (mut file, temporary) = create_beside(path)?;
    let mut write = || {
        // First, for what the old file hides must not be readable while it is written.
        if let Ok(old) = std::fs::metadata(path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        // What is left of a failed save is no use to anyone; that it could not be removed either
        // would only hide the first error.
        let _ = std::fs::remove_file(&temporary);
    })
}

/// A new file in the folder of `path`, and its path.
fn create_beside(path: &Path) -> std::io::Result<(File, PathBuf)> {
    static SAVES: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or(std::io::ErrorKind::IsADirectory)?;
    loop {
        let mut temporary = std::ffi::OsString::from(".");
        temporary.push(name);
        temporary.push(format!(
            ".{}-{}.saving",
            std::process::id(),
            SAVES.fetch_add(1, Relaxed)
        ));
        let temporary = path.with_file_name(temporary);
        match File::create_new(&temporary) {
            // Left behind by a process that died and had the same number: in a container every
            // process may be number 1.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(file) => return Ok((file, temporary)),
        }
    }
}
