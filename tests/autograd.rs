//! Backward with options, and functions built on it: gradients of chosen tensors, products with
//! Jacobians and Hessians, recomputation, functional parameters, checked passes, drawings of
//! graphs.

use anyhow::Result;
use cotangent::prelude::*;
use cotangent::transform::{hessian, hvp, jacobian, jvp, recompute, vjp};
use cotangent::{Backward, Dot, Leaf, grad};

#[path = "autograd/per_sample.rs"]
mod per_sample;

fn bits(tensor: &Tensor) -> Vec<u64> {
    tensor.to_f64_vec().into_iter().map(f64::to_bits).collect()
}

fn random(shape: &[usize], seed: u64) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Ok(Tensor::uniform(shape, -1.0, 1.0, DType::F64, &mut rng)?)
}

fn assert_close(found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape());
    for (a, b) in found.to_f64_vec().into_iter().zip(expected.to_f64_vec()) {
        assert!(
            (a - b).abs() <= tolerance * b.abs().max(1.0),
            "{found:?}\n{expected:?}"
        );
    }
}

#[test]
fn gradients_of_intermediate_tensors_are_kept_on_request() -> Result<()> {
    let x = Tensor::from([1.0f64, 2.0, 3.0]).tracked();
    let (hidden, other) = (x.square(), x.exp());
    let loss = hidden.mul(&other)?.sum();
    let gradients = Backward::new()
        .gradient_of(&hidden)
        .gradient_of(&other)
        .run(&loss)?;
    assert_eq!(gradients.len(), 3);
    assert_eq!(gradients.get(&hidden).map(bits), Some(bits(&other)));
    assert_eq!(gradients.get(&other).map(bits), Some(bits(&hidden)));
    assert!(gradients.get(&x).is_some());
    // The gradient of the output itself is the cotangent from which backward starts.
    let loss = x.sum();
    let gradients = Backward::new().gradient_of(&loss).run(&loss)?;
    assert_eq!(
        gradients.get(&loss).map(Tensor::to_f64_vec),
        Some(vec![1.0])
    );
    Ok(())
}

#[test]
fn grad_skips_parts_that_lead_to_no_input() -> Result<()> {
    let (x, w) = (
        Tensor::from([1.0f64, -2.0]).tracked(),
        Tensor::from([3.0f64, 0.5]).tracked(),
    );
    let all = x.mul(&w)?.square().sum().backward()?;
    let hidden = x.mul(&w)?;
    let found = grad(&hidden.square().sum(), &[&w, &hidden, &x])?;
    assert_eq!(
        found.iter().map(bits).collect::<Vec<_>>(),
        [
            all.get(&w).map(bits).unwrap_or_default(),
            vec![6f64.to_bits(), (-2f64).to_bits()],
            all.get(&x).map(bits).unwrap_or_default(),
        ]
    );
    // The graph in front of the requested tensor is not used up.
    let hidden = x.mul(&w)?;
    grad(&hidden.square().sum(), &[&hidden])?;
    assert_eq!(hidden.sum().backward()?.len(), 2);
    // The same input twice.
    let twice = grad(&x.sum(), &[&x, &x])?;
    assert_eq!(bits(&twice[0]), bits(&twice[1]));
    Ok(())
}

#[test]
fn grad_names_the_input_without_a_gradient() {
    let (x, y) = (
        Tensor::from([1.0f64, 2.0]).tracked(),
        Tensor::from([1.0f64]).tracked(),
    );
    let says = |result: cotangent::Result<Vec<Tensor>>, text: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    says(grad(&x.sum(), &[&x, &y]), "does not depend on input 1");
    says(grad(&x.sum(), &[&x.detach()]), "does not depend on input 0");
    says(grad(&x.square(), &[&x]), "one element");
    says(grad(&x.detach().sum(), &[&x]), "no tracked tensor");
    let cotangent = Tensor::from([1.0f64]);
    says(
        Backward::new().grad_with(&x.square(), &cotangent, &[&x]),
        "must have the shape of the output",
    );
}

#[test]
fn grad_can_be_differentiated() -> Result<()> {
    let x = Tensor::from([0.3f64, -0.7]).tracked();
    let first = Backward::new()
        .create_graph()
        .grad(&x.tanh().sum(), &[&x])?;
    let second = grad(&first[0].sum(), &[&x])?;
    let t = x.detach().tanh();
    let expected = t.mul(&(1.0 - t.square()))? * -2.0;
    assert_close(&second[0], &expected, 1e-14);
    Ok(())
}

/// A nonlinear function that couples two inputs.
fn curved(x: &[Tensor]) -> cotangent::Result<Tensor> {
    x[0].matmul(&x[1])?
        .tanh()
        .mul(&x[0].sum_over(Axes::keep(1))?)
}

#[test]
fn products_with_the_jacobian_agree_with_the_jacobian() -> Result<()> {
    let inputs = [random(&[2, 3], 1)?, random(&[3, 4], 2)?];
    let tangents = [random(&[2, 3], 3)?, random(&[3, 4], 4)?];
    let cotangent = random(&[2, 4], 5)?;
    let jacobians = jacobian(curved, &inputs)?;
    assert_eq!(
        [jacobians[0].shape(), jacobians[1].shape()],
        [&[2, 4, 2, 3][..], &[2, 4, 3, 4]]
    );
    let as_matrix = |j: &Tensor, columns: usize| j.reshape([8, columns]);
    let matrices = [as_matrix(&jacobians[0], 6)?, as_matrix(&jacobians[1], 12)?];

    let (value, pulled) = vjp(curved, &inputs, &cotangent)?;
    assert_eq!(bits(&value), bits(&curved(&inputs)?));
    for ((matrix, pulled), input) in matrices.iter().zip(&pulled).zip(&inputs) {
        let expected = cotangent
            .reshape([8])?
            .matmul(matrix)?
            .reshape(input.shape())?;
        assert_close(pulled, &expected, 1e-13);
    }
    let (value, pushed) = jvp(curved, &inputs, &tangents)?;
    assert_eq!(bits(&value), bits(&curved(&inputs)?));
    let along = |i: usize, n: usize| matrices[i].matmul(&tangents[i].reshape([n])?);
    let expected = along(0, 6)?.add(&along(1, 12)?)?.reshape([2, 4])?;
    assert_close(&pushed, &expected, 1e-13);
    // And with numeric differences.
    let moved = |t: f64| -> cotangent::Result<Tensor> {
        let place = |i: usize| inputs[i].add(&(&tangents[i] * t));
        curved(&[place(0)?, place(1)?])
    };
    let numeric = (moved(1e-6)? - moved(-1e-6)?) / 2e-6;
    assert_close(&pushed, &numeric, 1e-8);
    Ok(())
}

#[test]
fn hessians_agree_with_their_products_and_are_symmetric() -> Result<()> {
    let f = |x: &[Tensor]| Ok(curved(x)?.square().sum());
    let inputs = [random(&[2, 3], 1)?, random(&[3, 2], 2)?];
    let vectors = [random(&[2, 3], 3)?, random(&[3, 2], 4)?];
    let blocks = hessian(f, &inputs)?;
    let (_, products) = hvp(f, &inputs, &vectors)?;
    for i in 0..2 {
        let mut expected = Tensor::zeros([6], DType::F64)?;
        for j in 0..2 {
            let block = blocks[i][j].reshape([6, 6])?;
            assert_close(
                &block,
                &blocks[j][i].reshape([6, 6])?.transpose(0, 1)?,
                1e-13,
            );
            expected = expected.add(&block.matmul(&vectors[j].reshape([6])?)?)?;
        }
        assert_close(&products[i].reshape([6])?, &expected, 1e-12);
    }
    Ok(())
}

#[test]
fn derivatives_by_unused_inputs_are_zero() -> Result<()> {
    let inputs = [Tensor::from([1.0f64, 2.0]), Tensor::from([3.0f64])];
    let linear = |x: &[Tensor]| Ok(x[0].sum());
    assert_eq!(hvp(linear, &inputs, &inputs)?.1[1].to_f64_vec(), [0.0]);
    assert_eq!(hessian(linear, &inputs)?[0][0].to_f64_vec(), [0.0; 4]);
    let constant = |_: &[Tensor]| Ok(Tensor::from([1.0f64, 1.0]));
    assert_eq!(jacobian(constant, &inputs)?[1].shape(), [2, 1]);
    assert_eq!(jvp(constant, &inputs, &inputs)?.1.to_f64_vec(), [0.0, 0.0]);
    assert_eq!(
        vjp(constant, &inputs, &inputs[0])?.1[0].to_f64_vec(),
        [0.0, 0.0]
    );
    // Vectors of other shapes are errors.
    assert!(jvp(linear, &inputs, &inputs[..1]).is_err());
    assert!(hvp(|x| Ok(x[0].square()), &inputs, &inputs).is_err());
    assert!(vjp(linear, &inputs, &inputs[0]).is_err());
    assert!(jacobian(|x| x[0].matmul(&x[1]), &inputs).is_err());
    assert_eq!(
        jacobian(linear, &[Tensor::zeros([0, 3], DType::F64)?])?[0].shape(),
        [0, 3]
    );
    Ok(())
}

#[derive(Module, Clone, Debug)]
struct Block {
    dense: Linear,
    norm: BatchNorm,
    out: Linear,
}

impl Block {
    fn new(seed: u64) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Ok(Self {
            dense: Linear::new(4, 6, &mut rng)?,
            norm: BatchNorm::new(6)?,
            out: Linear::new(6, 4, &mut rng)?,
        })
    }
}

impl Layer for Block {
    fn compute(&self, x: &Tensor, pass: &Pass) -> cotangent::Result<Tensor> {
        let h = self
            .norm
            .forward(&self.dense.forward(x, pass)?, pass)?
            .elu(1.0);
        self.out.forward(&pass.dropout(&h, 0.5)?, pass)
    }
}

/// Two blocks behind a dropout. The first parameter of the second block is frozen.
#[derive(Module, Clone, Debug)]
struct Deep {
    first: Block,
    second: Block,
    #[module(skip)]
    recompute: bool,
}

impl Deep {
    fn new(recompute: bool) -> Result<Self> {
        let (first, mut second) = (Block::new(1)?, Block::new(2)?);
        second.dense.params_mut()[0].freeze();
        Ok(Self {
            first,
            second,
            recompute,
        })
    }
}

impl Layer for Deep {
    fn compute(&self, x: &Tensor, pass: &Pass) -> cotangent::Result<Tensor> {
        let x = pass.dropout(x, 0.2)?;
        let run = |block: &Block, x: &Tensor| {
            if self.recompute {
                pass.recompute(block, x)
            } else {
                block.forward(x, pass)
            }
        };
        pass.dropout(&run(&self.second, &run(&self.first, &x)?)?, 0.2)
    }
}

/// The bits of the value and of all gradients of one pass.
fn everything(net: &Deep, x: &Tensor) -> Result<Vec<Vec<u64>>> {
    let (pass, x) = (Pass::train(3), x.tracked());
    let y = net.forward(&x, &pass)?;
    let gradients = y.square().sum().backward()?;
    let mut found = vec![bits(&y), vec![pass.draws()]];
    found.extend(gradients.get(&x).map(bits));
    for (_, param) in net.named_params() {
        found.push(gradients.get(param).map(bits).unwrap_or_default());
    }
    found.extend(
        net.second
            .norm
            .running_mean
            .as_ref()
            .map(|mean| bits(&mean.value())),
    );
    Ok(found)
}

#[test]
fn recomputed_layers_give_the_same_bits() -> Result<()> {
    let x = random(&[8, 4], 9)?.to_dtype(DType::F32);
    let (plain, recomputing) = (Deep::new(false)?, Deep::new(true)?);
    let expected = everything(&plain, &x)?;
    assert!(
        expected.iter().filter(|bits| bits.is_empty()).count() == 1,
        "one parameter is frozen"
    );
    assert_eq!(everything(&recomputing, &x)?, expected);
    // A parameter may change before backward, which uses the value of the forward pass.
    let mut net = Deep::new(true)?;
    let pass = Pass::train(3);
    let y = net.forward(&x, &pass)?;
    for (_, param) in net.named_params_mut() {
        param.set(&param.value().mul_scalar(2.0))?;
    }
    let gradients = y.square().sum().backward()?;
    let found: Vec<_> = net
        .named_params()
        .iter()
        .map(|(_, p)| gradients.get(*p).map(bits).unwrap_or_default())
        .collect();
    assert_eq!(found, expected[3..expected.len() - 1]);
    // An inference pass recomputes nothing.
    assert_eq!(
        bits(&Deep::new(true)?.predict(&x)?),
        bits(&Deep::new(false)?.predict(&x)?)
    );
    Ok(())
}

#[test]
fn recomputed_layers_have_gradients_of_both_orders() -> Result<()> {
    let x = random(&[5, 4], 9)?;
    let report = gradcheck::Gradcheck::new().second_order().module(
        &Deep::new(true)?,
        &[x],
        |net, x, pass| net.forward(&x[0], pass)?.square().mean_over(..),
    )?;
    report.assert_ok();
    assert!(
        report
            .entries()
            .iter()
            .any(|entry| entry.order == 2 && entry.path == "first.dense.weight")
    );
    Ok(())
}

#[test]
fn recomputed_functions_save_only_their_inputs() -> Result<()> {
    let x = random(&[1000, 100], 10)?.tracked();
    let chain = |x: &[Tensor]| Ok((0..20).fold(x[0].clone(), |x, _| x.sin()));
    // Other tests of this process use far less memory.
    let live = || cotangent::memory_use().live as i64;
    let before = live();
    let plain = chain(std::slice::from_ref(&x))?;
    let saved = live() - before;
    let recomputed = recompute(&[&x], chain)?;
    let kept = live() - before - saved;
    assert!(kept * 4 < saved, "{kept} bytes against {saved}");
    let expected = plain.sum().backward()?;
    let found = recomputed.sum().backward()?;
    assert_eq!(found.get(&x).map(bits), expected.get(&x).map(bits));
    Ok(())
}

#[test]
fn recomputation_with_inputs_that_depend_on_each_other() -> Result<()> {
    let of = |x: &Tensor| {
        let hidden = x.tanh();
        recompute(&[&hidden, x], |inputs| {
            inputs[0].mul(&inputs[1].exp())?.mul(&inputs[0])
        })
    };
    gradcheck::Gradcheck::new()
        .second_order()
        .function(&[random(&[3], 11)?], |x| of(&x[0]))?
        .assert_ok();
    let captured = Tensor::from([1.0f64]).tracked();
    let error = recompute(&[&random(&[1], 12)?.tracked()], move |x| {
        x[0].mul(&captured)
    })
    .unwrap_err();
    assert!(
        error.to_string().contains("captures a tracked tensor"),
        "{error}"
    );
    Ok(())
}

/// Other values for the parameters of a model, tracked.
fn values_for(net: &impl Module, seed: u64) -> Result<Vec<Tensor>> {
    let params = net.params().into_iter().zip(seed..);
    params
        .map(|(param, seed)| {
            let value = random(param.shape(), seed)?.to_dtype(param.value().dtype());
            Ok(value.tracked())
        })
        .collect()
}

#[test]
fn a_pass_with_values_runs_the_model_with_them() -> Result<()> {
    let x = random(&[8, 4], 9)?.to_dtype(DType::F32);
    for recompute in [false, true] {
        let net = Deep::new(recompute)?;
        let before = cotangent::state::to_bytes(&net.first.dense)?;
        let values = values_for(&net, 40)?;
        let mut other = net.clone();
        for (param, value) in other.params_mut().into_iter().zip(&values) {
            param.set(value)?;
        }
        let pass = Pass::train(3);
        let y = net.forward(&x, &pass.with(&net, &values)?)?;
        let gradients = y.square().sum().backward()?;
        let second = Pass::train(3);
        let z = other.forward(&x, &second)?;
        let expected = z.square().sum().backward()?;
        assert_eq!(bits(&y), bits(&z));
        // Both runs draw from one sequence of random numbers.
        assert_eq!((pass.draws(), second.draws()), (4, 4));
        // No gradient flows to the value of the frozen parameter.
        assert_eq!((gradients.len(), expected.len()), (11, 11));
        for (value, param) in values.iter().zip(other.params()) {
            let (found, expected) = (gradients.get(value), expected.get(param));
            assert_eq!(found.map(bits), expected.map(bits));
        }
        assert_eq!(cotangent::state::to_bytes(&net.first.dense)?, before);
        // A clone of the model and other passes do not use the values.
        let clone = net.clone();
        let with = Pass::train(3).with(&net, &values)?;
        assert_eq!(
            bits(&clone.forward(&x, &with)?),
            bits(&net.forward(&x, &Pass::train(3))?)
        );
    }
    Ok(())
}

#[test]
fn values_are_tracked_if_parameters_are() -> Result<()> {
    let (a, mut b) = (
        Param::new(&Tensor::from([1.0f32])),
        Param::new(&Tensor::from([2.0f32])),
    );
    let (x, y) = (
        Tensor::from([3.0f32]).tracked(),
        Tensor::from([4.0f32]).tracked(),
    );
    b.freeze();
    let pass = Pass::train(0).with(&a, std::slice::from_ref(&x))?;
    let pass = pass.with(&b, std::slice::from_ref(&y))?;
    let read = |param: &Param, pass: &Pass| {
        let value = param.read(pass);
        (value.to_f64_vec()[0], value.is_tracked())
    };
    assert_eq!(
        (read(&a, &pass), read(&b, &pass)),
        ((3.0, true), (4.0, false))
    );
    assert_eq!(read(&a, &pass.frozen()), (3.0, false));
    // Later values replace earlier ones. An untracked value is a constant.
    let constant = pass.with(&a, &[Tensor::from([5.0f32])])?;
    assert_eq!(
        (read(&a, &constant), read(&b, &constant)),
        ((5.0, false), (4.0, false))
    );
    assert_eq!(read(&a, &pass), (3.0, true));
    let inference = Pass::inference().with(&a, std::slice::from_ref(&x))?;
    assert_eq!(read(&a, &inference), (3.0, false));
    // An observer of the pass sees results computed from the values.
    let zero = Tensor::from([0.0f32]).tracked();
    let checked = Pass::train(0)
        .checked(&a)
        .with(&a, std::slice::from_ref(&zero))?;
    let error = a.read(&checked).ln().sum().backward().unwrap_err();
    assert!(error.to_string().contains("ln: element [0]"), "{error}");
    let checked = Pass::train(0)
        .checked(&a)
        .with(&a, std::slice::from_ref(&x))?;
    let gradients = a.read(&checked).square().sum().backward()?;
    assert_eq!(gradients.get(&x).map(Tensor::to_f64_vec), Some(vec![6.0]));
    Ok(())
}

#[test]
fn values_of_another_shape_are_errors_that_name_the_parameter() -> Result<()> {
    let net = Block::new(1)?;
    let pass = Pass::train(0);
    let values = values_for(&net, 1)?;
    let error = pass.with(&net, &values[1..]).unwrap_err();
    assert!(
        error.to_string().contains("6 parameters, found 5"),
        "{error}"
    );
    let mut wrong = values.clone();
    wrong[5] = Tensor::from([1.0f32]).tracked();
    let error = pass.with(&net, &wrong).unwrap_err();
    assert!(matches!(error.root(), Error::Shape { .. }), "{error}");
    assert!(
        error.to_string().starts_with("`out.bias`: Pass::with"),
        "{error}"
    );
    wrong[5] = values[5].to_dtype(DType::F64);
    let error = pass.with(&net, &wrong).unwrap_err();
    assert!(matches!(error.root(), Error::DType { .. }), "{error}");
    Ok(())
}

#[test]
fn a_step_of_an_optimizer_has_a_derivative() -> Result<()> {
    // The loss after one step of gradient descent, as a function of the starting point.
    let net = Linear::new(3, 2, &mut ChaCha8Rng::seed_from_u64(5))?.to_dtype(DType::F64);
    let (x, target) = (random(&[6, 3], 50)?, random(&[6, 2], 51)?);
    let loss = |pass: &Pass| {
        let y = net.forward(&x, pass)?.tanh();
        y.sub(&target)?.square().mean_over(..)
    };
    let after = |start: &[Tensor]| {
        // The check also calls this with untracked tensors.
        let tracked = |w: &Tensor| {
            if w.is_tracked() {
                w.clone()
            } else {
                w.tracked()
            }
        };
        let start: Vec<Tensor> = start.iter().map(tracked).collect();
        let pass = Pass::train(0).with(&net, &start)?;
        let start: Vec<&Tensor> = start.iter().collect();
        let gradients = Backward::new().create_graph().grad(&loss(&pass)?, &start)?;
        let stepped = start.iter().zip(&gradients);
        let stepped: Vec<Tensor> = stepped
            .map(|(w, gradient)| w.sub(&gradient.mul_scalar(0.3)))
            .collect::<cotangent::Result<_>>()?;
        loss(&pass.with(&net, &stepped)?)
    };
    let start: Vec<Tensor> = net.params().iter().map(|p| p.value().clone()).collect();
    gradcheck::function(&start, after)?.assert_ok();
    Ok(())
}

#[test]
fn a_checked_pass_names_the_first_value_that_is_not_finite() -> Result<()> {
    let x = random(&[3, 4], 20)?.to_dtype(DType::F32);
    let net = Block::new(1)?;
    let says = |error: Error, texts: &[&str]| {
        let error = error.to_string();
        assert!(texts.iter().all(|text| error.contains(text)), "{error}");
    };
    // All values are finite.
    let pass = Pass::train(0).checked(&net);
    net.forward(&x, &pass)?.square().sum().backward()?;
    pass.check()?;
    // Forward: element (0, 2) of the exponential overflows.
    let pass = Pass::train(0).checked(&net);
    let y = net.dense.forward(&x, &pass)?;
    let large = y
        .add(&Tensor::from([[0.0f32, 0.0, 200.0, 0.0, 0.0, 0.0]]))?
        .exp();
    says(
        pass.check().unwrap_err(),
        &["`dense.", "exp: element [0, 2] of the output", "inf"],
    );
    says(
        large.sum().backward().unwrap_err(),
        &["exp: element [0, 2]"],
    );
    // The running statistics of batch normalization do not move.
    let before = net.state()?.to_bytes()?;
    let _ = net.norm.forward(&large, &pass)?;
    assert!(net.state()?.to_bytes()? == before);
    // Backward: the derivative of √0 is infinite.
    let pass = Pass::train(0).checked(&net);
    let root = net.out.weight.read(&pass).mul_scalar(0.0).sqrt().sum();
    pass.check()?;
    says(
        root.backward().unwrap_err(),
        &["`out.weight`: sqrt:", "in backward", "inf"],
    );
    says(pass.check().unwrap_err(), &["sqrt"]);
    // A parameter.
    let mut broken = Block::new(1)?;
    let (path, param) = broken.named_params_mut().remove(2);
    param.set(&param.value().mul_scalar(f64::NAN))?;
    let pass = Pass::train(0).checked(&broken);
    let result = broken.forward(&x, &pass)?.sum().backward();
    says(
        result.unwrap_err(),
        &[&path, "parameter: element [0]", "NaN"],
    );
    // An input.
    let pass = Pass::train(0).checked(&net);
    let _ = net.forward(&x.mul_scalar(f64::INFINITY), &pass)?;
    says(
        pass.check().unwrap_err(),
        &["linear", "operand 0, which is not tracked, is not finite"],
    );
    Ok(())
}

#[test]
fn graphs_are_drawn_with_the_names_of_parameters() -> Result<()> {
    let net = Linear::new(2, 3, &mut ChaCha8Rng::seed_from_u64(1))?;
    let x = Tensor::from([[1.0f32, 2.0]]).tracked();
    let hidden = net.forward(&x, &Pass::train(0))?;
    let dot = Dot::new(&hidden.mul(&hidden)?.sum())
        .params(&net)
        .name(&x, "the \"input\"");
    let text = dot.name(&hidden, "hidden").to_string();
    for line in [
        "shape=box, label=\"weight (3, 2)\"",
        "shape=box, label=\"bias (3,)\"",
        "shape=box, label=\"the \\\"input\\\" (1, 2)\"",
        "shape=ellipse, label=\"hidden = linear (1, 3)\"",
    ] {
        assert!(text.contains(line), "{text}");
    }
    // Each edge is an operand: `mul` has the same one twice.
    assert_eq!(text.matches("->").count(), 3 + 2 + 1, "{text}");
    assert_eq!(Dot::new(&x.detach()).to_string(), "digraph {\n}\n");
    assert!(net.named_params()[0].1.leaf_id().is_some());
    Ok(())
}

/// A net with batch normalization, and its parameters in order: weight, bias, gamma, beta, weight,
/// bias.
#[derive(Clone, Module, Layer)]
struct Normalized {
    hidden: Linear,
    norm: BatchNorm,
    activation: Tanh,
    out: Linear,
}

/// The forward of [`Normalized`] by hand, from the values of its parameters.
fn normalized_by_hand(values: &[Tensor], x: &Tensor) -> Result<Tensor> {
    let [weight, bias, gamma, beta, out_weight, out_bias] = values else {
        panic!("expected 6 values, found {}", values.len());
    };
    let z = x.linear(weight, Some(bias))?;
    let centred = z.sub(&z.mean_over(0)?)?;
    let variance = centred.square().mean_over(0)?;
    let normalized = centred.div(&variance.add_scalar(1e-5).sqrt())?;
    let h = normalized.mul(gamma)?.add(beta)?.tanh();
    Ok(h.linear(out_weight, Some(out_bias))?)
}

/// The loss after three steps of gradient descent from `start`, and its gradients with respect to
/// `start`.
fn after_three_steps(
    start: &[Tensor],
    loss: impl Fn(&[Tensor], usize) -> Result<Tensor>,
) -> Result<(Tensor, Vec<Tensor>)> {
    let mut values = start.to_vec();
    for step in 0..3 {
        let inputs: Vec<&Tensor> = values.iter().collect();
        let loss = loss(&values, step)?;
        let slopes = Backward::new().create_graph().grad(&loss, &inputs)?;
        let steps = values.iter().zip(&slopes);
        let stepped = steps.map(|(value, slope)| value.sub(&slope.mul_scalar(0.2)));
        values = stepped.collect::<cotangent::Result<_>>()?;
    }
    let last = loss(&values, 3)?;
    let grads = last.backward()?;
    let of_start = start.iter().map(|value| grads.get(value).cloned());
    Ok((
        last,
        of_start.map(|grad| grad.expect("it is reached")).collect(),
    ))
}

#[test]
fn three_inner_steps_are_differentiated_through_functional_parameters() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let net = Normalized {
        hidden: Linear::new(3, 5, &mut rng)?,
        norm: BatchNorm::new(5)?,
        activation: Tanh,
        out: Linear::new(5, 2, &mut rng)?,
    };
    let net = net.to_dtype(DType::F64);
    let mut draw = |shape| Tensor::normal(shape, 0.0, 1.0, DType::F64, &mut rng);
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        inputs.push(draw([7, 3])?);
        targets.push(draw([7, 2])?);
    }
    let params = net.named_params();
    let start = || -> Vec<Tensor> {
        let values = params.iter().map(|(_, param)| param.value().tracked());
        values.collect()
    };
    let (pass, [first, second]) = (Pass::train(0), [start(), start()]);
    let (found, gradients) = after_three_steps(&first, |values, step| {
        let y = net.forward(&inputs[step], &pass.with(&net, values)?)?;
        Ok(y.sub(&targets[step])?.square().mean())
    })?;
    let (expected, by_hand) = after_three_steps(&second, |values, step| {
        let y = normalized_by_hand(values, &inputs[step])?;
        Ok(y.sub(&targets[step])?.square().mean())
    })?;
    assert!((found.item()? - expected.item()?).abs() < 1e-10);
    assert_eq!(gradients.len(), 6);
    for (((path, _), found), expected) in params.iter().zip(&gradients).zip(&by_hand) {
        let difference = found.sub(expected)?.abs().max()?.item()?;
        assert!(difference < 1e-10, "{path}: {difference}");
        // All but the bias that batch normalization subtracts have an influence.
        assert!(
            path == "hidden.bias" || expected.abs().max()?.item()? > 1e-6,
            "{path}"
        );
    }
    // The model's own values have not changed; its statistics have seen four batches.
    for ((path, param), start) in params.iter().zip(&first) {
        assert_eq!(param.value().to_f64_vec(), start.to_f64_vec(), "{path}");
    }
    let seen = net.norm.num_batches_tracked.as_ref().map(Counter::get);
    assert_eq!(seen, Some(4));
    Ok(())
}
