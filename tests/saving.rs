//! A save that is interrupted, at whatever moment, leaves a file that is whole: that of the save before,
//! or that of this one.

use cotangent::prelude::*;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

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

/// No test of its own: the process that [`a_save_that_is_killed_leaves_a_whole_file`] kills.
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

/// The number that the child has said last.
fn said(line: &str) -> Option<u64> {
    line.strip_prefix("saved ")?.parse().ok()
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

#[test]
#[cfg(unix)]
fn a_save_that_is_killed_leaves_a_whole_file() -> Result<()> {
    use cotangent::random::rand::RngExt;
    // As many as that, and so long that some of them have come in the middle of a write.
    const KILLS: usize = 25;
    const WHILE_WRITING: usize = 5;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("net.safetensors");
    large(0)?.save(&path)?;
    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(std::process::id()));
    let (mut kills, mut left_behind) = (0, 0);
    while kills < KILLS || left_behind < WHILE_WRITING {
        kills += 1;
        assert!(kills < 20 * KILLS, "hardly one was killed while it wrote");
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "child_that_saves", "--nocapture"])
            .env(TARGET, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child starts");
        let output = child.stdout.take().expect("it is piped");
        let mut numbers = BufReader::new(output)
            .lines()
            .filter_map(|line| said(&line.ok()?));
        let first = numbers.next().expect("it saves");
        std::thread::sleep(Duration::from_micros(rng.random_range(0..30_000)));
        child.kill().expect("it runs until it is killed");
        child.wait().expect("it is killed");
        // It may have been killed between saving and saying so.
        let last = numbers.last().unwrap_or(first);
        let found = state(&path)?;
        assert!(
            found == last || found == last + 1,
            "{found} is in the file, {last} was saved"
        );
        // What it was writing is left behind: at most one file, of the name that is documented.
        let others = others(folder.path());
        let expected = format!(".net.safetensors.{}-", child.id());
        let of_child = others
            .iter()
            .filter(|name| name.starts_with(&expected))
            .count();
        assert!(of_child <= 1, "{others:?}");
        left_behind += of_child;
        assert_eq!(others.len(), left_behind, "{others:?}");
        assert!(
            others.iter().all(|name| name.ends_with(".saving")),
            "{others:?}"
        );
    }
    println!("{left_behind} of {kills} were killed while they wrote");
    // A save now is not disturbed, and does not touch what lies there.
    large(7)?.save(&path)?;
    assert_eq!(state(&path)?, 7);
    assert_eq!(others(folder.path()).len(), left_behind);
    Ok(())
}

#[test]
fn what_a_process_of_the_same_number_left_behind_is_in_nobodys_way() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("net.safetensors");
    // Names that this process would take for its next saves.
    let left_behind: Vec<PathBuf> = (0..50)
        .map(|save| {
            folder.path().join(format!(
                ".net.safetensors.{}-{save}.saving",
                std::process::id()
            ))
        })
        .collect();
    for file in &left_behind {
        std::fs::write(file, "half of a file").expect("the folder is writable");
    }
    for number in 1..4 {
        large(number)?.save(&path)?;
        assert_eq!(state(&path)?, number);
    }
    for file in &left_behind {
        assert_eq!(
            std::fs::read(file).expect("it is still there"),
            b"half of a file"
        );
    }
    assert_eq!(others(folder.path()).len(), left_behind.len());
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
