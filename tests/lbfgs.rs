//! Promises of L-BFGS: resumed runs, threads, losses that are not finite, and errors.

use cotangent::Backward;
use cotangent::optim::{Lbfgs, LbfgsEnd};
use cotangent::prelude::*;
use cotangent::state::{StateDict, Stateful};

fn net(dtype: DType) -> Result<Mlp> {
    let builder = Mlp::builder([3, 8, 1]).activation(Tanh);
    let net = builder.build(&mut ChaCha8Rng::seed_from_u64(2))?;
    Ok(net.to_dtype(dtype))
}

/// Returns the loss of a net on fixed data, with its gradients.
fn loss(net: &Mlp) -> Result<(f64, Gradients)> {
    let dtype = net.named_params()[0].1.value().dtype();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let x = Tensor::uniform([32, 3], -1.0, 1.0, DType::F32, &mut rng)?.to_dtype(dtype);
    let y = x.mul_scalar(2.0).sin().sum_over(1)?.unsqueeze(-1)?;
    let loss = net.forward(&x, &Pass::train(0))?.sub(&y)?.square().mean();
    Ok((loss.item()?, loss.backward()?))
}

/// Returns `100 w - ln w`, whose minimum is at 0.01.
fn barrier(w: &Param) -> Result<(f64, Gradients)> {
    let w = w.read(&Pass::train(0));
    let loss = (&w * 100.0).sub(&w.ln())?.sum();
    Ok((loss.item()?, Backward::new().allow_nonfinite().run(&loss)?))
}

fn bits(model: &impl Module) -> Result<Vec<u8>> {
    model.state()?.to_bytes()
}

fn argument(result: Result<impl Sized>, expected: &str) {
    let error = result.err().expect("it is refused");
    assert!(matches!(error.root(), Error::Argument { .. }), "{error}");
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn a_few_steps_train_a_net_in_both_dtypes() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let (mut net, mut optimizer) = (net(dtype)?, Lbfgs::builder().build()?);
        let mut losses = vec![loss(&net)?.0];
        for _ in 0..8 {
            losses.push(optimizer.step(&mut net, loss)?.loss);
        }
        assert!(losses.is_sorted_by(|a, b| a >= b), "{losses:?}");
        assert!(losses[8] < 1e-3 * losses[0], "{dtype} {losses:?}");
        assert_eq!(loss(&net)?.0, losses[8]);
    }
    Ok(())
}

#[test]
fn a_resumed_run_gives_the_same_bits() -> Result<()> {
    let build = || Lbfgs::builder().max_iterations(4).history_size(3).build();
    let (mut whole, mut optimizer) = (net(DType::F32)?, build()?);
    for _ in 0..2 {
        optimizer.step(&mut whole, loss)?;
    }
    let (mut resumed, mut loaded) = (net(DType::F32)?, build()?);
    resumed.load_state(&StateDict::from_bytes(&bits(&whole)?)?)?;
    loaded.load_state(&StateDict::from_bytes(&optimizer.state()?.to_bytes()?)?)?;
    for _ in 0..2 {
        let expected = optimizer.step(&mut whole, loss)?;
        assert_eq!(loaded.step(&mut resumed, loss)?, expected);
        assert!(bits(&resumed)? == bits(&whole)?);
    }
    assert!(loaded.state()?.to_bytes()? == optimizer.state()?.to_bytes()?);
    // The history matters.
    optimizer.forget();
    optimizer.step(&mut whole, loss)?;
    loaded.step(&mut resumed, loss)?;
    assert!(bits(&resumed)? != bits(&whole)?);
    Ok(())
}

#[test]
fn the_number_of_threads_does_not_matter() -> anyhow::Result<()> {
    let train = || -> Result<Vec<u8>> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let draw = |rng: &mut ChaCha8Rng| Tensor::normal([70_001], 0.0, 1.0, DType::F32, rng);
        let (mut w, target) = (Param::new(&draw(&mut rng)?), draw(&mut rng)?);
        let mut optimizer = Lbfgs::builder().max_iterations(4).build()?;
        optimizer.step(&mut w, |w| {
            let loss = w.read(&Pass::train(0)).sub(&target)?.cosh().sum();
            Ok((loss.item()?, loss.backward()?))
        })?;
        bits(&w)
    };
    let mut found = Vec::new();
    for threads in [1, 2, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        found.push(pool.build()?.install(train)?);
    }
    assert!(found[0] == found[1] && found[0] == found[2]);
    Ok(())
}

#[test]
fn a_loss_that_is_not_finite_shortens_the_step() -> Result<()> {
    let (mut w, mut optimizer) = (Param::new(&Tensor::from(1.0f64)), Lbfgs::builder().build()?);
    let mut not_finite = 0;
    optimizer.step(&mut w, |w| {
        let found = barrier(w)?;
        not_finite += usize::from(!found.0.is_finite());
        Ok(found)
    })?;
    let found = w.value().item()?;
    assert!(not_finite > 0 && (found - 0.01).abs() < 1e-6, "{found}");

    // If no step is finite, the parameters do not change.
    let mut w = Param::new(&Tensor::from(1.0f64));
    let report = Lbfgs::builder().build()?.step(&mut w, |w| {
        let (loss, gradients) = barrier(w)?;
        let is_start = w.value().item()? == 1.0;
        Ok((if is_start { loss } else { f64::NAN }, gradients))
    })?;
    assert_eq!(
        (w.value().item()?, report.end),
        (1.0, LbfgsEnd::Evaluations)
    );
    assert_eq!((report.loss, report.evaluations), (100.0, 25));
    Ok(())
}

#[test]
fn a_step_says_why_it_ended() -> Result<()> {
    let end = |optimizer: cotangent::optim::LbfgsBuilder| -> Result<_> {
        let mut net = net(DType::F64)?;
        let report = optimizer.build()?.step(&mut net, loss)?;
        Ok((report.end, report.iterations, report.evaluations))
    };
    let one = end(Lbfgs::builder().max_iterations(1).max_evaluations(9))?;
    assert_eq!((one.0, one.1), (LbfgsEnd::Iterations, 1));
    let three = end(Lbfgs::builder().max_evaluations(3))?;
    assert_eq!((three.0, three.2), (LbfgsEnd::Evaluations, 3));
    let at_once = end(Lbfgs::builder().gradient_tolerance(1e3))?;
    assert_eq!(at_once, (LbfgsEnd::Gradient, 0, 1));
    let change = end(Lbfgs::builder().change_tolerance(1e-2))?;
    assert_eq!(change.0, LbfgsEnd::Change);
    Ok(())
}

#[test]
fn frozen_parameters_stay_and_those_without_gradient_count_as_zero() -> Result<()> {
    let param = |value: f64| Param::new(&Tensor::from(value));
    let mut model = (param(1.0), (param(2.0), param(3.0)));
    model.0.freeze();
    let mut optimizer = Lbfgs::builder().build()?;
    optimizer.step(&mut model, |model| {
        let read = |param: &Param| param.read(&Pass::train(0));
        let loss = read(&model.0).sub(&read(&model.1.0))?.square().sum();
        Ok((loss.item()?, loss.backward()?))
    })?;
    let (a, b, c) = (&model.0, &model.1.0, &model.1.1);
    assert_eq!((a.value().item()?, c.value().item()?), (1.0, 3.0));
    assert!((b.value().item()? - 1.0).abs() < 1e-8);
    Ok(())
}

#[test]
fn errors_leave_the_parameters_of_the_last_complete_iteration() -> Result<()> {
    let build = || Lbfgs::builder().max_iterations(6).build();
    let (mut net, mut optimizer) = (net(DType::F32)?, build()?);
    let mut calls = 0;
    let failed = optimizer.step(&mut net, |net| {
        calls += 1;
        match calls {
            5 => Err(Error::argument("loss", "no more data")),
            _ => loss(net),
        }
    });
    argument(failed, "no more data");
    let before = loss(&net)?.0;
    assert!(before < loss(&self::net(DType::F32)?)?.0);
    assert!(optimizer.step(&mut net, loss)?.loss < before);

    // At the start a loss that is not finite is an error.
    let mut w = Param::new(&Tensor::from(0.0f64));
    let error = build()?.step(&mut w, barrier).unwrap_err();
    assert!(matches!(error.root(), Error::NonFinite { .. }), "{error}");
    assert_eq!(w.value().item()?, 0.0);

    let other = Param::new(&Tensor::from(1.0f64));
    argument(build()?.step(&mut w, |_| barrier(&other)), "");
    let wrong = |w: &Param| {
        let mut gradients = Gradients::default();
        gradients.insert(w, Tensor::from([1.0f64, 2.0]));
        Ok((1.0, gradients))
    };
    let error = build()?.step(&mut w, wrong).unwrap_err();
    assert!(matches!(error.root(), Error::Shape { .. }), "{error}");
    w.freeze();
    argument(build()?.step(&mut w, barrier), "frozen");
    Ok(())
}

#[test]
fn the_history_is_that_of_one_model() -> Result<()> {
    let (mut first, mut optimizer) = (net(DType::F64)?, Lbfgs::builder().build()?);
    optimizer.step(&mut first, loss)?;
    let mut clone = first.clone();
    argument(optimizer.step(&mut clone, loss), "another model");
    first.freeze_where("hidden.*")?;
    argument(optimizer.step(&mut first, loss), "other parameters");
    optimizer.forget();
    optimizer.step(&mut first, loss)?;
    Ok(())
}

#[test]
fn loading_state_is_strict() -> Result<()> {
    let (mut net, mut optimizer) = (net(DType::F32)?, Lbfgs::builder().build()?);
    let empty = optimizer.state()?;
    optimizer.load_state(&empty)?;
    optimizer.step(&mut net, loss)?;
    let state = optimizer.state()?;
    for (missing, _) in state.iter() {
        let mut lacking = StateDict::new();
        for (name, entry) in state.iter().filter(|(name, _)| *name != missing) {
            lacking.insert(name, entry.clone());
        }
        let error = optimizer.load_state(&lacking).unwrap_err();
        assert!(matches!(error, Error::State { .. }), "{missing}: {error}");
    }
    for (name, tensor) in [
        ("previous.x", Tensor::from([1.0f64])),
        ("pair.0.s", state.tensor("pair.0.s")?.neg()),
        ("pair.0.y", state.tensor("pair.0.y")?.to_dtype(DType::F32)),
        ("pair.00.s", state.tensor("pair.0.s")?.clone()),
        ("other", Tensor::from(1.0f64)),
    ] {
        let mut wrong = state.clone();
        wrong.insert(name, cotangent::state::Entry::Tensor(tensor));
        let error = optimizer.load_state(&wrong).unwrap_err();
        assert!(matches!(error, Error::State { .. }), "{name}: {error}");
    }
    let adam = Adam::new(0.1).build()?;
    assert!(optimizer.load_state(&adam.state()?).is_err());
    assert!(optimizer.state()?.to_bytes()? == state.to_bytes()?);
    Ok(())
}
