//! Calls a log as a run does, for tests.

use crate::{End, EpochRecord, History, Log, Meters, Metric, RunEnd, RunStart, StepRecord, Table};
use cotangent_core::module::Layer;
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::state::{StateDict, Stateful};
use cotangent_core::{DType, Error, Indices, Result, Tensor};
use cotangent_nn::signal::{Report, inspect};
use cotangent_nn::{Linear, Relu, Sequential};
use std::borrow::Cow;
use std::cell::Cell;

/// A run of 4 epochs with 3 steps each.
pub(super) struct Rehearsal {
    net: Sequential,
    pub signal: Report,
    settings: Vec<(String, String)>,
    /// At the end of all names, to see how a log escapes them.
    suffix: &'static str,
    pub history: History,
}

impl Rehearsal {
    pub fn new(suffix: &'static str) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let net = Sequential::new()
            .push(Linear::new(4, 8, &mut rng)?)
            .push(Relu);
        let net = net.push(Linear::new(8, 3, &mut rng)?);
        let x = Tensor::linspace(-1.0, 1.0, 24, DType::F32)?.reshape([6, 4])?;
        let labels = Indices::from([0, 1, 2, 0, 1, 2]);
        let signal = inspect(&net, |net, pass| {
            net.forward(&x, pass)?.cross_entropy(&labels)
        })?;
        Ok(Self {
            net,
            signal,
            settings: vec![(format!("batch size{suffix}"), format!("32{suffix}"))],
            suffix,
            history: History::new(),
        })
    }

    /// Begins the run, or resumes it after the epochs of the history.
    pub fn begin(&self, log: &mut dyn Log) -> Result<()> {
        let epoch = self.history.len() as u64;
        log.begin(&RunStart {
            epochs: 4,
            steps_per_epoch: Some(3),
            epoch,
            step: 3 * epoch,
            batch: 0,
            resumed: epoch > 0,
            history: &self.history,
            module: Some(&self.net),
            settings: &self.settings,
        })
    }

    /// Runs a step of the next epoch, `batch` from 1.
    pub fn step(&self, log: &mut dyn Log, batch: u64) -> Result<()> {
        let epoch = self.history.len() as u64 + 1;
        let step = 3 * epoch - 3 + batch;
        let mut meters = Meters::new();
        meters.begin_batch();
        meters.record(&format!("loss{}", self.suffix), 1.0 / step as f64, 32.0);
        meters.set("learning_rate", 0.1);
        log.step(&StepRecord {
            epoch,
            step,
            batch,
            samples: 32,
            meters: &meters,
            module: Some(&self.net),
            signal: (batch == 1).then_some(&self.signal),
            stop: &Cell::new(false),
        })
    }

    /// Runs the next epoch.
    pub fn epoch(&mut self, log: &mut dyn Log) -> Result<()> {
        for batch in 1..=3 {
            self.step(log, batch)?;
        }
        let epoch = self.history.len() as u64 + 1;
        let loss = 1.0 / epoch as f64;
        let values = [
            (format!("loss{}", self.suffix), loss),
            ("learning_rate".to_owned(), 0.1),
            (format!("validation_loss{}", self.suffix), loss + 0.1),
        ];
        self.history.push(epoch, 3 * epoch, values);
        let mut validation = Meters::new();
        let metric = Confusion {
            suffix: self.suffix,
        };
        validation.score(metric, &Tensor::from([1.0]), &())?;
        log.epoch(&EpochRecord {
            epoch,
            step: 3 * epoch,
            history: &self.history,
            training: &Meters::new(),
            validation: &validation,
            is_best: true,
            monitored: None,
            module: Some(&self.net),
            signal: Some(&self.signal),
            stop: &Cell::new(false),
        })
    }

    pub fn end(&self, log: &mut dyn Log, end: Result<End, &Error>) -> Result<()> {
        let epoch = self.history.len() as u64;
        log.end(&RunEnd {
            end,
            epoch,
            step: 3 * epoch,
            history: &self.history,
            best: (epoch > 1).then_some((2, 0.5)),
            module: Some(&self.net),
        })
    }

    /// Runs all of it.
    pub fn whole(log: &mut dyn Log, suffix: &'static str) -> Result<()> {
        let mut run = Self::new(suffix)?;
        run.begin(log)?;
        for _ in 0..4 {
            run.epoch(log)?;
        }
        run.end(log, Ok(End::Completed))
    }

    /// Runs all of it with a kill in the third epoch, after a checkpoint at the end of the second.
    /// `resume` creates the log of the second process.
    pub fn killed<L: Log>(mut log: L, resume: impl FnOnce() -> L) -> Result<()> {
        let mut run = Self::new("")?;
        run.begin(&mut log)?;
        run.epoch(&mut log)?;
        run.epoch(&mut log)?;
        let state = log.state()?;
        run.step(&mut log, 1)?;
        run.step(&mut log, 2)?;
        drop(log);
        let mut log = resume();
        log.load_state(&state)?;
        run.begin(&mut log)?;
        run.epoch(&mut log)?;
        run.epoch(&mut log)?;
        run.end(&mut log, Ok(End::Completed))
    }
}

/// A metric with a table.
#[derive(Clone)]
struct Confusion {
    suffix: &'static str,
}

impl Stateful for Confusion {
    fn state(&self) -> Result<StateDict> {
        Ok(StateDict::new())
    }
    fn load_state(&mut self, _: &StateDict) -> Result<()> {
        Ok(())
    }
}

impl Metric for Confusion {
    type Target = ();

    fn name(&self) -> Cow<'static, str> {
        format!("confusion_matrix{}", self.suffix).into()
    }
    fn update(&mut self, _: &Tensor, (): &()) -> Result<()> {
        Ok(())
    }
    fn value(&self) -> Option<f64> {
        Some(0.75)
    }
    fn table(&self) -> Option<Table> {
        let names = ["cat", "dog", "cow"].map(|name| format!("{name}{}", self.suffix));
        let values = Tensor::from([[5.0, 1.0, 0.0], [2.0, 3.0, 1.0], [0.0, 0.0, 0.0]]);
        Table::square("true class", "predicted class", names.to_vec(), values).ok()
    }
}
