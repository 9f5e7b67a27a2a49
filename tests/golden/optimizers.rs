//! The trajectories of optimizers on one problem, and gradient clipping.

use crate::compare::{Bound, Failures};
use crate::read::File;
use cotangent::prelude::*;

/// What is trained: the problem of `optimizers()` in `generate.py`.
#[derive(Module)]
struct Problem {
    first: Param,
    second: Param,
    #[module(skip)]
    curvature: Tensor,
    #[module(skip)]
    target: Tensor,
}

impl Problem {
    fn new(file: &File, dtype: DType) -> Self {
        let read = |name: &str| file.tensor(&format!("problem/{name}")).to_dtype(dtype);
        Self {
            first: Param::new(&read("start.first")),
            second: Param::new(&read("start.second")),
            curvature: read("curvature"),
            target: read("target"),
        }
    }

    /// A bowl of the first parameter and a quartic one of the second, coupled.
    fn loss(&self) -> Result<Tensor> {
        let pass = Pass::train(0);
        let (first, second) = (self.first.read(&pass), self.second.read(&pass));
        let bowl = self
            .curvature
            .mul(&first.sub(&self.target)?.square())?
            .sum()
            * 0.5;
        let quartic = second.square().square().sum() * 0.25;
        bowl.add(&quartic)?
            .add(&(first.sum().mul(&second.sum())? * 0.0625))
    }
}

type Build = fn() -> Result<Box<dyn Optimizer>>;

/// Where `skipping`, the second parameter has no gradient in every third step.
const OPTIMIZERS: &[(&str, Build)] = &[
    ("sgd(0.05)", || Sgd::new(0.05).build()),
    ("sgd(0.05,decay=0.1)", || {
        Sgd::new(0.05).weight_decay(0.1).build()
    }),
    ("momentum(0.01)", || Momentum::new(0.01).build()),
    ("momentum(0.01) skipping", || Momentum::new(0.01).build()),
    ("momentum(0.02,0.8,dampening=0.3)", || {
        Momentum::new(0.02).momentum(0.8).dampening(0.3).build()
    }),
    ("momentum(0.01,decay=0.1)", || {
        Momentum::new(0.01).weight_decay(0.1).build()
    }),
    ("momentum(0.02,0.5,dampening=1,decay=0.05)", || {
        Momentum::new(0.02)
            .momentum(0.5)
            .dampening(1.0)
            .weight_decay(0.05)
            .build()
    }),
    ("nesterov(0.01)", || Nesterov::new(0.01).build()),
    ("nesterov(0.01) skipping", || Nesterov::new(0.01).build()),
    ("nesterov(0.02,0.7,decay=0.1)", || {
        Nesterov::new(0.02).momentum(0.7).weight_decay(0.1).build()
    }),
    ("adam(0.001)", || Adam::new(0.001).build()),
    ("adam(0.02)", || Adam::new(0.02).build()),
    ("adam(0.01) skipping", || Adam::new(0.01).build()),
    ("adam(0.01,0.8,0.99,1e-3)", || {
        Adam::new(0.01).betas(0.8, 0.99).epsilon(1e-3).build()
    }),
    ("adam(0.01,0,0.9,1e-1)", || {
        Adam::new(0.01).betas(0.0, 0.9).epsilon(1e-1).build()
    }),
    ("adam(0.01,decay=0.1)", || {
        Adam::new(0.01).weight_decay(0.1).build()
    }),
    ("adam(0.01,inside=1e-8)", || {
        Adam::new(0.01).epsilon_inside_root().build()
    }),
    ("adam(0.01,0.8,0.99,inside=1e-2)", || {
        Adam::new(0.01)
            .betas(0.8, 0.99)
            .epsilon(1e-2)
            .epsilon_inside_root()
            .build()
    }),
];

/// Every optimizer goes where PyTorch's goes, step by step.
pub fn check(name: &'static str) {
    let (file, mut failures) = (File::open(name), Failures::default());
    for name in file
        .operations()
        .into_iter()
        .filter(|name| *name != "problem")
    {
        match OPTIMIZERS.iter().find(|(optimizer, _)| *optimizer == name) {
            None => failures.add(name, "no entry in the table builds this optimizer"),
            Some((_, build)) => {
                for dtype in [DType::F64, DType::F32] {
                    if let Err(error) = follow(&file, name, *build, dtype, &mut failures) {
                        failures.add(format!("{name} {dtype}"), error);
                    }
                }
            }
        }
    }
    for (name, _) in OPTIMIZERS
        .iter()
        .filter(|(name, _)| !file.operations().contains(name))
    {
        failures.add(name, "there is no such golden case");
    }
    failures.unread(&file);
    failures.report();
}

fn follow(
    file: &File,
    name: &str,
    build: Build,
    dtype: DType,
    failures: &mut Failures,
) -> Result<()> {
    let expected = file.tensor(&format!("{name}/trajectory"));
    let (mut problem, mut optimizer) = (Problem::new(file, dtype), build()?);
    let mut found = Vec::new();
    for step in 0..expected.shape()[0] {
        let mut grads = problem.loss()?.backward()?;
        if name.ends_with("skipping") && step % 3 == 2 {
            grads.remove(&problem.second);
        }
        optimizer.step(&mut problem, &grads)?;
        found.extend(problem.first.value().to_f64_vec());
        found.extend(problem.second.value().to_f64_vec());
    }
    // Parameters are about 1, and roundings add up on their way.
    let bound = Bound {
        f64: 1e-12,
        f32: 1e-4,
        floor: 1.0,
        of_tensor: false,
    };
    let found = Tensor::from_vec(found, expected.shape())?.to_dtype(dtype);
    failures.compare(
        format!("optimizers {name} {dtype}"),
        &expected,
        &found,
        bound,
    );
    Ok(())
}

/// Clipping by the norm of all gradients together, and by value.
pub fn check_clipping(name: &'static str) {
    let (file, mut failures) = (File::open(name), Failures::default());
    for kind in file.operations() {
        for case in file.cases(kind) {
            for dtype in [DType::F64, DType::F32] {
                if let Err(error) = clip_one(&file, kind, case, dtype, &mut failures) {
                    failures.add(format!("clipping {kind}/{case} {dtype}"), error);
                }
            }
        }
    }
    failures.unread(&file);
    failures.report();
}

fn clip_one(
    file: &File,
    kind: &str,
    case: &str,
    dtype: DType,
    failures: &mut Failures,
) -> Result<()> {
    let (key, place) = (
        |role: &str| format!("{kind}/{case}/{role}"),
        |role: &str| format!("clipping {kind}/{case}/{role} {dtype}"),
    );
    let relative = Bound {
        f64: 1e-12,
        f32: 1e-6,
        floor: 0.0,
        of_tensor: false,
    };
    let (mut grads, mut leaves) = (Gradients::default(), Vec::new());
    for input in file.numbered(&key("input")) {
        let leaf = Tensor::zeros(input.shape(), dtype)?.tracked();
        grads.insert(&leaf, input.to_dtype(dtype));
        leaves.push(leaf);
    }
    let bound = file.tensor(&key("bound")).item()?;
    match kind {
        "norm" => {
            let norm = Tensor::scalar(clip::global_norm(&mut grads, bound)?);
            failures.compare(
                place("norm"),
                &file.tensor(&key("norm")),
                &norm.to_dtype(dtype),
                relative,
            );
        }
        "value" => clip::value(&mut grads, bound)?,
        _ => failures.add(place(""), "no test clips in this way"),
    }
    for (i, (leaf, output)) in leaves.iter().zip(file.numbered(&key("output"))).enumerate() {
        match grads.get(leaf) {
            Some(found) => {
                failures.compare(place(&format!("output.{i}")), &output, found, relative);
            }
            None => failures.add(place(&format!("output.{i}")), "the gradient is gone"),
        }
    }
    Ok(())
}
