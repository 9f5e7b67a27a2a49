//! Every kind of net, task and run is read, built as by its builder, and written.

use super::*;
use crate::{Step, Supervised};
use cotangent_core::module::Layer;
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::state::Stateful;
use cotangent_core::{Result, Tensor};
use cotangent_nn::{Mlp, init};

#[test]
fn nets_are_those_of_the_builder() {
    let rng = || ChaCha8Rng::seed_from_u64(1);
    let values = |net: Result<Mlp>| net.unwrap().state().unwrap().to_bytes().unwrap();
    let all: MlpSettings = round_trip(
        "
        sizes = [3, 4, 2]
        activation = 'selu'
        norm = 'rms'
        norm_after_activation = true
        dropout = 0.2
        weight = 'orthogonal'
        bias = 0.1
        ",
    );
    let builder = Mlp::builder([3, 4, 2])
        .activation(cotangent_nn::Selu)
        .rms_norm()
        .norm_after_activation()
        .dropout(0.2)
        .weight(init::orthogonal())
        .bias(init::constant(0.1));
    let (found, expected) = (all.build(&mut rng()), builder.build(&mut rng()));
    let texts = [&found, &expected].map(|net| format!("{:?}", net.as_ref().unwrap()));
    assert_eq!(texts[0], texts[1]);
    assert_eq!(values(found), values(expected));
    let mut weights = Vec::new();
    for &kind in InitKind::ALL {
        let mut settings = MlpSettings::new(vec![3, 4, 2]);
        settings.weight = Some(kind);
        let settings: MlpSettings = round_trip(&to_toml(&settings).unwrap());
        weights.push(values(settings.build(&mut rng())));
    }
    for (i, weight) in weights.iter().enumerate() {
        assert!(!weights[..i].contains(weight), "{:?}", InitKind::ALL[i]);
    }
    for norm in ["batch", "layer", "rms"] {
        let text = format!("sizes = [3, 4, 2]\nnorm = '{norm}'");
        let net = round_trip::<MlpSettings>(&text).build(&mut rng()).unwrap();
        let norm = format!("{:?}", net.hidden[0].norm).to_lowercase();
        assert!(
            norm.contains(&text[text.len() - 4..text.len() - 1]),
            "{norm}"
        );
    }
}

#[test]
fn tasks_are_those_of_the_builder() {
    fn loss(net: &Mlp, x: &Tensor, step: &mut Step<'_>) -> Result<Tensor> {
        Ok(net.forward(x, step.pass())?.square().mean())
    }
    let all: All = round_trip(TEXT);
    let net = || all.net.build(&mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    let task = all.task.build(net(), loss).unwrap();
    let text = format!("{task:?}");
    for part in [
        "global_norm",
        "cosine(100",
        "warm_up(10)",
        "constant()",
        "batches: 2",
    ] {
        let part = part.replace("global_norm", "GlobalNorm");
        assert!(text.contains(&part), "{part} in {text}");
    }
    for (kind, name) in [
        ("global_norm", "GlobalNorm"),
        ("norm", "Norm"),
        ("value", "Value"),
        ("adaptive", "Adaptive"),
    ] {
        let text = format!("kind = '{kind}'\nbound = 2\nof = 'out.*'\nallow_nonfinite = true");
        let clip = format!("{:?}", round_trip::<ClipSettings>(&text).build().unwrap());
        let expected = format!("kind: {name}, bound: 2.0, allow_nonfinite: true");
        assert!(clip.contains(&expected) && clip.contains("out.*"), "{clip}");
    }
    let average = |text: &str| {
        let average = round_trip::<AverageSettings>(text).build(&net());
        format!("{:?}", average.unwrap())
    };
    assert!(average("kind = 'exponential'\ndecay = 0.5").contains("decay: Some(0.5)"));
    assert!(average("kind = 'equal'").contains("decay: None"));
    let plain: TaskSettings = round_trip("optimizer = { kind = 'sgd', learning_rate = 0.1 }");
    let plain: Supervised<Mlp, Tensor, _> = plain.build(net(), loss).unwrap();
    let text = format!("{plain:?}");
    for part in [
        "clip: None",
        "schedule: None",
        "accumulation: None",
        "average: None",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn runs_are_those_of_the_builder() {
    let fit: FitSettings = round_trip(
        "
        epochs = 3
        seed = 18446744073709551615
        best = { kind = 'highest', value = 'accuracy', min_delta = 0.01 }
        stop_early = 2
        keep_best = true
        checkpoints = { folder = 'run', every_steps = 5, every_minutes = 0.5, keep = 2 }
        resume = true
        allow_other_settings = true
        stop_on_interrupt = true
        signal = 7
        ",
    );
    let found = format!("{:?}", fit.build::<Tensor>().unwrap());
    for part in [
        "epochs: 3",
        "seed: 18446744073709551615",
        "name: \"accuracy\", maximize: true, min_delta: 0.01",
        "patience: Some(2)",
        "keep_best: true",
        "folder: \"run\", every_steps: Some(5), every: Some(30s), keep: 2",
        "resume: true",
        "allow_others: true",
        "interrupt: true",
        "signal: Some(7)",
    ] {
        assert!(found.contains(part), "{part} in {found}");
    }
    let best: BestSettings = round_trip("kind = 'lowest'\nvalue = 'loss'");
    assert!(format!("{:?}", best.build().unwrap()).contains("maximize: false"));
    let plain: FitSettings = round_trip("epochs = 0");
    let plain = format!("{:?}", plain.build::<Tensor>().unwrap());
    assert_eq!(plain, format!("{:?}", crate::Fit::<Tensor>::new(0)));
}

#[test]
fn files_are_read_and_written_by_their_names() {
    let all: All = round_trip(TEXT);
    let folder = tempfile::tempdir().unwrap();
    for (name, start) in [("run.toml", "[net]"), ("run.JSON", "{"), ("run", "[net]")] {
        let path = folder.path().join(name);
        write(&path, &all).unwrap();
        assert!(
            std::fs::read_to_string(&path).unwrap().starts_with(start),
            "{name}"
        );
        assert_eq!(read::<All>(&path).unwrap(), all, "{name}");
    }
    // As some editors write it.
    let path = folder.path().join("windows.toml");
    let text = format!("\u{feff}{}", TEXT.replace('\n', "\r\n"));
    std::fs::write(&path, text).unwrap();
    assert_eq!(read::<All>(&path).unwrap(), all);
}
