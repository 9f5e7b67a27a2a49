//! The latency of one sample: through the textbook's net and through nets of several depths and
//! widths, next to one read of all weights. The throughput of batches.

use crate::common::{Times, alone, in_turns, machine, process};
use crate::nets::Workload;
use anyhow::Result;
use cotangent::prelude::*;
use serde_json::{Map, Value, json};
use std::hint::black_box;
use std::time::Duration;

pub fn run(rounds: usize, turn: Duration, only: &str) -> Result<Value> {
    println!(
        "{:24} {:>10} {:>10} {:>8} {:>8} {:>10} {:>8}",
        "microseconds", "median", "99%", "ratio", "99.9%", "one read", "ratio"
    );
    let book = Workload {
        name: "latency_book".to_owned(),
        batch: 2,
        ..Workload::book(2)
    };
    let mut all = Map::new();
    for workload in [book].into_iter().chain(Workload::squares()) {
        if workload.name.contains(only) {
            let figures = latency(&workload, rounds, turn)?;
            all.insert(workload.name, figures);
        }
    }
    Ok(all.into())
}

/// Measures one net.
fn latency(workload: &Workload, rounds: usize, turn: Duration) -> Result<Value> {
    const CALLS: usize = 1000;
    let mut training = workload.training()?;
    if workload.batch_norm {
        training.step()?; // Gives the net running statistics.
    }
    let x = training.x.narrow(0, 0, 1)?;
    let net = &training.net;
    // The weights are in separate allocations, as the layers have them.
    let weights: Vec<Vec<f32>> = net
        .named_params()
        .into_iter()
        .map(|(_, param)| param.value().to_vec())
        .collect::<Result<_, _>>()?;
    let [predict, read]: [Times; 2] = in_turns(
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
    let (median, tail) = (predict.median(), predict.quantile(0.99));
    println!(
        "{:24} {median:10.2} {tail:10.2} {:8.2} {:8.2} {:10.2} {:8.2}",
        workload.name,
        tail / median,
        predict.quantile(0.999),
        read.median(),
        median / read.median(),
    );
    let calls = CALLS as f64;
    Ok(json!({
        "predict": median,
        "tail": tail,
        "read": read.median(),
        "allocations": used.allocations as f64 / calls,
        "system_requests": used.system_requests as f64 / calls,
        "page_faults": used.page_faults / calls,
    }))
}

/// Measures batches through the textbook's net and a wide one.
pub fn batches(rounds: usize, turn: Duration) -> Result<Value> {
    let peak = machine::fma_peak()?;
    println!(
        "{:24} {:>6} {:>10} {:>15} {:>7}",
        "microseconds", "batch", "median", "products, peak", "share"
    );
    let mut all = Vec::new();
    for workload in [Workload::book(1), Workload::wide(1024)] {
        for batch in [16, 64, 256, 1024, 4096] {
            let workload = Workload {
                batch,
                ..workload.clone()
            };
            let mut training = workload.training()?;
            if workload.batch_norm {
                training.step()?; // Gives the net running statistics.
            }
            let times = alone(rounds, turn, || Ok(training.net.predict(&training.x)?))?;
            let products = workload.forward_operations() / peak * 1e6;
            println!(
                "{:24} {batch:6} {:10.1} {products:15.1} {:7.2}",
                workload
                    .sizes
                    .iter()
                    .map(usize::to_string)
                    .collect::<Vec<_>>()
                    .join("-"),
                times.median(),
                products / times.median(),
            );
            all.push(json!({
                "sizes": workload.sizes,
                "batch": batch,
                "predict": times.median(),
                "products": products,
            }));
        }
    }
    Ok(all.into())
}
