//! The peak memory of a step of batch 512 above the start of the process, next to the memory that
//! it needs at once. Also checks whether 10,000 steps take more than 100.

use crate::common::process::{resident, resident_of_files};
use crate::nets::Workload;
use anyhow::Result;
use cotangent::memory_use;
use serde_json::{Value, json};

pub fn run(at_start: f64) -> Result<Value> {
    const MB: f64 = 1e6;
    let files_at_start = resident_of_files();
    let workload = Workload::book(512);
    let must = workload.bytes_to_hold() as f64;
    let mut training = workload.training()?;
    for _ in 0..100 {
        training.step()?;
    }
    let (peak, tensors) = (resident()[1] - at_start, memory_use());
    println!(
        "{}: needs {:.2} MB at once: 4 times the parameters {:.2} MB, inputs, saved activations \
         and outputs {:.2} MB",
        workload.name,
        must / MB,
        16.0 * workload.parameters() as f64 / MB,
        (must - 16.0 * workload.parameters() as f64) / MB,
    );
    println!(
        "peak above the process's start: {:.2} MB, {:.2} times that",
        peak / MB,
        peak / must
    );
    println!(
        "of this {:.2} MB is the program's own code, read in as it ran",
        (resident_of_files() - files_at_start) / MB
    );
    println!(
        "tensor memory between two steps: {:.2} MB held, {:.2} MB kept to be used again",
        tensors.live as f64 / MB,
        tensors.recycled as f64 / MB
    );
    for _ in 100..10_000 {
        training.step()?;
    }
    let later = resident()[1] - at_start;
    println!(
        "peak after 10,000 steps: {:.2} MB, {:+.0} bytes",
        later / MB,
        later - peak
    );
    Ok(json!({"memory_b512": {"must_hold": must, "peak": peak, "after_10000_steps": later}}))
}
