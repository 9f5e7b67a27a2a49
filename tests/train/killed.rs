//! Runs that are killed or interrupted at random moments, and resumed: the weights, the history and
//! the logs are those of a run that was not.

use cotangent::prelude::*;
use cotangent::train::{CsvLog, End, HtmlReport, JsonLines, TensorBoard};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const EPOCHS: u64 = 5;

/// Trains in a folder, or continues there. At the end it writes the weights and the history.
fn train(folder: &Path) -> Result<End> {
    let (train, test) = digits()?.take_per_class(24, 1)?.split_stratified(0.3, 1)?;
    let noisy = train.augment(|(image, label), rng| {
        let noise = image.normal_like(0.0, 0.1, rng)?;
        Ok((image + noise, label))
    });
    let batches = Batches::new(noisy, 8)?.shuffle(1).workers(2);
    let valid = Batches::new(test, 16)?;
    let net = Mlp::builder([64, 24, 24, 10]).batch_norm().dropout(0.2);
    let net = net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
    let loss = |net: &Mlp, (images, labels): &(Tensor, Indices), step: &mut Step<'_>| {
        let logits = net.forward(images, step.pass())?;
        step.score(metrics::Accuracy::new(), &logits, labels)?;
        step.score(
            metrics::RocAuc::new(),
            &logits.detach().softmax(-1)?,
            labels,
        )?;
        logits.cross_entropy(labels)
    };
    let schedule = Schedule::cosine(EPOCHS * 21, 0.1)?;
    let schedule = schedule.times(Schedule::reduce_on_plateau().patience(0).build()?)?;
    let mut task = Supervised::new(net, Adam::new(3e-3).build()?, loss)
        .clip(clip::global_norm(2.0))
        .schedule(schedule)
        .accumulate(2)
        .average(|net| WeightAverage::exponential(net, 0.9))?;
    let run = Fit::new(EPOCHS)
        .seed(7)
        .validate(&valid)
        .best(Best::highest("validation_accuracy"))
        .keep_best()
        .checkpoints(
            Checkpoints::new(folder.join("checkpoints"))
                .every_steps(7)
                .keep(2),
        )
        .resume()
        .stop_on_interrupt()
        .signal(10)
        .log(CsvLog::new(folder.join("run.csv")))
        .log(JsonLines::new(folder.join("run.jsonl")))
        .log(TensorBoard::new(folder.join("board")))
        .log(HtmlReport::new(folder.join("run.html")))
        .run(&mut task, &batches)?;
    std::fs::write(folder.join("ended"), "")?;
    if run.end() == Some(End::Completed) {
        save_checkpoint(
            folder.join("result.safetensors"),
            &[("task", &task), ("history", run.history())],
        )?;
    }
    run.end()
        .ok_or_else(|| Error::other("the run has not ended"))
}

/// Runs in a process of its own, started by the tests below.
#[test]
#[ignore = "a part of the tests that kill it"]
fn child() -> Result<()> {
    if let Some(folder) = std::env::var_os("COTANGENT_KILLED") {
        train(Path::new(&folder))?;
    }
    Ok(())
}

#[test]
#[ignore = "a part of the test of the second Ctrl-C"]
fn slow_child() -> Result<()> {
    let Some(folder) = std::env::var_os("COTANGENT_KILLED") else {
        return Ok(());
    };
    let loss = |net: &Linear, x: &Tensor, step: &mut Step<'_>| {
        std::fs::write(Path::new(&folder).join("started"), "")?;
        sleep(Duration::from_secs(100));
        Ok(net.forward(x, step.pass())?.square().mean())
    };
    let net = Linear::new(2, 1, &mut ChaCha8Rng::seed_from_u64(1))?;
    let mut task = Supervised::new(net, Sgd::new(0.1).build()?, loss);
    let x = cotangent::data::Table::new(Tensor::zeros([4, 2], DType::F32)?)?;
    Fit::new(1)
        .stop_on_interrupt()
        .run(&mut task, &Batches::new(x, 4)?)
        .map(drop)
}

fn start(test: &str, folder: &Path) -> Result<Child> {
    let child = Command::new(std::env::current_exe()?)
        .args(["--ignored", "--exact", test])
        .env("COTANGENT_KILLED", folder)
        .stdout(Stdio::null())
        .spawn()?;
    Ok(child)
}

fn send(signal: &str, child: &Child) -> Result<()> {
    let status = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()?;
    assert!(status.success(), "kill {signal}");
    Ok(())
}

/// Trains without interruption, and returns the folder and the time that it took.
fn whole() -> Result<(tempfile::TempDir, Duration)> {
    let folder = tempfile::tempdir()?;
    let started = Instant::now();
    let status = start("killed::child", folder.path())?.wait()?;
    assert!(status.success() && folder.path().join("result.safetensors").exists());
    Ok((folder, started.elapsed()))
}

/// Stops a run with a signal at random moments, lets it end, and compares it.
fn stopped(signal: &str, times: u32, seed: u64) -> Result<()> {
    let (whole, time) = whole()?;
    let folder = tempfile::tempdir()?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let result = folder.path().join("result.safetensors");
    let mut stops = 0;
    while stops < times {
        let mut child = start("killed::child", folder.path())?;
        sleep(time.mul_f64(rng.random_range(0.1..0.6)));
        if child.try_wait()?.is_none() {
            send(signal, &child)?;
            stops += 1;
        }
        let status = child.wait()?;
        // Behind the end of a run, an interrupt ends the process.
        let ended = std::fs::remove_file(folder.path().join("ended")).is_ok();
        let is_interrupted = ended && status.code() == Some(130);
        assert!(
            signal == "-KILL" || status.success() || is_interrupted,
            "{status}"
        );
        if result.exists() {
            // It was faster than the signal. The next one begins anew.
            compare(whole.path(), folder.path())?;
            std::fs::remove_dir_all(folder.path().join("checkpoints"))?;
            std::fs::remove_file(&result)?;
        }
    }
    let status = start("killed::child", folder.path())?.wait()?;
    assert!(status.success());
    compare(whole.path(), folder.path())
}

/// Compares weights, history and logs. No line is missing, and none is there twice.
fn compare(whole: &Path, stopped: &Path) -> Result<()> {
    let read = |folder: &Path, name: &str| std::fs::read(folder.join(name));
    for name in [
        "result.safetensors",
        "checkpoints/best.safetensors",
        "run.csv",
        "run.jsonl",
    ] {
        let equal = read(stopped, name)? == read(whole, name)?;
        assert!(equal, "{name} is not that of the whole run");
    }
    let board = |folder: &Path| TensorBoard::read_scalars(folder.join("board"));
    assert_eq!(board(stopped)?, board(whole)?);
    // Texts and histograms too: records have times, which have a fixed length.
    let events = "board/events.out.tfevents.cotangent";
    assert_eq!(read(stopped, events)?.len(), read(whole, events)?.len());
    let curves = |folder: &Path| -> Result<String> {
        let page = std::fs::read_to_string(folder.join("run.html"))?;
        let curves = page.split("<h2>Curves").nth(2);
        let curves = curves.and_then(|rest| rest.split("</section>").next());
        Ok(curves.unwrap_or_default().to_owned())
    };
    assert!(curves(whole)?.contains("loss by step"));
    assert_eq!(curves(stopped)?, curves(whole)?);
    Ok(())
}

#[test]
fn runs_killed_at_20_moments_resume_to_the_same_bits() -> Result<()> {
    stopped("-KILL", 20, 2)
}

#[test]
fn interrupted_runs_resume_to_the_same_bits() -> Result<()> {
    stopped("-INT", 6, 3)
}

#[test]
fn the_second_interrupt_ends_the_process() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut child = start("killed::slow_child", folder.path())?;
    while !folder.path().join("started").exists() {
        sleep(Duration::from_millis(20));
    }
    send("-INT", &child)?;
    sleep(Duration::from_millis(200));
    assert!(
        child.try_wait()?.is_none(),
        "the first interrupt waits for the end of the step"
    );
    send("-INT", &child)?;
    assert_eq!(child.wait()?.code(), Some(130));
    Ok(())
}
