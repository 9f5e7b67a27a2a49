//! Gradients through many steps of a recurrent network explode or vanish, and clipping their global
//! norm bounds a step. Recurrent layers give the same bits on any number of threads, and treat
//! each sequence by itself.

use cotangent::prelude::*;
use cotangent::{Recurrence, RecurrentCell, Steps};

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

const CELLS: [(RecurrentCell, usize, usize); 4] = [
    (RecurrentCell::Lstm, 4, 2),
    (RecurrentCell::Gru, 3, 1),
    (RecurrentCell::RnnTanh, 1, 1),
    (RecurrentCell::RnnRelu, 1, 1),
];

/// Draws input, weights, biases and states for batches of 70 and 5 steps.
fn operands(gates: usize, states: usize, hidden: usize, dtype: DType) -> Result<Vec<Tensor>> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut shapes = vec![
        vec![5, 70, 9],
        vec![gates * hidden, 9],
        vec![gates * hidden, hidden],
    ];
    shapes.extend([vec![gates * hidden], vec![gates * hidden]]);
    shapes.extend(vec![vec![70, hidden]; states]);
    let draw = |shape: Vec<usize>| Tensor::normal(shape, 0.0, 0.3, dtype, &mut rng);
    shapes.into_iter().map(draw).collect()
}

fn run(cell: RecurrentCell, x: &[Tensor], lengths: &[usize]) -> Result<Tensor> {
    x[0].recurrent(&Recurrence {
        bias_ih: Some(&x[3]),
        bias_hh: Some(&x[4]),
        initial: &x[5..].iter().collect::<Vec<_>>(),
        lengths: Some(lengths),
        steps: Steps::AllAndLast,
        ..Recurrence::new(cell, &x[1], &x[2])
    })
}

/// Returns the result and all gradients.
fn results(cell: RecurrentCell, x: &[Tensor]) -> Result<Vec<Vec<u64>>> {
    let x: Vec<Tensor> = x.iter().map(Tensor::tracked).collect();
    let lengths: Vec<usize> = (0..70).map(|i| i % 5 + 1).collect();
    let y = run(cell, &x, &lengths)?;
    let gradients = y.square().sum().backward()?;
    let gradients = x.iter().filter_map(|x| gradients.get(x));
    let bits = |x: &Tensor| x.to_f64_vec().into_iter().map(f64::to_bits).collect();
    Ok(std::iter::once(&y).chain(gradients).map(bits).collect())
}

#[test]
fn results_have_the_same_bits_on_any_number_of_threads() -> anyhow::Result<()> {
    for dtype in [DType::F32, DType::F64] {
        for (cell, gates, states) in CELLS {
            // Not a multiple of any vector.
            let x = operands(gates, states, 101, dtype)?;
            let mut found = Vec::new();
            for threads in [1, 2, 4] {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()?;
                found.push(pool.install(|| results(cell, &x))?);
            }
            assert_eq!(found[0].len(), 1 + x.len());
            assert!(
                found[0] == found[1] && found[0] == found[2],
                "{cell:?} {dtype}"
            );
        }
    }
    Ok(())
}

#[test]
fn results_of_one_sequence_do_not_depend_on_the_rest_of_the_batch() -> Result<()> {
    for (cell, gates, states) in CELLS {
        let x = operands(gates, states, 37, DType::F64)?;
        let lengths: Vec<usize> = (0..70).map(|i| i % 5 + 1).collect();
        let all = run(cell, &x, &lengths)?;
        for sample in [0, 33, 69] {
            let part = |(i, x): (usize, &Tensor)| match i {
                0 => x.narrow(1, sample, 1),
                1..=4 => Ok(x.clone()),
                _ => x.narrow(0, sample, 1),
            };
            let own: Vec<Tensor> = x.iter().enumerate().map(part).collect::<Result<_>>()?;
            let own = run(cell, &own, &lengths[sample..=sample])?;
            let difference = own.sub(&all.narrow(1, sample, 1)?)?.abs().max()?.item()?;
            assert!(difference < 1e-15, "{cell:?} {sample}: {difference}");
        }
    }
    Ok(())
}
