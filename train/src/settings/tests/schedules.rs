//! Every schedule is read, built as by its function or builder, and written.

use super::*;
use cotangent_core::Result;
use cotangent_optim::Schedule;

type Row = (&'static str, Result<Schedule>);

fn functions() -> Vec<Row> {
    vec![
        ("kind = 'constant'", Ok(Schedule::constant())),
        (
            "kind = 'piecewise_constant'\nboundaries = [2, 5]\nfactors = [1, 0.5, 0.25]",
            Schedule::piecewise_constant([2, 5], [1.0, 0.5, 0.25]),
        ),
        (
            "kind = 'step_decay'\nevery = 2\ngamma = 0.5",
            Schedule::step_decay(2, 0.5),
        ),
        (
            "kind = 'multi_step'\nmilestones = [2, 5]\ngamma = 0.5",
            Schedule::multi_step([2, 5], 0.5),
        ),
        (
            "kind = 'exponential'\ngamma = 0.5",
            Schedule::exponential(0.5),
        ),
        ("kind = 'power'\nr = 3\nc = 0.5", Schedule::power(3.0, 0.5)),
        (
            "kind = 'polynomial'\ntotal = 10",
            Schedule::polynomial(10, 1.0, 0.0),
        ),
        (
            "kind = 'polynomial'\ntotal = 10\npower = 2\nend_factor = 0.1",
            Schedule::polynomial(10, 2.0, 0.1),
        ),
        (
            "kind = 'linear'\nstart_factor = 0.2\nend_factor = 0.7\ntotal = 10",
            Schedule::linear(0.2, 0.7, 10),
        ),
        ("kind = 'cosine'\ntotal = 10", Schedule::cosine(10, 0.0)),
        (
            "kind = 'cosine'\ntotal = 10\nend_factor = 0.1",
            Schedule::cosine(10, 0.1),
        ),
        (
            "kind = 'cosine_restarts'\nfirst = 4\nmultiplier = 2\nend_factor = 0.1",
            Schedule::cosine_restarts(4, 2, 0.1),
        ),
    ]
}

fn builders() -> Vec<Row> {
    let cyclic = || {
        Schedule::cyclic(2, 0.1)
            .step_size_down(3)
            .momentum(0.9, 0.5)
    };
    let cycle = || {
        Schedule::one_cycle(20)
            .pct_start(0.4)
            .div_factor(5.0)
            .final_div_factor(10.0)
    };
    let plateau = || {
        Schedule::reduce_on_plateau()
            .factor(0.5)
            .patience(1)
            .cooldown(1)
    };
    vec![
        (
            "kind = 'cyclic'\nstep_size = 2\nlow_factor = 0.1\nstep_size_down = 3\n\
             momentum = [0.9, 0.5]\ntriangular2 = true",
            cyclic().triangular2().build(),
        ),
        (
            "kind = 'cyclic'\nstep_size = 2\nlow_factor = 0.1\nstep_size_down = 3\n\
             momentum = [0.9, 0.5]\ngamma = 0.9",
            cyclic().exp_range(0.9).build(),
        ),
        (
            "kind = 'one_cycle'\ntotal = 20",
            Schedule::one_cycle(20).build(),
        ),
        (
            "kind = 'one_cycle'\ntotal = 20\npct_start = 0.4\ndiv_factor = 5\n\
             final_div_factor = 10\nlinear = true\nthree_phase = true\nmomentum = [0.8, 0.7]",
            cycle().linear().three_phase().momentum(0.8, 0.7).build(),
        ),
        (
            "kind = 'one_cycle'\ntotal = 20\npct_start = 0.4\ndiv_factor = 5\n\
             final_div_factor = 10\nconstant_momentum = true",
            cycle().constant_momentum().build(),
        ),
        (
            "kind = 'reduce_on_plateau'",
            Schedule::reduce_on_plateau().build(),
        ),
        (
            "kind = 'reduce_on_plateau'\nfactor = 0.5\npatience = 1\ncooldown = 1\n\
             maximize = true\nthreshold = 0.1\nmin_factor = 0.2",
            plateau().maximize().threshold(0.1).min_factor(0.2).build(),
        ),
        (
            "kind = 'reduce_on_plateau'\nfactor = 0.5\npatience = 1\ncooldown = 1\n\
             absolute_threshold = 0.1",
            plateau().absolute_threshold(0.1).build(),
        ),
        ("kind = 'warm_up'\nsteps = 3", Schedule::warm_up(3)),
        (
            "kind = 'warm_up_constant'\nsteps = 3\nfactor = 0.3",
            Schedule::warm_up_constant(3, 0.3),
        ),
        (
            "kind = 'warm_up_exponential'\nsteps = 3\nstart_factor = 0.3",
            Schedule::warm_up_exponential(3, 0.3),
        ),
        (
            "kind = 'cosine'\ntotal = 10\nwarm_up = 3\ntimes = [{ kind = 'power', r = 3, c = 1 }]",
            Schedule::warm_up(3)
                .and_then(|warm_up| warm_up.times(Schedule::cosine(10, 0.0)?))
                .and_then(|product| product.times(Schedule::power(3.0, 1.0)?)),
        ),
        (
            "kind = 'warm_up'\nsteps = 3\n\
             then = [{ at = 3, schedule = { kind = 'cosine', total = 10 } }, \
             { at = 13, schedule = { kind = 'exponential', gamma = 0.5 } }]",
            Schedule::warm_up(3)
                .and_then(|chain| chain.then(3, Schedule::cosine(10, 0.0)?))
                .and_then(|chain| chain.then(13, Schedule::exponential(0.5)?)),
        ),
    ]
}

#[test]
fn schedules_are_those_of_their_builders() {
    let mut kinds = Vec::new();
    for (text, expected) in functions().into_iter().chain(builders()) {
        let settings: ScheduleSettings = round_trip(text);
        kinds.push(settings.kind);
        let (mut found, mut expected) = (settings.build().unwrap(), expected.unwrap());
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{text}");
        for t in 0..25 {
            let both =
                [&found, &expected].map(|schedule| (schedule.factor(t), schedule.momentum(t)));
            assert_eq!(both[0], both[1], "{text} at {t}");
            // A metric that improves, and then does not.
            let metric = (t % 7) as f64;
            assert_eq!(
                found.observe(metric),
                expected.observe(metric),
                "{text} at {t}"
            );
        }
    }
    for kind in ScheduleKind::ALL {
        assert!(kinds.contains(kind), "{kind:?}");
    }
}

#[test]
fn faults_of_nested_schedules_name_the_field_once() {
    let mut inner = ScheduleSettings::new(ScheduleKind::Exponential);
    inner.gamma = Some(-1.0);
    let mut outer = ScheduleSettings::new(ScheduleKind::Exponential);
    outer.gamma = Some(0.5);
    outer.times = Some(vec![inner]);
    let error = outer.build().unwrap_err().to_string();
    assert_eq!(
        error,
        "schedule: `gamma`: must be finite and at least 0, found -1"
    );
}
