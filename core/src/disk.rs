//! Reads whole files, and replaces files whole or not at all.

use crate::error::{Error, Result};
use std::fs::{File, FileType, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    read(path).map_err(|error| Error::io(path, error))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    if is_endless(file.metadata()?.file_type()) {
        let reason = "expected a file to read, found a device, which may have no end";
        return Err(io::Error::new(ErrorKind::InvalidInput, reason));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns whether a file may have no end, as `/dev/zero`. Block devices and pipes have one.
#[cfg(unix)]
fn is_endless(found: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    found.is_char_device()
}

#[cfg(not(unix))]
fn is_endless(_: FileType) -> bool {
    false
}

/// Replaces the file `path` only after all of the new one is on the disk.
///
/// Writes the bytes to a temporary file in the same folder, syncs it, renames it, and syncs the
/// folder. If the process is killed, the file is the old one or the new one, never a part.
///
/// - **Links.** If `path` is a symbolic link, its target is replaced or created, and the link
///   stays. Other hard links to the old file keep the old contents.
/// - **Owner and permissions.** The new file belongs to the user who saves it and has the
///   permissions of the old one. The folder must be writable, but not the old file.
/// - **Temporary files.** A process that is killed while it saves leaves its temporary file. The
///   name is `.BOOT-MACHINE+PROCESS-TIME-NUMBER.saving`, with numbers in place of the words. The
///   file is locked while its process lives. On Linux, a later save in the same folder deletes
///   unlocked temporary files of the same machine. Those from before the last boot, or from a
///   container with another name, are deleted only if nothing was written to them for an hour.
///   Files of other machines that share the folder are kept. On other systems all are kept.
///
/// # Errors
/// [`Error::Io`] if `path` is not a regular file (but a folder, FIFO, socket or device), or if
/// writing fails. The old file is unchanged then, unless only the folder could not be synced.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes).map_err(|error| Error::io(path, error))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = target(path)?;
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // The lock is released when the file is closed, after it is renamed.
    let (mut file, temporary) = create_in(folder).map_err(|error| {
        if error.kind() == ErrorKind::NotFound && !folder.exists() {
            let reason = format!("the folder `{}` does not exist", folder.display());
            return io::Error::new(ErrorKind::NotFound, reason);
        }
        error
    })?;
    // Before writing, because the disk may be full of them.
    remove_left_over(folder, &file);
    let mut write = || {
        // First, because a private file must not be readable while it is written.
        if let Ok(old) = std::fs::metadata(&target) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &target)
    };
    write().inspect_err(|_| {
        // An error of removing the rest of a failed save would only hide the first error.
        let _ = std::fs::remove_file(&temporary);
    })?;
    sync_folder(folder)
}

/// Follows symbolic links from `path` to a file, which need not exist yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    match std::fs::metadata(path) {
        Ok(old) if !old.is_file() => return Err(not_a_file(old.file_type())),
        // Other errors, such as a circle of links, are returned later.
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut target = path.to_owned();
    while let Ok(link) = std::fs::read_link(&target) {
        target.pop();
        target.push(link);
    }
    if target.file_name().is_none() {
        return Err(ErrorKind::IsADirectory.into());
    }
    Ok(target)
}

fn not_a_file(found: FileType) -> io::Error {
    if found.is_dir() {
        return ErrorKind::IsADirectory.into();
    }
    let kind = special(found).unwrap_or("no regular file");
    let reason = format!("expected a file to replace, found {kind}");
    io::Error::new(ErrorKind::InvalidInput, reason)
}

#[cfg(unix)]
fn special(found: FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    [
        (found.is_fifo(), "a FIFO"),
        (found.is_socket(), "a socket"),
        (
            found.is_block_device() || found.is_char_device(),
            "a device",
        ),
    ]
    .into_iter()
    .find_map(|(is, name)| is.then_some(name))
}

#[cfg(not(unix))]
fn special(_: FileType) -> Option<&'static str> {
    None
}

/// Syncs a folder, so that a rename in it survives a crash of the system.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    // A folder may be writable but not readable.
    let Ok(folder) = File::open(folder) else {
        return Ok(());
    };
    match folder.sync_all() {
        // Some file systems cannot sync folders.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

/// The extension of temporary files.
const EXTENSION: &str = ".saving";

/// A file that was not written for this time belongs to no live process, even if its lock cannot be
/// seen from this system.
const ABANDONED: Duration = Duration::from_hours(1);

/// The system of this process, as in the names of temporary files.
#[derive(PartialEq)]
struct Origin {
    /// A hash that changes with every boot.
    boot: String,
    /// A hash of the name and identity of the machine, which do not change.
    machine: String,
}

impl Origin {
    /// Returns `None` if the system does not say.
    fn here() -> Option<&'static Self> {
        static HERE: LazyLock<Option<Origin>> = LazyLock::new(|| {
            let read = |path| std::fs::read_to_string(path).ok();
            let hash = |text: &str| {
                let mut hasher = DefaultHasher::new();
                text.hash(&mut hasher);
                format!("{:016x}", hasher.finish())
            };
            let name = read("/proc/sys/kernel/hostname")?;
            let id = read("/etc/machine-id").unwrap_or_default();
            Some(Origin {
                boot: hash(&read("/proc/sys/kernel/random/boot_id")?),
                machine: hash(&(name + &id)),
            })
        });
        HERE.as_ref()
    }

    /// Parses the system and process from the name of a temporary file.
    fn of(name: &str) -> Option<Self> {
        let (origin, _) = name
            .strip_prefix('.')?
            .strip_suffix(EXTENSION)?
            .split_once('+')?;
        let (boot, machine) = origin.split_once('-')?;
        Some(Self {
            boot: boot.to_owned(),
            machine: machine.to_owned(),
        })
    }

    /// Returns a name that no other temporary file has.
    fn new_name() -> String {
        static SAVES: AtomicU64 = AtomicU64::new(0);
        let origin = Self::here().map_or_else(
            || "unknown".to_owned(),
            |here| format!("{}-{}", here.boot, here.machine),
        );
        let process = std::process::id();
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let time = time.unwrap_or_default().as_nanos() as u64;
        let save = SAVES.fetch_add(1, Relaxed);
        format!(".{origin}+{process}-{time:x}-{save}{EXTENSION}")
    }
}

/// Creates and locks a temporary file in a folder, and returns it with its path.
fn create_in(folder: &Path) -> io::Result<(File, PathBuf)> {
    loop {
        let temporary = folder.join(Origin::new_name());
        let file = match File::create_new(&temporary) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            result => result?,
        };
        // Another process may have removed the file before it was locked.
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            Ok(()) if !temporary.exists() => {}
            // Without locks no process removes it.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok((file, temporary)),
        }
    }
}

/// Removes temporary files of dead processes of this machine. `new` is the file just created there.
fn remove_left_over(folder: &Path, new: &File) {
    let (Some(here), Ok(entries)) = (Origin::here(), std::fs::read_dir(folder)) else {
        return;
    };
    for entry in entries.flatten() {
        // Opening a FIFO would block.
        if let Some(origin) = entry.file_name().to_str().and_then(Origin::of)
            && (origin.boot == here.boot || origin.machine == here.machine)
            && entry.file_type().is_ok_and(|kind| kind.is_file())
        {
            // A file that cannot be removed does not make the save fail.
            let _ = remove_if_left_over(&entry.path(), origin == *here, new);
        }
    }
}

fn remove_if_left_over(path: &Path, locks_are_seen: bool, new: &File) -> io::Result<()> {
    // On network folders an exclusive lock needs a file opened for writing.
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .or_else(|_| File::open(path))?;
    file.try_lock()?;
    // Both times are from the clock of the file system.
    let now = new.metadata()?.modified()?;
    let age = now.duration_since(file.metadata()?.modified()?);
    if locks_are_seen || age.unwrap_or_default() >= ABANDONED {
        std::fs::remove_file(path)?;
    }
    Ok(())
}
