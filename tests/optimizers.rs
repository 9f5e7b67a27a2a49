//! Promises of every optimizer, and of groups, accumulation, averages, constraints and clipping.

use cotangent::Backward;
use cotangent::prelude::*;
use support::optimizers::OPTIMIZERS;

mod support {
    pub mod optimizers;
}

fn net(seed: u64) -> Result<Mlp> {
    Mlp::builder([3, 16, 1])
        .activation(Tanh)
        .build(&mut ChaCha8Rng::seed_from_u64(seed))
}

/// Returns inputs and a smooth function of them.
fn data(count: usize, dtype: DType) -> Result<(Tensor, Tensor)> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let x = Tensor::uniform([count, 3], -1.0, 1.0, dtype, &mut rng)?;
    let y = x.mul_scalar(2.0).sin().sum_over(1)?.unsqueeze(-1)?;
    Ok((x, y))
}

fn loss(net: &Mlp, x: &Tensor, y: &Tensor) -> Result<Tensor> {
    Ok(net.forward(x, &Pass::train(0))?.sub(y)?.square().mean())
}

fn bits(model: &impl Module) -> Result<Vec<u8>> {
    model.state()?.to_bytes()
}

#[test]
fn every_optimizer_makes_the_loss_small() -> Result<()> {
    let (x, y) = data(64, DType::F32)?;
    for row in OPTIMIZERS {
        let name = row.name;
        let (mut net, mut optimizer) = (net(2)?, row.build()?);
        let first = loss(&net, &x, &y)?.item()?;
        for _ in 0..300 {
            let grads = loss(&net, &x, &y)?.backward()?;
            optimizer.step(&mut net, grads)?;
        }
        let last = loss(&net, &x, &y)?.item()?;
        assert!(last < 0.1 * first, "{name}: from {first} to {last}");
    }
    Ok(())
}

#[test]
fn micro_batches_give_the_steps_of_the_large_batch() -> Result<()> {
    let (x, y) = data(60, DType::F64)?;
    for row in OPTIMIZERS {
        let name = row.name;
        let (mut whole, mut parts) = (net(2)?.to_dtype(DType::F64), net(2)?.to_dtype(DType::F64));
        let (mut of_whole, mut of_parts) = (row.build()?, row.build()?);
        let mut accumulator = Accumulator::new();
        for _ in 0..10 {
            let grads = loss(&whole, &x, &y)?.backward()?;
            of_whole.step(&mut whole, grads)?;
            for (start, len) in [(0, 10), (10, 30), (40, 20)] {
                let (x, y) = (x.narrow(0, start, len)?, y.narrow(0, start, len)?);
                let grads = loss(&parts, &x, &y)?.backward()?;
                accumulator.add(&parts, grads, len as f64)?;
            }
            let grads = accumulator.take(&parts)?;
            assert_eq!(accumulator.weight(), 0.0);
            of_parts.step(&mut parts, grads)?;
        }
        for ((path, a), (_, b)) in whole.named_params().into_iter().zip(parts.named_params()) {
            let difference = a.value().sub(b.value())?.abs().max()?.item()?;
            assert!(difference < 1e-11, "{name} {path}: {difference}");
        }
    }
    Ok(())
}

#[test]
fn a_step_that_fails_changes_nothing() -> Result<()> {
    let (x, y) = data(8, DType::F32)?;
    for row in OPTIMIZERS {
        let name = row.name;
        let (mut net, mut optimizer) = (net(2)?, row.build()?);
        let grads = loss(&net, &x, &y)?.backward()?;
        optimizer.step(&mut net, grads)?;
        let before = (bits(&net)?, optimizer.state()?.to_bytes()?);
        for bad in [
            Tensor::zeros([2, 2], DType::F32)?,
            Tensor::zeros([1], DType::F64)?,
        ] {
            let mut grads = loss(&net, &x, &y)?.backward()?;
            let last = net.named_params().len() - 1;
            grads.insert(net.named_params()[last].1, bad);
            let error = optimizer.step(&mut net, grads).unwrap_err();
            assert!(matches!(error, Error::Within { .. }), "{error}");
            assert!(
                (bits(&net)?, optimizer.state()?.to_bytes()?) == before,
                "{name}"
            );
        }
        // Clipping finds a gradient that is not finite and names its parameter.
        let broken = loss(&net, &x.mul_scalar(f64::NAN), &y)?;
        let mut grads = Backward::new().allow_nonfinite().run(&broken)?;
        let error = clip::global_norm(1.0).apply(&net, &mut grads).unwrap_err();
        assert!(matches!(error.root(), Error::NonFinite { .. }), "{error}");
        assert!(
            error.to_string().starts_with("`hidden.0.linear."),
            "{error}"
        );
    }
    Ok(())
}

#[test]
fn loading_state_is_strict() -> Result<()> {
    let (x, y) = data(8, DType::F32)?;
    for row in OPTIMIZERS {
        let name = row.name;
        let (mut net, mut optimizer) = (net(2)?, row.build()?);
        let grads = loss(&net, &x, &y)?.backward()?;
        optimizer.step(&mut net, grads)?;
        let state = optimizer.state()?;
        let names: Vec<String> = state.iter().map(|(name, _)| name.to_owned()).collect();
        for missing in &names {
            let mut fresh = row.build()?;
            let untouched = fresh.state()?.to_bytes()?;
            let mut lacking = cotangent::state::StateDict::new();
            for (name, entry) in state.iter().filter(|(name, _)| name != missing) {
                lacking.insert(name, entry.clone());
            }
            let error = fresh.load_state(&lacking).unwrap_err();
            assert!(
                matches!(error, Error::State { .. }),
                "{name} {missing}: {error}"
            );
            assert!(fresh.state()?.to_bytes()? == untouched, "{name} {missing}");
        }
        let mut more = state.clone();
        more.insert_number("other", 1.0);
        assert!(row.build()?.load_state(&more).is_err(), "{name}");
        let mut loaded = row.build()?;
        loaded.load_state(&state)?;
        assert!(loaded.state()?.to_bytes()? == state.to_bytes()?, "{name}");
    }
    Ok(())
}

#[test]
fn groups_have_other_rates_and_decays_or_are_frozen() -> Result<()> {
    let (x, y) = data(8, DType::F64)?;
    let mut net = net(2)?.to_dtype(DType::F64);
    let before = net.clone();
    let mut optimizer = Sgd::new(0.5).weight_decay(0.1).build()?;
    optimizer.add_group(Group::of(|path: &str| path.ends_with("bias"))?.weight_decay(0.0)?);
    optimizer.add_group(Group::of(r".*weight")?.learning_rate_factor(0.1)?);
    let last = net
        .named_params()
        .pop()
        .map(|(path, _)| path)
        .unwrap_or_default();
    let frozen = last.clone();
    optimizer.add_group(Group::of(move |path: &str| path == frozen)?.frozen());
    let grads = loss(&net, &x, &y)?.backward()?;
    let expected: Vec<(String, Tensor)> = net
        .named_params()
        .into_iter()
        .map(|(path, param)| {
            let (w, g) = (param.value(), grads.get(param).unwrap());
            let moved = match &path {
                path if *path == last => w.clone(),
                path if path.ends_with("bias") => w.sub(&g.mul_scalar(0.5))?,
                _ => w.sub(&g.add(&w.mul_scalar(0.1))?.mul_scalar(0.05))?,
            };
            Ok((path, moved))
        })
        .collect::<Result<_>>()?;
    optimizer.step(&mut net, grads)?;
    for ((path, expected), (_, param)) in expected.iter().zip(net.named_params()) {
        let difference = param.value().sub(expected)?.abs().max()?.item()?;
        assert!(difference < 1e-15, "{path}: {difference}");
    }
    assert!(
        !optimizer
            .state()?
            .iter()
            .any(|(name, _)| name.ends_with(&last))
    );

    let mut optimizer = Sgd::new(0.5).build()?;
    optimizer.add_group(Group::of("no such path")?);
    let mut net = before;
    let grads = loss(&net, &x, &y)?.backward()?;
    let error = optimizer.step(&mut net, grads).unwrap_err();
    assert!(error.to_string().contains("no such path"), "{error}");
    Ok(())
}

#[test]
fn every_optimizer_maximizes_a_loss_by_the_steps_of_its_negative() -> Result<()> {
    let (x, y) = data(16, DType::F32)?;
    for row in OPTIMIZERS {
        let (mut plain, mut optimizer) = (net(2)?, row.build()?);
        let (mut negative, mut maximizing) = (net(2)?, row.build()?);
        maximizing.add_group(Group::of(".*")?.maximize());
        maximizing.add_group(Group::of(".*bias")?.weight_decay(0.1)?);
        optimizer.add_group(Group::of(".*bias")?.weight_decay(0.1)?);
        for _ in 0..12 {
            let grads = loss(&plain, &x, &y)?.backward()?;
            optimizer.step(&mut plain, grads)?;
            let grads = loss(&negative, &x, &y)?.neg().backward()?;
            maximizing.step(&mut negative, grads)?;
        }
        let equal = bits(&plain)? == bits(&negative)?;
        let equal_state = optimizer.state()?.to_bytes()? == maximizing.state()?.to_bytes()?;
        assert!(equal && equal_state, "{}", row.name);
    }
    Ok(())
}

#[test]
fn a_group_maximizes_its_parameters_alone_also_by_stored_rows() -> Result<()> {
    let table = Tensor::ones([1000, 2], DType::F32)?;
    let mut net = (Param::new(&table), Param::new(&table));
    let mut optimizer = Sgd::new(0.5).build()?;
    optimizer.add_group(Group::of("1")?.maximize());
    let (pass, rows) = (Pass::train(0), Indices::from([3, 7, 7]));
    let taken = |param: &Param| param.read(&pass).embedding(&rows);
    let grads = taken(&net.0)?.add(&taken(&net.1)?)?.sum().backward()?;
    assert!(grads.get(&net.1).is_some_and(|g| g.sparse_rows().is_some()));
    optimizer.step(&mut net, grads)?;
    let found = |param: &Param| -> Result<Vec<f64>> {
        Ok(param
            .value()
            .index_select(0, &Indices::from([0, 3, 7]))?
            .to_f64_vec())
    };
    assert_eq!(found(&net.0)?, [1.0, 1.0, 0.5, 0.5, 0.0, 0.0]);
    assert_eq!(found(&net.1)?, [1.0, 1.0, 1.5, 1.5, 2.0, 2.0]);
    Ok(())
}

#[test]
fn a_net_that_diverges_trains_if_its_gradients_are_clipped() -> Result<()> {
    let (x, y) = data(64, DType::F32)?;
    // Large targets, as data has that was not standardized.
    let y = y.mul_scalar(100.0);
    let train = |max_norm: f64| -> Result<(f64, f64)> {
        let mut net = Mlp::builder([3, 64, 64, 1]).build(&mut ChaCha8Rng::seed_from_u64(4))?;
        let mut optimizer = Nesterov::new(0.01).build()?;
        let first = loss(&net, &x, &y)?.item()?;
        for _ in 0..400 {
            let now = loss(&net, &x, &y)?;
            if !now.item()?.is_finite() {
                return Ok((first, f64::INFINITY));
            }
            let mut grads = now.backward()?;
            if clip::global_norm(max_norm).apply(&net, &mut grads).is_err() {
                return Ok((first, f64::INFINITY));
            }
            optimizer.step(&mut net, grads)?;
        }
        Ok((first, loss(&net, &x, &y)?.item()?))
    };
    let (_, unclipped) = train(f64::INFINITY)?;
    assert!(unclipped.is_infinite(), "{unclipped}");
    let (first, clipped) = train(20.0)?;
    assert!(clipped < 0.05 * first, "from {first} to {clipped}");
    Ok(())
}

#[test]
fn averages_follow_their_formulas_and_copy_the_statistics() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut net = Mlp::builder([3, 8, 1])
        .batch_norm()
        .build(&mut rng)?
        .to_dtype(DType::F64);
    let (x, y) = data(16, DType::F64)?;
    let mut optimizer = Nesterov::new(0.05).build()?;
    let (mut exponential, mut equal) = (
        WeightAverage::exponential(&net, 0.9)?,
        WeightAverage::equal(&net),
    );
    let mut seen: Vec<Vec<f64>> = Vec::new();
    let flat = |net: &Mlp| -> Vec<f64> {
        let params = net.named_params();
        params
            .iter()
            .flat_map(|(_, param)| param.value().to_f64_vec())
            .collect()
    };
    for _ in 0..12 {
        let grads = loss(&net, &x, &y)?.backward()?;
        optimizer.step(&mut net, grads)?;
        exponential.update(&net)?;
        equal.update(&net)?;
        seen.push(flat(&net));
    }
    let (exponential_found, equal_found) = (flat(exponential.model()), flat(equal.model()));
    for i in 0..seen[0].len() {
        let all = seen.iter().map(|w| w[i]);
        let expected = all
            .clone()
            .skip(1)
            .fold(seen[0][i], |a, w| 0.9 * a + 0.1 * w);
        assert!((exponential_found[i] - expected).abs() < 1e-12);
        assert!((equal_found[i] - all.sum::<f64>() / 12.0).abs() < 1e-12);
    }
    for ((path, ours), (_, theirs)) in equal
        .model()
        .named_buffers()
        .into_iter()
        .zip(net.named_buffers())
    {
        assert_eq!(
            ours.value().to_f64_vec(),
            theirs.value().to_f64_vec(),
            "{path}"
        );
    }
    let other = Mlp::builder([3, 9, 1])
        .batch_norm()
        .build(&mut rng)?
        .to_dtype(DType::F64);
    assert!(equal.update(&other).is_err());
    assert_eq!((flat(equal.model()), equal.updates()), (equal_found, 12));
    Ok(())
}

#[test]
fn constraints_are_met_after_every_step_and_by_slow_weights() -> Result<()> {
    let (x, y) = data(32, DType::F32)?;
    let mut net = net(2)?;
    let bound = |model: &mut dyn Module| regularize::max_norm(0.5)?.apply(model);
    let inside = Constrained::new(Sgd::new(0.5).build()?, bound);
    let mut optimizer = Lookahead::new(inside, 3, 0.5)?;
    bound(&mut net)?;
    for _ in 0..10 {
        let grads = loss(&net, &x, &y)?.backward()?;
        optimizer.step(&mut net, grads)?;
        for (path, param) in net
            .named_params()
            .iter()
            .filter(|(_, p)| p.shape().len() > 1)
        {
            let norms = param.value().norm_over(1, Norm::L2)?.to_f64_vec();
            assert!(
                norms.iter().all(|&norm| norm < 0.5 + 1e-6),
                "{path}: {norms:?}"
            );
        }
    }
    Ok(())
}

/// Rows of a call as text and its result, which must be an error.
macro_rules! refused {
    ($($result:expr;)*) => {
        [$((stringify!($result), $result.map(drop))),*]
    };
}

/// Panics unless every result is an argument error.
fn expect_refused(rows: impl IntoIterator<Item = (&'static str, Result<()>)>) {
    for (text, result) in rows {
        let error = result.expect_err(text);
        assert!(
            matches!(error.root(), Error::Argument { .. }),
            "{text}: {error}"
        );
    }
}

#[test]
fn every_optimizer_checks_its_settings_at_build() -> Result<()> {
    let nan = f64::NAN;
    let w = Param::new(&Tensor::from([1.0f32]));
    let sgd = || Sgd::new(0.1).build();
    expect_refused(refused! {
        Sgd::new(-0.1).build();
        Sgd::new(nan).build();
        Sgd::new(0.1).weight_decay(-1.0).build();
        Momentum::new(0.1).momentum(1.0).build();
        Momentum::new(0.1).dampening(1.5).build();
        Nesterov::new(0.1).momentum(-0.1).build();
        AdaGrad::new(0.1).epsilon(-1.0).build();
        AdaGrad::new(0.1).learning_rate_decay(-1.0).build();
        AdaGrad::new(0.1).initial_accumulator(f64::INFINITY).build();
        RmsProp::new(0.1).alpha(1.5).build();
        RmsProp::new(0.1).initial(-1.0).build();
        RmsProp::new(0.1).centered().momentum(1.0).build();
        Adam::new(0.1).betas(0.9, 1.0).build();
        Adam::new(0.1).amsgrad().epsilon(nan).build();
        AdamW::new(0.1).weight_decay(nan).build();
        NAdam::new(0.1).momentum_decay(-1.0).build();
        RAdam::new(0.1).betas(1.0, 0.9).build();
        AdaMax::new(0.1).epsilon(-1.0).build();
        AdaDelta::new(1.0).rho(-0.1).build();
        Lamb::new(0.1).weight_decay(-1.0).build();
        Lion::new(0.1).betas(1.0, 0.9).build();
        Rprop::new(nan).build();
        Rprop::new(0.1).etas(0.0, 1.2).build();
        Rprop::new(0.1).etas(0.5, f64::INFINITY).build();
        Rprop::new(0.1).etas(nan, 1.2).build();
        Rprop::new(0.1).step_sizes(-1.0, 1.0).build();
        Rprop::new(0.1).step_sizes(1.0, 0.5).build();
        Rprop::new(0.1).step_sizes(0.0, f64::INFINITY).build();
        Asgd::new(0.1).lambda(-1.0).build();
        Asgd::new(0.1).alpha(nan).build();
        Lbfgs::builder().history_size(0).build();
        Lbfgs::builder().max_iterations(0).build();
        Lbfgs::builder().max_evaluations(1).build();
        Lbfgs::builder().gradient_tolerance(nan).build();
        Lbfgs::builder().change_tolerance(-1.0).build();
        Adafactor::new(0.1).beta2_decay(0.1).build();
        Adafactor::new(0.1).epsilon1(nan).build();
        Adafactor::new(0.1).epsilon2(-1.0).build();
        Adafactor::new(0.1).clipping(0.5).build();
        Muon::new(0.1).iterations(100).build();
        Muon::new(0.1).epsilon(-1.0).build();
        Muon::new(0.1).adam_betas(1.0, 0.9).build();
        Muon::new(0.1).adam_epsilon(-1.0).build();
        Muon::new(0.1).adam_learning_rate_factor(nan).build();
        Muon::new(0.1).exclude("(");
        Group::of("(");
        Group::of(".*")?.learning_rate_factor(-1.0);
        Group::of(".*")?.weight_decay(nan);
        Lookahead::new(sgd()?, 0, 0.5);
        Lookahead::new(sgd()?, 5, 0.0);
        WeightAverage::exponential(&w, 1.0);
        Schedule::one_cycle(0).build();
        Schedule::one_cycle(10).pct_start(1.5).build();
        Schedule::one_cycle(10).div_factor(0.0).build();
        Schedule::one_cycle(10).final_div_factor(nan).build();
        Schedule::one_cycle(10).momentum(1.0, 0.5).build();
        Schedule::cyclic(0, 0.5).build();
        Schedule::cyclic(1, -0.5).build();
        Schedule::cyclic(1, 0.5).step_size_down(0).build();
        Schedule::cyclic(1, 0.5).exp_range(nan).build();
        Schedule::cyclic(1, 0.5).momentum(0.5, -0.1).build();
        Schedule::reduce_on_plateau().factor(1.0).build();
        Schedule::reduce_on_plateau().threshold(1.0).build();
        Schedule::reduce_on_plateau().absolute_threshold(-1.0).build();
        Schedule::reduce_on_plateau().min_factor(nan).build();
    });
    Ok(())
}

#[test]
fn every_builder_checks_its_settings_at_build() {
    let (nan, rng) = (f64::NAN, &mut ChaCha8Rng::seed_from_u64(1));
    expect_refused(refused! {
        regularize::l1(-1.0);
        regularize::l2(nan);
        regularize::elastic_net(0.1, -0.1);
        regularize::max_norm(0.0);
        BatchNorm::builder(0).build();
        BatchNorm::builder(3).epsilon(-1.0).build();
        BatchNorm::builder(3).momentum(1.5).build();
        BatchNorm::builder(3).decay(nan).build();
        LayerNorm::builder(0).build();
        LayerNorm::builder(3).epsilon(nan).build();
        RmsNorm::builder(3).epsilon(-1.0).build();
        Linear::builder(0, 3).build(rng);
        Linear::builder(2, 3).weight(init::normal(-1.0)).build(rng);
        Linear::builder(2, 3).bias(init::constant(nan)).build(rng);
        Embedding::builder(3, 0).build(rng);
        Embedding::builder(3, 2).weight(init::uniform(1.0, 0.0)).build(rng);
        RnnCell::builder(0, 3).build(rng);
        RnnCell::builder(2, 3).recurrent_weight(init::normal(nan)).build(rng);
        Lstm::builder(2, 3).layers(0).build(rng);
        Lstm::builder(2, 3).dropout(1.0).build(rng);
        Lstm::builder(2, 3).no_bias().forget_bias(1.0).build(rng);
        Mlp::builder([3]).build(rng);
        Mlp::builder([3, 2]).dropout(1.0).build(rng);
        Mlp::builder([3, 2, 1]).activation(Celu::new(0.0)).build(rng);
        Dropout::new(-0.1);
        AlphaDropout::new(1.0);
        PRelu::new(0, 0.25);
    });
    // For an index the error is another one.
    let padded = Embedding::builder(3, 2).padding_index(3).build(rng);
    assert!(matches!(padded, Err(Error::Index { .. })));
}

fn argument(result: Result<impl Sized>, expected: &[&str]) {
    let error = result.err().expect("it is refused");
    assert!(matches!(error.root(), Error::Argument { .. }), "{error}");
    for expected in expected {
        assert!(error.to_string().contains(expected), "{error}");
    }
}

const A_CLONE: &str = "a clone of this model, or of the model that it was cloned from";

#[test]
fn gradients_of_another_model_are_refused() -> Result<()> {
    let (x, y) = data(8, DType::F32)?;
    let wider = Mlp::builder([3, 17, 1]).build(&mut ChaCha8Rng::seed_from_u64(3))?;
    let (original, other) = (net(2)?, net(3)?);
    let clips = [
        clip::global_norm(1.0),
        clip::norm(1.0),
        clip::value(1.0),
        clip::adaptive(0.01),
    ];
    for (model, expected) in [
        (&original, A_CLONE),
        (&other, A_CLONE),
        (&wider, "another model"),
    ] {
        let grads = loss(model, &x, &y)?.backward()?;
        let mut clone = original.clone();
        let before = bits(&clone)?;
        let expected = ["no gradient belongs to a parameter of the model", expected];
        for row in OPTIMIZERS {
            let mut optimizer = row.build()?;
            argument(optimizer.step(&mut clone, grads.clone()), &expected);
            let state = optimizer.state()?;
            assert!(state.iter().all(|(name, _)| !name.contains("steps")));
        }
        for clip in &clips {
            let mut clipped = grads.clone();
            argument(clip.apply(&clone, &mut clipped), &expected);
        }
        let mut accumulator = Accumulator::new();
        argument(accumulator.add(&clone, grads, 1.0), &expected);
        assert_eq!((accumulator.weight(), bits(&clone)?), (0.0, before));
    }
    let nothing = "no gradient at all: every parameter is frozen or detached from the loss";
    let (mut net, mut none) = (net(2)?, Gradients::default());
    argument(clips[0].apply(&net, &mut none), &[nothing]);
    argument(Sgd::new(0.1).build()?.step(&mut net, none), &[nothing]);
    Ok(())
}

#[test]
fn the_audit_lists_parameters_without_gradient_and_gradients_without_parameter() -> Result<()> {
    #[derive(Module)]
    struct Scaled {
        hidden: Linear,
        out: Linear,
        #[module(skip(params))]
        scale: Param,
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut net = Scaled {
        hidden: Linear::new(3, 4, &mut rng)?,
        out: Linear::new(4, 2, &mut rng)?,
        scale: Param::new(&Tensor::from([1.0f32, 2.0])),
    };
    let (x, _) = data(5, DType::F32)?;
    let gradients = |net: &Scaled, detached: bool, scaled: bool| {
        let pass = Pass::train(0);
        let mut h = net.hidden.forward(&x, &pass)?;
        if detached {
            h = h.detach();
        }
        let mut y = net.out.forward(&h, &pass)?;
        if scaled {
            y = y.mul(&net.scale.read(&pass))?;
        }
        y.sum().backward()
    };
    let audit = gradients(&net, false, false)?.audit(&net);
    assert!(audit.is_complete());
    assert_eq!(audit.to_string(), "4 parameters have a gradient");

    let audit = gradients(&net, true, false)?.audit(&net);
    assert!(!audit.is_complete() && audit.unknown().is_empty());
    assert_eq!(audit.missing(), ["hidden.weight", "hidden.bias"]);
    let expected = "no gradient for 2 of 4 parameters: `hidden.weight`, `hidden.bias`";
    assert_eq!(audit.to_string(), expected);

    let audit = gradients(&net, false, true)?.audit(&net);
    assert!(!audit.is_complete() && audit.missing().is_empty());
    assert_eq!(audit.unknown().len(), 1);
    let expected = "4 parameters have a gradient; 1 gradient belongs to no parameter: (2,)";
    assert_eq!(audit.to_string(), expected);

    net.freeze_where("out.*")?;
    let audit = gradients(&net, false, false)?.audit(&net);
    assert!(audit.is_complete());
    assert_eq!(audit.frozen(), ["out.weight", "out.bias"]);
    let expected = "2 parameters have a gradient; 2 frozen: `out.weight`, `out.bias`";
    assert_eq!(audit.to_string(), expected);
    Ok(())
}

#[test]
fn an_optimizer_serves_one_model_until_it_adopts_another() -> Result<()> {
    let (x, y) = data(8, DType::F32)?;
    let step = |optimizer: &mut dyn Optimizer, net: &mut Mlp| {
        let grads = loss(net, &x, &y)?.backward()?;
        optimizer.step(net, grads)
    };
    for row in OPTIMIZERS {
        let name = row.name;
        let (mut first, mut optimizer) = (net(2)?, row.build()?);
        step(&mut optimizer, &mut first)?;
        for mut second in [first.clone(), net(3)?] {
            let before = (bits(&second)?, optimizer.state()?.to_bytes()?);
            let result = step(&mut optimizer, &mut second);
            if !row.has_state() {
                // There is no state that two models would share.
                result?;
                continue;
            }
            argument(
                result,
                &["the optimizer's state belongs to another model", "`adopt`"],
            );
            assert!(
                (bits(&second)?, optimizer.state()?.to_bytes()?) == before,
                "{name}"
            );
        }
        // A clone that is adopted makes the same steps as the original.
        let mut clone = first.clone();
        let mut loaded = row.build()?;
        loaded.load_state(&optimizer.state()?)?;
        step(&mut loaded, &mut first)?;
        optimizer.adopt(&clone)?;
        step(&mut optimizer, &mut clone)?;
        assert!(bits(&clone)? == bits(&first)?, "{name}");
        if row.has_state() {
            assert!(step(&mut optimizer, &mut first).is_err(), "{name}");
        }
        // The state must fit the model.
        let before = optimizer.state()?.to_bytes()?;
        let wider = Mlp::builder([3, 17, 1]).build(&mut ChaCha8Rng::seed_from_u64(3))?;
        assert!(optimizer.adopt(&wider).is_err(), "{name}");
        assert!(
            optimizer
                .adopt(&Linear::new(3, 1, &mut ChaCha8Rng::seed_from_u64(3))?)
                .is_err()
        );
        step(&mut optimizer, &mut clone)?;
        assert!(optimizer.state()?.to_bytes()? != before, "{name}");
    }
    Ok(())
}

#[test]
fn lookahead_around_an_optimizer_without_state_serves_one_model() -> Result<()> {
    let (x, y) = data(8, DType::F32)?;
    let (mut first, mut second) = (net(2)?, net(3)?);
    let mut optimizer = Lookahead::new(Sgd::new(0.1).build()?, 2, 0.5)?;
    let grads = loss(&first, &x, &y)?.backward()?;
    optimizer.step(&mut first, grads)?;
    let grads = loss(&second, &x, &y)?.backward()?;
    let before = bits(&second)?;
    argument(optimizer.step(&mut second, grads.clone()), &["`adopt`"]);
    assert!(bits(&second)? == before);
    optimizer.adopt(&second)?;
    optimizer.step(&mut second, grads)
}

#[test]
fn an_accumulator_serves_one_model() -> Result<()> {
    let (x, y) = data(8, DType::F32)?;
    let (first, second) = (net(2)?, net(3)?);
    let of = |net: &Mlp| loss(net, &x, &y)?.backward();
    let mut accumulator = Accumulator::new();
    accumulator.add(&first, of(&first)?, 1.0)?;
    argument(
        accumulator.add(&second, of(&second)?, 1.0),
        &["another model"],
    );
    argument(accumulator.take(&second), &["another model"]);
    let part = Linear::new(3, 1, &mut ChaCha8Rng::seed_from_u64(3))?;
    argument(
        accumulator.take(&part),
        &["the model has no such parameter"],
    );
    assert_eq!(accumulator.weight(), 1.0);
    assert_eq!(accumulator.take(&first)?.len(), 4);
    Ok(())
}

#[test]
fn nan_in_the_data_changes_neither_weights_nor_statistics() -> Result<()> {
    let (x, y) = data(8, DType::F32)?;
    let mut values = x.to_vec::<f32>()?;
    values[5] = f32::NAN;
    let broken = Tensor::from_vec(values, x.shape())?;
    let rng = || ChaCha8Rng::seed_from_u64(4);
    let plain = Mlp::builder([3, 8, 1]).activation(Tanh).build(&mut rng())?;
    let normalized = Mlp::builder([3, 8, 1]).batch_norm().build(&mut rng())?;
    for (mut net, place) in [(plain, "backward"), (normalized, "`hidden.0.norm`")] {
        let mut optimizer = Adam::new(0.1).build()?;
        let mut step = |net: &mut Mlp, x: &Tensor| -> Result<()> {
            let grads = loss(net, x, &y)?.backward()?;
            optimizer.step(net, grads)
        };
        step(&mut net, &x)?;
        let before = bits(&net)?;
        let error = step(&mut net, &broken).unwrap_err();
        assert!(matches!(error.root(), Error::NonFinite { .. }), "{error}");
        for expected in [place, "`Pass::checked`"] {
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(bits(&net)? == before);
        step(&mut net, &x)?;
    }
    Ok(())
}

#[test]
fn an_average_may_combine_several_models() -> Result<()> {
    let (first, second) = (net(2)?, net(3)?);
    let mut average = WeightAverage::equal(&first);
    average.update(&first)?;
    average.update(&second)?;
    let weight = |net: &Mlp| net.out.weight.value().clone();
    let expected = weight(&first).add(&weight(&second))?.mul_scalar(0.5);
    let difference = weight(average.model()).sub(&expected)?;
    assert!(difference.abs().max()?.item()? < 1e-7);
    Ok(())
}
