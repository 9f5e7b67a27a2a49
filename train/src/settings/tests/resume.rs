//! A checkpoint has the settings, and a run is resumed with the same ones only.

use super::*;
use crate::{Checkpoints, Fit, Step};
use cotangent_core::module::Layer;
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{DType, Result, Tensor};
use cotangent_data::{Batches, Table};
use cotangent_nn::Mlp;
use std::path::Path;

/// A change of settings.
type Change = fn(&mut All);

fn run(
    all: &All,
    folder: &Path,
    change: fn(Fit<'static, Tensor>) -> Fit<'static, Tensor>,
) -> Result<u64> {
    let net = all.net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
    let loss = |net: &Mlp, x: &Tensor, step: &mut Step<'_>| {
        Ok(net.forward(x, step.pass())?.square().mean())
    };
    let mut task = all.task.build(net, loss)?;
    let table = Table::new(Tensor::ones([8, 3], DType::F32)?)?;
    let fit = all.fit.build()?.settings(all)?;
    let fit = change(fit.checkpoints(Checkpoints::new(folder)));
    Ok(fit.run(&mut task, &Batches::new(&table, 4)?)?.steps())
}

#[test]
fn other_settings_are_an_error_unless_they_are_allowed() {
    let all: All = from_toml(TEXT).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(run(&all, folder, |fit| fit).unwrap(), 8);
    // These may differ.
    let mut other = all.clone();
    other.fit.epochs = 5;
    other.fit.stop_on_interrupt = Some(true);
    other.fit.checkpoints = Some(CheckpointSettings::new(folder.to_owned()));
    other.fit.resume = Some(true);
    assert_eq!(run(&other, folder, |fit| fit).unwrap(), 10);

    other.fit.epochs = 6;
    let changes: [(Change, &str); 7] = [
        (
            |all| all.net.dropout = Some(0.1),
            "`net.dropout`: 0.1, but missing before",
        ),
        (
            |all| all.task.schedule.as_mut().unwrap().total = Some(200),
            "`task.schedule.total`: 200, but 100 before",
        ),
        (
            |all| all.task.optimizer.betas = None,
            "`task.optimizer.betas`: missing, but [0.9,0.99] before",
        ),
        (
            |all| all.task.optimizer.groups.as_mut().unwrap()[0].weight_decay = Some(0.5),
            "`task.optimizer.groups[0].weight_decay`: 0.5, but 0.0 before",
        ),
        (
            |all| all.task.clip.as_mut().unwrap().kind = ClipKind::Value,
            "`task.clip.kind`: value, but global_norm before",
        ),
        (
            |all| all.task.schedule.as_mut().unwrap().then = None,
            "`task.schedule.then[0].at`: missing, but 100 before",
        ),
        (
            |all| all.fit.seed = Some(3),
            "`seed`: 3, but 0 before; `fit.seed`: 3, but missing before",
        ),
    ];
    for (change, expected) in changes {
        let mut changed = other.clone();
        change(&mut changed);
        let error = run(&changed, folder, |fit| fit).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(
            error.contains("allow it with `allow_other_settings`"),
            "{error}"
        );
    }
    other.task.schedule.as_mut().unwrap().total = Some(200);
    let steps = run(&other, folder, Fit::allow_other_settings);
    assert_eq!(steps.unwrap(), 12);
    other.fit.epochs = 7;
    other.task.schedule.as_mut().unwrap().total = Some(300);
    assert!(run(&other, folder, |fit| fit).is_err());
    other.fit.allow_other_settings = Some(true);
    assert_eq!(run(&other, folder, |fit| fit).unwrap(), 14);
}

#[test]
fn a_resumed_run_ends_with_the_same_bits() {
    let mut all: All = from_toml(TEXT).unwrap();
    let weights = |all: &All, folder: &Path| {
        run(all, folder, Fit::resume).unwrap();
        std::fs::read(Checkpoints::newest(folder).unwrap().unwrap()).unwrap()
    };
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    all.fit.epochs = 3;
    let first = weights(&all, folders[0].path());
    all.fit.epochs = 7;
    let resumed = weights(&all, folders[0].path());
    assert!(resumed == weights(&all, folders[1].path()));
    assert!(first != resumed);
}

#[test]
fn settings_out_of_range_are_neither_built_nor_written() {
    let mut all: All = from_toml(TEXT).unwrap();
    all.task.optimizer.learning_rate = f64::NAN;
    let expected = "`learning_rate`: must be finite and at least 0, found NaN";
    for error in [
        all.task.optimizer.build().map(drop).unwrap_err(),
        to_toml(&all).unwrap_err(),
        to_json(&all).unwrap_err(),
        Fit::<Tensor>::new(1).settings(&all).map(drop).unwrap_err(),
    ] {
        assert!(error.to_string().contains(expected), "{error}");
    }
}
