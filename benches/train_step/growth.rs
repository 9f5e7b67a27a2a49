//! The growth of a step's cost with depth, width and batch.

use crate::common::alone;
use crate::floor::Floor;
use crate::nets::Workload;
use anyhow::Result;
use serde_json::{Map, Value, json};
use std::time::Duration;

pub fn run(rounds: usize, turn: Duration) -> Result<Value> {
    let depths = [31, 62, 125, 250, 500, 1000];
    let rows = [
        ("depth, SELU", depths.map(Workload::deep_selu).to_vec()),
        (
            "depth, batch normalization",
            depths.map(Workload::deep_relu).to_vec(),
        ),
        (
            "width",
            [128, 256, 512, 1024, 2048].map(Workload::wide).to_vec(),
        ),
        (
            "batch",
            [32, 64, 128, 256, 512, 1024].map(Workload::book).to_vec(),
        ),
    ];
    let mut all = Map::new();
    for (title, workloads) in rows {
        println!(
            "\n{title:32} {:>10} {:>8} {:>10} {:>8}  operations grow by",
            "step us", "grows by", "floor us", "grows by"
        );
        let mut before: Option<[f64; 3]> = None;
        for workload in workloads {
            let mut training = workload.training()?;
            let step = alone(rounds, turn, || Ok(training.step()?))?.median();
            let mut floor = Floor::of(&workload);
            let bare = alone(rounds, turn, || {
                floor.step();
                Ok(())
            })?;
            let now = [step, bare.median(), workload.operations()];
            let mut grows = [f64::NAN; 3];
            for (grows, (now, before)) in
                grows.iter_mut().zip(now.iter().zip(before.unwrap_or(now)))
            {
                *grows = now / before;
            }
            println!(
                "{:32} {step:10.0} {:8.2} {:10.0} {:8.2}  {:.2}",
                workload.name, grows[0], now[1], grows[1], grows[2]
            );
            all.insert(workload.name, json!({"step": step, "floor": now[1]}));
            before = Some(now);
        }
    }
    Ok(Value::Object(all))
}
