//! A rank of a job: it trains nets, or fails as it is told.

use crate::fit;
use crate::nets::{Attentive, Convolutional, Recurrent};
use crate::optimizers::OPTIMIZERS;
use crate::steps::{data, train, train_at_once};
use anyhow::{Context, Result, bail};
use cotangent::parallel::Ranks;
use cotangent::prelude::*;
use std::path::Path;
use std::time::Duration;
use std::{env, fs, process, thread};

/// The step at which a planted failure occurs. Checkpoints are saved every 5 steps.
const STEP: u64 = 12;

/// Runs a rank: its folder, what it does, and what that needs.
pub fn run(arguments: &[String]) -> Result<()> {
    let [folder, what, rest @ ..] = arguments else {
        bail!("expected a folder and what to do");
    };
    let folder = Path::new(folder);
    let rank = env::var("OMPI_COMM_WORLD_RANK").unwrap_or_else(|_| "0".into());
    fs::write(
        folder.join(format!("{rank}.pid")),
        format!("{}\n", process::id()),
    )?;
    if what == "absent" && rank == "1" {
        sleep_for_ever();
    }
    let mut builder = Ranks::builder().shards(8).bucket_bytes(1000);
    let is_short = ["sleep", "hang", "absent", "endless"];
    if arguments.iter().any(|word| is_short.contains(&&**word)) {
        builder = builder.patience(Duration::from_secs(4));
    }
    let ranks = builder.mpi()?;
    let bytes = match (&**what, rest) {
        ("absent", []) => Vec::new(),
        ("nets", []) => nets(&ranks)?,
        ("endless", []) => endless(&ranks)?,
        ("models", []) => models(&ranks)?,
        ("fit", [checkpoints, epochs, fault, at]) => {
            let (fault, at) = (&**fault, at.parse::<usize>()?);
            let is_faulty = at == ranks.rank();
            let outcome = fit::run_with(&ranks, Path::new(checkpoints), epochs.parse()?, |step| {
                if fault == "slow" || fault == "hang" {
                    thread::sleep(Duration::from_millis(20 / ranks.own_shards().len() as u64));
                } else if is_faulty && step == STEP {
                    fail(fault, Path::new(checkpoints))?;
                }
                Ok(())
            })?;
            written(&outcome)
        }
        _ => bail!("expected another job than {what} {rest:?}"),
    };
    fs::write(folder.join(format!("{rank}.outcome")), bytes).context("the outcome")
}

/// Returns the weights and the history of a run as one.
pub fn written((weights, history): &fit::Outcome) -> Vec<u8> {
    [weights, history.as_bytes()].concat()
}

/// Trains nets of all kinds, with all optimizers, and returns all weights and losses.
pub fn nets(ranks: &Ranks) -> cotangent::Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut add = |(weights, losses): (Vec<u8>, Vec<u64>)| {
        all.extend(weights);
        all.extend(losses.into_iter().flat_map(u64::to_le_bytes));
    };
    let vectors = data(36, &[6]);
    for row in OPTIMIZERS {
        let net = Mlp::builder([6, 8, 3]).batch_norm().dropout(0.2);
        let net = net.build(&mut ChaCha8Rng::seed_from_u64(1))?;
        let optimizer = || row.build();
        add(train(ranks, net, &optimizer, &vectors, Layer::forward)?);
    }
    let adam = || Adam::new(1e-2).build();
    add(train(ranks, large()?, &adam, &vectors, Layer::forward)?);
    add(train_at_once(ranks, &vectors)?);
    let (images, series) = (data(36, &[2, 6, 6]), data(25, &[5, 4]));
    add(train(
        ranks,
        Convolutional::new()?,
        &adam,
        &images,
        Layer::forward,
    )?);
    add(train(
        ranks,
        Recurrent::new()?,
        &adam,
        &series,
        Layer::forward,
    )?);
    add(train(
        ranks,
        Attentive::new()?,
        &adam,
        &series,
        Layer::forward,
    )?);
    Ok(all)
}

/// Returns a net whose gradients are exchanged in long messages.
fn large() -> cotangent::Result<Mlp> {
    let net = Mlp::builder([6, 300, 300, 3]).dropout(0.2);
    net.build(&mut ChaCha8Rng::seed_from_u64(1))
}

/// Trains a net until a rank fails.
fn endless(ranks: &Ranks) -> cotangent::Result<Vec<u8>> {
    let sgd = || Sgd::new(0.1).build();
    let vectors = data(36, &[6]);
    loop {
        train(ranks, large()?, &sgd, &vectors, Layer::forward)?;
    }
}

/// Trains nets that differ between the ranks.
fn models(ranks: &Ranks) -> cotangent::Result<Vec<u8>> {
    let mut rng = ChaCha8Rng::seed_from_u64(ranks.rank() as u64);
    let net = Mlp::builder([6, 8, 3]).build(&mut rng)?;
    let sgd = || Sgd::new(0.1).build();
    let (weights, _) = train(ranks, net, &sgd, &data(36, &[6]), Layer::forward)?;
    Ok(weights)
}

/// Fails in a way that a test has planted.
fn fail(fault: &str, folder: &Path) -> cotangent::Result<()> {
    match fault {
        "error" => return Err(Error::other("the data are gone")),
        "panic" => panic!("a planted panic"),
        "exit" => process::exit(0),
        "abort" => process::abort(),
        "sleep" => sleep_for_ever(),
        // Checkpoints have no room from here on.
        "fill" => drop(fs::write(folder.join("filler"), vec![0; 16 << 20])),
        _ => {}
    }
    Ok(())
}

fn sleep_for_ever() -> ! {
    loop {
        thread::sleep(Duration::from_mins(1));
    }
}
