//! Every optimizer is read, built as by its builder, and written.

use super::*;
use cotangent_core::module::{Layer, Pass};
use cotangent_core::random::{ChaCha8Rng, SeedableRng};
use cotangent_core::{ModuleExt, Result, Tensor};
use cotangent_nn::Mlp;
use cotangent_optim::{self as optim, Group, Lookahead, MuonScale, Optimizer};
use optim::{AdaDelta, AdaGrad, AdaMax, Adafactor, Adam, AdamW, Asgd, Lamb, Lion, Momentum, Muon};
use optim::{NAdam, Nesterov, RAdam, RmsProp, Rprop, Sgd};

type Built = Result<Box<dyn Optimizer>>;

/// All kinds, with all their options.
const ROWS: &[(&str, &[&str])] = &[
    ("sgd", &["weight_decay = 0.2"]),
    (
        "momentum",
        &["momentum = 0.5", "dampening = 0.1", "weight_decay = 0.2"],
    ),
    ("nesterov", &["momentum = 0.5", "weight_decay = 0.2"]),
    (
        "adagrad",
        &[
            "weight_decay = 0.2",
            "epsilon = 1e-3",
            "epsilon_inside_root = true",
            "learning_rate_decay = 0.1",
            "initial_accumulator = 0.3",
        ],
    ),
    (
        "rmsprop",
        &[
            "momentum = 0.5",
            "weight_decay = 0.2",
            "epsilon = 1e-3",
            "epsilon_inside_root = true",
            "alpha = 0.8",
            "centered = true",
            "initial = 0.3",
        ],
    ),
    (
        "adadelta",
        &["weight_decay = 0.2", "epsilon = 1e-3", "rho = 0.5"],
    ),
    (
        "adam",
        &[
            "betas = [0.5, 0.99]",
            "epsilon = 1e-3",
            "epsilon_inside_root = true",
            "amsgrad = true",
            "weight_decay = 0.2",
            "decoupled_weight_decay = true",
        ],
    ),
    (
        "adamw",
        &[
            "betas = [0.5, 0.99]",
            "epsilon = 1e-3",
            "epsilon_inside_root = true",
            "amsgrad = true",
            "weight_decay = 0.2",
        ],
    ),
    (
        "nadam",
        &[
            "betas = [0.5, 0.99]",
            "epsilon = 1e-3",
            "momentum_decay = 0.1",
            "weight_decay = 0.2",
            "decoupled_weight_decay = true",
        ],
    ),
    (
        "radam",
        &[
            "betas = [0.5, 0.99]",
            "epsilon = 1e-3",
            "weight_decay = 0.2",
            "decoupled_weight_decay = true",
        ],
    ),
    (
        "adamax",
        &[
            "betas = [0.5, 0.99]",
            "epsilon = 1e-3",
            "weight_decay = 0.2",
        ],
    ),
    (
        "lamb",
        &[
            "betas = [0.5, 0.99]",
            "epsilon = 1e-3",
            "weight_decay = 0.2",
        ],
    ),
    ("lion", &["betas = [0.5, 0.99]", "weight_decay = 0.2"]),
    (
        "rprop",
        &[
            "etas = [0.6, 1.1]",
            "step_sizes = [1e-3, 0.105]",
            "weight_decay = 0.2",
        ],
    ),
    (
        "asgd",
        &[
            "lambda = 0.1",
            "alpha = 0.5",
            "t0 = 2",
            "weight_decay = 0.2",
        ],
    ),
    (
        "adafactor",
        &[
            "beta2_decay = -0.5",
            "epsilon1 = 0.3",
            "epsilon2 = 1e-2",
            "clipping = 2.0",
            "weight_decay = 0.2",
        ],
    ),
    (
        "muon",
        &[
            "momentum = 0.5",
            "nesterov = false",
            "iterations = 3",
            "epsilon = 10",
            "scale = 'original'",
            "weight_decay = 0.2",
            "exclude = ['out.*']",
            "adam_betas = [0.5, 0.99]",
            "adam_epsilon = 1e-2",
            "adam_learning_rate_factor = 0.5",
        ],
    ),
];

/// Returns an optimizer with the defaults of its builder.
fn plain(kind: OptimizerKind) -> Built {
    match kind {
        OptimizerKind::Sgd => Sgd::new(0.1).build(),
        OptimizerKind::Momentum => Momentum::new(0.1).build(),
        OptimizerKind::Nesterov => Nesterov::new(0.1).build(),
        OptimizerKind::AdaGrad => AdaGrad::new(0.1).build(),
        OptimizerKind::RmsProp => RmsProp::new(0.1).build(),
        OptimizerKind::AdaDelta => AdaDelta::new(0.1).build(),
        OptimizerKind::Adam => Adam::new(0.1).build(),
        OptimizerKind::AdamW => AdamW::new(0.1).build(),
        OptimizerKind::NAdam => NAdam::new(0.1).build(),
        OptimizerKind::RAdam => RAdam::new(0.1).build(),
        OptimizerKind::AdaMax => AdaMax::new(0.1).build(),
        OptimizerKind::Lamb => Lamb::new(0.1).build(),
        OptimizerKind::Lion => Lion::new(0.1).build(),
        OptimizerKind::Rprop => Rprop::new(0.1).build(),
        OptimizerKind::Asgd => Asgd::new(0.1).build(),
        OptimizerKind::Adafactor => Adafactor::new(0.1).build(),
        OptimizerKind::Muon => Muon::new(0.1).build(),
    }
}

/// Returns the optimizer of a row.
fn with_options(kind: OptimizerKind) -> Built {
    match kind {
        OptimizerKind::Sgd => Sgd::new(0.1).weight_decay(0.2).build(),
        OptimizerKind::Momentum => {
            let momentum = Momentum::new(0.1).momentum(0.5).dampening(0.1);
            momentum.weight_decay(0.2).build()
        }
        OptimizerKind::Nesterov => Nesterov::new(0.1).momentum(0.5).weight_decay(0.2).build(),
        OptimizerKind::AdaGrad => {
            let adagrad = AdaGrad::new(0.1)
                .weight_decay(0.2)
                .epsilon(1e-3)
                .epsilon_inside_root();
            adagrad
                .learning_rate_decay(0.1)
                .initial_accumulator(0.3)
                .build()
        }
        OptimizerKind::RmsProp => {
            let rmsprop = RmsProp::new(0.1)
                .momentum(0.5)
                .weight_decay(0.2)
                .epsilon(1e-3);
            rmsprop
                .epsilon_inside_root()
                .alpha(0.8)
                .centered()
                .initial(0.3)
                .build()
        }
        OptimizerKind::AdaDelta => {
            let adadelta = AdaDelta::new(0.1).weight_decay(0.2);
            adadelta.epsilon(1e-3).rho(0.5).build()
        }
        OptimizerKind::Adam => {
            let adam = Adam::new(0.1)
                .betas(0.5, 0.99)
                .epsilon(1e-3)
                .epsilon_inside_root();
            adam.amsgrad()
                .weight_decay(0.2)
                .decoupled_weight_decay()
                .build()
        }
        OptimizerKind::AdamW => {
            let adamw = AdamW::new(0.1)
                .betas(0.5, 0.99)
                .epsilon(1e-3)
                .epsilon_inside_root();
            adamw.amsgrad().weight_decay(0.2).build()
        }
        OptimizerKind::NAdam => {
            let nadam = NAdam::new(0.1)
                .betas(0.5, 0.99)
                .epsilon(1e-3)
                .momentum_decay(0.1);
            nadam.weight_decay(0.2).decoupled_weight_decay().build()
        }
        OptimizerKind::RAdam => {
            let radam = RAdam::new(0.1).betas(0.5, 0.99).epsilon(1e-3);
            radam.weight_decay(0.2).decoupled_weight_decay().build()
        }
        OptimizerKind::AdaMax => {
            let adamax = AdaMax::new(0.1).betas(0.5, 0.99);
            adamax.epsilon(1e-3).weight_decay(0.2).build()
        }
        OptimizerKind::Lamb => {
            let lamb = Lamb::new(0.1).betas(0.5, 0.99);
            lamb.epsilon(1e-3).weight_decay(0.2).build()
        }
        OptimizerKind::Lion => Lion::new(0.1).betas(0.5, 0.99).weight_decay(0.2).build(),
        OptimizerKind::Rprop => {
            let rprop = Rprop::new(0.1).etas(0.6, 1.1).step_sizes(1e-3, 0.105);
            rprop.weight_decay(0.2).build()
        }
        OptimizerKind::Asgd => {
            let asgd = Asgd::new(0.1).lambda(0.1).alpha(0.5).t0(2);
            asgd.weight_decay(0.2).build()
        }
        OptimizerKind::Adafactor => {
            let adafactor = Adafactor::new(0.1)
                .beta2_decay(-0.5)
                .epsilon1(0.3)
                .epsilon2(1e-2);
            adafactor.clipping(2.0).weight_decay(0.2).build()
        }
        OptimizerKind::Muon => muon(),
    }
}

/// Returns Muon with all its options.
fn muon() -> Built {
    let muon = Muon::new(0.1)
        .momentum(0.5)
        .without_nesterov()
        .iterations(3);
    let muon = muon
        .epsilon(10.0)
        .scale(MuonScale::Original)
        .weight_decay(0.2);
    let muon = muon
        .exclude("out.*")?
        .adam_betas(0.5, 0.99)
        .adam_epsilon(1e-2);
    muon.adam_learning_rate_factor(0.5).build()
}

/// Returns the weights after some steps of the optimizer, and its state, which has ASGD's average.
fn trained(optimizer: Built) -> Vec<f64> {
    let (mut optimizer, mut rng) = (optimizer.unwrap(), ChaCha8Rng::seed_from_u64(1));
    let mut net = Mlp::builder([3, 4, 2]).build(&mut rng).unwrap();
    let x = Tensor::from([[1.0f32, -2.0, 0.5], [0.3, 0.1, -1.0]]);
    // Small gradients, which ε changes, and large ones, which Adafactor clips.
    for (seed, size) in (0..).zip([1e-3, 0.1, 10.0, 0.01, 0.1, 1.0, 0.1]) {
        let y = net.forward(&x, &Pass::train(seed)).unwrap();
        let loss = y.square().sum() * size;
        let gradients = loss.backward().unwrap();
        optimizer.step(&mut net, gradients).unwrap();
    }
    let params = net.named_params();
    let weights = params.iter().map(|(_, param)| param.value().clone());
    let state = optimizer.state().unwrap();
    let tensors = state.iter().filter_map(|(name, _)| state.tensor(name).ok());
    let all = weights.chain(tensors.cloned());
    all.flat_map(|tensor| tensor.to_f64_vec()).collect()
}

#[test]
fn optimizers_are_those_of_their_builders() {
    let mut kinds = Vec::new();
    for (name, options) in ROWS {
        let settings = |options: &[&str]| -> OptimizerSettings {
            let options = options.join("\n");
            round_trip(&format!("kind = '{name}'\nlearning_rate = 0.1\n{options}"))
        };
        let (without, with) = (settings(&[]), settings(options));
        let kind = with.kind;
        kinds.push(kind);
        for option in kind.options() {
            let start = format!("{option} = ");
            assert!(
                options.iter().any(|row| row.starts_with(&start)),
                "{name}: {option}"
            );
        }
        assert_eq!(trained(without.build()), trained(plain(kind)), "{name}");
        let expected = trained(with_options(kind));
        assert_eq!(trained(with.build()), expected, "{name}");

        // Each option matters: without it the weights are others.
        for &left_out in *options {
            let others = options.iter().copied().filter(|option| *option != left_out);
            let without = settings(&others.collect::<Vec<_>>());
            assert_ne!(trained(without.build()), expected, "{name}: {left_out}");
        }
    }
    assert!(OptimizerKind::ALL.iter().all(|kind| kinds.contains(kind)));
}

#[test]
fn groups_and_lookahead_are_those_of_their_builders() {
    let settings: OptimizerSettings = round_trip(
        "
        kind = 'sgd'
        learning_rate = 0.1
        lookahead = { period = 2, alpha = 0.5 }

        [[groups]]
        pattern = '.*bias'
        learning_rate_factor = 0.5
        weight_decay = 0.3

        [[groups]]
        pattern = 'out.*'
        frozen = true

        [[groups]]
        pattern = 'hidden.*'
        lazy_rows = true
        weight_decay = 0.1
        ",
    );
    let expected = || {
        let mut optimizer = Lookahead::new(optim::Sgd::new(0.1).build()?, 2, 0.5)?;
        let bias = Group::of(".*bias")?.learning_rate_factor(0.5)?;
        optimizer.add_group(bias.weight_decay(0.3)?);
        optimizer.add_group(Group::of("out.*")?.frozen());
        optimizer.add_group(Group::of("hidden.*")?.lazy_rows().weight_decay(0.1)?);
        Ok(Box::new(optimizer) as Box<dyn Optimizer>)
    };
    assert_eq!(trained(settings.build()), trained(expected()));
    let with = |settings: &OptimizerSettings| trained(settings.build());
    let mut without = settings.clone();
    without.lookahead = None;
    assert_ne!(with(&settings), with(&without));
    let mut maximizing = settings.clone();
    maximizing.maximize = Some(true);
    assert_ne!(with(&settings), with(&maximizing));
    // The other parameters are frozen.
    let mut of_group = settings.clone();
    of_group.groups.as_mut().unwrap()[2].maximize = Some(true);
    assert_eq!(with(&maximizing), with(&of_group));
    for left_out in 0..3 {
        let mut without = settings.clone();
        without.groups.as_mut().unwrap().remove(left_out);
        assert_ne!(with(&settings), with(&without), "group {left_out}");
    }
}
