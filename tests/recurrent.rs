//! Gradients through many steps of a recurrent network: they explode or vanish, and clipping their
//! global norm bounds a step.

use cotangent::prelude::*;

const STEPS: usize = 30;

/// Creates a network whose recurrent weight is `norm` times a rotation. Its units do not saturate:
/// they are ReLU with positive inputs.
fn net(norm: f64) -> Result<Rnn> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let net = Rnn::builder(2, 4).relu().last_only().no_bias();
    let mut net = net.build(&mut rng)?.to_dtype(DType::F64);
    let weights = &mut net.weights_mut()[0];
    weights
        .weight_ih
        .set(&Tensor::full([4, 2], 0.1, DType::F64)?)?;
    // Each unit is the input of the next.
    let shifted = Tensor::eye(4, DType::F64)?.index_select(0, &Indices::from([1, 2, 3, 0]))?;
    weights.weight_hh.set(&shifted.mul_scalar(norm))?;
    Ok(net)
}

fn gradients(net: &Rnn) -> Result<Gradients> {
    let x = Tensor::uniform(
        [3, STEPS, 2],
        0.0,
        1.0,
        DType::F64,
        &mut ChaCha8Rng::seed_from_u64(2),
    )?;
    net.forward(&x, &Pass::train(0))?.mean().backward()
}

fn global_norm(gradients: &Gradients) -> f64 {
    let squares: f64 = gradients
        .iter()
        .map(|(_, gradient)| gradient.sum_of_squares())
        .sum();
    squares.sqrt()
}

#[test]
fn clipping_bounds_a_step_with_exploding_gradients() -> Result<()> {
    let mut net = net(1.5)?;
    let mut grads = gradients(&net)?;
    let exploded = global_norm(&grads);
    assert!(exploded > 1e5, "{exploded}");
    let direction = grads
        .get(&net.weights()[0].weight_hh)
        .map(|g| g.div_scalar(exploded));

    let before = clip::global_norm(1.0).apply(&net, &mut grads)?;
    assert!((before / exploded - 1.0).abs() < 1e-12);
    let clipped = global_norm(&grads);
    assert!(clipped <= 1.0 && clipped > 1.0 - 1e-9, "{clipped}");
    // Clipping keeps the direction.
    let found = grads
        .get(&net.weights()[0].weight_hh)
        .map(Tensor::to_f64_vec)
        .unwrap_or_default();
    for (found, expected) in found
        .iter()
        .zip(direction.map_or(vec![], |d| d.to_f64_vec()))
    {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    let old = net.clone();
    Sgd::new(0.1).build()?.step(&mut net, grads)?;
    let mut squares = 0.0;
    for ((_, new), (_, old)) in net.named_params().into_iter().zip(old.named_params()) {
        squares += new.value().sub(old.value())?.sum_of_squares();
    }
    assert!((squares.sqrt() - 0.1).abs() < 1e-9, "{squares}");
    Ok(())
}

#[test]
fn gradients_of_the_first_step_follow_the_norm_of_the_weight() -> Result<()> {
    let share = |norm: f64| -> Result<f64> {
        let (net, zeros) = (net(norm)?, Tensor::zeros([1, STEPS, 2], DType::F64)?);
        let first = Tensor::ones([1, 1, 4], DType::F64)?.tracked();
        let (last, _) = net.run(&zeros, Some(&first), &Pass::train(0))?;
        let gradients = last.mean().backward()?;
        Ok(gradients
            .get(&first)
            .map_or(f64::NAN, Tensor::sum_of_squares)
            .sqrt())
    };
    // Each of the four units contributes 1/4 to the mean, times the norm at every step.
    for norm in [0.5, 1.0, 1.5] {
        let expected = 0.5 * f64::powi(norm, STEPS as i32);
        let found = share(norm)?;
        assert!((found / expected - 1.0).abs() < 1e-9, "{norm}: {found}");
    }
    Ok(())
}
