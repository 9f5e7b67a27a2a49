//! Settings read from good and bad texts, and compared when a run is resumed.

use super::*;
use crate::{Checkpoints, Fit, Supervised};
use cotangent_core::module::Layer;
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{Result, Tensor};
use cotangent_data::{Batches, Table};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct All {
    net: MlpSettings,
    optimizer: OptimizerSettings,
    schedule: ScheduleSettings,
    fit: FitSettings,
}

const TEXT: &str = r#"
[net]
sizes = [3, 8, 1]
activation = "leaky_relu(0.2)"
norm = "layer"

[optimizer]
kind = "adam_w"
learning_rate = 1e-3
beta2 = 0.99

[schedule]
kind = "cosine"
total = 100
warm_up = 10

[fit]
epochs = 3
keep_best = true
"#;

#[test]
fn settings_are_read_built_and_written() {
    let all: All = from_toml(TEXT).unwrap();
    let net = all.net.build(&mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    assert_eq!(net.hidden.len(), 1);
    assert!(net.hidden[0].norm.is_some());
    let optimizer = all.optimizer.build().unwrap();
    assert_eq!(optimizer.settings().learning_rate, 1e-3);
    let schedule = all.schedule.build().unwrap();
    assert!(schedule.factor(0) < schedule.factor(10));
    assert!(schedule.factor(99) < 0.01);

    assert_eq!(from_toml::<All>(&to_toml(&all).unwrap()).unwrap(), all);
    assert_eq!(from_json::<All>(&to_json(&all).unwrap()).unwrap(), all);
    let folder = tempfile::tempdir().unwrap();
    for name in ["run.toml", "run.JSON"] {
        let path = folder.path().join(name);
        write(&path, &all).unwrap();
        assert_eq!(read::<All>(&path).unwrap(), all, "{name}");
    }
}

#[test]
fn every_kind_is_built() {
    let mut built = 0;
    for kind in [
        "sgd",
        "momentum",
        "nesterov",
        "ada_grad",
        "rms_prop",
        "ada_delta",
        "adam",
        "adam_w",
        "n_adam",
        "r_adam",
        "ada_max",
        "lamb",
        "lion",
        "adafactor",
        "muon",
    ] {
        let text = format!("kind = \"{kind}\"\nlearning_rate = 0.5");
        let settings: OptimizerSettings = from_toml(&text).unwrap();
        assert_eq!(settings.build().unwrap().learning_rate(), 0.5, "{kind}");
        built += 1;
    }
    for options in [
        "kind = 'constant'",
        "kind = 'step_decay'\nevery = 2\ngamma = 0.5",
        "kind = 'exponential'\ngamma = 0.5",
        "kind = 'polynomial'\ntotal = 10",
        "kind = 'cosine'\ntotal = 10\nend_factor = 0.1",
        "kind = 'one_cycle'\ntotal = 10",
        "kind = 'reduce_on_plateau'\ngamma = 0.5\npatience = 2",
    ] {
        let settings: ScheduleSettings = from_toml(options).unwrap();
        assert!(settings.build().unwrap().factor(1) > 0.0, "{options}");
        built += 1;
    }
    assert_eq!(built, 22);
}

#[test]
fn errors_name_line_field_and_range() {
    for (from, to, expected) in [
        (
            "beta2 = 0.99",
            "beta2 = 1.5",
            "line 10, `optimizer.beta2`: must be in [0, 1), found 1.5",
        ),
        (
            "1e-3",
            "-1",
            "line 9, `optimizer.learning_rate`: must be finite and at least 0, found -1",
        ),
        (
            "warm_up",
            "warmup",
            "line 15, `schedule.warmup`: unknown field `warmup`, did you mean `warm_up`?",
        ),
        (
            "adam_w",
            "adamw",
            "line 8, `optimizer.kind`: unknown name `adamw`, did you mean `adam_w`?",
        ),
        (
            "total = 100",
            "total = 0",
            "line 14, `schedule.total`: must be at least 1, found 0",
        ),
        (
            "beta2",
            "rho",
            "`optimizer`: this kind has no option `rho`, but it has learning_rate, weight_decay, \
             epsilon, beta1, beta2",
        ),
        (
            "total = 100",
            "",
            "`schedule`: this kind needs the option `total`",
        ),
        (
            "[3, 8, 1]",
            "[3]",
            "`net`: `sizes` must be at least two numbers from 1 on, found [3]",
        ),
        ("leaky_relu", "leaky", "`net.activation`: expected one of"),
        (
            "epochs = 3",
            "epochs = -3",
            "line 18, `fit.epochs`: invalid value",
        ),
        ("epochs = 3", "epochs = ", "line 18"),
    ] {
        let wrong = TEXT.replacen(from, to, 1);
        let error = from_toml::<All>(&wrong).unwrap_err().to_string();
        assert!(
            error.contains(expected),
            "expected {expected}\nfound    {error}"
        );
    }
    let json = "{\n\"epochs\": 3,\n\"stop_early\": 0}";
    let error = from_json::<FitSettings>(json).unwrap_err().to_string();
    assert!(
        error.ends_with("line 3, `stop_early`: must be at least 1, found 0"),
        "{error}"
    );
    assert!(from_json::<FitSettings>("{\"epochs\": 3} x").is_err());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    std::fs::write(&path, "epoch = 3").unwrap();
    let error = read::<FitSettings>(&path).unwrap_err().to_string();
    assert!(
        error.contains("run.toml: line 1, `epoch`: unknown field"),
        "{error}"
    );
    std::fs::write(&path, b"epochs = \xff").unwrap();
    let error = read::<FitSettings>(&path).unwrap_err().to_string();
    assert!(error.contains("UTF-8"), "{error}");
}

#[test]
fn a_run_is_resumed_with_the_same_settings_only() {
    let all: All = from_toml(TEXT).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let run =
        |all: &All, change: fn(Fit<'static, Tensor>) -> Fit<'static, Tensor>| -> Result<u64> {
            let net = all.net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
            let optimizer = all.optimizer.build()?;
            let mut task = Supervised::new(net, optimizer, |net, x: &Tensor, step| {
                Ok(net.forward(x, step.pass())?.square().mean())
            });
            let table = Table::new(Tensor::ones([8, 3], cotangent_core::DType::F32)?)?;
            let fit = all.fit.fit().settings(all)?;
            let fit = change(fit.checkpoints(Checkpoints::new(folder.path())));
            Ok(fit.run(&mut task, &Batches::new(&table, 4)?)?.steps())
        };
    assert_eq!(run(&all, |fit| fit).unwrap(), 6);
    let mut other = all.clone();
    other.fit.epochs = 4;
    assert_eq!(run(&other, Fit::resume).unwrap(), 8);
    other.fit.epochs = 5;
    other.schedule.total = Some(200);
    let error = run(&other, Fit::resume).unwrap_err().to_string();
    let expected = "`schedule.total`: 200, but 100 before";
    assert!(error.contains(expected), "{error}");
    let steps = run(&other, |fit| fit.resume().allow_other_settings());
    assert_eq!(steps.unwrap(), 10);
}
