//! `#[elementwise]` next to built-in operations and to the same formula composed of operations:
//! forward and backward of a million `f32` elements, in turns, and the memory that a step holds.
//!
//! ```sh
//! cargo bench --bench elementwise
//! cargo bench --bench elementwise -- --threads 1
//! ```

#[path = "../common/mod.rs"]
mod common;
mod formulas;

use anyhow::Result;
use clap::Parser;
use common::{in_turns, set_threads};
use cotangent::memory_use;
use cotangent::prelude::*;
use formulas::composed;
use std::time::Duration;

/// Formulas of `#[elementwise]` next to other ways to compute the same.
#[derive(Parser, Debug)]
struct Arguments {
    /// The number of rounds.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// The time of each side in a round.
    #[arg(long, default_value_t = 150, value_name = "MILLISECONDS")]
    turn: u64,
    /// The number of threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// An argument that `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

type Function = fn(&[Tensor]) -> cotangent::Result<Tensor>;

const GAMMA: f64 = 2.0;
const BETA: f64 = 1.5;

/// A name, a function of `#[elementwise]`, and what it is compared with.
type Case = (&'static str, usize, Function, Function);

const BUILT_IN: [Case; 6] = [
    (
        "tanh",
        1,
        |x| Ok(formulas::own_tanh(&x[0])),
        |x| Ok(x[0].tanh()),
    ),
    (
        "relu",
        1,
        |x| Ok(formulas::own_relu(&x[0])),
        |x| Ok(x[0].relu()),
    ),
    (
        "silu",
        1,
        |x| Ok(formulas::own_silu(&x[0])),
        |x| Ok(x[0].silu()),
    ),
    (
        "gelu_tanh",
        1,
        |x| Ok(formulas::gelu(&x[0])),
        |x| Ok(x[0].gelu_tanh()),
    ),
    (
        "mul",
        2,
        |x| formulas::own_product(&x[0], &x[1]),
        |x| x[0].mul(&x[1]),
    ),
    (
        "mse_loss",
        2,
        |x| formulas::own_squared_error(&x[0], &x[1]),
        |x| x[0].mse_loss(&x[1]),
    ),
];

const COMPOSED: [Case; 4] = [
    (
        "gelu (tanh)",
        1,
        |x| Ok(formulas::gelu(&x[0])),
        |x| Ok(composed::gelu(&x[0])),
    ),
    (
        "swish",
        1,
        |x| Ok(formulas::swish(&x[0], BETA)),
        |x| Ok(composed::swish(&x[0], BETA)),
    ),
    (
        "focal loss, mean",
        2,
        |x| formulas::focal(&x[0], &x[1].detach(), GAMMA),
        |x| composed::focal(&x[0], &x[1].detach(), GAMMA),
    ),
    (
        "gated unit",
        2,
        |x| formulas::gated(&x[0], &x[1]),
        |x| composed::gated(&x[0], &x[1]),
    ),
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    set_threads(arguments.threads);
    println!(
        "forward and backward of 1M elements, f32, {} threads; microseconds, median",
        arguments.threads
    );
    table(&arguments, "built-in", &BUILT_IN)?;
    table(&arguments, "composed", &COMPOSED)?;
    println!(
        "\nbytes per element that the graph holds between forward and backward, operands excluded"
    );
    for (name, count, own, other) in COMPOSED {
        println!(
            "{name:18} {:5.1} {:5.1} composed",
            held(count, own)?,
            held(count, other)?
        );
    }
    Ok(())
}

fn table(arguments: &Arguments, other: &str, cases: &[Case]) -> Result<()> {
    println!(
        "\n{:18} {:>12} {other:>12} {:>8}",
        "", "elementwise", "ratio"
    );
    for &(name, count, first, second) in cases {
        let budget = Duration::from_millis(arguments.turn);
        let [own, others] = in_turns(
            arguments.rounds,
            budget,
            step(count, first)?,
            step(count, second)?,
        )?;
        let ratio = others.median() / own.median();
        println!(
            "{name:18} {:12.0} {:12.0} {ratio:7.2}x",
            own.median(),
            others.median()
        );
    }
    Ok(())
}

fn operands(count: usize) -> Result<Vec<Tensor>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let draw = |_| Ok(Tensor::normal([1024, 1024], 0.0, 1.0, DType::F32, &mut rng)?.tracked());
    (0..count).map(draw).collect()
}

fn step(count: usize, f: Function) -> Result<impl FnMut() -> Result<()>> {
    let operands = operands(count)?;
    let cotangent = f(&operands)?.detach();
    let g = if cotangent.rank() == 0 {
        cotangent.ones_like()?
    } else {
        cotangent
    };
    Ok(move || {
        f(&operands)?.backward_with(&g)?;
        Ok(())
    })
}

/// Returns the bytes per element that a graph holds besides its operands and its result.
fn held(count: usize, f: Function) -> Result<f64> {
    let operands = operands(count)?;
    let before = memory_use().live;
    let y = f(&operands)?;
    let own = if y.rank() == 0 { 0 } else { 4 * y.len() };
    let after = memory_use().live;
    drop(y);
    Ok((after as f64 - before as f64 - own as f64) / operands[0].len() as f64)
}
