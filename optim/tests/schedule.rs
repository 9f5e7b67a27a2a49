//! Schedules with an optimizer: they set its learning rate and momentum, are combined, saved and
//! resumed, and refuse arguments out of range.

use cotangent_core::module::{Param, Pass};
use cotangent_core::state::{Entry, StateDict, Stateful, load_checkpoint, save_checkpoint};
use cotangent_core::{Error, Result, Tensor};
use cotangent_optim::{Adam, Group, Momentum, Optimizer, Schedule, Settings, Sgd};

/// Returns a schedule of every kind, and some combinations.
fn kinds() -> Result<Vec<Schedule>> {
    let plateau = || Schedule::reduce_on_plateau().factor(0.5).patience(1);
    Ok(vec![
        Schedule::constant(),
        Schedule::piecewise_constant([3, 11], [1.0, 0.5, 0.25])?,
        Schedule::step_decay(4, 0.3)?,
        Schedule::multi_step([2, 9], 0.3)?,
        Schedule::exponential(0.9)?,
        Schedule::power(7.0, 0.5)?,
        Schedule::polynomial(17, 2.0, 0.1)?,
        Schedule::linear(0.1, 2.0, 13)?,
        Schedule::cosine(15, 0.1)?,
        Schedule::cosine_restarts(3, 2, 0.1)?,
        Schedule::warm_up(8)?,
        Schedule::warm_up_constant(8, 0.1)?,
        Schedule::warm_up_exponential(8, 0.1)?,
        Schedule::one_cycle(18).build()?,
        Schedule::cyclic(5, 0.1).momentum(0.9, 0.8).build()?,
        Schedule::from_fn(|t| 1.0 + t as f64),
        plateau().build()?,
        plateau().maximize().cooldown(2).build()?,
        Schedule::warm_up(5)?.then(5, plateau().build()?)?,
        Schedule::one_cycle(9)
            .build()?
            .then(9, Schedule::step_decay(2, 0.5)?)?,
        plateau()
            .build()?
            .then(8, plateau().build()?.times(Schedule::warm_up(3)?)?)?,
    ])
}

/// A validation loss that rises and falls.
fn metric(step: u64) -> f64 {
    (step as f64 * 0.7).sin() + 1.0 / (step as f64 + 1.0)
}

/// Returns the settings in a range of steps; the schedule observes the metric after each.
fn follow(
    schedule: &mut Schedule,
    optimizer: &mut dyn Optimizer,
    steps: std::ops::Range<u64>,
) -> Result<Vec<Settings>> {
    let mut settings = Vec::new();
    for step in steps {
        schedule.step(optimizer)?;
        settings.push(optimizer.settings());
        schedule.observe(metric(step));
    }
    Ok(settings)
}

#[test]
fn a_resumed_schedule_continues_at_any_step() -> Result<()> {
    let file = std::env::temp_dir().join(format!("schedule-{}", std::process::id()));
    for kind in kinds()? {
        let build = || Momentum::new(0.1).build();
        let all = follow(&mut kind.clone(), &mut build()?, 0..25)?;
        for stop in [0, 1, 6, 9, 20] {
            let (mut schedule, mut optimizer) = (kind.clone(), build()?);
            let mut found = follow(&mut schedule, &mut optimizer, 0..stop)?;
            save_checkpoint(&file, &[("optimizer", &optimizer), ("schedule", &schedule)])?;
            // Built as in a new process; the optimizer has another learning rate.
            let (mut schedule, mut optimizer) = (kind.clone(), Momentum::new(9.0).build()?);
            follow(&mut schedule, &mut optimizer, 0..3)?;
            load_checkpoint(
                &file,
                &mut [("optimizer", &mut optimizer), ("schedule", &mut schedule)],
            )?;
            assert_eq!(schedule.steps(), stop);
            found.extend(follow(&mut schedule, &mut optimizer, stop..25)?);
            assert_eq!(found, all, "{kind:?}, stopped after {stop} steps");
        }
    }
    std::fs::remove_file(&file).expect("the file");
    Ok(())
}

#[test]
fn a_state_that_does_not_fit_changes_nothing() -> Result<()> {
    let plateau = || Schedule::reduce_on_plateau().patience(0).build();
    let mut schedule = plateau()?;
    follow(&mut schedule, &mut Sgd::new(0.1).build()?, 0..7)?;
    let state = schedule.state()?;
    let names: Vec<String> = state.iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(
        names,
        [
            "base.learning_rate",
            "base.momentum",
            "plateau.0.bad",
            "plateau.0.best",
            "plateau.0.cooldown",
            "plateau.0.factor",
            "steps"
        ]
    );

    let mut broken = Vec::new();
    let copy_without = |left_out: &str| {
        let mut copy = StateDict::new();
        for (name, entry) in state.iter().filter(|(name, _)| *name != left_out) {
            copy.insert(name, entry.clone());
        }
        copy
    };
    for name in &names {
        broken.push(copy_without(name));
        let mut other_kind = state.clone();
        match state.get(name) {
            Some(Entry::Count(_)) => other_kind.insert_number(name, 1.0),
            _ => drop(other_kind.insert(name, Entry::Count(1))),
        }
        broken.push(other_kind);
    }
    for (name, number) in [
        ("base.learning_rate", -1.0),
        ("base.learning_rate", f64::NAN),
        ("base.momentum", 1.0),
        ("plateau.0.factor", f64::INFINITY),
        ("plateau.0.best", f64::NAN),
        ("unknown", 1.0),
    ] {
        let mut copy = state.clone();
        copy.insert_number(name, number);
        broken.push(copy);
    }
    let mut not_begun = state.clone();
    not_begun.insert("steps", Entry::Count(0));
    broken.push(not_begun);
    broken.push(StateDict::new());

    for mut target in [schedule, plateau()?, Schedule::constant()] {
        let before = target.state()?.to_bytes()?;
        for state in &broken {
            let refused = target.load_state(state);
            assert!(matches!(refused, Err(Error::State { .. })), "{state:?}");
            assert_eq!(target.state()?.to_bytes()?, before);
        }
    }
    let refused = Schedule::constant()
        .load_state(&state)
        .expect_err("a plateau");
    assert!(
        refused
            .to_string()
            .contains("`plateau.0.best`: not expected"),
        "{refused}"
    );
    Ok(())
}

#[test]
fn an_error_changes_neither_schedule_nor_optimizer() -> Result<()> {
    let mut optimizer = Sgd::new(0.1).build()?;
    for odd in [f64::NAN, f64::INFINITY, -1.0] {
        let mut schedule = Schedule::from_fn(move |t| if t < 2 { 0.5 } else { odd });
        follow(&mut schedule, &mut optimizer, 0..2)?;
        let before = (schedule.state()?.to_bytes()?, optimizer.settings());
        assert!(matches!(
            schedule.step(&mut optimizer),
            Err(Error::Argument { .. })
        ));
        assert_eq!(
            (schedule.state()?.to_bytes()?, optimizer.settings()),
            before
        );
        optimizer.set_learning_rate(0.1)?;
    }
    let mut growing = Schedule::exponential(1e300)?;
    assert!(follow(&mut growing, &mut optimizer, 0..3).is_err());
    assert_eq!(growing.steps(), 2);
    Ok(())
}

#[test]
fn a_schedule_changes_only_its_own_settings() -> Result<()> {
    let mut optimizer = Adam::new(0.5).weight_decay(0.25).betas(0.7, 0.9).build()?;
    let mut schedule = Schedule::step_decay(1, 0.5)?;
    schedule.step(&mut optimizer)?;
    // Settings that change in between: momentum and decay stay, the learning rate does not.
    let settings = Settings {
        learning_rate: 3.0,
        momentum: 0.6,
        weight_decay: 0.125,
    };
    optimizer.set_settings(settings)?;
    schedule.step(&mut optimizer)?;
    let expected = Settings {
        learning_rate: 0.25,
        ..settings
    };
    assert_eq!(optimizer.settings(), expected);

    // After a part that sets the momentum, it is the initial one again.
    let cycle = Schedule::one_cycle(10).build()?;
    let mut schedule = cycle.then(10, Schedule::constant())?;
    let found = follow(&mut schedule, &mut optimizer, 0..11)?;
    let momenta: Vec<f64> = found.iter().map(|settings| settings.momentum).collect();
    assert_eq!(
        [momenta[0], momenta[2], momenta[9], momenta[10]],
        [0.95, 0.85, 0.95, 0.6]
    );
    assert_eq!(
        (found[10].learning_rate, found[10].weight_decay),
        (0.25, 0.125)
    );
    Ok(())
}

#[test]
fn one_schedule_serves_all_groups() -> Result<()> {
    let param = || Param::new(&Tensor::from([0.0f64]));
    let mut net = (param(), param());
    let mut optimizer = Sgd::new(1.0).build()?;
    optimizer.add_group(Group::of("1")?.learning_rate_factor(0.25)?);
    let mut schedule = Schedule::exponential(0.5)?;
    for _ in 0..3 {
        schedule.step(&mut optimizer)?;
        let pass = Pass::train(0);
        let loss = net.0.read(&pass).add(&net.1.read(&pass))?.sum();
        optimizer.step(&mut net, loss.backward()?)?;
    }
    let found = (net.0.value().item()?, net.1.value().item()?);
    assert_eq!(found, (-1.75, -0.4375));
    Ok(())
}

#[test]
fn parts_of_a_sequence_begin_at_zero_and_observe_only_their_own_metrics() -> Result<()> {
    let warm_up = Schedule::warm_up(4)?.then(4, Schedule::cosine(10, 0.0)?)?;
    let all = warm_up.then(20, Schedule::exponential(0.5)?)?;
    let cosine = Schedule::cosine(10, 0.0)?;
    for t in 0..30 {
        let expected = match t {
            0..4 => (t as f64 + 1.0) / 5.0,
            4..20 => cosine.factor(t - 4),
            _ => 0.5f64.powf((t - 20) as f64),
        };
        assert_eq!(all.factor(t), expected, "{t}");
    }
    assert_eq!(format!("{all:?}").matches("then").count(), 2, "{all:?}");
    assert_eq!(all.factor(u64::MAX), 0.0);

    let halve = || {
        Schedule::reduce_on_plateau()
            .factor(0.5)
            .patience(0)
            .build()
    };
    let mut schedule = halve()?.then(3, halve()?)?;
    let mut optimizer = Sgd::new(1.0).build()?;
    let mut rates = Vec::new();
    for _ in 0..6 {
        schedule.step(&mut optimizer)?;
        rates.push(optimizer.learning_rate());
        schedule.observe(1.0);
    }
    assert_eq!(rates, [1.0, 1.0, 0.5, 1.0, 1.0, 0.5]);

    let both = halve()?.times(halve()?)?.times(Schedule::warm_up(1)?)?;
    let mut schedule = both;
    assert!(!schedule.observe(1.0) && schedule.observe(1.0) && schedule.observe(1.0));
    assert_eq!([0, 1].map(|t| schedule.factor(t)), [0.03125, 0.0625]);
    Ok(())
}

#[test]
fn arguments_out_of_range_are_errors() -> Result<()> {
    let plateau = Schedule::reduce_on_plateau;
    let cycle = || Schedule::one_cycle(10);
    let (nan, infinite) = (f64::NAN, f64::INFINITY);
    let unfit = [
        Schedule::piecewise_constant([1], [1.0]),
        Schedule::piecewise_constant([], []),
        Schedule::piecewise_constant([2, 2], [1.0, 0.5, 0.1]),
        Schedule::piecewise_constant([1], [1.0, nan]),
        Schedule::step_decay(0, 0.5),
        Schedule::step_decay(1, nan),
        Schedule::step_decay(1, -0.5),
        Schedule::multi_step([3, 2], 0.5),
        Schedule::multi_step([3, 3], 0.5),
        Schedule::multi_step([3], infinite),
        Schedule::exponential(nan),
        Schedule::power(0.0, 1.0),
        Schedule::power(1.0, -1.0),
        Schedule::polynomial(0, 1.0, 0.0),
        Schedule::polynomial(1, 0.0, 0.0),
        Schedule::polynomial(1, 1.0, nan),
        Schedule::linear(nan, 1.0, 1),
        Schedule::linear(1.0, -1.0, 1),
        Schedule::linear(1.0, 1.0, 0),
        Schedule::cosine(0, 0.0),
        Schedule::cosine(1, infinite),
        Schedule::cosine_restarts(0, 1, 0.0),
        Schedule::cosine_restarts(1, 0, 0.0),
        Schedule::cosine_restarts(1, 1, -1.0),
        Schedule::warm_up(0),
        Schedule::warm_up_constant(0, 0.5),
        Schedule::warm_up_constant(1, nan),
        Schedule::warm_up_exponential(0, 0.5),
        Schedule::warm_up_exponential(1, 0.0),
        Schedule::one_cycle(0).build(),
        cycle().pct_start(1.5).build(),
        cycle().pct_start(nan).build(),
        cycle().div_factor(0.0).build(),
        cycle().final_div_factor(infinite).build(),
        cycle().momentum(1.0, 0.5).build(),
        cycle().momentum(0.5, nan).build(),
        Schedule::cyclic(0, 0.5).build(),
        Schedule::cyclic(1, nan).build(),
        Schedule::cyclic(1, 0.5).step_size_down(0).build(),
        Schedule::cyclic(1, 0.5).exp_range(nan).build(),
        Schedule::cyclic(1, 0.5).momentum(0.9, -0.1).build(),
        plateau().factor(1.0).build(),
        plateau().factor(nan).build(),
        plateau().threshold(1.0).build(),
        plateau().absolute_threshold(-1.0).build(),
        plateau().min_factor(2.0).build(),
        Schedule::constant().then(0, Schedule::constant()),
        Schedule::warm_up(3)?
            .then(3, Schedule::constant())?
            .then(3, Schedule::constant()),
    ];
    for (i, unfit) in unfit.into_iter().enumerate() {
        match unfit {
            Err(Error::Argument { op, reason, .. }) => {
                assert!(
                    op.starts_with("Schedule::") && reason.contains("found"),
                    "{op}: {reason}"
                );
            }
            other => panic!("number {i}: {other:?}"),
        }
    }
    let mut begun = Schedule::constant();
    begun.step(&mut Sgd::new(0.1).build()?)?;
    assert!(begun.clone().then(5, Schedule::constant()).is_err());
    assert!(Schedule::constant().times(begun).is_err());
    Ok(())
}

#[test]
fn steps_after_the_last_one_are_allowed() -> Result<()> {
    for mut schedule in kinds()? {
        for t in [u64::MAX - 1, u64::MAX] {
            assert!(schedule.factor(t).is_finite(), "{schedule:?}");
        }
        let mut state = schedule.state()?;
        state.insert("steps", Entry::Count(u64::MAX));
        state.insert_number("base.learning_rate", 0.1);
        state.insert_number("base.momentum", 0.9);
        schedule.load_state(&state)?;
        follow(&mut schedule, &mut Sgd::new(0.1).build()?, 0..3)?;
        assert_eq!(schedule.steps(), u64::MAX);
    }
    Ok(())
}
