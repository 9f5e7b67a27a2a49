//! Compares the points that L-BFGS evaluates with those of PyTorch.

use crate::compare::Failures;
use crate::optimizers::{Net, flat};
use crate::read::File;
use cotangent::optim::{Lbfgs, LbfgsBuilder};
use cotangent::prelude::*;

/// A golden case: how many of the first evaluations are at the same points, up to 1e-8, and how far
/// apart the points are at which the last steps end.
struct Row {
    name: &'static str,
    options: fn(LbfgsBuilder) -> LbfgsBuilder,
    equal: usize,
    distance: f64,
}

const ROWS: &[Row] = &[
    Row {
        name: "rosenbrock",
        options: |builder| builder.max_iterations(100),
        equal: 40,
        distance: 1e-6,
    },
    Row {
        name: "rosenbrock short",
        options: |builder| builder.max_iterations(3).history_size(2),
        equal: 38,
        distance: 1e-8,
    },
    Row {
        name: "least_squares",
        options: |builder| builder.max_iterations(100),
        equal: 16,
        distance: 1e-8,
    },
    Row {
        name: "net",
        options: |builder| builder.max_iterations(10).history_size(5),
        equal: 40,
        distance: 1e-4,
    },
    Row {
        name: "net maximize",
        options: |builder| builder.max_iterations(10).maximize(),
        equal: 40,
        distance: 1e-4,
    },
];

/// Returns the points evaluated in eight steps, and the last one.
fn run<M: Module>(
    row: &Row,
    mut model: M,
    loss: impl Fn(&M) -> Result<Tensor>,
) -> Result<(Vec<Vec<f64>>, Vec<f64>)> {
    let builder = (row.options)(Lbfgs::builder().max_evaluations(1000));
    let (mut optimizer, mut seen) = (builder.build()?, Vec::new());
    let sign = if row.name.ends_with("maximize") {
        -1.0
    } else {
        1.0
    };
    for _ in 0..8 {
        optimizer.step(&mut model, |model| {
            seen.push(flat(model));
            let loss = loss(model)? * sign;
            Ok((loss.item()?, loss.backward()?))
        })?;
    }
    Ok((seen, flat(&model)))
}

fn follow(row: &Row, file: &File) -> Result<(Vec<Vec<f64>>, Vec<f64>)> {
    let (pass, net) = (Pass::train(0), Net::new(file, DType::F64));
    if row.name.starts_with("rosenbrock") {
        return run(row, Param::new(&Tensor::from([-1.2f64, 1.0])), |w| {
            let w = w.read(&pass);
            let (x, y) = (w.narrow(0, 0, 1)?, w.narrow(0, 1, 1)?);
            let valley = y.sub(&x.square())?.square() * 100.0;
            Ok(valley.add(&x.neg().add_scalar(1.0).square())?.sum())
        });
    }
    if row.name == "least_squares" {
        return run(row, Param::new(&Tensor::zeros([3, 2], DType::F64)?), |w| {
            let error = net.inputs.matmul(&w.read(&pass))?.sub(&net.targets)?;
            Ok(error.square().mean())
        });
    }
    run(row, net, |net| {
        let mut loss = net.loss(0, 6)?;
        for (_, param) in net.named_params() {
            loss = loss.add(&(param.read(&pass).square().sum() * 0.01))?;
        }
        Ok(loss)
    })
}

/// Compares every row with PyTorch.
pub fn check(name: &'static str) {
    let (file, mut failures) = (File::open(name), Failures::default());
    let _ = file.indices("problem/kept");
    for row in ROWS {
        let expected = file.tensor(&format!("{}/evaluated", row.name));
        let minimum = file.tensor(&format!("{}/minimum", row.name)).to_f64_vec();
        let (seen, last) = match follow(row, &file) {
            Ok(found) => found,
            Err(error) => {
                failures.add(row.name, error);
                continue;
            }
        };
        let distance = |a: &[f64], b: &[f64]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max)
        };
        let expected = expected.to_f64_vec();
        let points: Vec<_> = expected.chunks(minimum.len()).collect();
        let equal = points.iter().zip(&seen);
        let equal = equal.take_while(|(a, b)| distance(a, b) < 1e-8).count();
        if equal < row.equal {
            let all = (seen.len(), points.len());
            failures.add(row.name, format!("{equal} points are equal, of {all:?}"));
        }
        let apart = distance(&last, &minimum);
        if apart >= row.distance {
            failures.add(row.name, format!("the last points are {apart:e} apart"));
        }
    }
    failures.unread(&file);
    failures.report();
}
