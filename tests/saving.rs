//! A save that is interrupted at any moment leaves a whole file: the one before, or the new one.

use cotangent::prelude::*;
use cotangent::random::rand::RngExt;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The variable with the path to which the child process saves.
const TARGET: &str = "COTANGENT_TEST_SAVES_TO";

/// 4 MiB of one number, which is also in a counter.
#[derive(Module)]
struct Large {
    weight: Param,
    number: Counter,
}

fn large(number: u64) -> Result<Large> {
    Ok(Large {
        weight: Param::new(&Tensor::full([1024, 1024], number as f64, DType::F32)?),
        number: Counter::new(number),
    })
}

/// Returns the number in a file, after checking that all of the file is from one save.
fn state(path: &Path) -> Result<u64> {
    let mut model = large(u64::from(u16::MAX))?;
    model.load(path)?;
    let number = model.number.get();
    let values = model.weight.value().to_vec::<f32>()?;
    assert!(
        values.iter().all(|x| *x == number as f32),
        "parts of two saves"
    );
    Ok(number)
}

/// Not a test by itself: the process that the tests below kill.
#[test]
fn child_that_saves() -> Result<()> {
    let Some(path) = std::env::var_os(TARGET) else {
        return Ok(());
    };
    for number in state(Path::new(&path))? + 1.. {
        large(number)?.save(&path)?;
        println!("\nsaved {number}");
    }
    Ok(())
}

/// A process that saves to a path in a loop, and prints a number after each save.
struct Saver {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Saver {
    fn start(path: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "child_that_saves", "--nocapture"])
            .env(TARGET, path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child starts");
        let output = child.stdout.take().expect("it is piped");
        let output = BufReader::new(output).lines();
        Self { child, output }
    }

    /// Returns the next number that the process prints, or `None` at the end.
    fn says(&mut self) -> Option<u64> {
        self.output
            .by_ref()
            .find_map(|line| line.ok()?.strip_prefix("saved ")?.parse().ok())
    }

    /// Waits until a random moment during a save, but not the first, and returns the number printed
    /// before.
    fn wait(&mut self, rng: &mut ChaCha8Rng) -> u64 {
        self.says().expect("it saves");
        let start = Instant::now();
        let number = self.says().expect("it saves");
        std::thread::sleep(start.elapsed().mul_f64(rng.random()));
        number
    }

    /// Waits until every thread of the process has stopped: `kill` returns before that.
    #[cfg(target_os = "linux")]
    fn wait_until_stopped(&self) {
        let tasks = format!("/proc/{}/task", self.child.id());
        let is_stopped = |task: &Path| {
            let stat = std::fs::read_to_string(task.join("stat")).expect("the thread lives");
            // The state follows the name, which is in parentheses.
            let (_, state) = stat.rsplit_once(") ").expect("a name and a state");
            state.starts_with('T')
        };
        loop {
            let threads = std::fs::read_dir(&tasks).expect("the process lives");
            if threads
                .map(|task| task.expect("an entry").path())
                .all(|task| is_stopped(&task))
            {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Kills the process at a random moment, and returns the last number printed.
    fn kill(&mut self, rng: &mut ChaCha8Rng) -> u64 {
        let number = self.wait(rng);
        self.child.kill().expect("it runs until it is killed");
        self.child.wait().expect("it is killed");
        std::iter::from_fn(|| self.says()).last().unwrap_or(number)
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A generator with a seed of this process.
fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(u64::from(std::process::id()))
}

/// Returns the names of the files in a folder except `net.safetensors`.
fn others(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).expect("the folder is there");
    let names = files.map(|file| file.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.into_string().expect("plain letters"))
        .collect();
    names.retain(|name| name != "net.safetensors");
    names.sort();
    names
}

/// Returns whether a process has locked a file.
#[cfg(target_os = "linux")]
fn is_locked(path: &Path) -> bool {
    let file = std::fs::File::open(path).expect("it is there");
    matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock))
}

/// Returns the name of the temporary file of a process that was killed while it wrote.
fn left_over(folder: &Path) -> Result<String> {
    let path = folder.join("net.safetensors");
    large(0)?.save(&path)?;
    let mut rng = rng();
    for _ in 0..500 {
        Saver::start(&path).kill(&mut rng);
        if let Some(name) = others(folder).pop() {
            return Ok(name);
        }
    }
    panic!("none was killed while it wrote");
}

#[test]
#[cfg(target_os = "linux")]
fn a_save_that_is_killed_leaves_a_whole_file() -> Result<()> {
    // So many times that some kills are in the middle of a write.
    const KILLS: usize = 25;
    const WHILE_WRITING: usize = 5;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("net.safetensors");
    large(0)?.save(&path)?;
    let mut rng = rng();
    let (mut kills, mut while_writing) = (0, 0);
    while kills < KILLS || while_writing < WHILE_WRITING {
        kills += 1;
        assert!(kills < 20 * KILLS, "hardly one was killed while it wrote");
        let mut saver = Saver::start(&path);
        let last = saver.kill(&mut rng);
        // The process may have been killed between saving and printing.
        let found = state(&path)?;
        assert!(
            found == last || found == last + 1,
            "{found} is in the file, {last} was saved"
        );
        // The temporary file is still there, with the system and process in its name. That of the
        // process before is gone.
        let others = others(folder.path());
        assert!(others.len() <= 1, "{others:?}");
        let process = format!("+{}-", saver.child.id());
        assert!(
            others
                .iter()
                .all(|name| name.contains(&process) && name.ends_with(".saving")),
            "{others:?}"
        );
        while_writing += others.len();
    }
    println!("{while_writing} of {kills} were killed while they wrote");
    large(7)?.save(&path)?;
    assert_eq!(state(&path)?, 7);
    assert_eq!(others(folder.path()), [""; 0]);
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn temporary_files_of_live_processes_are_kept() -> Result<()> {
    let signal = |saver: &Saver, name: &str| {
        let kill = Command::new("sh")
            .args(["-c", &format!("kill {name} {}", saver.child.id())])
            .status();
        assert!(kill.expect("there is such a program").success());
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("net.safetensors");
    large(0)?.save(&path)?;
    let mut saver = Saver::start(&path);
    let mut rng = rng();
    let mut met = 0;
    for number in 1000.. {
        assert!(number < 2000, "it was hardly met while it wrote");
        saver.wait(&mut rng);
        signal(&saver, "-STOP");
        saver.wait_until_stopped();
        // A process that is stopped between creating and locking a file creates another one later.
        let mut locked = others(folder.path());
        locked.retain(|name| is_locked(&folder.path().join(name)));
        for name in ["net.safetensors", "other.safetensors"] {
            large(number)?.save(folder.path().join(name))?;
        }
        std::fs::remove_file(folder.path().join("other.safetensors")).expect("it is there");
        assert_eq!(others(folder.path()), locked);
        signal(&saver, "-CONT");
        met += locked.len();
        if met == 3 {
            break;
        }
    }
    // The process saves as before.
    for _ in 0..20 {
        saver.says().expect("it goes on");
    }
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn only_temporary_files_of_dead_processes_are_removed() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = left_over(folder.path())?;
    let (origin, rest) = name.split_once('+').expect("boot and machine, process");
    let (boot, machine) = origin.split_once('-').expect("boot and machine");
    let elsewhere = "0123456789abcdef";
    let hour = Duration::from_hours(1);
    // Boot, machine, age, and whether the file is kept.
    for (boot, machine, age, stays) in [
        (boot, machine, Duration::ZERO, false),
        (boot, machine, hour * 2, false),
        // From before the last boot.
        (".0123456789abcdef", machine, Duration::ZERO, true),
        (".0123456789abcdef", machine, hour / 2, true),
        (".0123456789abcdef", machine, hour * 2, false),
        // From another container.
        (boot, elsewhere, Duration::ZERO, true),
        (boot, elsewhere, hour * 2, false),
        // From another machine.
        (".0123456789abcdef", elsewhere, Duration::ZERO, true),
        (".0123456789abcdef", elsewhere, hour * 24 * 365, true),
    ] {
        let file = folder.path().join(format!("{boot}-{machine}+{rest}"));
        let handle = std::fs::File::create(&file).expect("the folder is writable");
        let time = std::time::SystemTime::now() - age;
        handle.set_modified(time).expect("the file is ours");
        drop(handle);
        large(1)?.save(folder.path().join("net.safetensors"))?;
        assert_eq!(file.exists(), stays, "{} {age:?}", file.display());
        let _ = std::fs::remove_file(&file);
    }
    // Names of other programs, and a folder.
    let kept = [
        "net.saving",
        ".net.safetensors.12-0.saving",
        &name[1..],
        name.strip_suffix(".saving").expect("as above"),
        &format!("{name}.txt"),
        ".saving",
        ".+.saving",
        ".-+.saving",
    ];
    for kept in kept {
        std::fs::write(folder.path().join(kept), "").expect("the folder is writable");
    }
    std::fs::create_dir(folder.path().join(&name)).expect("as above");
    large(1)?.save(folder.path().join("net.safetensors"))?;
    assert_eq!(others(folder.path()).len(), kept.len() + 1);
    Ok(())
}

#[test]
fn a_failed_save_leaves_no_temporary_file() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // The path is that of a folder that is not empty.
    let path = folder.path().join("net.safetensors");
    std::fs::create_dir(&path).expect("the folder is writable");
    std::fs::write(path.join("file"), "").expect("as above");
    let error = large(1)?.save(&path).expect_err("a folder has the name");
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(
        error.to_string().starts_with(&path.display().to_string()),
        "{error}"
    );
    assert_eq!(others(folder.path()), [""; 0]);
    // An empty path.
    for path in ["", "/", ".."] {
        let error = large(1)?.save(path).expect_err("it is no file's name");
        assert!(matches!(error, Error::Io { .. }), "{error}");
    }
    Ok(())
}

#[test]
fn concurrent_saves_are_each_whole() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("net.safetensors");
    let results = std::thread::scope(|scope| {
        let save = |number| {
            let path = &path;
            scope.spawn(move || (0..5).try_for_each(|_| large(number)?.save(path)))
        };
        let threads: Vec<_> = (1..4).map(save).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect::<Vec<_>>()
    });
    results.into_iter().collect::<Result<()>>()?;
    assert!((1..4).contains(&state(&path)?));
    assert_eq!(others(folder.path()), [""; 0]);
    Ok(())
}

#[test]
#[cfg(unix)]
fn the_permissions_of_the_old_file_are_kept() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("net.safetensors");
    large(1)?.save(&path)?;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("it is ours");
    large(2)?.save(&path)?;
    let mode = std::fs::metadata(&path)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(state(&path)?, 2);
    Ok(())
}

/// A small model.
fn small(number: f32) -> Param {
    Param::new(&Tensor::scalar(number))
}

#[test]
#[cfg(unix)]
fn symbolic_links_are_followed() -> Result<()> {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let value = |name: &str| -> Result<f64> {
        let mut model = small(0.0);
        model.load(at(name))?;
        model.value().item()
    };
    let is_link = |name: &str| at(name).is_symlink();
    for name in ["real", "real/inner", "links"] {
        std::fs::create_dir(at(name)).expect("the folder is writable");
    }
    small(1.0).save(at("real/net"))?;
    for (link, to) in [
        ("links/relative", "../real/net"),
        ("links/chain", "relative"),
        ("folder", "real/inner"),
        ("links/dangling", "../real/new"),
        ("links/dangling_chain", "dangling"),
        ("links/nowhere", "../no/such/folder"),
        ("links/self", "self"),
        ("links/a", "b"),
        ("links/b", "a"),
        ("links/directory", "../real"),
    ] {
        symlink(to, at(link)).expect("the folder is writable");
    }
    symlink(at("real/net"), at("links/absolute")).expect("as above");
    // By relative paths, in which `folder/..` is not the folder that the text suggests.
    for (number, (link, target)) in [
        ("links/relative", "real/net"),
        ("links/chain", "real/net"),
        ("links/absolute", "real/net"),
        ("links/dangling_chain", "real/new"),
        ("links/dangling", "real/new"),
        ("folder/../net", "real/net"),
        ("folder/net", "real/inner/net"),
    ]
    .into_iter()
    .enumerate()
    {
        let number = number as f32 + 2.0;
        small(number).save(at(link))?;
        assert!(!is_link(target) && at(target).is_file(), "{link}");
        assert_eq!(value(target)?, f64::from(number), "{link}");
        assert_eq!(value(link)?, f64::from(number), "{link}");
    }
    for link in [
        "relative",
        "chain",
        "absolute",
        "dangling",
        "dangling_chain",
    ] {
        assert!(is_link(&format!("links/{link}")), "{link}");
    }
    for link in ["nowhere", "self", "a", "b", "directory"] {
        let link = at(&format!("links/{link}"));
        let error = small(1.0).save(&link).expect_err("it leads to no file");
        assert!(matches!(error, Error::Io { .. }), "{error}");
        assert!(link.is_symlink(), "{}", link.display());
    }
    // The other hard link keeps the old contents.
    small(10.0).save(at("real/net"))?;
    std::fs::hard_link(at("real/net"), at("real/same")).expect("the folder is writable");
    small(11.0).save(at("real/net"))?;
    assert_eq!((value("real/net")?, value("real/same")?), (11.0, 10.0));
    let mut found = others(folder.path());
    found.extend(others(&at("real")));
    found.extend(others(&at("links")));
    assert!(!found.iter().any(|name| name.ends_with(".saving")));
    Ok(())
}

#[test]
#[cfg(unix)]
fn devices_without_an_end_are_not_read() {
    let endless = "/dev/zero";
    let load = small(1.0).load(endless);
    let checkpoint = cotangent::state::load_checkpoint(endless, &mut [("net", &mut small(1.0))]);
    for result in [load, checkpoint] {
        let error = result.expect_err("it is no file");
        assert!(error.to_string().contains("found a device"), "{error}");
    }
}

#[test]
#[cfg(unix)]
fn only_regular_files_are_replaced() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let made = Command::new("mkfifo").arg(at("fifo")).status();
    assert!(made.expect("there is such a program").success());
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("a short path");
    symlink("fifo", at("link")).expect("the folder is writable");
    symlink("/dev/null", at("null")).expect("as above");
    std::fs::create_dir(at("folder")).expect("as above");
    let before = others(folder.path());
    for (name, says) in [
        ("fifo", "found a FIFO"),
        ("link", "found a FIFO"),
        ("socket", "found a socket"),
        ("null", "found a device"),
        ("folder", "is a directory"),
    ] {
        let save = small(1.0).save(at(name));
        let npy = cotangent::npy::write(at(name), &Tensor::scalar(1.0f32));
        let checkpoint = cotangent::state::save_checkpoint(at(name), &[("net", &small(1.0))]);
        for result in [save, npy, checkpoint] {
            let error = result.expect_err("it is no file");
            assert!(matches!(error, Error::Io { .. }), "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
    }
    let kind = |name| {
        at(name)
            .symlink_metadata()
            .expect("it is there")
            .file_type()
    };
    assert!(kind("fifo").is_fifo() && kind("socket").is_socket() && kind("link").is_symlink());
    assert_eq!(others(folder.path()), before);
    // A device that anyone may write to.
    let null = Path::new("/dev/null");
    assert!(small(1.0).save(null).is_err());
    assert!(
        std::fs::metadata(null)
            .expect("it stays")
            .file_type()
            .is_char_device()
    );
}

#[test]
fn names_of_the_maximum_length_can_be_saved() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for len in [200, 240, 255] {
        let name = "n".repeat(len);
        small(1.5).save(folder.path().join(&name))?;
        let mut model = small(0.0);
        model.load(folder.path().join(&name))?;
        assert_eq!(model.value().item()?, 1.5);
        std::fs::remove_file(folder.path().join(&name)).expect("it is there");
    }
    assert_eq!(others(folder.path()), [""; 0]);
    Ok(())
}
