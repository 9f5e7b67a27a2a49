//! Logs of whole runs: no line is missing or doubled after a kill, a log that fails loses no
//! weights, and other programs read the files. `.ci/logs` runs those programs.

#[path = "logs/events.rs"]
mod events;

use cotangent::data::Labeled;
use cotangent::figure::{Chart, Charts};
use cotangent::prelude::*;
use cotangent::train::{
    CsvLog, Dashboard, End, HtmlReport, JsonLines, Log, Progress, StepRecord, TensorBoard,
};
use std::fs::{read, read_to_string};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::tempdir;

type Batch = (Tensor, Indices);

/// The event file of a run.
const FILE: &str = "board/events.out.tfevents.cotangent";

/// Returns batches of some digits for training, and others for validation.
fn batches() -> Result<(Batches<Labeled>, Batches<Labeled>)> {
    let (train, test) = digits()?.take_per_class(16, 1)?.split_stratified(0.25, 1)?;
    Ok((Batches::new(train, 8)?.shuffle(1), Batches::new(test, 16)?))
}

fn loss(net: &Mlp, (images, labels): &Batch, step: &mut Step<'_>) -> Result<Tensor> {
    let logits = net.forward(images, step.pass())?;
    step.score(metrics::Accuracy::new(), &logits, labels)?;
    step.score(metrics::ConfusionMatrix::new(), &logits, labels)?;
    logits.cross_entropy(labels)
}

type Task = Supervised<Mlp, Batch, fn(&Mlp, &Batch, &mut Step<'_>) -> Result<Tensor>>;

fn task() -> Result<Task> {
    let net = Mlp::builder([64, 16, 10]).build(&mut ChaCha8Rng::seed_from_u64(1))?;
    let task: Task = Supervised::new(net, Adam::new(1e-2).build()?, loss);
    Ok(task.schedule(Schedule::cosine(60, 0.1)?))
}

/// Trains in a folder with all logs that write files, or continues there.
fn train_in(folder: &Path) -> Result<End> {
    let (batches, valid) = batches()?;
    let run = Fit::new(4)
        .seed(1)
        .validate(&valid)
        .setting("batch size", 8)
        .signal(10)
        .checkpoints(Checkpoints::new(folder.join("checkpoints")).every_steps(7))
        .resume()
        .log(CsvLog::new(folder.join("run.csv")))
        .log(JsonLines::new(folder.join("run.jsonl")))
        .log(TensorBoard::new(folder.join("board")))
        .log(HtmlReport::new(folder.join("run.html")))
        .run(&mut task()?, &batches)?;
    run.end()
        .ok_or_else(|| Error::other("the run has not ended"))
}

/// Runs a test of this file in a process of its own, with a folder in the environment.
fn start(test: &str, folder: &Path) -> Result<Child> {
    let child = Command::new(std::env::current_exe()?)
        .args(["--ignored", "--exact", test])
        .env("COTANGENT_LOGS", folder)
        .stdout(Stdio::null())
        .spawn()?;
    Ok(child)
}

/// Returns the folder that the environment names, or none in an ordinary run of the tests.
fn given() -> Option<PathBuf> {
    std::env::var_os("COTANGENT_LOGS").map(PathBuf::from)
}

#[test]
#[ignore = "a part of the test that kills it"]
fn child() -> Result<()> {
    given().map_or(Ok(()), |folder| train_in(&folder).map(drop))
}

#[test]
fn a_killed_and_resumed_run_has_every_line_once() -> Result<()> {
    let (whole, killed) = (tempdir()?, tempdir()?);
    train_in(whole.path())?;
    let board = |folder: &Path| TensorBoard::read_scalars(folder.join("board"));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..4 {
        let mut child = start("child", killed.path())?;
        sleep(Duration::from_millis(rng.random_range(50..400)));
        child.kill()?;
        child.wait()?;
        // The files of a killed run can be read.
        if killed.path().join(FILE).exists() {
            board(killed.path())?;
        }
    }
    assert_eq!(train_in(killed.path())?, End::Completed);
    for name in ["run.csv", "run.jsonl"] {
        let text = |folder: &Path| read_to_string(folder.join(name));
        assert_eq!(text(killed.path())?, text(whole.path())?);
    }
    assert_eq!(board(killed.path())?, board(whole.path())?);
    let len = |folder: &Path| read(folder.join(FILE)).map(|bytes| bytes.len());
    assert_eq!(len(killed.path())?, len(whole.path())?);
    assert!(killed.path().join("run.html").exists());
    Ok(())
}

/// A log whose disk is full from some step on.
struct Full(u64);

impl Log for Full {
    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        if step.step < self.0 {
            return Ok(());
        }
        Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into())
    }
}

#[test]
fn a_log_that_fails_loses_no_weights_and_no_other_log() -> Result<()> {
    let (folder, (batches, valid)) = (tempdir()?, batches()?);
    let mut task = task()?;
    let untrained = cotangent::state::to_bytes(task.model())?;
    let jsonl = folder.path().join("run.jsonl");
    let error = Fit::new(4)
        .validate(&valid)
        .keep_best()
        .checkpoints(Checkpoints::new(folder.path().join("checkpoints")))
        .log(Full(20))
        .log(JsonLines::new(&jsonl))
        .run(&mut task, &batches)
        .map(drop)
        .expect_err("the disk is full");
    assert!(matches!(error.root(), Error::Io { .. }), "{error}");
    assert!(
        error.to_string().starts_with("epoch 2, step 20: "),
        "{error}"
    );
    // The best weights are back, and the checkpoint of the first epoch is there.
    assert!(cotangent::state::to_bytes(task.model())? != untrained);
    assert!(Checkpoints::newest(folder.path().join("checkpoints"))?.is_some());
    let lines = read_to_string(jsonl)?;
    assert!(lines.contains("\"step\":20"), "{lines}");
    assert!(lines.contains("failed: "), "{lines}");
    Ok(())
}

#[test]
fn progress_off_a_terminal_is_lines_and_a_table() -> Result<()> {
    let folder = tempdir()?;
    let child = Command::new(std::env::current_exe()?)
        .args(["--ignored", "--exact", "progress_child", "--nocapture"])
        .env("COTANGENT_LOGS", folder.path())
        .output()?;
    let text = String::from_utf8_lossy(&child.stderr);
    for part in [
        "epoch 1/4  loss ",
        "epoch 4/4  ",
        "validation_accuracy ",
        " steps/s, ",
        "epoch    loss",
        "completed after 4 epochs, 60 steps, ",
        "; best epoch ",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
    Ok(())
}

#[test]
#[ignore = "a part of the tests of progress and of the dashboard"]
fn progress_child() -> Result<()> {
    let Some(_) = given() else {
        return Ok(());
    };
    let (batches, valid) = batches()?;
    let fit = Fit::new(4).validate(&valid).log(Progress::new());
    fit.run(&mut task()?, &batches).map(drop)
}

/// Waits in each step, so that there is time to look at the terminal. The 20th step panics if the
/// environment asks for it.
#[test]
#[ignore = "run by tests/logs/terminal.py"]
fn dashboard_child() -> Result<()> {
    let Ok(mode) = std::env::var("COTANGENT_DASHBOARD") else {
        return Ok(());
    };
    let slow = |net: &Mlp, batch: &Batch, step: &mut Step<'_>| {
        sleep(Duration::from_millis(50));
        let is_planted = step.is_training() && step.number() == 19 && mode.contains("panic");
        assert!(!is_planted, "a planted panic");
        loss(net, batch, step)
    };
    let (batches, valid) = batches()?;
    let net = task()?.into_model();
    let mut task = Supervised::new(net, Adam::new(1e-2).build()?, slow);
    let fit = Fit::new(4).validate(&valid);
    let fit = if mode.contains("bar") {
        fit.log(Progress::new()).stop_on_interrupt()
    } else {
        fit.log(Dashboard::new())
    };
    let run = fit.run(&mut task, &batches)?;
    println!("ended: {:?}", run.end());
    Ok(())
}

/// Writes the files that TensorBoard, a validator of HTML and a browser read.
#[test]
#[ignore = "run by .ci/logs"]
fn files_for_other_programs() -> Result<()> {
    let Some(folder) = given() else {
        return Ok(());
    };
    let (batches, valid) = batches()?;
    let board = TensorBoard::new(folder.join("board"));
    let mut report = HtmlReport::new(folder.join("run.html")).title("Digits & <others>");
    Fit::new(4)
        .seed(1)
        .validate(&valid)
        .setting("batch size", 8)
        .signal(10)
        .log(board.clone())
        .log(&mut report)
        .run(&mut task()?, &batches)?;
    let parabola = (0..9).map(|x| (f64::from(x), f64::from(x * x)));
    let figure = Charts::new("").push(Chart::new("x", "y").line("x²", parabola));
    report.figure("A parabola", &figure)?;
    board.figure("parabola", 60, &figure)?;
    let x = Tensor::from([1.0f32, 2.0]).tracked();
    board.graph("graph", 60, &cotangent::Dot::new(&x.exp().sum()))?;
    board.scalar("limits", 0, f64::NAN)?;
    board.scalar("limits", 1, f64::NEG_INFINITY)?;
    // The same file, as a kill may leave it.
    let bytes = read(folder.join(FILE))?;
    let cut = folder.join("cut");
    std::fs::create_dir_all(&cut)?;
    std::fs::write(
        cut.join("events.out.tfevents.cut"),
        &bytes[..bytes.len() / 2],
    )?;
    Ok(())
}
