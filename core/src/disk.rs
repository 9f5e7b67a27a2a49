//! Files that are read whole, and replaced whole or not at all.

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

/// Whether it may be like `/dev/zero`. Block devices and pipes have an end.
#[cfg(unix)]
fn is_endless(found: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    found.is_char_device()
}

#[cfg(not(unix))]
fn is_endless(_: FileType) -> bool {
    false
}

/// Writes a file that takes the name `path` only when all of it is on the disk.
///
/// The bytes go to a temporary file in the same folder, which is synced and renamed, and then the
/// folder is synced. So a process that is killed leaves the old file or the new one, never parts.
///
/// - **Links.** If `path` is a symbolic link, the file that it leads to is replaced or created, and
///   the link stays. Other hard links to the old file keep the old contents.
/// - **Owner and permissions.** The new file belongs to the user who saves and has the permissions
///   of the old one. The old file need not be writable, but the folder must be.
/// - **Left-over files.** A process that is killed while it saves leaves its temporary file behind.
///   It is called `.BOOT-MACHINE+PROCESS-TIME-NUMBER.saving`, with numbers for the words, and
///   locked while its process lives. On Linux a later save in the same folder deletes those of this
///   machine that are no longer locked. If they were made before its last boot, or in a container
///   of another name, nothing must have been written to them for an hour. Files of other machines,
///   which may share the folder, are never touched; elsewhere than on Linux, none are.
///
/// # Errors
/// [`Error::Io`] if `path` is something else than a regular file (a folder, a FIFO, a socket, a
/// device), or if writing fails. The old file is as it was then, unless it was only the folder that
/// could not be synced.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, bytes).map_err(|error| Error::io(path, error))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = target(path)?;
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // It is locked until it is closed, when it has its new name.
    let (mut file, temporary) = create_in(folder)?;
    // Before anything is written: the disk may be full of them.
    remove_left_over(folder, &file);
    let mut write = || {
        // First, for what the old file hides must not be readable while it is written.
        if let Ok(old) = std::fs::metadata(&target) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &target)
    };
    write().inspect_err(|_| {
        // What is left of a failed save is no use to anyone; that it could not be removed either
        // would only hide the first error.
        let _ = std::fs::remove_file(&temporary);
    })?;
    sync_folder(folder)
}

/// The file that `path` leads to through symbolic links, which need not exist yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    match std::fs::metadata(path) {
        Ok(old) if !old.is_file() => return Err(not_a_file(old.file_type())),
        // Other errors, such as that of links in a circle, are for the caller.
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

/// Until then a crash of the system may bring the old file back.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    // A folder may be writable and not readable.
    let Ok(folder) = File::open(folder) else {
        return Ok(());
    };
    match folder.sync_all() {
        // Not every file system can do it.
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

/// The end of the name of every temporary file.
const EXTENSION: &str = ".saving";

/// Files that nothing has been written to for so long are of no live process, even if its locks
/// cannot be seen from here.
const ABANDONED: Duration = Duration::from_hours(1);

/// The system that this process runs on, as its temporary files name it.
#[derive(PartialEq)]
struct Origin {
    /// A new number each time that the machine is started.
    boot: String,
    /// Its name and identity, which stay.
    machine: String,
}

impl Origin {
    /// None if it cannot be told.
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

    /// That of the process which made a temporary file, by the file's name.
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

    /// A name that no other temporary file ever has.
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

/// A new file in a folder, locked, and its path.
fn create_in(folder: &Path) -> io::Result<(File, PathBuf)> {
    loop {
        let temporary = folder.join(Origin::new_name());
        let file = match File::create_new(&temporary) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
            result => result?,
        };
        // Another process that saves here may have taken it for left over before it was locked.
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            Ok(()) if !temporary.exists() => {}
            // Where there are no locks, nobody removes it.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok((file, temporary)),
        }
    }
}

/// Removes the temporary files of this machine's dead processes; `new` is a file just created
/// there.
fn remove_left_over(folder: &Path, new: &File) {
    let (Some(here), Ok(entries)) = (Origin::here(), std::fs::read_dir(folder)) else {
        return;
    };
    for entry in entries.flatten() {
        // A FIFO would keep who opens it waiting.
        if let Some(origin) = entry.file_name().to_str().and_then(Origin::of)
            && (origin.boot == here.boot || origin.machine == here.machine)
            && entry.file_type().is_ok_and(|kind| kind.is_file())
        {
            // What cannot be removed is no matter of the save.
            let _ = remove_if_left_over(&entry.path(), origin == *here, new);
        }
    }
}

fn remove_if_left_over(path: &Path, locks_are_seen: bool, new: &File) -> io::Result<()> {
    // Exclusive locks on network folders need a file that is open for writing.
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .or_else(|_| File::open(path))?;
    file.try_lock()?;
    // Both times are by the clock of the file system.
    let now = new.metadata()?.modified()?;
    let age = now.duration_since(file.metadata()?.modified()?);
    if locks_are_seen || age.unwrap_or_default() >= ABANDONED {
        std::fs::remove_file(path)?;
    }
    Ok(())
}
