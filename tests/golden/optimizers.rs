//! Compares trajectories of optimizers and averages of weights on two small problems.

use crate::compare::{Bound, Failures};
use crate::read::File;
use crate::table::{self, Row};
use cotangent::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The net of `optimizers.py`.
#[derive(Clone, Module)]
pub struct Net {
    hidden: Dense,
    output: Dense,
    #[module(skip)]
    pub inputs: Tensor,
    #[module(skip)]
    pub targets: Tensor,
}

#[derive(Clone, Module)]
struct Dense {
    weight: Param,
    bias: Param,
}

impl Net {
    pub fn new(file: &File, dtype: DType) -> Self {
        let read = |name: &str| file.tensor(&format!("problem/{name}")).to_dtype(dtype);
        let layer = |path: &str| Dense {
            weight: Param::new(&read(&format!("start.{path}.weight"))),
            bias: Param::new(&read(&format!("start.{path}.bias"))),
        };
        Self {
            hidden: layer("hidden"),
            output: layer("output"),
            inputs: read("inputs"),
            targets: read("targets"),
        }
    }
}

impl Net {
    /// Returns the mean square error of some samples.
    pub fn loss(&self, start: usize, samples: usize) -> Result<Tensor> {
        let pass = Pass::train(0);
        let apply = |layer: &Dense, x: &Tensor| {
            x.linear(&layer.weight.read(&pass), Some(&layer.bias.read(&pass)))
        };
        let batch = |x: &Tensor| x.narrow(0, start, samples);
        let hidden = apply(&self.hidden, &batch(&self.inputs)?)?.tanh();
        let error = apply(&self.output, &hidden)?.sub(&batch(&self.targets)?)?;
        Ok(error.square().mean())
    }
}

/// A model with a loss.
trait Problem: Module {
    /// Returns the gradients of a step, counted from 0.
    fn gradients(&self, step: usize) -> Result<Gradients>;
}

impl Problem for Net {
    /// Differentiates the mean square error of the first three samples in even steps, else of the
    /// last three.
    fn gradients(&self, step: usize) -> Result<Gradients> {
        self.loss(3 * (step % 2), 3)?.backward()
    }
}

/// A model of a vector, a matrix and two stacks of matrices.
#[derive(Module)]
struct Ranks {
    vector: Param,
    matrix: Param,
    cube: Param,
    kernel: Param,
    /// Two targets for each parameter.
    #[module(skip)]
    targets: [Vec<Tensor>; 2],
}

impl Ranks {
    fn new(file: &File, dtype: DType) -> Self {
        let read = |what: &str, path: &str| {
            let name = format!("problem/ranks.{what}.{path}");
            file.tensor(&name).to_dtype(dtype)
        };
        let start = |path: &str| Param::new(&read("start", path));
        let targets = ["target.0", "target.1"].map(|what| {
            let paths = ["vector", "matrix", "cube", "kernel"];
            paths.iter().map(|path| read(what, path)).collect()
        });
        Self {
            vector: start("vector"),
            matrix: start("matrix"),
            cube: start("cube"),
            kernel: start("kernel"),
            targets,
        }
    }
}

impl Problem for Ranks {
    /// Differentiates the mean square distance between the tanh of each parameter and its two
    /// targets in turn.
    fn gradients(&self, step: usize) -> Result<Gradients> {
        let mut loss = Tensor::zeros([], self.vector.value().dtype())?;
        for ((_, param), target) in self.named_params().iter().zip(&self.targets[step % 2]) {
            let distance = param.read(&Pass::train(0)).tanh().sub(target)?;
            loss = loss.add(&distance.square().mean())?;
        }
        loss.backward()
    }
}

/// A table of words, of which each step uses some.
#[derive(Module)]
struct Words {
    table: Param,
    /// The words used, and their targets, in turn.
    #[module(skip)]
    turns: Vec<(Indices, Tensor)>,
}

impl Words {
    fn new(file: &File, dtype: DType) -> Result<Self> {
        let used = file.indices("problem/words.used").expect("it has words");
        let turn = |turn: usize| {
            let target = file.tensor(&format!("problem/words.target.{turn}"));
            let used = used.narrow(0, turn, 1)?.reshape([target.shape()[0]])?;
            Ok((used, target.to_dtype(dtype)))
        };
        Ok(Self {
            table: Param::new(&file.tensor("problem/words.start").to_dtype(dtype)),
            turns: (0..used.shape()[0]).map(turn).collect::<Result<_>>()?,
        })
    }
}

impl Problem for Words {
    /// Differentiates the mean square distance between the tanh of the words and their target.
    fn gradients(&self, step: usize) -> Result<Gradients> {
        let (used, target) = &self.turns[step % self.turns.len()];
        let words = self.table.read(&Pass::train(0)).embedding(used)?;
        words.tanh().sub(target)?.square().mean().backward()
    }
}

/// Returns the elements of all parameters.
pub fn flat(model: &impl Module) -> Vec<f64> {
    let params = model.named_params().into_iter();
    params
        .flat_map(|(_, param)| param.value().to_f64_vec())
        .collect()
}

/// Returns the golden cases: the first word of each name, with the words that follow it.
fn cases(file: &File) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut cases = BTreeMap::<_, BTreeSet<_>>::new();
    for name in file.operations() {
        let (row, variant) = name.split_once(' ').unwrap_or((name, ""));
        cases.entry(row).or_default().insert(variant);
    }
    cases.remove("problem");
    cases
}

/// Compares every optimizer with PyTorch, Optax or Keras.
pub fn check(name: &'static str) {
    let (file, mut failures) = (File::open(name), Failures::default());
    let (cases, rows) = (cases(&file), table::optimizers());
    for row in rows.iter().filter(|row| !cases.contains_key(row.name)) {
        failures.add(row.name, "no golden case has this name");
    }
    let mut variants = BTreeMap::<_, BTreeSet<_>>::new();
    for (case, words) in cases {
        let Some(row) = rows.iter().find(|row| row.name == case) else {
            failures.add(case, "no row of the table builds this optimizer");
            continue;
        };
        for variant in words {
            variants
                .entry((row.optimizer)())
                .or_default()
                .insert(variant);
            for dtype in [DType::F64, DType::F32] {
                let name = format!("{case} {variant}");
                let name = name.trim();
                let followed = if variant == "ranks" {
                    follow(&file, row, name, Ranks::new(&file, dtype), &mut failures)
                } else if variant == "lazy" {
                    Words::new(&file, dtype)
                        .and_then(|words| follow(&file, row, name, words, &mut failures))
                } else {
                    follow(&file, row, name, Net::new(&file, dtype), &mut failures)
                };
                if let Err(error) = followed {
                    failures.add(format!("{name} {dtype}"), error);
                }
            }
        }
    }
    for (optimizer, variants) in variants {
        if !variants.contains("groups") {
            failures.add(optimizer, "no golden case has two groups of parameters");
        }
    }
    failures.unread(&file);
    failures.report();
}

/// Rounding errors add up over the steps. In `f64` they reach a fifteenth of this at most.
const BOUND: Bound = Bound {
    f64: 1e-12,
    f32: 5e-4,
    floor: 0.02,
    of_tensor: false,
};

fn follow(
    file: &File,
    row: &Row,
    name: &str,
    mut net: impl Problem,
    failures: &mut Failures,
) -> Result<()> {
    let expected = file.tensor(&format!("{name}/trajectory"));
    let dtype = net.named_params()[0].1.value().dtype();
    let mut optimizer = (row.build)()?;
    let biases = Group::of(".*bias")?;
    if name.ends_with("groups") {
        optimizer.add_group(biases.learning_rate_factor(0.5)?.weight_decay(0.02)?);
    } else if name.ends_with("frozen") {
        optimizer.add_group(biases.frozen());
    } else if name.ends_with("maximize") {
        optimizer.add_group(Group::of(".*")?.maximize());
    } else if name.ends_with("lazy") {
        optimizer.add_group(Group::of("table")?.lazy_rows());
    }
    let (recorded_steps, mut found) = (recorded_steps(file), Vec::new());
    for step in 0..recorded_steps.last().copied().unwrap_or(0) {
        let mut grads = net.gradients(step)?;
        if name.ends_with("maximize") {
            grads.map_in_place(|gradient| -gradient);
        }
        if name.ends_with("skipping") && step % 3 == 2 {
            grads.remove(net.named_params()[0].1);
        }
        optimizer.step(&mut net, grads)?;
        if recorded_steps.contains(&(step + 1)) {
            if name.ends_with("average") {
                let averages = optimizer.state()?.part("slot.average");
                for (path, _) in net.named_params() {
                    found.extend(averages.tensor(&path)?.to_f64_vec());
                }
            } else {
                found.extend(flat(&net));
            }
        }
    }
    let found = Tensor::from_vec(found, expected.shape())?.to_dtype(dtype);
    failures.compare(
        format!("optimizers {name} {dtype}"),
        &expected,
        &found,
        BOUND,
    );
    Ok(())
}

/// Returns the numbers of the steps after which the file has the parameters, in ascending order.
fn recorded_steps(file: &File) -> Vec<usize> {
    let steps = file.indices("problem/kept");
    steps.map_or_else(Vec::new, |steps| steps.as_slice().to_vec())
}

/// Compares averages of weights over a run with Nesterov momentum.
pub fn check_averages(name: &'static str) {
    let (file, mut failures) = (File::open(name), Failures::default());
    for dtype in [DType::F64, DType::F32] {
        if let Err(error) = average(&file, dtype, &mut failures) {
            failures.add(dtype, error);
        }
    }
    failures.unread(&file);
    failures.report();
}

fn average(file: &File, dtype: DType, failures: &mut Failures) -> Result<()> {
    let mut net = Net::new(file, dtype);
    let mut averages = [
        ("exponential(0.9)", WeightAverage::exponential(&net, 0.9)?),
        ("exponential(0.99)", WeightAverage::exponential(&net, 0.99)?),
        ("equal", WeightAverage::equal(&net)),
    ];
    let (recorded_steps, mut found) = (recorded_steps(file), [const { Vec::new() }; 3]);
    let mut optimizer = Nesterov::new(0.05).build()?;
    for step in 0..recorded_steps.last().copied().unwrap_or(0) {
        let grads = net.gradients(step)?;
        optimizer.step(&mut net, grads)?;
        for ((_, average), found) in averages.iter_mut().zip(&mut found) {
            average.update(&net)?;
            if recorded_steps.contains(&(step + 1)) {
                found.extend(flat(average.model()));
            }
        }
    }
    for ((name, _), found) in averages.iter().zip(found) {
        let expected = file.tensor(&format!("{name}/trajectory"));
        let found = Tensor::from_vec(found, expected.shape())?.to_dtype(dtype);
        let place = format!("averages {name} {dtype}");
        failures.compare(place, &expected, &found, BOUND);
    }
    Ok(())
}

/// Exported optimizers without a row, with the reason.
const NO_ROW: &[(&str, &str)] = &[
    ("Stepper", "runs the algorithms of the rows"),
    ("Constrained", "its inner optimizer makes the step"),
];

/// Returns the types of a source file that are optimizers or build one.
fn optimizers_in(source: &str) -> BTreeSet<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric()).collect();
    let (mut found, mut current) = (BTreeSet::new(), String::new());
    for line in source.lines() {
        if line.starts_with("impl") {
            match line.split_once("Optimizer for ") {
                Some((_, implementor)) => {
                    found.insert(name(implementor));
                }
                None => current = line.strip_prefix("impl ").map(name).unwrap_or_default(),
            }
        } else if line.contains("-> Result<Box<dyn Optimizer>>") {
            found.insert(current.clone());
        }
    }
    found
}

/// The names are read from the sources, so that no new optimizer is missed.
#[test]
fn every_optimizer_has_golden_values() {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../optim/src");
    let files = std::fs::read_dir(sources).unwrap();
    let read = |path| std::fs::read_to_string(path).unwrap();
    let files = files.map(|file| file.unwrap().path());
    // Folders contain schedules and L-BFGS, which are no `Optimizer`.
    let sources: Vec<_> = files.filter(|path| path.is_file()).map(read).collect();
    let lib = include_str!("../../optim/src/lib.rs");
    let exports = lib.lines().filter(|line| line.starts_with("pub use"));
    let exported: BTreeSet<_> = exports
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric()))
        .collect();
    let optimizers: BTreeSet<_> = sources
        .iter()
        .flat_map(|source| optimizers_in(source))
        .collect();
    let optimizers: BTreeSet<_> = optimizers
        .iter()
        .map(String::as_str)
        .filter(|name| exported.contains(name))
        .collect();
    // One optimizer with a builder and one without.
    assert!(
        optimizers.contains("Sgd") && optimizers.contains("Lookahead"),
        "{optimizers:?}"
    );
    let built = table::optimizers().into_iter().map(|row| {
        let name = (row.optimizer)();
        let name = name.split('<').next().unwrap_or(name);
        name.rsplit("::").next().unwrap_or(name)
    });
    let accounted: BTreeSet<_> = built.chain(NO_ROW.iter().map(|(name, _)| *name)).collect();
    let without: Vec<_> = optimizers.difference(&accounted).collect();
    assert!(without.is_empty(), "no golden row builds {without:?}");
    let gone: Vec<_> = accounted.difference(&optimizers).collect();
    assert!(gone.is_empty(), "not exported as optimizers: {gone:?}");
}
