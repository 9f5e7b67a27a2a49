//! Errors, panics and pauses of a rank end the job on all ranks, soon and by name.

use super::steps::data;
use cotangent::data::Shards;
use cotangent::parallel::{Ranks, RanksBuilder};
use cotangent::prelude::*;
use std::sync::Mutex;
use std::time::{Duration, Instant};

fn net(seed: u64) -> Mlp {
    let net = Mlp::builder([6, 8, 3]).dropout(0.1);
    net.build(&mut ChaCha8Rng::seed_from_u64(seed)).unwrap()
}

fn patient(seconds: f64) -> RanksBuilder {
    Ranks::builder().patience(Duration::from_secs_f64(seconds))
}

/// Trains for `steps`, calling `before` before each, and returns the errors of all ranks.
fn errors(
    builder: RanksBuilder,
    count: usize,
    steps: usize,
    before: impl Fn(&Ranks, usize, &mut Mlp) -> Result<()> + Sync,
) -> Vec<String> {
    let errors = Mutex::new(vec![String::new(); count]);
    let data = data(36, &[6]);
    let result = builder.threads(count, |ranks| {
        let result = || -> Result<()> {
            let (mut net, pass) = (net(1), Pass::train(1));
            let mut optimizer = Sgd::new(0.1).build()?;
            let batches = Batches::new(&data, 36)?;
            for step in 0..steps {
                before(ranks, step, &mut net)?;
                let mut epoch = batches.shards(0, ranks.own_shards(), ranks.shards())?;
                let batch = epoch.next().expect("a batch")?;
                let summed = ranks.gradients(&net, &batch, &pass, |net, (x, y), pass| {
                    net.forward(x, pass)?.cross_entropy(y)
                })?;
                optimizer.step(&mut net, summed.gradients)?;
            }
            Ok(())
        };
        let result = result();
        if let Err(error) = &result {
            errors.lock().unwrap()[ranks.rank()] = error.to_string();
        }
        result
    });
    assert!(result.is_err());
    errors.into_inner().unwrap()
}

#[test]
fn an_error_of_a_rank_ends_the_job_with_its_text() {
    for count in [2, 3, 4] {
        let start = Instant::now();
        let all = errors(Ranks::builder(), count, 5, |ranks, step, _| {
            if ranks.rank() == 1 && step == 3 {
                return Err(ranks.fail(Error::other("the data are gone")));
            }
            Ok(())
        });
        let expected = format!("rank 1 of {count}: the data are gone");
        assert!(all.iter().all(|text| *text == expected), "{all:?}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn an_error_in_the_loss_names_rank_and_operation() {
    let all = errors(Ranks::builder(), 2, 3, |ranks, step, net| {
        if ranks.rank() == 1 && step == 1 {
            // The parameters are compared at the first step only.
            let mut params = net.named_params_mut();
            let (_, param) = params.last_mut().expect("parameters");
            let nan = param.value().full_like(f64::NAN)?;
            param.set(&nan)?;
        }
        Ok(())
    });
    for text in all {
        assert!(text.starts_with("rank 1 of 2: "), "{text}");
        assert!(text.contains("not finite"), "{text}");
    }
}

#[test]
fn a_rank_that_returns_early_ends_the_job() {
    let all = errors(Ranks::builder(), 4, 5, |ranks, step, _| {
        // Without a word to the others.
        let gone = ranks.rank() == 2 && step == 2;
        if gone {
            Err(Error::other("gone"))
        } else {
            Ok(())
        }
    });
    for (rank, text) in all.iter().enumerate() {
        let expected = if rank == 2 {
            "gone"
        } else {
            "rank 2 of 4: gone"
        };
        assert_eq!(text, expected);
    }
}

#[test]
fn a_rank_that_sleeps_is_named() {
    for count in [2, 3, 4] {
        let start = Instant::now();
        let all = errors(patient(1.0), count, 5, |ranks, step, _| {
            if ranks.rank() == 1 && step == 2 {
                std::thread::sleep(Duration::from_secs(4));
            }
            Ok(())
        });
        for text in &all {
            assert!(
                text.starts_with(&format!("rank 1 of {count}: it has taken part")),
                "{all:?}"
            );
        }
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_rank_that_is_busy_is_waited_for() -> Result<()> {
    let sums = patient(0.5).threads(2, |ranks| {
        ranks.on_first(|| {
            std::thread::sleep(Duration::from_secs(2));
            Ok(())
        })?;
        if ranks.rank() == 1 {
            ranks.busy(|| {
                std::thread::sleep(Duration::from_secs(2));
                Ok(())
            })?;
        }
        Ok(ranks.gather(&[1])?.len())
    })?;
    assert_eq!(sums, [2, 2]);
    Ok(())
}

/// After a wait for a busy rank the two wait for each other, and each must not take the other for
/// busy because of what it has said itself.
#[test]
fn ranks_that_call_different_functions_are_told() {
    let data = data(16, &[4]);
    let result = patient(0.5).threads(2, |ranks| {
        let norm = BatchNorm::builder(4).synchronized().build()?;
        let batches = Batches::new(&data, 8)?;
        let pass = Pass::train(1);
        for (step, batch) in batches
            .shards(0, ranks.own_shards(), ranks.shards())?
            .enumerate()
        {
            if step == 1 && ranks.is_first() {
                ranks.busy(|| {
                    std::thread::sleep(Duration::from_secs(2));
                    Ok(())
                })?;
                ranks.gather(&[1])?;
            }
            ranks.gradients(&norm, &batch?, &pass, |norm, (x, _), pass| {
                Ok(norm.forward(x, pass)?.powi(2).sum())
            })?;
        }
        Ok(())
    });
    let error = result.unwrap_err().to_string();
    assert!(error.contains("another exchange"), "{error}");
}

#[test]
fn different_models_are_an_error_before_the_first_step() {
    let data = data(36, &[6]);
    let run = |ranks: &Ranks, net: &dyn Fn() -> Mlp| -> Result<()> {
        let mut epoch = Batches::new(&data, 36)?.shards(0, ranks.own_shards(), ranks.shards())?;
        let batch: Shards<_> = epoch.next().expect("a batch")?;
        let net = net();
        let pass = Pass::train(1);
        ranks
            .gradients(&net, &batch, &pass, |net, (x, y), pass| {
                net.forward(x, pass)?.cross_entropy(y)
            })
            .map(drop)
    };
    let error = |other: &(dyn Fn() -> Mlp + Sync)| {
        let all = Ranks::builder().threads(3, |ranks| {
            let net: &dyn Fn() -> Mlp = if ranks.rank() == 2 { other } else { &|| net(1) };
            run(ranks, net)
        });
        all.unwrap_err().to_string()
    };
    let text = error(&|| net(2));
    let expected = "rank 2 of 3: Ranks::agree: the parameters differ from those of rank 0: \
                    `hidden.0.linear.weight`: f32 [8, 6], hash of the values";
    assert!(text.starts_with(expected), "{text}");
    let text = error(&|| {
        let net = Mlp::builder([6, 9, 3]).build(&mut ChaCha8Rng::seed_from_u64(1));
        net.unwrap()
    });
    assert!(text.contains("f32 [9, 6]"), "{text}");
}

#[test]
fn parameters_that_drift_apart_are_named() {
    let all = errors(Ranks::builder().check_every(2), 2, 5, |ranks, step, net| {
        if ranks.rank() == 1 && step == 3 {
            let mut params = net.named_params_mut();
            let (_, param) = params.last_mut().expect("parameters");
            let moved = param.value().add(&param.value().full_like(1e-6)?)?;
            param.set(&moved)?;
        }
        Ok(())
    });
    for text in all {
        let expected = "rank 1 of 2: Ranks::agree: the parameters differ from those of rank 0: \
                        `out.bias`: ";
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn numbers_of_shards_that_do_not_fit_are_an_error() {
    for (shards, count) in [(3, 2), (0, 1), (6, 2), (1, 2)] {
        let error = Ranks::builder().shards(shards).threads(count, |_| Ok(()));
        let text = error.unwrap_err().to_string();
        assert!(text.contains("times a power of two"), "{text}");
    }
    assert!(Ranks::builder().shards(0).single().is_err());
    assert!(Ranks::builder().threads(0, |_| Ok(())).is_err());
}

#[test]
fn a_panic_of_a_rank_ends_the_job() {
    let panic = std::panic::catch_unwind(|| {
        Ranks::builder().threads(3, |ranks| {
            assert!(ranks.rank() != 1, "a planted panic");
            let error = ranks.gather(&[0]).unwrap_err().to_string();
            assert_eq!(error, "rank 1 of 3: it has panicked");
            Ok(())
        })
    });
    let text = panic.unwrap_err();
    assert_eq!(text.downcast_ref::<&str>(), Some(&"a planted panic"));
}

/// Runs itself again with stacks that no system has room for.
#[test]
fn a_thread_that_the_system_refuses_is_an_error() -> Result<()> {
    const CHILD: &str = "COTANGENT_TEST_REFUSED_THREADS";
    if std::env::var_os(CHILD).is_some() {
        let error = Ranks::builder().threads(2, |_| Ok(())).unwrap_err();
        assert!(matches!(error.root(), Error::Io { .. }), "{error}");
        return Ok(());
    }
    let test = "failures::a_thread_that_the_system_refuses_is_an_error";
    let child = std::process::Command::new(std::env::current_exe()?)
        .args([test, "--exact", "--test-threads=1"])
        .env(CHILD, "1")
        .env("RUST_MIN_STACK", (1u64 << 50).to_string())
        .output()?;
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && output.contains("1 passed"),
        "{output}"
    );
    Ok(())
}
