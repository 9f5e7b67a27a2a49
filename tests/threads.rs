//! Results do not depend on the number of threads: every operation gives the same bits, forward and
//! backward, on one, two and four threads.

use cotangent::prelude::{Optimizer, Param};
use cotangent::{Backward, DType, Gradients, Result, Tensor};
use std::collections::BTreeSet;
use support::operations::{self, Domain, Operation, Sizes, values};
use support::optimizers::OPTIMIZERS;

mod support {
    pub mod operations;
    pub mod optimizers;
}

/// A task is some ten thousand elements. These sizes make several tasks, the last of odd length,
/// from many rows, from a single column and from many channels.
const MANY_ROWS: Sizes = [300, 500, 2];
const ONE_COLUMN: Sizes = [100_003, 1, 1];
const MANY_CHANNELS: Sizes = [2, 40_009, 3];

/// Several matrices, and several sequences of some length, for operations whose work grows faster
/// than their operands.
const MATRICES: Sizes = [24, 50, 16];

/// Operations with larger operands or outputs are skipped: a column times its transpose, for one.
const LIMIT: usize = 1_000_000;

fn bits(tensor: &Tensor) -> Result<Vec<u64>> {
    Ok(match tensor.dtype() {
        DType::F32 => tensor
            .to_vec::<f32>()?
            .into_iter()
            .map(|x| u64::from(x.to_bits()))
            .collect(),
        _ => tensor
            .to_vec::<f64>()?
            .into_iter()
            .map(f64::to_bits)
            .collect(),
    })
}

/// Returns the bits of the output and of the gradients from a fused and a recorded backward pass.
fn run(operation: &Operation, operands: &[Tensor], cotangent: &Tensor) -> Result<Vec<Vec<u64>>> {
    let operands: Vec<Tensor> = operands.iter().map(Tensor::tracked).collect();
    let y = (operation.f)(&operands)?;
    let recorded = Backward::new().create_graph().run_with(&y, cotangent)?;
    let fused = y.backward_with(cotangent)?;
    let of_operands = operands
        .iter()
        .flat_map(|x| [fused.get(x), recorded.get(x)]);
    std::iter::once(Some(&y))
        .chain(of_operands)
        .flatten()
        .map(bits)
        .collect()
}

/// Returns the names of linear algebra, whose work grows faster than its operands.
fn costly() -> BTreeSet<String> {
    let algebra = operations::checked(operations::linalg());
    algebra
        .into_iter()
        .map(|operation| operation.name)
        .collect()
}

#[track_caller]
fn assert_same_bits(sizes: Sizes, dtype: DType) -> anyhow::Result<()> {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pools = [pool(1)?, pool(2)?, pool(4)?];
    let fits = |shape: &[usize]| shape.iter().product::<usize>() <= LIMIT;
    let mut compared = 0;
    let mut differing = Vec::new();
    let is_for_matrices = sizes == MATRICES;
    let algebra = costly();
    for operation in operations::all() {
        // The work of this loss grows with the square of the classes.
        if sizes == MANY_CHANNELS && operation.name.starts_with("multilabel_margin_loss") {
            continue;
        }
        let is_costly = operation.name.starts_with("ctc_loss") || algebra.contains(&operation.name);
        if is_costly != is_for_matrices {
            continue;
        }
        let shapes = (operation.operands)(sizes);
        let output = (operation.output)(sizes);
        if (operation.refuses)(sizes) || !fits(&output) || !shapes.iter().all(|shape| fits(shape)) {
            continue;
        }
        let operands = operation.make_operands(sizes, dtype, 30)?;
        let cotangent = values(&output, Domain::Signed, dtype, 40)?;
        let mut found = Vec::new();
        for pool in &pools {
            found.push(pool.install(|| run(&operation, &operands, &cotangent))?);
        }
        // The output, and two gradients per operand.
        assert!(
            found
                .iter()
                .all(|bits| bits.len() == 1 + 2 * operands.len()),
            "{}",
            operation.name
        );
        if found[0] != found[1] || found[0] != found[2] {
            differing.push(operation.name);
        }
        compared += 1;
    }
    assert!(differing.is_empty(), "{sizes:?} {dtype}: {differing:?}");
    let least = if is_for_matrices { 25 } else { 90 };
    assert!(
        compared > least,
        "only {compared} operations have these sizes"
    );
    Ok(())
}

#[test]
fn many_rows_in_f32() -> anyhow::Result<()> {
    assert_same_bits(MANY_ROWS, DType::F32)
}

#[test]
fn many_rows_in_f64() -> anyhow::Result<()> {
    assert_same_bits(MANY_ROWS, DType::F64)
}

#[test]
fn matrices_in_f64() -> anyhow::Result<()> {
    assert_same_bits(MATRICES, DType::F64)
}

#[test]
fn one_column() -> anyhow::Result<()> {
    assert_same_bits(ONE_COLUMN, DType::F32)
}

#[test]
fn many_channels() -> anyhow::Result<()> {
    assert_same_bits(MANY_CHANNELS, DType::F32)
}

#[test]
fn optimizers() -> anyhow::Result<()> {
    let shapes: [&[usize]; 4] = [&[150, 300], &[70_001], &[5, 120, 90], &[7]];
    for row in OPTIMIZERS {
        let train = || -> Result<Vec<Vec<u64>>> {
            let draw = |shape: &&[usize], seed| values(shape, Domain::Signed, DType::F32, seed);
            let mut params = Vec::new();
            for shape in &shapes {
                params.push(Param::new(&draw(shape, 1)?));
            }
            let mut optimizer = row.with_rate(0.1)?;
            for step in 0..2 {
                let mut gradients = Gradients::default();
                for (param, shape) in params.iter().zip(&shapes) {
                    gradients.insert(param, draw(shape, 2 + step)?);
                }
                optimizer.step(&mut params, gradients)?;
            }
            params.iter().map(|param| bits(param.value())).collect()
        };
        let mut found = Vec::new();
        for threads in [1, 2, 4] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()?;
            found.push(pool.install(train)?);
        }
        assert!(found[0] == found[1] && found[0] == found[2], "{}", row.name);
    }
    Ok(())
}
