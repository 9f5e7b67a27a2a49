//! Custom algorithms with state of any shape, and saved state, which names its algorithm.

use cotangent::optim::{Algorithm, Elementwise, ParamState, ParamStep, Settings, Stepper};
use cotangent::prelude::*;
use std::path::Path;
use support::optimizers::OPTIMIZERS;

mod support {
    pub mod optimizers;
}

type Net = (Param, Param);

fn net() -> Net {
    (
        Param::new(&Tensor::from([[0.5f32, -1.0, 2.0], [0.25, 1.5, -0.75]])),
        Param::new(&Tensor::from([0.125f32, -0.5])),
    )
}

/// Returns gradients that differ in each step.
fn gradients(net: &Net, step: usize) -> Result<Gradients> {
    let mut gradients = Gradients::default();
    let at = |n: usize| ((step * 7 + n * 3) % 11) as f32 / 8.0 - 0.5;
    let values = |from: usize, n: usize| (from..from + n).map(at).collect::<Vec<f32>>();
    gradients.insert(&net.0, Tensor::from_vec(values(0, 6), [2, 3])?);
    gradients.insert(&net.1, Tensor::from_vec(values(6, 2), [2])?);
    Ok(gradients)
}

fn train(
    net: &mut Net,
    optimizer: &mut dyn Optimizer,
    steps: std::ops::Range<usize>,
) -> Result<()> {
    for step in steps {
        let gradients = gradients(net, step)?;
        optimizer.step(net, gradients)?;
    }
    Ok(())
}

fn bits(net: &Net) -> Vec<u64> {
    let params = [&net.0, &net.1].map(|param| param.value().to_f64_vec());
    params.concat().into_iter().map(f64::to_bits).collect()
}

/// w -= η g / (1 + n), where n is the mean square of a row's gradients so far. The state is a
/// number for each row of a matrix, and one number for a vector.
#[derive(Debug)]
struct Rows;

impl Algorithm for Rows {
    fn name(&self) -> &'static str {
        "Rows"
    }

    fn state_names(&self) -> Vec<Vec<&'static str>> {
        vec![vec!["sum", "unit"], vec!["sum"]]
    }

    fn init(&self, _path: &str, value: &Tensor) -> Result<ParamState> {
        let mut shape = value.shape().to_vec();
        shape.pop();
        let sum = Tensor::zeros(shape, value.dtype())?;
        if value.rank() < 2 {
            return Ok(ParamState::from([("sum", sum)]));
        }
        Ok(ParamState::from([
            ("sum", sum),
            ("unit", Tensor::from(1.0f64)),
        ]))
    }

    fn update(&self, step: &mut ParamStep<'_>) -> Result<()> {
        if !step.gradient.sum().item()?.is_finite() {
            return Err(Error::argument("Rows", "the gradient is not finite"));
        }
        let settings = step.settings;
        let kept = step.state.tensor_mut("sum")?;
        let square = step.gradient.square().mean_over(-1)?;
        let sum = kept.add(&square)?;
        let divisor = sum.div_scalar(step.number as f64).add_scalar(1.0);
        let decay = step.param.value().mul_scalar(settings.weight_decay);
        let direction = step.gradient.div(&divisor.unsqueeze(-1)?)?.add(&decay)?;
        let moved = direction.mul_scalar(settings.learning_rate);
        step.param.set(&step.param.value().sub(&moved)?)?;
        *kept = sum;
        Ok(())
    }
}

fn rows() -> Result<Stepper> {
    Stepper::new(Rows, Settings::new(0.5))
}

#[test]
fn a_custom_algorithm_has_groups_and_state() -> Result<()> {
    // One step: each row has its own mean square.
    let (mut plain, mut optimizer) = (net(), rows()?);
    train(&mut plain, &mut optimizer, 0..1)?;
    let first = net();
    let grads = gradients(&first, 0)?;
    let g = grads.get(&first.0).expect("it has one").to_f64_vec();
    for (i, (w, moved)) in first
        .0
        .value()
        .to_f64_vec()
        .iter()
        .zip(plain.0.value().to_f64_vec())
        .enumerate()
    {
        let row = &g[i / 3 * 3..i / 3 * 3 + 3];
        let mean = row.iter().map(|g| g * g).sum::<f64>() / 3.0;
        assert!((w - 0.5 * g[i] / (1.0 + mean) - moved).abs() < 1e-6, "{i}");
    }
    let state = optimizer.state()?;
    assert_eq!(state.tensor("slot.sum.0")?.shape(), [2]);
    assert_eq!(state.number("slot.unit.0")?, 1.0);
    assert_eq!(state.tensor("slot.sum.1")?.rank(), 0);
    assert_eq!(state.count("steps.1")?, 1);
    assert_eq!(state.count("algorithm.Rows")?, 2);

    // Groups: half the rate with a decay, and a frozen one.
    let mut grouped = net();
    let mut optimizer = rows()?;
    optimizer.add_group(
        Group::of("0")?
            .learning_rate_factor(0.5)?
            .weight_decay(0.1)?,
    );
    optimizer.add_group(Group::of("1")?.frozen());
    train(&mut grouped, &mut optimizer, 0..1)?;
    let [w, moved, halved] = [&first.0, &plain.0, &grouped.0].map(Param::value);
    let expected = w
        .add(&moved.sub(w)?.mul_scalar(0.5))?
        .sub(&w.mul_scalar(0.5 * 0.5 * 0.1))?;
    assert!(halved.sub(&expected)?.abs().max()?.item()? < 1e-6);
    assert_eq!(bits(&grouped)[6..], bits(&first)[6..]);
    optimizer.add_group(Group::of("no such path")?);
    let grads = gradients(&grouped, 1)?;
    let error = optimizer.step(&mut grouped, grads).unwrap_err();
    assert!(error.to_string().contains("no such path"), "{error}");

    // Saved and loaded after three steps, it continues in the same way.
    let (mut whole, mut optimizer) = (net(), rows()?);
    train(&mut whole, &mut optimizer, 0..3)?;
    let (mut resumed, mut loaded) = (whole.clone(), rows()?);
    loaded.load_state(&cotangent::state::StateDict::from_bytes(
        &optimizer.state()?.to_bytes()?,
    )?)?;
    train(&mut whole, &mut optimizer, 3..6)?;
    train(&mut resumed, &mut loaded, 3..6)?;
    assert_eq!(bits(&resumed), bits(&whole));
    assert_eq!(loaded.state()?.to_bytes()?, optimizer.state()?.to_bytes()?);

    // A frozen parameter and its state do not change.
    let before = loaded.state()?.tensor("slot.sum.0")?.to_f64_vec();
    resumed.0.freeze();
    train(&mut resumed, &mut loaded, 6..7)?;
    assert_eq!(bits(&resumed)[..6], bits(&whole)[..6]);
    assert_ne!(bits(&resumed)[6..], bits(&whole)[6..]);
    assert_eq!(loaded.state()?.tensor("slot.sum.0")?.to_f64_vec(), before);
    assert_eq!(loaded.state()?.count("steps.0")?, 6);

    // A parameter of another shape needs `forget_where`, and starts again.
    whole.0 = Param::new(&Tensor::from([[1.0f32, 2.0]]));
    let mut grads = Gradients::default();
    grads.insert(&whole.0, Tensor::from([[1.0f32, 1.0]]));
    let error = optimizer.step(&mut whole, grads.clone()).unwrap_err();
    assert!(
        error.to_string().starts_with("`0`: optimizer step"),
        "{error}"
    );
    assert!(error.to_string().contains("forget_where"), "{error}");
    let optimizer: &mut dyn Optimizer = &mut optimizer;
    assert_eq!(optimizer.forget_where("0")?, 1);
    optimizer.step(&mut whole, grads)?;
    assert_eq!(whole.0.value().to_f64_vec(), [0.75, 1.75]);
    assert_eq!(optimizer.state()?.count("steps.0")?, 1);
    Ok(())
}

#[test]
fn a_failed_update_changes_neither_its_parameter_nor_later_ones() -> Result<()> {
    let (mut net, mut optimizer) = (net(), rows()?);
    train(&mut net, &mut optimizer, 0..1)?;
    let mut grads = gradients(&net, 1)?;
    grads.insert(&net.1, Tensor::from([f32::NAN, 1.0]));
    let before = bits(&net);
    let error = optimizer.step(&mut net, grads.clone()).unwrap_err();
    assert_eq!(error.to_string(), "`1`: Rows: the gradient is not finite");
    assert_ne!(bits(&net)[..6], before[..6]);
    assert_eq!(bits(&net)[6..], before[6..]);
    let state = optimizer.state()?;
    assert_eq!((state.count("steps.0")?, state.count("steps.1")?), (2, 1));

    // An error that is found before the first update: nothing has changed.
    let before = (bits(&net), optimizer.state()?.to_bytes()?);
    grads.insert(&net.1, Tensor::from([1.0f32]));
    assert!(optimizer.step(&mut net, grads).is_err());
    assert!((bits(&net), optimizer.state()?.to_bytes()?) == before);
    Ok(())
}

#[test]
fn loaded_state_that_does_not_fit_is_an_error_of_the_first_step() -> Result<()> {
    let (mut net, mut optimizer) = (net(), Adafactor::new(0.1).build()?);
    train(&mut net, &mut optimizer, 0..1)?;
    let state = optimizer.state()?;
    let step = |state: &cotangent::state::StateDict, w: &Tensor| -> Result<()> {
        let mut optimizer = Adafactor::new(0.1).build()?;
        optimizer.load_state(state)?;
        let mut net = (Param::new(w), self::net().1);
        let mut gradients = Gradients::default();
        gradients.insert(&net.0, w.clone());
        let before = bits(&net);
        let result = optimizer.step(&mut net, gradients);
        assert_eq!(result.is_err(), bits(&net) == before);
        result
    };
    let w = net.0.value();
    step(&state, w)?;
    for (other, found) in [
        (w.transpose(0, 1)?, "(3, 1) and (2, 1)"),
        (w.to_dtype(DType::F64), "the loaded state is f32"),
        (
            w.narrow(0, 0, 1)?.squeeze(0)?,
            r#"["row", "column"], expected ["v"]"#,
        ),
    ] {
        let error = step(&state, &other).unwrap_err().to_string();
        assert!(
            error.starts_with("`0`: ") && error.contains(found),
            "{error}"
        );
    }
    Ok(())
}

type Build = fn() -> Result<Box<dyn Optimizer>>;
type DynBuild = dyn Fn() -> Result<Box<dyn Optimizer>>;

#[test]
fn state_is_loaded_only_by_the_algorithm_that_wrote_it() -> Result<()> {
    let saved = OPTIMIZERS.iter().filter(|row| !row.algorithm.is_empty());
    let builds = saved.map(|row| (row.algorithm, Box::new(|| row.build()) as Box<DynBuild>));
    let own: (_, Box<DynBuild>) = ("Rows", Box::new(|| Ok(Box::new(rows()?))));
    let algorithms: Vec<_> = builds.chain([own]).collect();
    for (writer, build) in &algorithms {
        let (mut net, mut optimizer) = (net(), build()?);
        train(&mut net, &mut optimizer, 0..2)?;
        let state = optimizer.state()?;
        for (reader, build) in &algorithms {
            let mut other = build()?;
            let before = other.state()?.to_bytes()?;
            let loaded = other.load_state(&state);
            if reader == writer {
                loaded?;
                assert!(other.state()?.to_bytes()? == state.to_bytes()?, "{writer}");
                continue;
            }
            let error = loaded.unwrap_err().to_string();
            let both = format!("the state is that of {writer}, the optimizer is {reader}");
            assert!(error.contains(&both), "{error}");
            assert!(other.state()?.to_bytes()? == before, "{writer} {reader}");
        }
        let mut ahead = Lookahead::new(build()?, 2, 0.5)?;
        assert!(ahead.load_state(&state).is_err(), "{writer}");
        train(&mut net, &mut ahead, 2..3)?;
        assert!(optimizer.load_state(&ahead.state()?).is_err(), "{writer}");
    }
    Ok(())
}

/// Checkpoints of `net` after three steps with `gradients`, which were saved before state named its
/// algorithm, and the parameters after two more steps.
const BEFORE: &[(&str, Build, [f32; 8])] = &[
    (
        "sgd",
        || Sgd::new(0.1).build(),
        [0.425, -1.125, 1.9625, 0.1625, 1.5, -0.8, 0.025, -0.65],
    ),
    (
        "momentum",
        || Momentum::new(0.1).build(),
        [
            0.442_167_46,
            -1.289_486_3,
            1.827_972_5,
            -0.042_306_244,
            1.539_116_3,
            -0.730_925,
            -0.211_328_73,
            -0.956_607_4,
        ],
    ),
    (
        "adam",
        || Adam::new(0.1).weight_decay(0.01).build(),
        [
            0.547_916_4,
            -1.111_876_7,
            1.763_865_2,
            -0.038_557_91,
            1.574_542_5,
            -0.576_387_2,
            -0.202_057_66,
            -0.853_940_4,
        ],
    ),
    (
        "amsgrad",
        || Adam::new(0.1).amsgrad().build(),
        [
            0.552_817_7,
            -1.117_967_2,
            1.783_396_1,
            -0.037_842_106,
            1.589_778_5,
            -0.682_334_9,
            -0.201_977_95,
            -0.856_950_7,
        ],
    ),
    (
        "nadam",
        || NAdam::new(0.1).build(),
        [
            0.439_744_2,
            -1.093_872_8,
            1.892_238,
            0.089_143_567,
            1.546_129_2,
            -0.783_448,
            -0.073_151_08,
            -0.724_212_77,
        ],
    ),
    (
        "lamb",
        || Lamb::new(0.1).build(),
        [
            0.474_349_74,
            -1.488_833,
            1.511_683_6,
            -0.383_871_6,
            1.611_329,
            -0.610_081_55,
            -0.068_698_92,
            -0.711_888_1,
        ],
    ),
    (
        "lookahead",
        || Ok(Box::new(Lookahead::new(Adam::new(0.1).build()?, 2, 0.5)?)),
        [
            0.505_732_8,
            -1.086_841_1,
            1.884_186_9,
            0.086_260_96,
            1.543_543,
            -0.732_158_36,
            -0.060_408_063,
            -0.708_750_7,
        ],
    ),
];

fn load_before(name: &str, optimizer: &mut dyn Stateful) -> Result<Net> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/checkpoints"));
    let mut net = (
        Param::new(&Tensor::zeros([2, 3], DType::F32)?),
        Param::new(&Tensor::zeros([2], DType::F32)?),
    );
    let path = folder.join(format!("{name}.safetensors"));
    load_checkpoint(path, &mut [("model", &mut net), ("optimizer", optimizer)])?;
    Ok(net)
}

#[test]
fn checkpoints_without_the_name_of_the_algorithm_are_loaded() -> Result<()> {
    for (name, build, expected) in BEFORE {
        let mut optimizer = build()?;
        let mut net = load_before(name, &mut optimizer)?;
        train(&mut net, &mut optimizer, 3..5)?;
        let found = [
            net.0.value().to_vec::<f32>()?,
            net.1.value().to_vec::<f32>()?,
        ]
        .concat();
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-6,
                "{name}: {found}, {expected}"
            );
        }
    }
    // State that cannot belong to the optimizer, such as NAdam's product of momenta to Adam.
    for (name, mut other) in [
        ("nadam", Adam::new(0.1).build()?),
        ("nadam", RAdam::new(0.1).build()?),
        ("adam", NAdam::new(0.1).build()?),
        ("adam", AdaMax::new(0.1).build()?),
        ("momentum", Adam::new(0.1).build()?),
        ("amsgrad", Adam::new(0.1).build()?),
        ("adam", Adafactor::new(0.1).build()?),
        ("lookahead", Adam::new(0.1).build()?),
    ] {
        let error = load_before(name, &mut other).unwrap_err();
        assert!(
            matches!(error.root(), Error::State { .. }),
            "{name}: {error}"
        );
    }
    Ok(())
}

#[test]
fn factored_state_has_a_number_for_each_row_and_column() -> Result<()> {
    let shapes: [&[usize]; 5] = [&[30, 20], &[2, 3, 4], &[7], &[], &[0, 3]];
    let mut params = Vec::new();
    let mut gradients = Gradients::default();
    for shape in shapes {
        let param = Param::new(&Tensor::ones(shape, DType::F32)?);
        gradients.insert(&param, Tensor::ones(shape, DType::F32)?);
        params.push(param);
    }
    let mut optimizer = Adafactor::new(0.01).build()?;
    optimizer.step(&mut params, gradients)?;
    let state = optimizer.state()?;
    let shape = |name: &str| state.tensor(&format!("slot.{name}")).map(Tensor::shape);
    assert_eq!(
        (shape("row.0")?, shape("column.0")?),
        (&[30, 1][..], &[1, 20][..])
    );
    assert_eq!(
        (shape("row.1")?, shape("column.1")?),
        (&[2, 3, 1][..], &[2, 1, 4][..])
    );
    assert_eq!((shape("v.2")?, shape("v.3")?), (&[7][..], &[][..]));
    assert!(
        params
            .iter()
            .all(|param| param.value().to_f64_vec().iter().all(|w| *w < 1.0))
    );
    Ok(())
}

#[test]
fn muon_sets_singular_values_to_about_one() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for shape in [[24, 8], [8, 24], [16, 16], [5, 1], [0, 3]] {
        let mut w = Param::new(&Tensor::zeros(shape, DType::F64)?);
        let mut gradients = Gradients::default();
        let g = Tensor::normal(shape, 0.0, 1e3, DType::F64, &mut rng)?;
        gradients.insert(&w, g.clone());
        let mut optimizer = Muon::new(1.0).iterations(5).build()?;
        optimizer.step(&mut w, gradients)?;
        if w.value().is_empty() {
            continue;
        }
        // The step divided by 0.2 √max(n, m) is U S Vᵀ, with U and V of the gradient.
        let longer = *shape.iter().max().expect("there are two") as f64;
        let step = w.value().mul_scalar(-1.0 / (0.2 * longer.sqrt()));
        let step = if shape[0] > shape[1] {
            step.transpose(0, 1)?
        } else {
            step
        };
        let gram = step.matmul(&step.transpose(0, 1)?)?;
        // The square is between those of the least and the largest singular value.
        for i in 0..gram.shape()[0] {
            let length = gram.narrow(0, i, 1)?.narrow(1, i, 1)?.item()?;
            assert!((0.0..1.5).contains(&length), "{shape:?}: {length}");
        }
        let trace = step.sum_of_squares() / gram.shape()[0] as f64;
        assert!((0.3..1.4).contains(&trace), "{shape:?}: {trace}");
    }
    Ok(())
}

#[test]
fn muon_updates_other_parameters_by_adam_w() -> Result<()> {
    let run = |mut optimizer: Box<dyn Optimizer>| -> Result<Vec<u64>> {
        let mut net = net();
        train(&mut net, &mut optimizer, 0..4)?;
        Ok(bits(&net))
    };
    let muon = || Muon::new(0.1).weight_decay(0.05);
    let adam_w = run(AdamW::new(0.1).weight_decay(0.05).build()?)?;
    let plain = run(muon().build()?)?;
    assert_ne!(plain[..6], adam_w[..6]);
    assert_eq!(plain[6..], adam_w[6..]);
    assert_eq!(run(muon().exclude("0")?.build()?)?, adam_w);
    let error = run(muon().exclude("output")?.build()?).unwrap_err();
    assert!(
        error.to_string().contains("`output` matches nothing"),
        "{error}"
    );
    let schedule = |momentum: f64| -> Result<Vec<u64>> {
        let mut optimizer = muon().build()?;
        let settings = optimizer.settings().momentum(momentum);
        optimizer.set_settings(settings)?;
        run(optimizer)
    };
    // A schedule of the momentum changes Muon's.
    let other = schedule(0.5)?;
    assert_ne!(other[..6], plain[..6]);
    assert_eq!(other[6..], plain[6..]);
    Ok(())
}

#[test]
fn a_custom_algorithm_may_use_a_rule() -> Result<()> {
    /// Momentum for vectors; other parameters do not change.
    #[derive(Debug)]
    struct Vectors(Elementwise<Momentum, 1>);

    impl Algorithm for Vectors {
        fn name(&self) -> &'static str {
            "Vectors"
        }
        fn state_names(&self) -> Vec<Vec<&'static str>> {
            let mut names = self.0.state_names();
            names.push(Vec::new());
            names
        }
        fn init(&self, path: &str, value: &Tensor) -> Result<ParamState> {
            match value.rank() {
                1 => self.0.init(path, value),
                _ => Ok(ParamState::default()),
            }
        }
        fn update(&self, step: &mut ParamStep<'_>) -> Result<()> {
            match step.param.value().rank() {
                1 => self.0.update(step),
                _ => Ok(()),
            }
        }
    }

    let settings = Settings::new(0.1).momentum(0.9);
    let (mut ours, mut theirs) = (net(), net());
    let mut optimizer = Stepper::new(Vectors(Elementwise(Momentum::new(0.1))), settings)?;
    train(&mut ours, &mut optimizer, 0..3)?;
    train(&mut theirs, &mut Momentum::new(0.1).build()?, 0..3)?;
    assert_eq!(bits(&ours)[6..], bits(&theirs)[6..]);
    assert_eq!(bits(&ours)[..6], bits(&net())[..6]);
    let mut loaded = Stepper::new(Vectors(Elementwise(Momentum::new(0.1))), settings)?;
    loaded.load_state(&optimizer.state()?)?;
    train(&mut ours, &mut loaded, 3..4)?;
    assert_eq!(loaded.state()?.count("steps.0")?, 4);
    Ok(())
}
