//! One sample through the textbook's net, next to one read of all weights.

use crate::common::{in_turns, machine, process};
use crate::nets::Workload;
use anyhow::Result;
use cotangent::prelude::*;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Duration;

pub fn run(rounds: usize, turn: Duration) -> Result<Value> {
    const CALLS: usize = 1000;
    let workload = Workload {
        batch: 2,
        ..Workload::book(2)
    };
    let mut training = workload.training()?;
    training.step()?; // Gives the net running statistics.
    let x = training.x.narrow(0, 0, 1)?;
    let net = &training.net;
    // The weights are in separate allocations, as the layers have them.
    let weights: Vec<Vec<f32>> = net
        .named_params()
        .into_iter()
        .map(|(_, param)| param.value().to_vec())
        .collect::<Result<_, _>>()?;
    let [predict, read] = in_turns(
        rounds,
        turn,
        || Ok(net.predict(&x)?),
        || {
            Ok(weights
                .iter()
                .map(|w| machine::read(black_box(w)))
                .sum::<f32>())
        },
    )?;
    let used = process::used_by(|| {
        for _ in 0..CALLS {
            let _ = black_box(net.predict(&x)?);
        }
        Ok(())
    })?;
    let bytes: usize = weights.iter().map(|w| 4 * w.len()).sum();
    println!(
        "predict, batch 1: {:.1} us; reading {bytes} bytes of weights once, one thread: {:.1} us; \
         ratio {:.2}",
        predict.median(),
        read.median(),
        predict.median() / read.median()
    );
    let calls = CALLS as f64;
    println!(
        "of one call: {} allocations, {} requests of tensor memory from the system, {} page faults",
        used.allocations as f64 / calls,
        used.system_requests as f64 / calls,
        used.page_faults / calls
    );
    Ok(json!({"inference_b1": {
        "predict": predict.median(),
        "read": read.median(),
        "allocations": used.allocations as f64 / calls,
        "system_requests": used.system_requests as f64 / calls,
    }}))
}
