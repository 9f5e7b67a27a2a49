//! Reusing a part of a pretrained model: what frozen layers cost, that they stand still, what
//! optimizers remember when they are unfrozen, and what training on their cached outputs gives.

use cotangent::data::{Dataset, digits};
use cotangent::module::{LeafRef, Loader, Walk};
use cotangent::prelude::*;
use cotangent::{Dot, data, memory_use};
use std::collections::BTreeMap;

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

/// Three hidden layers.
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
        optimizer.step(net, &grads)?;
    }
    Ok(())
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().into_iter().map(f64::to_bits).collect()
}

/// Every leaf, counters included, bit by bit.
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

/// The paths of the leaves that differ.
fn changed(before: &BTreeMap<String, Vec<u64>>, module: &impl Module) -> Vec<String> {
    let after = leaves(module);
    assert!(before.keys().eq(after.keys()));
    let differing = after
        .into_iter()
        .filter(|(path, bits)| before[path] != *bits);
    differing.map(|(path, _)| path).collect()
}

type Named = (&'static str, Box<dyn Optimizer>);

/// Every optimizer, with and without weight decay.
fn optimizers() -> Result<Vec<Named>> {
    Ok(vec![
        ("sgd", Sgd::new(0.1).build()?),
        ("sgd, decay", Sgd::new(0.1).weight_decay(0.01).build()?),
        ("momentum", Momentum::new(0.05).build()?),
        (
            "momentum, damped, decay",
            Momentum::new(0.05)
                .dampening(0.1)
                .weight_decay(0.01)
                .build()?,
        ),
        ("nesterov", Nesterov::new(0.05).build()?),
        (
            "nesterov, decay",
            Nesterov::new(0.05).weight_decay(0.01).build()?,
        ),
        ("adafactor", Adafactor::new(0.01).build()?),
        ("muon", Muon::new(0.01).build()?),
        ("adam", Adam::new(0.01).build()?),
        ("adam, decay", Adam::new(0.01).weight_decay(0.01).build()?),
    ])
}

#[test]
fn below_the_first_trainable_parameter_there_is_no_graph() -> Result<()> {
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
    // Other tests of this program, which share the counters, use less than half of one output.
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
    // What the head saves: its input.
    let frozen = kept(&lower)?;
    assert!(frozen < 2 * OUTPUT, "{frozen}");

    // Frozen layers above a trained one pass the gradient on, and for that need their own weights
    // only, not their inputs.
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
fn frozen_layers_stand_still_under_every_optimizer() -> Result<()> {
    for (name, mut optimizer) in optimizers()? {
        let mut net = net(5, 0)?;
        // Momentum of all parameters that could go on moving them.
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

        // Gradients from before the freezing are not applied either.
        let grads = loss(&net, 8)?.backward()?;
        net.freeze();
        let before = leaves(&net);
        optimizer.step(&mut net, &grads)?;
        assert!(changed(&before, &net).is_empty(), "{name}");
    }
    Ok(())
}

#[test]
fn frozen_batch_normalization_stands_still_while_the_rest_trains() -> Result<()> {
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

    // Gamma and beta alone: the statistics are not frozen, so that the layer is not.
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

/// A step of Σ w² c / 2 over both parameters, which do not know of each other.
fn separable_step(w: &mut (Param, Param), optimizer: &mut dyn Optimizer) -> Result<()> {
    let pass = Pass::train(0);
    let curvature = Tensor::from([0.5f64, 1.0, 2.0]);
    let loss = |w: &Param| Ok::<_, Error>(w.read(&pass).square().mul(&curvature)?.sum() * 0.5);
    let grads = loss(&w.0)?.add(&loss(&w.1)?)?.backward()?;
    optimizer.step(w, &grads)
}

fn separable() -> (Param, Param) {
    let param = |values: [f64; 3]| Param::new(&Tensor::from(values));
    (param([1.0, -2.0, 3.0]), param([0.3, 0.2, -0.1]))
}

#[test]
fn unfrozen_a_parameter_goes_on_with_its_state() -> Result<()> {
    for i in 0..optimizers()?.len() {
        let run = |phases: &[(usize, bool)]| -> Result<[Vec<u64>; 2]> {
            let (name, mut optimizer) = optimizers()?.swap_remove(i);
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
        let name = optimizers()?.swap_remove(i).0;
        let [paused, other] = run(&[(2, false), (3, true), (4, false)])?;
        // As if the steps in between had not been, with the momentum and the count of before.
        assert_eq!(paused, run(&[(6, false)])?[0], "{name}");
        // The other does not notice.
        assert_eq!(other, run(&[(9, false)])?[1], "{name}");
        // Frozen from the start there is no state: the first step is a first step.
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
    // Gradient c w with c = 1 for the second element; two steps, a pause, a third one.
    let second = |w: &Param| w.value().to_f64_vec()[1];
    let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
    let mut optimizer = Momentum::new(0.1).momentum(0.9).build()?;
    let mut w = separable();
    let (mut by_hand, mut buffer) = (second(&w.0), 0.0);
    for step in 0..3 {
        if step == 2 {
            w.0.set_frozen(true);
            separable_step(&mut w, &mut optimizer)?;
            assert_eq!(
                bits(&Tensor::from([by_hand])),
                bits(&Tensor::from([second(&w.0)]))
            );
            w.0.set_frozen(false);
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
            w.0.set_frozen(true);
            separable_step(&mut w, &mut optimizer)?;
            w.0.set_frozen(false);
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
fn a_new_head_starts_anew_and_the_rest_goes_on() -> Result<()> {
    let (rate, momentum) = (0.05, 0.9);
    let mut net = net(5, 0)?;
    let mut optimizer = Momentum::new(0.05).momentum(0.9).build()?;
    let first = loss(&net, 0)?.backward()?;
    optimizer.step(&mut net, &first)?;
    let body_gradient = first.get(&net.hidden[0].linear.weight).cloned();

    net.out = Linear::new(UNITS, 3, &mut rng(9))?;
    let second = loss(&net, 1)?.backward()?;
    let before = leaves(&net);
    let error = optimizer
        .step(&mut net, &second)
        .expect_err("the head has other sizes");
    let Error::Within { path, source } = &error else {
        panic!("{error}")
    };
    assert!(matches!(**source, Error::Shape { .. }), "{error}");
    assert_eq!(path, "out.weight");
    assert!(error.to_string().contains("forget_where"), "{error}");
    assert!(changed(&before, &net).is_empty());

    assert_eq!(optimizer.forget_where(r"out\..*")?, 2);
    let (body, head) = (
        net.hidden[0].linear.weight.value().clone(),
        net.out.weight.value().clone(),
    );
    optimizer.step(&mut net, &second)?;
    let gradient = |param: &Param| second.get(param).cloned().expect("it was trained");
    // The body's buffer is 0.9 g₁ + g₂, the head's g₂.
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

    // A head of the same sizes would go on with the old one's momentum: that is forgotten, too.
    let mut optimizer: Box<dyn Optimizer> = Box::new(optimizer);
    assert_eq!(optimizer.forget_where(|path: &str| path == "out.bias")?, 1);
    for (pattern, found) in [
        ("out.bias", "`out.bias` matches no parameter"),
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

/// Some digits of three classes.
fn few_digits() -> data::Result<Dataset> {
    digits()?.only_classes(7..10)?.take_per_class(15, 0)
}

#[test]
fn training_on_cached_outputs_is_training_through_the_frozen_layers() -> data::Result<()> {
    let data = few_digits()?;
    for make in [|| Nesterov::new(0.05).build(), || Adam::new(0.01).build()] {
        let mut start = net(3, 0)?;
        train(&mut start, &mut *make()?, 0..3)?;
        start.freeze_where(r"hidden\.[01]\..*")?;
        let fit = |data: &Dataset, first: usize| -> data::Result<Net> {
            let (mut net, mut optimizer) = (start.clone(), make()?);
            let batches = data::Batches::new(data, 10, 3)?;
            for batch in (0..4).flat_map(|epoch| batches.epoch(epoch)) {
                let (x, labels) = batch?;
                let pass = Pass::train(0);
                let h = net.hidden[first..].forward(&x, &pass)?;
                let loss = net.out.forward(&h, &pass)?.cross_entropy(&labels)?;
                optimizer.step(&mut net, &loss.backward()?)?;
            }
            Ok(net)
        };
        let through = fit(&data, 0)?;
        assert!(!changed(&leaves(&start), &through).is_empty());
        // Whatever the size of the batches in which the outputs were computed: products of at most four
        // rows sum in another order, so that these differ in rounding; others do not at all.
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
fn caching_refuses_what_is_no_output_per_sample() -> data::Result<()> {
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
    // The outputs of two batches that do not fit each other.
    let mut width = 0;
    let error = data.map_inputs(30, |x| {
        width += 1;
        x.narrow(1, 0, width)
    });
    assert!(matches!(error, Err(Error::Core(_))), "{error:?}");
    // An error of the model names the place in it.
    let error = data
        .map_inputs(30, |x| net.predict(&x.narrow(1, 0, 63)?))
        .unwrap_err();
    assert!(error.to_string().contains("`hidden.0.linear`"), "{error}");
    // A graph is not kept.
    let features = data.map_inputs(30, |x| net.forward(x, &Pass::train(0)))?;
    assert!(!features.inputs().is_tracked());
    Ok(())
}

#[test]
fn an_input_that_does_not_fit_is_an_error_with_the_path_of_the_layer() -> Result<()> {
    let mut net = net(5, 0)?;
    let place = |error: Error| match error {
        Error::Within { path, source } if matches!(*source, Error::Shape { .. }) => path,
        error => panic!("{error}"),
    };
    let x = Tensor::zeros([4, FEATURES - 1], DType::F32)?;
    assert_eq!(place(net.predict(&x).unwrap_err()), "hidden.0.linear");
    assert_eq!(place(net.hidden.predict(&x).unwrap_err()), "0.linear");
    assert_eq!(place(net.hidden[1..].predict(&x).unwrap_err()), "0.linear");
    // A head for other features than the layers below it give.
    net.out = Linear::new(UNITS + 1, 5, &mut rng(0))?;
    let x = Tensor::zeros([4, FEATURES], DType::F32)?;
    assert_eq!(place(net.predict(&x).unwrap_err()), "out");
    // A normalization for other channels than the layer before it gives.
    net.hidden[1].norm = BatchNorm::new(UNITS - 1)?;
    assert_eq!(place(net.predict(&x).unwrap_err()), "hidden.1.norm");
    Ok(())
}

#[test]
fn the_lower_layers_of_another_model_are_loaded_as_they_are() -> Result<()> {
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

    // The heads differ in size: nothing is loaded.
    let error = Loader::new().load_from(&mut new, &old).unwrap_err();
    assert!(matches!(error, Error::State { .. }), "{error}");
    assert!(error.to_string().contains("`out.weight`"), "{error}");
    assert!(changed(&new_leaves, &new).is_empty());
    Ok(())
}

#[derive(Module, Layer, Clone, Debug)]
struct Derived {
    #[module(frozen)]
    body: Hidden,
    head: Linear,
}

#[derive(Module, Layer, Clone, Debug)]
#[allow(clippy::large_enum_variant)] // There is one of it.
enum Either {
    #[allow(dead_code)]
    Plain(Linear),
    Reused {
        #[module(frozen)]
        body: Hidden,
        head: Linear,
    },
}

/// The same with a forward by hand.
#[derive(Module, Clone, Debug)]
struct ByHand {
    #[module(frozen)]
    body: Hidden,
    head: Linear,
}

impl Layer for ByHand {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor> {
        self.head.forward(&self.body.forward(x, pass)?, pass)
    }
}

/// The first forward of `layer`, which nothing has walked over, trains the head alone.
fn assert_only_the_head_trains(mut layer: impl Layer, body: &Hidden) -> Result<()> {
    let (x, labels) = batch(5, 0)?;
    let loss = layer.forward(&x, &Pass::train(0))?.cross_entropy(&labels)?;
    let grads = loss.backward()?;
    assert_eq!(grads.len(), 2);
    Momentum::new(0.1).build()?.step(&mut layer, &grads)?;
    let before = leaves(body);
    let after = leaves(&layer);
    for (path, bits) in &before {
        assert_eq!(bits, &after[&format!("body.{path}")], "{path}");
    }
    // What is frozen by declaration stays so.
    layer.unfreeze();
    let loss = layer.forward(&x, &Pass::train(0))?.cross_entropy(&labels)?;
    assert_eq!(loss.backward()?.len(), 2);
    Ok(())
}

#[test]
fn a_field_frozen_by_declaration_is_so_from_the_first_forward_on() -> Result<()> {
    let body = net(5, 0)?.hidden.swap_remove(0);
    let head = || Linear::new(UNITS, 5, &mut rng(1));
    let derived = Derived {
        body: body.clone(),
        head: head()?,
    };
    assert_only_the_head_trains(derived, &body)?;
    let either = Either::Reused {
        body: body.clone(),
        head: head()?,
    };
    assert_only_the_head_trains(either, &body)?;
    assert_only_the_head_trains(
        Derived {
            body: body.clone(),
            head: head()?,
        }
        .clone(),
        &body,
    )
}

#[test]
fn with_a_forward_by_hand_a_part_is_frozen_when_the_model_is_built() -> Result<()> {
    let body = net(5, 0)?.hidden.swap_remove(0);
    let head = Linear::new(UNITS, 5, &mut rng(1))?;
    let (x, labels) = batch(5, 0)?;
    let first = |net: &ByHand| -> Result<usize> {
        let loss = net.forward(&x, &Pass::train(0))?.cross_entropy(&labels)?;
        Ok(loss.backward()?.len())
    };
    let net = ByHand {
        body: body.clone().frozen(),
        head: head.clone(),
    };
    assert_eq!(first(&net)?, 2);
    assert!(changed(&leaves(&body), &net.body).is_empty());
    // Or by any walk over the model.
    let net = ByHand {
        body: body.clone(),
        head: head.clone(),
    };
    assert_eq!(
        net.summary().rows.iter().filter(|row| row.frozen).count(),
        6
    );
    assert_eq!(first(&net)?, 2);
    assert!(changed(&leaves(&body), &net.body).is_empty());
    // Without either the first gradients are computed, as documented, and not applied.
    let mut net = ByHand { body, head };
    let loss = net.forward(&x, &Pass::train(0))?.cross_entropy(&labels)?;
    let grads = loss.backward()?;
    assert_eq!(grads.len(), 6);
    let before = bits(net.body.linear.weight.value());
    Sgd::new(0.1).build()?.step(&mut net, &grads)?;
    assert_eq!(before, bits(net.body.linear.weight.value()));
    assert_eq!(first(&net)?, 2);
    Ok(())
}
