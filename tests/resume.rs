//! A run that is saved and resumed by another process gives the same bits as one that never
//! stopped: for every optimizer, after any step, with all parts that have state.

use cotangent::data::{Batches, digits};
use cotangent::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::optimizers::OPTIMIZERS;

mod support {
    pub mod optimizers;
}

#[derive(Module, Clone, Debug)]
struct Net {
    hidden: Linear,
    norm: BatchNorm,
    dropout: Dropout,
    out: Linear,
}

impl Layer for Net {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        let h = self.norm.forward(&self.hidden.forward(x, pass)?, pass)?;
        let h = self.dropout.forward(&h.elu(1.0), pass)?;
        self.out.forward(&h, pass)
    }
}

type Build = dyn Fn() -> Result<Box<dyn Optimizer>>;

/// Returns every optimizer with a name for files, and some with groups and constraints.
fn optimizers() -> Vec<(&'static str, Box<Build>)> {
    let rows = OPTIMIZERS.iter();
    let rows = rows.map(|row| (row.name, Box::new(|| row.with_rate(0.01)) as Box<Build>));
    let others: [(_, Box<Build>); 3] = [
        (
            "groups",
            Box::new(|| {
                let mut optimizer = Adam::new(0.01).weight_decay(0.1).build()?;
                let biases = Group::of(r".*\.bias")?.learning_rate_factor(0.5)?;
                optimizer.add_group(biases.weight_decay(0.0)?);
                optimizer.add_group(Group::of(r"norm\..*")?.frozen());
                Ok(optimizer)
            }),
        ),
        (
            "excluded",
            Box::new(|| Muon::new(0.01).exclude(r"out\.weight")?.build()),
        ),
        (
            "constrained",
            Box::new(|| {
                let optimizer = Nesterov::new(0.02).build()?;
                let bound = |model: &mut dyn Module| regularize::max_norm(1.0)?.apply(model);
                Ok(Box::new(Constrained::new(optimizer, bound)))
            }),
        ),
    ];
    rows.chain(others).collect()
}

/// The number of micro-batches in a run. Every second one ends a step.
const STEPS: u64 = 24;
/// The numbers of micro-batches after which runs stop, also in the middle of a step and of an
/// epoch.
const STOPS: [u64; 4] = [1, 6, 13, 20];

/// A run of training with all parts that it depends on.
struct Run {
    net: Net,
    optimizer: Box<dyn Optimizer>,
    schedule: Schedule,
    accumulator: Accumulator,
    average: WeightAverage<Net>,
    pass: Pass,
    done: Counter,
}

impl Run {
    fn new(build: &Build) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let net = Net {
            hidden: Linear::new(64, 12, &mut rng)?,
            norm: BatchNorm::new(12)?,
            dropout: Dropout::new(0.2)?,
            out: Linear::new(12, 10, &mut rng)?,
        };
        let plateau = Schedule::reduce_on_plateau()
            .factor(0.5)
            .patience(0)
            .build()?;
        Ok(Self {
            average: WeightAverage::exponential(&net, 0.8)?,
            net,
            optimizer: build()?,
            schedule: Schedule::one_cycle(STEPS / 2).build()?.times(plateau)?,
            accumulator: Accumulator::new(),
            pass: Pass::train(u64::MAX - 5),
            done: Counter::new(0),
        })
    }

    fn parts(&mut self) -> [(&'static str, &mut dyn Stateful); 7] {
        [
            ("model", &mut self.net),
            ("optimizer", &mut self.optimizer),
            ("schedule", &mut self.schedule),
            ("accumulator", &mut self.accumulator),
            ("average", &mut self.average),
            ("pass", &mut self.pass),
            ("done", &mut self.done),
        ]
    }

    fn save(&mut self, path: &Path) -> Result<()> {
        let parts = self.parts();
        let parts: Vec<(&str, &dyn Stateful)> =
            parts.iter().map(|(name, part)| (*name, &**part)).collect();
        save_checkpoint(path, &parts)
    }

    fn load(&mut self, path: &Path) -> Result<()> {
        load_checkpoint(path, &mut self.parts())
    }

    /// Trains to the end, and calls `between` after each micro-batch.
    fn finish(&mut self, mut between: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        let data = digits()
            .and_then(|digits| digits.select(&(0..100).collect::<Vec<_>>()))
            .unwrap();
        let batches = Batches::new(&data, 16).unwrap().shuffle(9);
        let per_epoch = batches.batches_per_epoch() as u64;
        while self.done.get() < STEPS {
            let done = self.done.get();
            let mut epoch = batches.epoch(done / per_epoch);
            let (x, labels) = epoch.nth((done % per_epoch) as usize).unwrap().unwrap();
            let loss = self.net.forward(&x, &self.pass)?.cross_entropy(&labels)?;
            let grads = loss.backward()?;
            self.accumulator
                .add(&self.net, grads, labels.len() as f64)?;
            if done % 2 == 1 {
                let mut grads = self.accumulator.take(&self.net)?;
                clip::global_norm(1.0).apply(&self.net, &mut grads)?;
                self.schedule.step(&mut self.optimizer)?;
                self.optimizer.step(&mut self.net, grads)?;
                self.average.update(&self.net)?;
                self.schedule.observe(loss.item()?);
            }
            self.done.increment();
            between(self)?;
        }
        Ok(())
    }
}

fn stopped(folder: &Path, name: &str, stop: u64) -> PathBuf {
    folder.join(format!("{name}-{stop}"))
}

fn resumed(folder: &Path, name: &str, stop: u64) -> PathBuf {
    folder.join(format!("{name}-{stop}-resumed"))
}

/// The environment variable with the folder in which the child process finds the checkpoints.
const FOLDER: &str = "COTANGENT_TEST_RESUME";

#[test]
fn a_run_resumed_by_a_new_process_gives_the_same_bits() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, build) in &optimizers() {
        let mut run = Run::new(build)?;
        run.finish(|run| {
            let done = run.done.get();
            if STOPS.contains(&done) {
                run.save(&stopped(folder, name, done))?;
            }
            Ok(())
        })?;
        run.save(&folder.join(name))?;
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_process"])
        .env(FOLDER, folder)
        .status();
    assert!(status.unwrap().success());
    for (name, _) in &optimizers() {
        let whole = std::fs::read(folder.join(name)).unwrap();
        for stop in STOPS {
            let stopped = std::fs::read(stopped(folder, name, stop)).unwrap();
            assert!(stopped != whole, "{name} does nothing after step {stop}");
            let resumed = std::fs::read(resumed(folder, name, stop)).unwrap();
            assert!(resumed == whole, "{name}, stopped after step {stop}");
        }
    }
    Ok(())
}

/// The part of the test above that runs in a child process; alone it does nothing.
#[test]
fn child_process() -> Result<()> {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return Ok(());
    };
    for (name, build) in &optimizers() {
        for stop in STOPS {
            let mut run = Run::new(build)?;
            run.load(&stopped(&folder, name, stop))?;
            run.finish(|_| Ok(()))?;
            run.save(&resumed(&folder, name, stop))?;
        }
    }
    Ok(())
}

#[test]
fn a_checkpoint_with_a_part_that_does_not_fit_changes_nothing() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let mut saved = Run::new(&|| Adam::new(0.01).build())?;
    saved.finish(|_| Ok(()))?;
    saved.save(&path)?;

    // The optimizer is another one: the model does not change either, though it would fit.
    let mut other = Run::new(&|| Nesterov::new(0.01).build())?;
    let before = other.net.state()?.to_bytes()?;
    let error = other.load(&path).unwrap_err().to_string();
    assert!(
        error.contains("the state is that of Adam, the optimizer is Nesterov"),
        "{error}"
    );
    assert_eq!(other.net.state()?.to_bytes()?, before);

    // The checkpoint has parts that are not loaded.
    let mut net = other.net.clone();
    let error = load_checkpoint(&path, &mut [("model", &mut net)]).unwrap_err();
    assert!(error.to_string().contains("not loaded"), "{error}");

    // State of parameters that the model does not have is an error of the first step.
    let mut optimizer = Adam::new(0.01).build()?;
    optimizer.load_state(&saved.optimizer.state()?)?;
    let mut smaller = saved.net.out.clone();
    let loss = smaller.forward(&Tensor::zeros([2, 12], DType::F32)?, &Pass::train(0))?;
    let grads = loss.sum().backward()?;
    let error = optimizer.step(&mut smaller, grads.clone()).unwrap_err();
    assert!(error.to_string().contains("`hidden.weight`"), "{error}");
    optimizer.forget_where(|_: &str| true)?;
    optimizer.step(&mut smaller, grads)
}

#[test]
fn a_broken_checkpoint_is_an_error_and_changes_nothing() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let mut saved = Run::new(&|| Adam::new(0.01).build())?;
    saved.finish(|_| Ok(()))?;
    saved.save(&path)?;
    let whole = std::fs::read(&path).unwrap();

    let mut run = Run::new(&|| Adam::new(0.01).build())?;
    let before = folder.path().join("before");
    run.save(&before)?;
    let before = std::fs::read(&before).unwrap();
    let again = folder.path().join("again");
    for len in (0..whole.len()).step_by(whole.len() / 40) {
        std::fs::write(&path, &whole[..len]).unwrap();
        let error = run.load(&path).unwrap_err();
        assert!(
            matches!(error.root(), Error::Format { .. }),
            "{len}: {error}"
        );
        run.save(&again)?;
        assert!(std::fs::read(&again).unwrap() == before, "{len}");
    }
    std::fs::write(&path, &whole).unwrap();
    run.load(&path)?;

    // Sums without a weight would give infinite gradients.
    let mut state = saved.accumulator.state()?;
    state.insert(
        "scaled_sum.out.bias",
        cotangent::state::Entry::Tensor(Tensor::from([1.0f32])),
    );
    let error = Accumulator::new().load_state(&state).unwrap_err();
    assert!(error.to_string().contains("`weight`"), "{error}");
    Ok(())
}
