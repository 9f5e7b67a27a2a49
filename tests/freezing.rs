//! Frozen layers: they do not change, their cost, the state of optimizers when they are unfrozen,
//! and training on their cached outputs.

use cotangent::data::{Labeled, digits};
use cotangent::module::{LeafRef, Walk};
use cotangent::prelude::*;
use cotangent::state::{Loader, load_bytes, to_bytes};
use cotangent::{Dot, data, memory_use};
use std::collections::BTreeMap;
use support::optimizers::OPTIMIZERS;

mod support {
    pub mod optimizers;
}

#[derive(Module, Layer, Clone, Debug)]
struct Hidden {
    linear: Linear,
    norm: BatchNorm,
    activation: Elu,
}

#[derive(Module, Layer, Clone, Debug)]
struct Net {
    hidden: Vec<Hidden>,
    out: Linear,
}

const FEATURES: usize = 64;
const UNITS: usize = 12;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Creates a net with three hidden layers.
fn net(classes: usize, seed: u64) -> Result<Net> {
    let rng = &mut rng(seed);
    let mut hidden = Vec::new();
    for inputs in [FEATURES, UNITS, UNITS] {
        hidden.push(Hidden {
            linear: Linear::new(inputs, UNITS, rng)?,
            norm: BatchNorm::new(UNITS)?,
            activation: Elu::default(),
        });
    }
    let out = Linear::new(UNITS, classes, rng)?;
    Ok(Net { hidden, out })
}

fn batch(classes: usize, seed: u64) -> Result<(Tensor, Indices)> {
    let x = Tensor::uniform([20, FEATURES], 0.0, 1.0, DType::F32, &mut rng(seed))?;
    Ok((x, (0..20).map(|i| i % classes).collect()))
}

fn loss(net: &Net, seed: u64) -> Result<Tensor> {
    let (x, labels) = batch(net.out.weight.shape()[0], seed)?;
    net.forward(&x, &Pass::train(seed))?.cross_entropy(&labels)
}

fn train(net: &mut Net, optimizer: &mut dyn Optimizer, seeds: std::ops::Range<u64>) -> Result<()> {
    for seed in seeds {
        let grads = loss(net, seed)?.backward()?;
        optimizer.step(net, grads)?;
    }
    Ok(())
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().into_iter().map(f64::to_bits).collect()
}

/// Returns the bits of every leaf, counters included.
fn leaves(module: &impl Module) -> BTreeMap<String, Vec<u64>> {
    let mut leaves = BTreeMap::new();
    Walk::over(module, |path, leaf| {
        let value = match leaf {
            LeafRef::Param(param) => bits(param.value()),
            LeafRef::Buffer(buffer) => bits(&buffer.value()),
            LeafRef::Counter(counter) => vec![counter.get()],
            other => panic!("a leaf of another kind: {other:?}"),
        };
        leaves.insert(path.to_owned(), value);
    });
    leaves
}

/// Returns the paths of the leaves that differ.
fn changed(before: &BTreeMap<String, Vec<u64>>, module: &impl Module) -> Vec<String> {
    let after = leaves(module);
    assert!(before.keys().eq(after.keys()));
    let differing = after
        .into_iter()
        .filter(|(path, bits)| before[path] != *bits);
    differing.map(|(path, _)| path).collect()
}

#[test]
fn there_is_no_graph_below_the_first_trainable_parameter() -> Result<()> {
    let mut net = net(5, 0)?;
    // Weight, bias, gamma, beta, running mean and variance of two layers.
    assert_eq!(net.freeze_where(r"hidden\.[01]\..*")?, 12);
    let (x, _) = batch(5, 1)?;
    let pass = Pass::train(0);
    assert!(!net.hidden[..2].forward(&x, &pass)?.is_tracked());
    assert!(net.hidden[..3].forward(&x, &pass)?.is_tracked());

    let loss = loss(&net, 1)?;
    let drawn = Dot::new(&loss).params(&net).to_string();
    let boxes = drawn.lines().filter(|line| line.contains("shape=box"));
    assert_eq!(boxes.count(), 6, "{drawn}");
    for path in [
        "hidden.2.linear.weight",
        "hidden.2.norm.bias",
        "out.weight",
        "out.bias",
    ] {
        assert!(drawn.contains(path), "{path}: {drawn}");
    }
    assert!(
        !drawn.contains("hidden.0") && !drawn.contains("hidden.1"),
        "{drawn}"
    );
    assert_eq!(drawn.matches("\"linear ").count(), 2, "{drawn}");
    assert_eq!(drawn.matches("\"elu ").count(), 1, "{drawn}");

    let grads = loss.backward()?;
    assert_eq!(grads.len(), 6);
    for (path, param) in net.named_params() {
        assert_eq!(grads.get(param).is_none(), param.is_frozen(), "{path}");
    }
    Ok(())
}

#[test]
fn nothing_is_saved_for_frozen_layers() -> Result<()> {
    // The counters include the other tests of this program, which use less than half of one output.
    const OUTPUT: usize = 16 << 20;
    let (samples, units) = (1 << 14, 256);
    let mut rng = rng(0);
    let stack = |rng: &mut ChaCha8Rng| {
        let blocks = (0..6).map(|_| Ok((Linear::new(units, units, rng)?, Tanh)));
        blocks.collect::<Result<Vec<_>>>()
    };
    let mut lower = stack(&mut rng)?;
    let head = Linear::new(units, 1, &mut rng)?;
    let x = Tensor::uniform([samples, units], 0.0, 1.0, DType::F32, &mut rng)?;
    let pass = Pass::train(0);
    let kept = |lower: &[(Linear, Tanh)]| -> Result<usize> {
        let before = memory_use().live;
        let mut h = x.clone();
        for (linear, activation) in lower {
            h = activation.forward(&linear.forward(&h, &pass)?, &pass)?;
        }
        let y = head.forward(&h, &pass)?;
        drop(h);
        let kept = memory_use().live.saturating_sub(before);
        assert!(y.is_tracked());
        Ok(kept)
    };
    let trained = kept(&lower)?;
    assert!(trained > 5 * OUTPUT, "{trained}");
    lower.freeze();
    // The head saves its input.
    let frozen = kept(&lower)?;
    assert!(frozen < 2 * OUTPUT, "{frozen}");

    // Frozen layers above a trained one propagate the gradient. For that they need their weights,
    // but not their inputs.
    let first = Linear::new(units, units, &mut rng)?;
    let mut upper = Vec::new();
    for _ in 0..6 {
        upper.push(Linear::new(units, units, &mut rng)?.frozen());
    }
    let before = memory_use().live;
    let y = upper.forward(&first.forward(&x, &pass)?, &pass)?;
    let kept = memory_use().live.saturating_sub(before);
    assert!(kept < 2 * OUTPUT, "{kept}");
    let grads = y.sum().backward()?;
    assert_eq!(grads.len(), 2);
    assert!(grads.get(&first.weight).is_some());
    Ok(())
}

#[test]
fn no_optimizer_changes_frozen_layers() -> Result<()> {
    for row in OPTIMIZERS {
        let (name, mut optimizer) = (row.name, row.build()?);
        let mut net = net(5, 0)?;
        // All parameters have momentum, which could change them further.
        train(&mut net, &mut *optimizer, 0..3)?;
        net.freeze_where(r"hidden\.[01]\..*")?;
        let before = leaves(&net);
        train(&mut net, &mut *optimizer, 3..8)?;
        let moved = changed(&before, &net);
        let expected: Vec<&String> = before
            .keys()
            .filter(|path| path.starts_with("hidden.2") || path.starts_with("out"))
            .collect();
        assert_eq!(moved.iter().collect::<Vec<_>>(), expected, "{name}");

        // Gradients from before the freeze are not applied either.
        let grads = loss(&net, 8)?.backward()?;
        net.freeze();
        let before = leaves(&net);
        optimizer.step(&mut net, grads)?;
        assert!(changed(&before, &net).is_empty(), "{name}");
    }
    Ok(())
}

#[test]
fn frozen_batch_normalization_does_not_change_while_the_rest_trains() -> Result<()> {
    let mut net = net(5, 0)?;
    let mut optimizer = Nesterov::new(0.05).build()?;
    train(&mut net, &mut optimizer, 0..2)?;
    net.freeze_where(r".*\.norm\..*")?;
    let before = leaves(&net);
    train(&mut net, &mut optimizer, 2..6)?;
    let moved = changed(&before, &net);
    assert_eq!(moved.len(), 8, "{moved:?}");
    assert!(moved.iter().all(|path| !path.contains("norm")), "{moved:?}");

    let x = Tensor::normal([9, UNITS], 1.0, 2.0, DType::F32, &mut rng(7))?;
    let norm = &net.hidden[1].norm;
    let (trained, predicted) = (norm.forward(&x, &Pass::train(0))?, norm.predict(&x)?);
    assert_eq!(bits(&trained), bits(&predicted));

    // With only gamma and beta frozen, the layer is not: its statistics move.
    net.unfreeze();
    net.freeze_where(r".*\.norm\.(weight|bias)")?;
    let before = leaves(&net);
    train(&mut net, &mut optimizer, 6..7)?;
    let moved = changed(&before, &net);
    assert!(
        moved.contains(&"hidden.0.norm.running_mean".to_owned()),
        "{moved:?}"
    );
    assert!(
        !moved.contains(&"hidden.0.norm.weight".to_owned()),
        "{moved:?}"
    );
    Ok(())
}

/// Makes a step on Σ w² c / 2 over both parameters, which do not depend on each other.
fn separable_step(w: &mut (Param, Param), optimizer: &mut dyn Optimizer) -> Result<()> {
    let pass = Pass::train(0);
    let curvature = Tensor::from([0.5f64, 1.0, 2.0]);
    let loss = |w: &Param| Ok::<_, Error>(w.read(&pass).square().mul(&curvature)?.sum() * 0.5);
    let grads = loss(&w.0)?.add(&loss(&w.1)?)?.backward()?;
    optimizer.step(w, grads)
}

fn separable() -> (Param, Param) {
    let param = |values: [f64; 3]| Param::new(&Tensor::from(values));
    (param([1.0, -2.0, 3.0]), param([0.3, 0.2, -0.1]))
}

#[test]
fn an_unfrozen_parameter_continues_with_its_state() -> Result<()> {
    for row in OPTIMIZERS {
        let name = row.name;
        let run = |phases: &[(usize, bool)]| -> Result<[Vec<u64>; 2]> {
            let mut optimizer = row.build()?;
            let mut w = separable();
            for &(steps, frozen) in phases {
                if frozen {
                    assert_eq!(w.freeze_where("0")?, 1, "{name}");
                } else {
                    assert_eq!(w.unfreeze_where("0")?, 1, "{name}");
                }
                for _ in 0..steps {
                    separable_step(&mut w, &mut *optimizer)?;
                }
            }
            Ok([bits(w.0.value()), bits(w.1.value())])
        };
        let [paused, other] = run(&[(2, false), (3, true), (4, false)])?;
        // It skips the steps in between; momentum and count are those from before.
        assert_eq!(paused, run(&[(6, false)])?[0], "{name}");
        // The other parameter is not affected.
        assert_eq!(other, run(&[(9, false)])?[1], "{name}");
        // A parameter that is frozen from the start has no state: its first step is a first step.
        assert_eq!(
            run(&[(3, true), (4, false)])?[0],
            run(&[(4, false)])?[0],
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn the_first_step_after_unfreezing_is_the_documented_one() -> Result<()> {
    // The gradient of the second element is w. Two steps, a pause, a third step.
    let second = |w: &Param| w.value().to_f64_vec()[1];
    let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
    let mut optimizer = Momentum::new(0.1).momentum(0.9).build()?;
    let mut w = separable();
    let (mut by_hand, mut buffer) = (second(&w.0), 0.0);
    for step in 0..3 {
        if step == 2 {
            w.0.freeze();
            separable_step(&mut w, &mut optimizer)?;
            assert_eq!(
                bits(&Tensor::from([by_hand])),
                bits(&Tensor::from([second(&w.0)]))
            );
            w.0.unfreeze();
        }
        separable_step(&mut w, &mut optimizer)?;
        buffer = 0.9 * buffer + by_hand;
        by_hand -= 0.1 * buffer;
        by_hand = if close(by_hand, second(&w.0)) {
            second(&w.0)
        } else {
            panic!("step {step}: {by_hand} and {}", second(&w.0))
        };
    }

    let mut optimizer = Adam::new(0.1).build()?;
    let mut w = separable();
    let (mut by_hand, mut m, mut v) = (second(&w.0), 0.0, 0.0);
    for step in 1..=3 {
        if step == 3 {
            w.0.freeze();
            separable_step(&mut w, &mut optimizer)?;
            w.0.unfreeze();
        }
        separable_step(&mut w, &mut optimizer)?;
        let g = by_hand;
        (m, v) = (0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g);
        let (m_hat, v_hat) = (
            m / (1.0 - 0.9f64.powi(step)),
            v / (1.0 - 0.999f64.powi(step)),
        );
        by_hand -= 0.1 * m_hat / (v_hat.sqrt() + 1e-8);
        assert!(
            close(by_hand, second(&w.0)),
            "step {step}: {by_hand} and {}",
            second(&w.0)
        );
    }
    Ok(())
}

#[test]
fn a_new_head_starts_without_state_and_the_rest_keeps_its_own() -> Result<()> {
    let (rate, momentum) = (0.05, 0.9);
    let mut net = net(5, 0)?;
    let mut optimizer = Momentum::new(0.05).momentum(0.9).build()?;
    let first = loss(&net, 0)?.backward()?;
    let body_gradient = first.get(&net.hidden[0].linear.weight).cloned();
    optimizer.step(&mut net, first)?;

    net.out = Linear::new(UNITS, 3, &mut rng(9))?;
    let second = loss(&net, 1)?.backward()?;
    let before = leaves(&net);
    let error = optimizer
        .step(&mut net, second.clone())
        .expect_err("the head has other sizes");
    assert!(matches!(error.root(), Error::Shape { .. }), "{error}");
    assert_eq!(error.path().as_deref(), Some("out.weight"));
    assert!(error.to_string().contains("forget_where"), "{error}");
    assert!(changed(&before, &net).is_empty());

    assert_eq!(optimizer.forget_where(r"out\..*")?, 2);
    let (body, head) = (
        net.hidden[0].linear.weight.value().clone(),
        net.out.weight.value().clone(),
    );
    optimizer.step(&mut net, second.clone())?;
    let gradient = |param: &Param| second.get(param).cloned().expect("it was trained");
    // The buffer of the body is 0.9 g₁ + g₂, that of the head g₂.
    let body_gradient = body_gradient.expect("it was trained");
    let buffer = (&body_gradient * momentum).add(&gradient(&net.hidden[0].linear.weight))?;
    for (param, before, buffer) in [
        (&net.hidden[0].linear.weight, body, buffer),
        (&net.out.weight, head, gradient(&net.out.weight)),
    ] {
        let expected = before.sub(&(&buffer * rate))?;
        let distance = param.value().sub(&expected)?.abs().to_f64_vec();
        assert!(
            distance.iter().all(|&distance| distance < 1e-6),
            "{distance:?}"
        );
    }

    // A head of the same size would continue with the momentum of the old one without
    // `forget_where`.
    let mut optimizer: Box<dyn Optimizer> = Box::new(optimizer);
    assert_eq!(optimizer.forget_where(|path: &str| path == "out.bias")?, 1);
    for (pattern, found) in [
        (
            "out.bias",
            "`out.bias` matches nothing among the parameters",
        ),
        ("(", "`(`"),
    ] {
        let error = optimizer
            .forget_where(pattern)
            .expect_err("nothing to forget");
        assert!(matches!(error, Error::Argument { .. }), "{error}");
        assert!(error.to_string().contains(found), "{error}");
    }
    Ok(())
}

/// Returns some digits of three classes.
fn few_digits() -> data::Result<Labeled> {
    digits()?.only_classes(7..10)?.take_per_class(15, 0)
}

#[test]
fn training_on_cached_outputs_equals_training_through_frozen_layers() -> data::Result<()> {
    let data = few_digits()?;
    for make in [|| Nesterov::new(0.05).build(), || Adam::new(0.01).build()] {
        let mut start = net(3, 0)?;
        train(&mut start, &mut *make()?, 0..3)?;
        start.freeze_where(r"hidden\.[01]\..*")?;
        let fit = |data: &Labeled, first: usize| -> data::Result<Net> {
            let (mut net, mut optimizer) = (start.clone(), make()?);
            let batches = data::Batches::new(data, 10)?.shuffle(3);
            for batch in (0..4).flat_map(|epoch| batches.epoch(epoch)) {
                let (x, labels) = batch?;
                let pass = Pass::train(0);
                let h = net.hidden[first..].forward(&x, &pass)?;
                let loss = net.out.forward(&h, &pass)?.cross_entropy(&labels)?;
                optimizer.step(&mut net, loss.backward()?)?;
            }
            Ok(net)
        };
        let through = fit(&data, 0)?;
        assert!(!changed(&leaves(&start), &through).is_empty());
        // The size of the batches in which the outputs were computed does not matter, except that
        // products of at most four rows add in another order, and differ in rounding.
        let whole = start.hidden[..2].predict(data.inputs())?;
        for (size, last) in [(1, 1), (7, 3), (9, 9), (500, 45)] {
            let features = data.map_inputs(size, |x| start.hidden[..2].predict(x))?;
            assert_eq!(features.features(), UNITS);
            let difference = features.inputs().sub(&whole)?.abs().max()?.item()?;
            assert!(difference < 1e-5, "batches of {size}: {difference}");
            if last <= 4 {
                continue;
            }
            let cached = fit(&features, 2)?;
            assert!(
                changed(&leaves(&through), &cached).is_empty(),
                "batches of {size}"
            );
        }
    }
    Ok(())
}

#[test]
fn caching_needs_one_output_for_each_sample() -> data::Result<()> {
    use data::Error;
    let data = few_digits()?;
    let net = net(3, 0)?;
    let error = data.map_inputs(0, |x| net.predict(x)).unwrap_err();
    assert!(matches!(error, Error::ZeroBatchSize), "{error}");
    let error = data
        .select(&[])?
        .map_inputs(5, |x| net.predict(x))
        .unwrap_err();
    assert!(matches!(error, Error::EmptyDataset { .. }), "{error}");
    let error = data.map_inputs(5, |x| x.narrow(0, 0, 4)).unwrap_err();
    assert!(
        matches!(error, Error::MappedSamples { samples: 5, .. }),
        "{error}"
    );
    let error = data.map_inputs(5, |x| Ok(x.sum())).unwrap_err();
    assert!(matches!(error, Error::MappedSamples { .. }), "{error}");
    // The outputs of two batches have different shapes.
    let mut width = 0;
    let error = data.map_inputs(30, |x| {
        width += 1;
        x.narrow(1, 0, width)
    });
    assert!(matches!(error, Err(Error::Core(_))), "{error:?}");
    // An error of the model names the layer.
    let error = data
        .map_inputs(30, |x| net.predict(&x.narrow(1, 0, 63)?))
        .unwrap_err();
    assert!(error.to_string().contains("`hidden.0.linear`"), "{error}");
    // No graph is kept.
    let features = data.map_inputs(30, |x| net.forward(x, &Pass::train(0)))?;
    assert!(!features.inputs().is_tracked());
    Ok(())
}

#[test]
fn an_input_that_does_not_fit_is_an_error_with_the_path_of_the_layer() -> Result<()> {
    let mut net = net(5, 0)?;
    let place = |error: Error| {
        assert!(matches!(error.root(), Error::Shape { .. }), "{error}");
        error.path().expect("a path")
    };
    let x = Tensor::zeros([4, FEATURES - 1], DType::F32)?;
    assert_eq!(place(net.predict(&x).unwrap_err()), "hidden.0.linear");
    assert_eq!(place(net.hidden.predict(&x).unwrap_err()), "0.linear");
    assert_eq!(place(net.hidden[1..].predict(&x).unwrap_err()), "0.linear");
    // The head expects another number of features.
    net.out = Linear::new(UNITS + 1, 5, &mut rng(0))?;
    let x = Tensor::zeros([4, FEATURES], DType::F32)?;
    assert_eq!(place(net.predict(&x).unwrap_err()), "out");
    // The normalization expects another number of channels.
    net.hidden[1].norm = BatchNorm::new(UNITS - 1)?;
    assert_eq!(place(net.predict(&x).unwrap_err()), "hidden.1.norm");
    Ok(())
}

#[test]
fn the_lower_layers_of_another_model_are_loaded() -> Result<()> {
    let (mut old, mut new) = (net(5, 0)?, net(3, 1)?);
    train(&mut old, &mut Sgd::new(0.1).build()?, 0..2)?;
    new.freeze_where(r"hidden\.0\..*")?;
    let before = leaves(&new);
    let lower = r"hidden\.[01]\..*";
    let loaded = Loader::new().select(lower)?.load_from(&mut new, &old)?;
    assert_eq!(loaded.len(), 14);
    let (old_leaves, new_leaves) = (leaves(&old), leaves(&new));
    for (path, bits) in &new_leaves {
        let source = if loaded.contains(path) {
            &old_leaves
        } else {
            &before
        };
        assert_eq!(bits, &source[path], "{path}");
    }
    assert!(new.hidden[0].linear.weight.is_frozen() && !new.hidden[1].linear.weight.is_frozen());

    // The heads have different sizes: nothing is loaded.
    let error = Loader::new().load_from(&mut new, &old).unwrap_err();
    assert!(matches!(error, Error::State { .. }), "{error}");
    assert!(error.to_string().contains("`out.weight`"), "{error}");
    assert!(changed(&new_leaves, &new).is_empty());
    Ok(())
}

#[derive(Module, Layer, Clone, Debug)]
struct Derived {
    body: Frozen<Hidden>,
    head: Linear,
}

#[derive(Module, Layer, Clone, Debug)]
#[allow(clippy::large_enum_variant)] // There is only one value of it.
enum Either {
    #[allow(dead_code)]
    Plain(Linear),
    Reused {
        body: Frozen<Hidden>,
        head: Linear,
    },
}

/// Two parts of any type with a forward by hand.
#[derive(Module, Clone, Debug)]
struct ByHand<B> {
    body: B,
    head: Linear,
}

impl<B: Layer> Layer for ByHand<B> {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.head.forward(&self.body.forward(x, pass)?, pass)
    }
}

/// As [`ByHand`], but backward recomputes the body.
#[derive(Module, Clone, Debug)]
struct Recomputing<B> {
    body: B,
    head: Linear,
}

impl<B: Layer + Clone + Send + Sync + 'static> Layer for Recomputing<B> {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.head.forward(&pass.recompute(&self.body, x)?, pass)
    }
}

fn body() -> Result<Hidden> {
    Ok(net(5, 0)?.hidden.swap_remove(0))
}

fn head() -> Result<Linear> {
    Linear::new(UNITS, 5, &mut rng(1))
}

/// Returns the gradients of `layer` on a batch of its precision.
fn gradients(layer: &impl Layer, dtype: DType) -> Result<Gradients> {
    let (x, labels) = batch(5, 0)?;
    let y = layer.forward(&x.to_dtype(dtype), &Pass::train(0))?;
    y.cross_entropy(&labels)?.backward()
}

/// Asserts that `layer` trains only its head from the first forward on, whatever is done to it.
#[track_caller]
fn assert_only_the_head_trains<L: Layer + Clone>(mut layer: L) -> Result<()> {
    let before = leaves(&layer);
    let mut expected: Vec<String> = before.keys().cloned().collect();
    expected.retain(|path| path.starts_with("head."));
    assert!(before.len() == 9 && expected.len() == 2, "{before:?}");
    let grads = gradients(&layer, DType::F32)?;
    assert_eq!(grads.len(), 2);
    Momentum::new(0.1).build()?.step(&mut layer, grads)?;
    assert_eq!(changed(&before, &layer), expected);

    // `unfreeze` does not unfreeze a `Frozen`.
    layer.unfreeze();
    assert!(layer.unfreeze_where(".*weight").is_ok());
    assert_eq!(gradients(&layer, DType::F32)?.len(), 2);
    let rows = layer.summary().rows;
    assert_eq!(rows.iter().filter(|row| row.frozen).count(), 6);
    // Removing the marks by hand does not change its forward either.
    for param in layer.params_mut() {
        param.unfreeze();
    }
    assert_eq!(gradients(&layer, DType::F32)?.len(), 2);
    assert_eq!(layer.summary().rows, rows);
    layer.unfreeze();

    let mut loaded = layer.clone();
    assert_eq!(gradients(&loaded, DType::F32)?.len(), 2);
    loaded.load_state(&layer.state()?)?;
    assert_eq!(gradients(&loaded, DType::F32)?.len(), 2);
    let converted = layer.to_dtype(DType::F64);
    assert_eq!(gradients(&converted, DType::F64)?.len(), 2);
    let moved = changed(&before, &loaded);
    assert_eq!(moved, expected);
    Ok(())
}

fn by_hand<B>(body: B) -> Result<ByHand<B>> {
    Ok(ByHand {
        body,
        head: head()?,
    })
}

#[test]
fn a_frozen_field_does_not_change_from_the_first_forward_on() -> Result<()> {
    assert_only_the_head_trains(Derived {
        body: Frozen::new(body()?),
        head: head()?,
    })?;
    assert_only_the_head_trains(Either::Reused {
        body: Frozen::new(body()?),
        head: head()?,
    })?;
    assert_only_the_head_trains(by_hand(Frozen::new(body()?))?)?;
    assert_only_the_head_trains(by_hand(Frozen::new(Frozen::new(body()?)))?)?;
    assert_only_the_head_trains(by_hand(Box::new(Frozen::new(body()?)))?)?;
    assert_only_the_head_trains(by_hand(Some(Frozen::new(Box::new(body()?))))?)?;
    assert_only_the_head_trains(by_hand(vec![Frozen::new(body()?)])?)?;
    assert_only_the_head_trains(by_hand(Frozen::new(vec![Some(body()?)]))?)?;
    let sequential = || Ok::<_, Error>(Sequential::new().push(body()?).push(Sequential::new()));
    assert_only_the_head_trains(by_hand(Frozen::new(sequential()?))?)?;
    assert_only_the_head_trains(by_hand(Sequential::new().push(Frozen::new(sequential()?)))?)?;
    assert_only_the_head_trains(Recomputing {
        body: Frozen::new(body()?),
        head: head()?,
    })?;
    assert_only_the_head_trains(Recomputing {
        body: Sequential::new().push(Frozen::new(body()?)),
        head: head()?,
    })
}

#[test]
fn a_part_may_be_frozen_when_the_model_is_built() -> Result<()> {
    let mut net = ByHand {
        body: body()?.frozen(),
        head: head()?,
    };
    let before = leaves(&net);
    assert_eq!(gradients(&net, DType::F32)?.len(), 2);
    assert!(changed(&before, &net).is_empty());
    // `unfreeze` undoes it.
    net.unfreeze();
    assert_eq!(gradients(&net, DType::F32)?.len(), 6);
    assert!(!changed(&before, &net).is_empty());
    Ok(())
}

#[test]
fn walks_change_nothing() -> Result<()> {
    let net = ByHand {
        body: body()?,
        head: head()?,
    };
    let marks = |net: &ByHand<Hidden>| -> Vec<bool> {
        net.params().iter().map(|param| param.is_frozen()).collect()
    };
    let before = marks(&net);
    net.summary();
    net.state()?;
    Walk::over(&net, |_, _| {});
    assert_eq!(marks(&net), before);
    Ok(())
}

#[test]
fn files_and_reports_do_not_show_the_frozen_wrapper() -> Result<()> {
    let plain = ByHand {
        body: body()?,
        head: head()?,
    };
    let mut frozen = ByHand {
        body: Frozen::new(net(5, 3)?.hidden.swap_remove(0)),
        head: Linear::new(UNITS, 5, &mut rng(7))?,
    };
    assert_eq!(to_bytes(&plain)?.len(), to_bytes(&frozen)?.len());
    load_bytes(&mut frozen, &to_bytes(&plain)?)?;
    assert_eq!(leaves(&frozen), leaves(&plain));
    let described = |module: &dyn Module| -> Vec<(String, String)> {
        let rows = module.summary().rows.into_iter();
        rows.map(|row| (row.path, row.layer)).collect()
    };
    assert_eq!(described(&frozen), described(&plain));
    assert!(frozen.body.linear.weight.is_frozen());
    // The layer inside is unchanged and can be trained.
    let mut body = frozen.body.into_inner();
    assert!(body.linear.weight.is_frozen());
    body.unfreeze();
    assert_eq!(
        gradients(
            &ByHand {
                body,
                head: head()?
            },
            DType::F32
        )?
        .len(),
        6
    );
    Ok(())
}

/// A layer with dropout and a weight that records the passes under which it runs.
#[derive(Module, Clone, Debug)]
struct Told {
    weight: Param,
    norm: BatchNorm,
}

impl Layer for Told {
    fn compute(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        if let Some(told) = pass.carried::<std::sync::Mutex<Vec<[bool; 4]>>>() {
            let mut told = told.lock().expect("no other thread panicked");
            told.push([
                pass.is_training(),
                pass.records(),
                pass.moves_statistics(),
                pass.is_frozen(),
            ]);
        }
        let x = pass.dropout(x, 0.3)?.mul(&self.weight.read(pass))?;
        self.norm.forward(&x, pass)
    }
}

fn told() -> Result<Told> {
    Ok(Told {
        weight: Param::new(&Tensor::full([FEATURES], 0.5, DType::F32)?),
        // It has no leaves that could be marked as frozen.
        norm: BatchNorm::builder(FEATURES).no_affine().build()?,
    })
}

#[test]
fn a_frozen_pass_shares_the_draws_and_the_carried_value() -> Result<()> {
    let (x, _) = batch(5, 0)?;
    let stack = (told()?, Frozen::new(told()?), told()?);
    let record = std::sync::Arc::new(std::sync::Mutex::new(Vec::<[bool; 4]>::new()));
    let pass = Pass::train(4).carry(std::sync::Arc::clone(&record));
    let y = stack.1.forward(&stack.0.forward(&x, &pass)?, &pass)?;
    let y = stack.2.forward(&y, &pass)?;
    assert_eq!(pass.draws(), 3);
    let (free, frozen) = ([true, true, true, false], [true, true, false, true]);
    assert_eq!(
        *record.lock().expect("no other thread panicked"),
        [free, frozen, free]
    );
    // With marks only, and one pass, the bits are the same.
    let (first, second, third) = (told()?, told()?.frozen(), told()?);
    let pass = Pass::train(4);
    let z = second.forward(&first.forward(&x, &pass)?, &pass)?;
    assert_eq!(bits(&third.forward(&z, &pass)?), bits(&y));
    // The sequence of draws continues from where a pass was resumed, and includes the draws of the
    // frozen pass.
    let pass = Pass::train(4).resume_at(5);
    let seeds = [
        pass.next_seed(),
        pass.frozen().next_seed(),
        pass.frozen().frozen().next_seed(),
        pass.next_seed(),
    ];
    let plain = Pass::train(4).resume_at(5);
    assert_eq!(seeds, [(); 4].map(|()| plain.next_seed()));
    assert_eq!(pass.draws(), 9);
    assert!(!Pass::inference().frozen().is_training());
    Ok(())
}

#[test]
fn options_of_a_pass_leave_it_as_it_is_and_share_its_draws() {
    let pass = &Pass::train(4).no_grad();
    let (recording, held) = (pass.record(), pass.hold_statistics());
    let nonfinite = pass.allow_nonfinite();
    assert!(recording.records() && !pass.records() && !recording.no_grad().records());
    assert!(!held.moves_statistics() && pass.moves_statistics());
    assert!(nonfinite.allows_nonfinite() && !pass.allows_nonfinite());
    let plain = Pass::train(4);
    for derived in [&recording, &held, &nonfinite, pass] {
        assert_eq!(derived.next_seed(), plain.next_seed());
    }
    assert_eq!((pass.draws(), recording.draws()), (4, 4));
    // A pass that is resumed elsewhere has a sequence of its own.
    assert_eq!((pass.resume_at(9).draws(), pass.draws()), (9, 4));
}

#[test]
fn a_layer_with_another_forward_can_be_frozen() -> Result<()> {
    let table = Frozen::new(Embedding::new(5, 4, &mut rng(0))?);
    let labels: Indices = (0..3).collect();
    assert!(!table.forward(&labels, &Pass::train(0))?.is_tracked());
    // By the pass only, without marks.
    let mut table = table.into_inner();
    table.unfreeze();
    let pass = Pass::train(0);
    assert!(table.forward(&labels, &pass)?.is_tracked());
    assert!(!table.forward(&labels, &pass.frozen())?.is_tracked());
    Ok(())
}

#[test]
fn gradients_pass_through_a_frozen_layer() -> Result<()> {
    type Model<B> = ByHand<(Hidden, B)>;
    fn model<B>(upper: impl Fn(Hidden) -> B) -> Result<Model<B>> {
        let mut hidden = net(5, 0)?.hidden;
        let top = hidden.remove(1);
        Ok(ByHand {
            body: (hidden.swap_remove(0), upper(top)),
            head: head()?,
        })
    }
    /// Returns the bits of all results of a step.
    fn everything<B: Module>(
        model: &Model<B>,
        upper: impl Fn(&B, &Tensor, &Pass) -> Result<Tensor>,
    ) -> Result<Vec<Vec<u64>>> {
        let (x, labels) = batch(5, 0)?;
        let pass = Pass::train(2);
        let h = model.body.0.forward(&x, &pass)?;
        let y = model
            .head
            .forward(&upper(&model.body.1, &h, &pass)?, &pass)?;
        let grads = y.cross_entropy(&labels)?.backward()?;
        assert_eq!(grads.len(), 6);
        let mut found: Vec<Vec<u64>> = leaves(model).into_values().collect();
        let gradients = model.params().into_iter();
        found.extend(gradients.map(|param| grads.get(param).map(bits).unwrap_or_default()));
        Ok(found)
    }
    let marked = everything(&model(ModuleExt::frozen)?, |upper, x, pass| {
        upper.forward(x, pass)
    })?;
    let typed = everything(&model(Frozen::new)?, |upper, x, pass| {
        upper.forward(x, pass)
    })?;
    let recomputed = everything(&model(Frozen::new)?, |upper, x, pass| {
        pass.recompute(upper, x)
    })?;
    let under_frozen = everything(&model(Frozen::new)?, |upper, x, pass| {
        pass.frozen().recompute(&**upper, x)
    })?;
    assert_eq!(typed, marked);
    assert_eq!(recomputed, marked);
    assert_eq!(under_frozen, marked);
    Ok(())
}

#[test]
fn the_gradient_check_skips_frozen_layers() -> Result<()> {
    let net = ByHand {
        body: Sequential::new()
            .push(Frozen::new(body()?))
            .push(Linear::new(UNITS, UNITS, &mut rng(3))?),
        head: head()?,
    };
    let (x, labels) = batch(5, 0)?;
    let report = gradcheck::module(&net, &[x], |net, x, pass| {
        net.forward(&x[0], pass)?.cross_entropy(&labels)
    })?;
    report.assert_ok();
    let paths: Vec<&str> = report.entries().iter().map(|e| &e.path[..]).collect();
    assert!(paths.contains(&"body.1.weight"), "{paths:?}");
    assert!(
        !paths.iter().any(|path| path.starts_with("body.0")),
        "{paths:?}"
    );
    Ok(())
}

#[test]
fn observers_see_a_frozen_layer_like_a_marked_one() -> Result<()> {
    let marked = ByHand {
        body: body()?.frozen(),
        head: head()?,
    };
    let typed = ByHand {
        body: Frozen::new(body()?),
        head: head()?,
    };
    let (x, labels) = batch(5, 0)?;
    let of = |report: signal::Report| format!("{report}");
    let first = signal::inspect(&marked, |net, pass| {
        net.forward(&x, pass)?.cross_entropy(&labels)
    })?;
    let second = signal::inspect(&typed, |net, pass| {
        net.forward(&x, pass)?.cross_entropy(&labels)
    })?;
    assert!(
        first
            .layers
            .iter()
            .any(|layer| layer.name().contains("body"))
    );
    assert_eq!(of(second), of(first));
    let pass = Pass::train(0).checked(&typed);
    let infinite = Tensor::full([4, FEATURES], f64::INFINITY, DType::F32)?;
    let _ = typed.forward(&infinite, &pass)?;
    assert!(pass.check().is_err());
    Ok(())
}
