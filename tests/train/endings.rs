//! Runs that end in any way: the best weights are restored, the checkpoints are whole, and an error
//! says where it was raised.

use crate::options::{Regression, batches, task};
use crate::plain::{bytes, net, squares};
use cotangent::data::Epochs;
use cotangent::prelude::*;
use cotangent::train::{End, EpochRecord, Log, RunEnd, StepRecord};
use std::fs;
use std::path::Path;

/// The way in which a run ends, in its third epoch, whose steps are 7 to 9. An early stop comes
/// before it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Completed,
    StoppedEarly,
    Interrupted,
    StoppedByLog,
    StoppedAndUnsaved,
    StepFails,
    LossIsNaN,
    BatchFails,
    ValidationFails,
    StepLogFails,
    EpochLogFails,
    EndLogFails,
    CheckpointFails,
}

use Way::{
    BatchFails, CheckpointFails, Completed, EndLogFails, EpochLogFails, Interrupted, LossIsNaN,
    StepFails, StepLogFails, StoppedAndUnsaved, StoppedByLog, StoppedEarly, ValidationFails,
};

impl Way {
    const ALL: [Self; 13] = [
        Completed,
        StoppedEarly,
        Interrupted,
        StoppedByLog,
        StoppedAndUnsaved,
        StepFails,
        LossIsNaN,
        BatchFails,
        ValidationFails,
        StepLogFails,
        EpochLogFails,
        EndLogFails,
        CheckpointFails,
    ];

    /// Returns how a run ends, or the beginning of its error.
    fn end(self) -> Result<End, &'static str> {
        match self {
            Completed => Ok(End::Completed),
            StoppedEarly => Ok(End::StoppedEarly),
            Interrupted | StoppedByLog => Ok(End::Interrupted),
            StepFails | BatchFails | StepLogFails => Err("epoch 3, step 8: planted"),
            LossIsNaN => Err("epoch 3, step 8: `out.weight`: ln: element [0, 0]"),
            ValidationFails => Err("epoch 3, validation batch 2: planted"),
            EpochLogFails => Err("end of epoch 3: planted"),
            EndLogFails => Err("planted"),
            CheckpointFails => Err("end of epoch 3: "),
            StoppedAndUnsaved => Err("epoch 3, step 8: "),
        }
    }

    fn epochs(self) -> u64 {
        match self {
            // Only the signal ends it.
            Interrupted => 1_000_000,
            _ => 3,
        }
    }
}

struct Ends<'a>(Way, &'a Path);

fn planted() -> Error {
    Error::other("planted")
}

impl Ends<'_> {
    /// Replaces the folder of the checkpoints with a file.
    fn replace_folder(&self) -> Result<()> {
        fs::remove_dir_all(self.1)?;
        Ok(fs::write(self.1, "no folder")?)
    }
}

impl Log for Ends<'_> {
    fn step(&mut self, step: &StepRecord<'_>) -> Result<()> {
        match (self.0, step.step) {
            (StepLogFails, 8) => return Err(planted()),
            (StoppedByLog, 8) => step.stop(),
            (StoppedAndUnsaved, 8) => {
                step.stop();
                return self.replace_folder();
            }
            #[cfg(unix)]
            (Interrupted, 8) => {
                let id = std::process::id().to_string();
                let sent = std::process::Command::new("kill")
                    .args(["-INT", &id])
                    .status()?;
                assert!(sent.success());
            }
            #[cfg(not(unix))]
            (Interrupted, 8) => step.stop(),
            _ => {}
        }
        Ok(())
    }

    fn epoch(&mut self, epoch: &EpochRecord<'_>) -> Result<()> {
        match (self.0, epoch.epoch) {
            (EpochLogFails, 3) => Err(planted()),
            (CheckpointFails, 3) => self.replace_folder(),
            _ => Ok(()),
        }
    }

    fn end(&mut self, end: &RunEnd<'_>) -> Result<()> {
        assert_eq!(end.best.map(|(epoch, _)| epoch), Some(1));
        if self.0 == EndLogFails {
            return Err(planted());
        }
        let (found, expected) = (end.end, self.0.end());
        assert_eq!(found.ok(), expected.ok());
        if let (Err(error), Err(expected)) = (found, expected) {
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        Ok(())
    }
}

/// Batches of which the second of the third epoch cannot be read.
struct Batch<E>(E, Way);

impl<E: Epochs> Epochs for Batch<E> {
    type Batch = E::Batch;

    fn epoch(&self, epoch: u64) -> Box<dyn Iterator<Item = Result<E::Batch>> + '_> {
        let fails = move |number| self.1 == BatchFails && (epoch, number) == (2, 1);
        let batches = self.0.epoch(epoch).enumerate();
        Box::new(batches.map(
            move |(number, batch)| {
                if fails(number) { Err(planted()) } else { batch }
            },
        ))
    }

    fn batches_per_epoch(&self) -> Option<usize> {
        self.0.batches_per_epoch()
    }
}

/// Returns a loss that fails in the third epoch.
fn loss(way: Way) -> impl FnMut(&Mlp, &(Tensor, Tensor), &mut Step<'_>) -> Result<Tensor> {
    let mut validated = 0;
    move |net, batch, step| {
        let loss = squares(net, batch, step)?;
        if !step.is_training() {
            validated += 1;
        }
        match way {
            StepFails if step.number() == 7 => Err(planted()),
            // The second of the three batches in the third validation.
            ValidationFails if validated == 8 => Err(planted()),
            // The logarithm of a negative number.
            LossIsNaN if step.is_training() && step.number() == 7 => {
                let outputs = net.forward(&batch.0, step.pass())?;
                (outputs - 1e6).ln().mse_loss(&batch.1)
            }
            _ => Ok(loss),
        }
    }
}

/// Returns the task after so many epochs that end as usual.
fn trained(epochs: u64) -> Result<Regression> {
    let mut task = task(0.01)?;
    Fit::new(epochs).run(&mut task, &batches()?)?;
    Ok(task)
}

#[test]
fn the_best_weights_are_restored_and_the_checkpoints_are_whole_however_a_run_ends() -> Result<()> {
    let valid = batches()?;
    // The loss cannot fall by so much again.
    let best = || Best::lowest("loss").min_delta(1e9);
    let first = trained(1)?;
    for way in Way::ALL {
        let folder = tempfile::tempdir()?;
        let checkpoints = folder.path().join("checkpoints");
        let batches = Batch(batches()?, way);
        let fit = Fit::new(way.epochs())
            .validate(&valid)
            .best(best())
            .keep_best()
            .stop_on_interrupt()
            .checkpoints(Checkpoints::new(&checkpoints))
            .log(Ends(way, &checkpoints));
        let fit = match way {
            StoppedEarly => fit.stop_early(1),
            _ => fit,
        };
        let mut task = Supervised::new(net()?, Sgd::new(0.01).build()?, loss(way));
        let mut run = Run::new(0);
        let end = fit.extend(&mut run, &mut task, &batches);
        match (&end, way.end()) {
            (Ok(()), Ok(_)) => assert_eq!(run.end(), way.end().ok(), "{way:?}"),
            (Err(error), Err(expected)) => {
                assert_eq!(run.end().is_some(), way == EndLogFails, "{way:?}");
                assert!(error.to_string().starts_with(expected), "{way:?}: {error}");
                let root = error.root();
                match way {
                    LossIsNaN => assert!(matches!(root, Error::NonFinite { .. }), "{error}"),
                    CheckpointFails | StoppedAndUnsaved => {
                        assert!(matches!(root, Error::Io { .. }), "{error}");
                    }
                    _ => assert!(matches!(root, Error::Other(_)), "{error}"),
                }
            }
            _ => panic!("{way:?}: {end:?}"),
        }
        assert!(bytes(task.model())? == bytes(first.model())?, "{way:?}");
        if matches!(way, CheckpointFails | StoppedAndUnsaved) {
            continue;
        }
        // Another run loads the best weights, and continues from the newest checkpoint.
        let mut loaded = net()?;
        loaded.load(checkpoints.join("best.safetensors"))?;
        assert!(bytes(&loaded)? == bytes(first.model())?, "{way:?}");
        let epochs = (run.epoch() + 1).max(3);
        let mut resumed = self::task(0.01)?;
        Fit::new(epochs)
            .validate(&valid)
            .best(best())
            .checkpoints(Checkpoints::new(&checkpoints))
            .resume()
            .run(&mut resumed, &batches.0)?;
        assert!(bytes(&resumed)? == bytes(&trained(epochs)?)?, "{way:?}");
    }
    Ok(())
}

#[test]
fn a_gradient_that_is_not_finite_changes_no_weights() -> Result<()> {
    // The slope of a root is infinite at 0. The loss itself is 0.
    let loss = |net: &Mlp, batch: &(Tensor, Tensor), step: &mut Step<'_>| {
        let loss = squares(net, batch, step)?;
        Ok(match step.number() {
            4 => (&loss - &loss.detach()).sqrt(),
            _ => loss,
        })
    };
    let task = || Ok::<_, Error>(Supervised::new(net()?, Sgd::new(1e-3).build()?, loss));
    let allowed = clip::global_norm(f64::INFINITY).allow_nonfinite();
    for accumulated in [1, 2, 3] {
        let folder = tempfile::tempdir()?;
        let mut task = task()?.accumulate(accumulated);
        let mut run = Run::new(0);
        let error = Fit::new(3)
            .checkpoints(Checkpoints::new(folder.path()).every_steps(1))
            .extend(&mut run, &mut task, &batches()?)
            .unwrap_err();
        assert!(matches!(error.root(), Error::NonFinite { .. }), "{error}");
        let text = "epoch 2, step 5: `out.weight`: sqrt: element [] of the gradient";
        assert!(error.to_string().starts_with(text), "{error}");
        assert_eq!(run.steps(), 4);
        let newest = Checkpoints::newest(folder.path())?.expect("a checkpoint");
        assert!(newest.ends_with("checkpoint-0000000004.safetensors"));
        let mut before = self::task(1e-3)?.accumulate(accumulated);
        let mut run = Run::new(0);
        Fit::new(1).extend(&mut run, &mut before, &batches()?)?;
        for batch in batches()?.epoch(1).take(1) {
            run.train_step(&mut before, &batch?)?;
        }
        // Not those of the statistics of batch normalization, which the forward pass has updated.
        let params = task.model().named_params().into_iter();
        for ((path, found), (_, expected)) in params.zip(before.model().named_params()) {
            let [found, expected] = [found, expected].map(|param| param.value().to_f64_vec());
            assert_eq!(found, expected, "{path}");
        }
    }
    let mut task = task()?.clip(allowed);
    let mut run = Run::new(0);
    assert!(
        Fit::new(3)
            .extend(&mut run, &mut task, &batches()?)
            .is_err()
    );
    assert_eq!(run.steps(), 5);
    Ok(())
}
