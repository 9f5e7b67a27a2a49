//! The options of a run: early stopping, checkpoints, settings, and values that are out of range.

use crate::plain::{bytes, net, rows, squares};
use cotangent::prelude::*;
use cotangent::train::End;
use std::time::Duration;

pub type Regression =
    Supervised<Mlp, (Tensor, Tensor), fn(&Mlp, &(Tensor, Tensor), &mut Step<'_>) -> Result<Tensor>>;

pub fn task(rate: f64) -> Result<Regression> {
    Ok(Supervised::new(net()?, Sgd::new(rate).build()?, squares))
}

pub fn batches() -> Result<Batches<cotangent::data::Table<(Tensor, Tensor)>>> {
    Ok(Batches::new(rows(24, 1)?, 8)?.shuffle(1))
}

#[test]
fn a_run_stops_after_epochs_that_are_not_the_best() -> Result<()> {
    let batches = batches()?;
    // The loss cannot fall by so much again.
    let best = Best::lowest("loss").min_delta(1e9);
    let run = Fit::new(9)
        .best(best)
        .stop_early(3)
        .run(&mut task(0.01)?, &batches)?;
    assert_eq!((run.end(), run.epoch()), (Some(End::StoppedEarly), 4));
    assert_eq!(run.best().map(|(epoch, _)| epoch), Some(1));
    Ok(())
}

#[test]
fn early_stopping_counts_the_epochs_of_its_own_call() -> Result<()> {
    let batches = batches()?;
    let mut task = task(0.01)?;
    let mut run = Fit::new(4).run(&mut task, &batches)?;
    let best = Best::lowest("loss").min_delta(1e9);
    let fit = Fit::new(9).best(best).stop_early(2);
    fit.extend(&mut run, &mut task, &batches)?;
    assert_eq!((run.end(), run.epoch()), (Some(End::StoppedEarly), 7));
    assert_eq!(run.best().map(|(epoch, _)| epoch), Some(5));
    Ok(())
}

#[test]
fn the_newest_checkpoints_are_kept_beside_the_best_weights() -> Result<()> {
    let batches = batches()?;
    let folder = tempfile::tempdir()?;
    let checkpoints = Checkpoints::new(folder.path()).every_steps(2).keep(2);
    let mut trained = task(0.01)?;
    let run = Fit::new(3)
        .checkpoints(checkpoints.clone())
        .run(&mut trained, &batches)?;
    let mut files: Vec<String> = std::fs::read_dir(folder.path())?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    files.sort();
    let expected = [
        "best.safetensors",
        "checkpoint-0000000008.safetensors",
        "checkpoint-0000000009.safetensors",
    ];
    assert_eq!(files, expected);
    let mut best = net()?;
    best.load(folder.path().join("best.safetensors"))?;
    assert_eq!(run.best().map(|(epoch, _)| epoch), Some(3));
    assert!(bytes(&best)? == bytes(trained.model())?);

    // Another run in the same folder must resume.
    let fit = || Fit::new(3).checkpoints(checkpoints.clone());
    let error = fit()
        .run(&mut task(0.01)?, &batches)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("of another run: continue it with `resume`"),
        "{error}"
    );
    let mut again = task(0.01)?;
    let resumed = fit().resume().run(&mut again, &batches)?;
    assert_eq!(resumed.history(), run.history());
    assert!(bytes(&again)? == bytes(&trained)?);
    // A run cannot be shorter than what is done.
    let fit = Fit::new(2).checkpoints(checkpoints.clone()).resume();
    let error = fit.run(&mut task(0.01)?, &batches).unwrap_err().to_string();
    assert!(error.contains("expected at least 3 epochs"), "{error}");
    // Nor can another net continue it.
    let other = Mlp::builder([3, 9, 1]).build(&mut ChaCha8Rng::seed_from_u64(2))?;
    let mut other = Supervised::new(other, Sgd::new(0.1).build()?, squares);
    let error = fit_of(&checkpoints).run(&mut other, &batches).unwrap_err();
    assert!(matches!(error.root(), Error::State { .. }), "{error}");
    Ok(())
}

fn fit_of(checkpoints: &Checkpoints) -> Fit<'static, (Tensor, Tensor)> {
    Fit::new(9).checkpoints(checkpoints.clone()).resume()
}

#[test]
fn a_run_is_resumed_with_other_settings_only_if_that_is_allowed() -> Result<()> {
    let (batches, folder) = (batches()?, tempfile::tempdir()?);
    let fit = |epochs| Fit::new(epochs).checkpoints(Checkpoints::new(folder.path()));
    fit(1)
        .setting("rate", 0.01)
        .setting("data", "a.b=c")
        .run(&mut task(0.01)?, &batches)?;
    let resume = || fit(2).resume();
    for (fit, expected) in [
        (
            resume().setting("rate", 0.02).setting("data", "a.b=c"),
            "`rate`: 0.02, but 0.01 before",
        ),
        (
            resume().setting("rate", 0.01),
            "`data`: missing, but a.b=c before",
        ),
        (
            resume()
                .setting("rate", 0.01)
                .setting("data", "a.b=c")
                .setting("new", 1),
            "`new`: 1, but missing before",
        ),
        (
            resume()
                .seed(1)
                .setting("rate", 0.01)
                .setting("data", "a.b=c"),
            "`seed`: 1, but 0 before",
        ),
    ] {
        let error = fit.run(&mut task(0.01)?, &batches).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let allowed = resume().setting("rate", 0.02).allow_other_settings();
    assert_eq!(allowed.run(&mut task(0.02)?, &batches)?.epoch(), 2);
    Ok(())
}

#[test]
fn a_checkpoint_after_every_moment_of_time() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let checkpoints = Checkpoints::new(folder.path())
        .every(Duration::from_nanos(1))
        .keep(99);
    Fit::new(1)
        .checkpoints(checkpoints)
        .run(&mut task(0.01)?, &batches()?)?;
    // One for each of three steps, of which the last is replaced at the end of the epoch; and the
    // best weights.
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 4);
    Ok(())
}

#[test]
fn options_out_of_range_are_errors() -> Result<()> {
    let batches = batches()?;
    let folder = tempfile::tempdir()?;
    let checkpoints = || Checkpoints::new(folder.path());
    let fit = || Fit::new(1);
    let cases: [(Fit<'_, _>, &str); 9] = [
        (
            fit().stop_early(0),
            "the patience of `stop_early` must be at least 1",
        ),
        (
            fit().signal(0),
            "the interval of `signal` must be at least 1",
        ),
        (fit().resume(), "`resume` needs `checkpoints`"),
        (
            fit().checkpoints(checkpoints().every_steps(0)),
            "every_steps must be at least 1",
        ),
        (
            fit().checkpoints(checkpoints().every(Duration::ZERO)),
            "every must be above 0",
        ),
        (
            fit().checkpoints(checkpoints().keep(0)),
            "keep must be at least 1",
        ),
        (fit().best(Best::lowest("los")), "there is no value `los`"),
        (
            fit().best(Best::lowest("loss").min_delta(-1.0)),
            "min_delta must be finite",
        ),
        (
            fit().best(Best::lowest("loss").min_delta(f64::NAN)),
            "min_delta must be finite",
        ),
    ];
    for (fit, expected) in cases {
        let error = fit.run(&mut task(0.01)?, &batches).unwrap_err();
        assert!(matches!(error.root(), Error::Argument { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let mut accumulates = task(0.01)?.accumulate(0);
    let error = fit()
        .run(&mut accumulates, &batches)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the number of batches must be at least 1"),
        "{error}"
    );
    let run = Fit::new(0).run(&mut task(0.01)?, &batches)?;
    assert_eq!((run.end(), run.steps()), (Some(End::Completed), 0));
    Ok(())
}

#[test]
fn an_epoch_without_batches_is_an_error() -> Result<()> {
    struct Empty;
    impl cotangent::data::Epochs for Empty {
        type Batch = (Tensor, Tensor);
        fn epoch(&self, _: u64) -> Box<dyn Iterator<Item = Result<Self::Batch>> + '_> {
            Box::new(std::iter::empty())
        }
        fn batches_per_epoch(&self) -> Option<usize> {
            None
        }
    }
    let error = Fit::new(1)
        .run(&mut task(0.01)?, &Empty)
        .unwrap_err()
        .to_string();
    assert!(error.contains("epoch 1 has no batches"), "{error}");
    Ok(())
}

#[test]
fn damaged_states_of_runs_are_errors() -> Result<()> {
    use cotangent::state::Entry;
    let batches = batches()?;
    let run = Fit::new(1).run(&mut task(0.01)?, &batches)?;
    let good = run.state()?;
    for name in [
        "steps",
        "pass.draws",
        "training.value.0.last",
        "history.epochs",
    ] {
        let mut state = good.clone();
        let old = state.insert(name, Entry::Tensor(Tensor::from([1.0f32, 2.0, 3.0])));
        let mut run = Run::new(0);
        let refused = run.load_state(&state).is_err();
        assert!(refused || old.is_none(), "{name}");
        assert_eq!(run.steps(), 0, "{name}");
    }
    let mut state = good.clone();
    state.insert("other", Entry::Count(1));
    assert!(Run::new(0).load_state(&state).is_err());
    Ok(())
}
