//! A save that is interrupted, at whatever moment, leaves a file that is whole: that of the save
//! before, or that of this one.

use cotangent::prelude::*;
use cotangent::random::rand::RngExt;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Where the child process is to save to.
const TARGET: &str = "COTANGENT_TEST_SAVES_TO";

/// 4 MiB, all of one number, which is in a counter as well.
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

/// The number of the state in a file; the file is whole and of one save.
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

/// No test of its own: the process that the tests below kill.
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

/// A process that saves to a path again and again, and says so.
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

    /// The number that it says next; none if it has come to its end.
    fn says(&mut self) -> Option<u64> {
        self.output
            .by_ref()
            .find_map(|line| line.ok()?.strip_prefix("saved ")?.parse().ok())
    }

    /// Waits until a random moment of one of its saves, after the first; returns the number that it
    /// said before.
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

    /// Kills it at a random moment; returns the number that it said last.
    fn kill(&mut self, rng: &mut ChaCha8Rng) -> u64 {
        let number = self.wait(rng);
        self.child.kill().expect("it runs until it is killed");
        self.child.wait().expect("it is killed");
        std::iter::from_fn(|| self.says()).last().unwrap_or(number)
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A number of this process only.
fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(u64::from(std::process::id()))
}

/// The files in a folder but `net.safetensors`, by name.
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

/// The name of a file that a process has left behind which was killed while it wrote.
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
    // As many as that, and so long that some of them have come in the middle of a write.
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
        // It may have been killed between saving and saying so.
        let found = state(&path)?;
        assert!(
            found == last || found == last + 1,
            "{found} is in the file, {last} was saved"
        );
        // What it was writing is left behind, under a name that says whose it is. What the one
        // before has left is no longer there.
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
fn what_a_live_process_writes_is_left_alone() -> Result<()> {
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
        let before = others(folder.path());
        for name in ["net.safetensors", "other.safetensors"] {
            large(number)?.save(folder.path().join(name))?;
        }
        std::fs::remove_file(folder.path().join("other.safetensors")).expect("it is there");
        assert_eq!(others(folder.path()), before);
        signal(&saver, "-CONT");
        met += before.len();
        if met == 3 {
            break;
        }
    }
    // It has not noticed anything.
    for _ in 0..20 {
        saver.says().expect("it goes on");
    }
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn only_what_is_surely_left_over_is_removed() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = left_over(folder.path())?;
    let (origin, rest) = name.split_once('+').expect("boot and machine, process");
    let (boot, machine) = origin.split_once('-').expect("boot and machine");
    let elsewhere = "0123456789abcdef";
    let hour = Duration::from_hours(1);
    // Boot, machine, age, and whether it stays.
    for (boot, machine, age, stays) in [
        (boot, machine, Duration::ZERO, false),
        (boot, machine, hour * 2, false),
        // Before the machine was started again.
        (".0123456789abcdef", machine, Duration::ZERO, true),
        (".0123456789abcdef", machine, hour / 2, true),
        (".0123456789abcdef", machine, hour * 2, false),
        // In another container.
        (boot, elsewhere, Duration::ZERO, true),
        (boot, elsewhere, hour * 2, false),
        // On another machine.
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
    // Names of others, and what is no file.
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
fn a_save_that_fails_leaves_nothing_behind() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // The name belongs to a folder that is not empty.
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
    // No name at all.
    for path in ["", "/", ".."] {
        let error = large(1)?.save(path).expect_err("it is no file's name");
        assert!(matches!(error, Error::Io { .. }), "{error}");
    }
    Ok(())
}

#[test]
fn saves_at_the_same_time_are_each_whole() -> Result<()> {
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

/// A model that is small.
fn small(number: f32) -> Param {
    Param::new(&Tensor::scalar(number))
}

#[test]
#[cfg(unix)]
fn a_link_stays_and_its_target_is_written() -> Result<()> {
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
    // By names, of which `folder/..` is not where the text says.
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
    // The other name of a file keeps the old contents.
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
fn what_has_no_end_is_not_read() {
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
fn what_is_no_file_is_not_replaced() {
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
    // For whoever may write there.
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
fn a_name_may_be_as_long_as_the_system_allows() -> Result<()> {
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
