//! The cost of `#[elementwise]` functions, forward and backward: next to the same operation of the
//! library, and next to the same formula composed of operations on tensors. Also the memory of one
//! step.
//!
//! ```sh
//! cargo bench --bench elementwise
//! cargo bench --bench elementwise -- --only focal --json
//! ```

#[path = "../common/mod.rs"]
mod common;
mod formulas;
#[path = "../common/selection.rs"]
mod selection;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use common::in_turns;
use cotangent::memory_use;
use cotangent::prelude::*;
use formulas::{ALPHA, BETA, again, composed, focal, gelu_tanh, glu, swiglu, swish};
use selection::Selection;
use serde_json::{Map, Value, json};
use std::process::Command;
use std::time::Duration;

/// `#[elementwise]` functions next to the library's operations and to composed formulas.
#[derive(Parser, Debug)]
struct Arguments {
    /// Print one line of JSON at the end.
    #[arg(long)]
    json: bool,
    /// The number of turns of each of the two that are compared.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// The length of a turn.
    #[arg(long, default_value_t = 60, value_name = "MILLISECONDS")]
    turn: u64,
    #[command(flatten)]
    selection: Selection,
    /// The number of threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Print only the memory of one step of this row; a process of its own for each.
    #[arg(long, hide = true, num_args = 2)]
    memory_of: Option<Vec<String>>,
}

/// A function of operands of equal shape.
type Formula = fn(&[Tensor]) -> cotangent::Result<Tensor>;

/// Two implementations of a formula.
struct Row {
    name: &'static str,
    operands: usize,
    written: Formula,
    other: Formula,
}

const SHAPE: [usize; 2] = [1024, 1024];

/// The library's operations, next to which a function takes at most 1.1 times as long.
const BUILT_IN: [Row; 4] = [
    Row {
        name: "gelu_tanh",
        operands: 1,
        written: |x| Ok(gelu_tanh(&x[0])),
        other: |x| Ok(x[0].gelu_tanh()),
    },
    Row {
        name: "silu",
        operands: 1,
        written: |x| Ok(again::silu(&x[0])),
        other: |x| Ok(x[0].silu()),
    },
    Row {
        name: "relu",
        operands: 1,
        written: |x| Ok(again::relu(&x[0])),
        other: |x| Ok(x[0].relu()),
    },
    Row {
        name: "mul",
        operands: 2,
        written: |x| again::mul(&x[0], &x[1]),
        other: |x| x[0].mul(&x[1]),
    },
];

/// The formulas that users compose.
const COMPOSED: [Row; 5] = [
    Row {
        name: "gelu_tanh",
        operands: 1,
        written: |x| Ok(gelu_tanh(&x[0])),
        other: |x| Ok(composed::gelu_tanh(&x[0])),
    },
    Row {
        name: "swish",
        operands: 1,
        written: |x| Ok(swish(&x[0], BETA)),
        other: |x| Ok(composed::swish(&x[0])),
    },
    Row {
        name: "focal",
        operands: 2,
        written: |x| focal(&x[0], &x[1], ALPHA),
        other: |x| composed::focal(&x[0], &x[1]),
    },
    Row {
        name: "glu",
        operands: 2,
        written: |x| glu(&x[0], &x[1]),
        other: |x| Ok(composed::glu(&x[0], &x[1])),
    },
    Row {
        name: "swiglu",
        operands: 2,
        written: |x| swiglu(&x[0], &x[1], BETA),
        other: |x| Ok(composed::swiglu(&x[0], &x[1])),
    },
];

/// The operands of a row and the cotangent of its result.
struct Operands {
    all: Vec<Tensor>,
    cotangent: Tensor,
}

impl Row {
    /// Creates the operands without memory that is free afterwards.
    fn operands(&self) -> cotangent::Result<Operands> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let len = SHAPE[0] * SHAPE[1];
        let mut numbers = || {
            let sum = |_| (0..4).map(|_| rng.random_range(-1.5..1.5)).sum::<f32>();
            Tensor::from_vec((0..len).map(sum).collect(), SHAPE)
        };
        let mut all = vec![numbers()?.tracked()];
        if self.name == "focal" {
            // Targets are 0 or 1, and need no gradient.
            let targets = (0..len).map(|i| f32::from(i % 7 == 0)).collect();
            all.push(Tensor::from_vec(targets, SHAPE)?);
            let cotangent = Tensor::scalar(1.0f32);
            return Ok(Operands { all, cotangent });
        }
        for _ in 1..self.operands {
            all.push(numbers()?.tracked());
        }
        let cotangent = numbers()?;
        Ok(Operands { all, cotangent })
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    common::set_threads(arguments.threads);
    if let Some(words) = &arguments.memory_of {
        return print_memory(&words[0], words[1] == "macro");
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{} threads, load {}; forward and backward of {SHAPE:?} elements, f32, microseconds",
        arguments.threads,
        load.split(' ').next().unwrap_or("unknown")
    );
    let mut all = Map::new();
    for (title, rows) in [("built-in", &BUILT_IN[..]), ("composed", &COMPOSED[..])] {
        println!(
            "\n{:12}{:>24}{:>24}{:>22}",
            "median (min)",
            "#[elementwise]",
            title,
            match title {
                "composed" => "composed / macro",
                _ => "macro / built-in",
            }
        );
        for row in rows
            .iter()
            .filter(|row| row.name.contains(&arguments.selection.only))
        {
            let times = compared(row, &arguments, title == "composed")?;
            all.insert(format!("{title} {}", row.name), times);
        }
    }
    println!("\nmemory of one step, in tensors of {SHAPE:?} elements");
    println!(
        "{:18}{:>20}{:>16}{:>10}{:>10}",
        "", "operands, cotangent", "results", "kept", "peak"
    );
    for row in COMPOSED
        .iter()
        .filter(|row| row.name.contains(&arguments.selection.only))
    {
        for kind in ["macro", "composed"] {
            let memory = memory(row, kind)?;
            let name = format!("{} {kind}", row.name);
            println!(
                "{name:18}{:>20.2}{:>16.2}{:>10.2}{:>10.2}",
                memory[0], memory[1], memory[2], memory[3]
            );
            all.insert(format!("memory {name}"), json!(memory));
        }
    }
    if arguments.json {
        println!("{}", Value::Object(all));
    }
    Ok(())
}

/// Measures both implementations in turns. The ratio is that of the second to the first if it is
/// `inverse`.
fn compared(row: &Row, arguments: &Arguments, inverse: bool) -> Result<Value> {
    let operands = row.operands()?;
    agree(row, &operands)?;
    let step = |f: Formula| {
        let operands = &operands;
        move || Ok(f(&operands.all)?.backward_with(&operands.cotangent)?)
    };
    let turn = Duration::from_millis(arguments.turn);
    let [written, other] = in_turns(arguments.rounds, turn, step(row.written), step(row.other))?;
    let both = [&written, &other].map(|times| [times.median(), times.quantile(0.0)]);
    let ratio = |k: usize| {
        let ratio = both[0][k] / both[1][k];
        if inverse { 1.0 / ratio } else { ratio }
    };
    let text = both.map(|[median, least]| format!("{median:.1} ({least:.1})"));
    println!(
        "{:12}{:>24}{:>24}{:>14.2} ({:.2})",
        row.name,
        text[0],
        text[1],
        ratio(0),
        ratio(1)
    );
    Ok(json!({"written": both[0], "other": both[1]}))
}

/// Checks that both implementations compute the same value and gradients.
fn agree(row: &Row, operands: &Operands) -> Result<()> {
    let run = |f: Formula| -> Result<Vec<Vec<f32>>> {
        let y = f(&operands.all)?;
        let gradients = y.backward_with(&operands.cotangent)?;
        let mut all = vec![y.to_vec::<f32>()?];
        for operand in operands.all.iter().filter(|operand| operand.is_tracked()) {
            all.push(gradients.get(operand).context("a gradient")?.to_vec()?);
        }
        Ok(all)
    };
    let (written, other) = (run(row.written)?, run(row.other)?);
    for (written, other) in written.iter().zip(&other) {
        let size = other.iter().fold(0.0f32, |size, x| size.max(x.abs()));
        for (a, b) in written.iter().zip(other) {
            ensure!((a - b).abs() <= 1e-5 * size, "{}: {a} and {b}", row.name);
        }
    }
    Ok(())
}

/// Measures the memory of a first step in a process of its own, where no memory is kept from
/// earlier steps.
fn memory(row: &Row, kind: &str) -> Result<[f64; 4]> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.args(["--memory-of", row.name, kind]).output()?;
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<f64> = text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    <[f64; 4]>::try_from(numbers).ok().context("four numbers")
}

/// Prints, in tensors: operands and cotangent; results, which are the value and the gradients; the
/// memory kept for backward besides these; the peak of the step.
fn print_memory(name: &str, written: bool) -> Result<()> {
    let row = COMPOSED.iter().find(|row| row.name == name);
    let row = row.context("no such row")?;
    let f = if written { row.written } else { row.other };
    let tensor = (4 * SHAPE[0] * SHAPE[1]) as f64;
    // A scalar is stored inline and uses no memory.
    let bytes = |x: &Tensor| if x.len() == 1 { 0 } else { 4 * x.len() };
    let empty = memory_use().live;
    let operands = row.operands()?;
    let given = memory_use();
    ensure!(
        given.recycled == 0,
        "memory that is free already would hide a part of the peak"
    );
    let y = f(&operands.all)?;
    let value = bytes(&y);
    let kept = memory_use().live - given.live - value;
    let gradients = y.backward_with(&operands.cotangent)?;
    let of_operands = operands.all.iter().filter_map(|x| gradients.get(x));
    let results = value + of_operands.map(bytes).sum::<usize>();
    let after = memory_use();
    let peak = after.live + after.recycled - empty;
    for bytes in [given.live - empty, results, kept, peak] {
        println!("{}", bytes as f64 / tensor);
    }
    Ok(())
}
