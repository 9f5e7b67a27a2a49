//! Compares the learning rates and momenta of schedules, step by step.

use crate::compare::{Bound, Failures};
use crate::read::File;
use cotangent::optim::schedule::{OneCycle, ReduceOnPlateau};
use cotangent::prelude::*;

type Build = fn() -> Result<Schedule>;

fn warm_up() -> Result<Schedule> {
    Schedule::linear(0.1, 1.0, 20)
}

fn cycle() -> OneCycle {
    Schedule::one_cycle(200)
}

fn plateau(factor: f64, patience: u64) -> ReduceOnPlateau {
    let plateau = Schedule::reduce_on_plateau();
    plateau.factor(factor).patience(patience)
}

const SCHEDULES: &[(&str, Build)] = &[
    ("step(30, 0.5)", || Schedule::step_decay(30, 0.5)),
    ("multi_step(50 60 200, 0.3)", || {
        Schedule::multi_step([50, 60, 200], 0.3)
    }),
    ("exponential(0.97)", || Schedule::exponential(0.97)),
    ("exponential(0.1 after 75)", || {
        Schedule::exponential(0.1f64.powf(1.0 / 75.0))
    }),
    ("polynomial(200, 0.9, 0)", || {
        Schedule::polynomial(200, 0.9, 0.0)
    }),
    ("polynomial(50, 2, 0)", || {
        Schedule::polynomial(50, 2.0, 0.0)
    }),
    ("polynomial(150, 1.5, 0.2)", || {
        Schedule::polynomial(150, 1.5, 0.2)
    }),
    ("linear(0.25, 0.75, 100)", || {
        Schedule::linear(0.25, 0.75, 100)
    }),
    ("linear(1, 0, 150)", || Schedule::linear(1.0, 0.0, 150)),
    ("warm_up(40)", || Schedule::warm_up(40)),
    ("warm_up_constant(40, 0.3)", || {
        Schedule::warm_up_constant(40, 0.3)
    }),
    ("from_fn(0.95 after 7)", || {
        Ok(Schedule::from_fn(|t| 0.95f64.powf((t / 7) as f64)))
    }),
    ("power(20, 1)", || Schedule::power(20.0, 1.0)),
    ("power(12.5, 1)", || Schedule::power(12.5, 1.0)),
    ("piecewise_constant(50 60 200, 1 0.5 0.25 0.01)", || {
        Schedule::piecewise_constant([50, 60, 200], [1.0, 0.5, 0.25, 0.01])
    }),
    ("cosine(100, 0)", || Schedule::cosine(100, 0.0)),
    ("cosine(250, 0.1)", || Schedule::cosine(250, 0.1)),
    ("cosine(150, 0.1)", || Schedule::cosine(150, 0.1)),
    ("cosine_restarts(40, 1, 0)", || {
        Schedule::cosine_restarts(40, 1, 0.0)
    }),
    ("cosine_restarts(10, 2, 0.05)", || {
        Schedule::cosine_restarts(10, 2, 0.05)
    }),
    ("cosine_restarts(7, 3, 0)", || {
        Schedule::cosine_restarts(7, 3, 0.0)
    }),
    ("one_cycle(200)", || cycle().build()),
    ("one_cycle(200, linear)", || cycle().linear().build()),
    ("one_cycle(150, 0.25, 10, 100, 0.9 0.7)", || {
        let cycle = Schedule::one_cycle(150).pct_start(0.25).div_factor(10.0);
        cycle.final_div_factor(100.0).momentum(0.9, 0.7).build()
    }),
    ("one_cycle(200, three_phase)", || {
        cycle().three_phase().build()
    }),
    ("one_cycle(99, 0.4, three_phase, linear)", || {
        let cycle = Schedule::one_cycle(99).pct_start(0.4);
        cycle.three_phase().linear().build()
    }),
    ("one_cycle(100, 0)", || {
        Schedule::one_cycle(100).pct_start(0.0).build()
    }),
    ("one_cycle(100, 1)", || {
        Schedule::one_cycle(100).pct_start(1.0).build()
    }),
    ("one_cycle(120, constant_momentum)", || {
        Schedule::one_cycle(120).constant_momentum().build()
    }),
    ("cyclic(20, 0.1)", || Schedule::cyclic(20, 0.1).build()),
    ("cyclic(20, 0.1, 30, 0.9 0.8)", || {
        let cyclic = Schedule::cyclic(20, 0.1).step_size_down(30);
        cyclic.momentum(0.9, 0.8).build()
    }),
    ("cyclic(20, 0.1, triangular2, 0.95 0.85)", || {
        let cyclic = Schedule::cyclic(20, 0.1).triangular2();
        cyclic.momentum(0.95, 0.85).build()
    }),
    ("cyclic(20, 0.25, exp_range 0.99, 0.9 0.8)", || {
        let cyclic = Schedule::cyclic(20, 0.25).exp_range(0.99);
        cyclic.momentum(0.9, 0.8).build()
    }),
    ("linear(0.1, 1, 20) then 20 cosine(100, 0)", || {
        warm_up()?.then(20, Schedule::cosine(100, 0.0)?)
    }),
    (
        "linear(0.1, 1, 20) then 20 step(15, 0.5) then 100 exponential(0.98)",
        || {
            let steps = warm_up()?.then(20, Schedule::step_decay(15, 0.5)?)?;
            steps.then(100, Schedule::exponential(0.98)?)
        },
    ),
    ("warm_up_constant(20, 0.1) times exponential(0.98)", || {
        Schedule::warm_up_constant(20, 0.1)?.times(Schedule::exponential(0.98)?)
    }),
    (
        "linear(0.1, 1, 20) times step(30, 0.5) times cosine(300, 0)",
        || {
            let steps = warm_up()?.times(Schedule::step_decay(30, 0.5)?)?;
            steps.times(Schedule::cosine(300, 0.0)?)
        },
    ),
    ("plateau()", || Schedule::reduce_on_plateau().build()),
    ("plateau(0.5, patience 3)", || plateau(0.5, 3).build()),
    ("plateau(0.5, patience 0, threshold 0.05)", || {
        plateau(0.5, 0).threshold(0.05).build()
    }),
    (
        "plateau(0.7, patience 2, absolute_threshold 0.1, cooldown 4)",
        || {
            let plateau = plateau(0.7, 2).absolute_threshold(0.1);
            plateau.cooldown(4).build()
        },
    ),
    ("plateau(0.7, patience 2, maximize)", || {
        plateau(0.7, 2).maximize().build()
    }),
    (
        "plateau(0.7, patience 2, maximize, absolute_threshold 0.1)",
        || {
            let plateau = plateau(0.7, 2).maximize();
            plateau.absolute_threshold(0.1).build()
        },
    ),
    ("plateau(0.8, patience 1, min_factor 0.05)", || {
        plateau(0.8, 1).min_factor(0.05).build()
    }),
];

/// Compares every schedule with PyTorch or Keras.
pub fn check(name: &'static str) {
    let (file, mut failures) = (File::open(name), Failures::default());
    let golden = file.operations();
    for (name, build) in SCHEDULES {
        if !golden.contains(name) {
            failures.add(name, "no golden case has this name");
        } else if let Err(error) = follow(&file, name, *build, &mut failures) {
            failures.add(name, error);
        }
    }
    failures.unread(&file);
    failures.report();
}

fn follow(file: &File, name: &str, build: Build, failures: &mut Failures) -> Result<()> {
    let expected = |role: &str| file.tensor(&format!("{name}/{role}"));
    let (rates, momenta) = (expected("learning_rate"), expected("momentum"));
    let metrics = file.get(&format!("{name}/metric"));
    let metrics = metrics.map(|metrics| metrics.to_f64_vec());
    let (mut schedule, mut optimizer) = (build()?, Momentum::new(0.1).momentum(0.5).build()?);
    let mut found = [Vec::new(), Vec::new()];
    for step in 0..rates.len() {
        schedule.step(&mut optimizer)?;
        found[0].push(optimizer.learning_rate());
        found[1].push(optimizer.settings().momentum);
        if let Some(metrics) = &metrics {
            schedule.observe(metrics[step]);
        }
    }
    // Near the end of a linear decay to 0, PyTorch's value has the absolute error of larger ones.
    // The values of a plateau schedule are repeated products and keep their relative error.
    let floor = if metrics.is_some() { 0.0 } else { 1e-5 };
    let bound = Bound {
        f64: 1e-12,
        f32: 0.0,
        floor,
        of_tensor: false,
    };
    for (role, expected, found) in [
        ("learning_rate", &rates, &found[0]),
        ("momentum", &momenta, &found[1]),
    ] {
        let found = Tensor::from_vec(found.clone(), [found.len()])?;
        failures.compare(format!("schedules {name}/{role}"), expected, &found, bound);
    }
    Ok(())
}
