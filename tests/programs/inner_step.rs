//! MAML on sine waves: the gradient of the loss after an inner step of gradient descent.
use cotangent::prelude::*;

const RATE: f64 = 0.02;

/// Some points of a random sine wave, (count, 1) each, to adapt to and to be judged by.
struct Task {
    support: [Tensor; 2],
    query: [Tensor; 2],
}

impl Task {
    fn new(rng: &mut impl Rng) -> Result<Self> {
        let (amplitude, phase) = (rng.random_range(0.5..3.0), rng.random_range(0.0..3.0));
        let mut points = |count: usize| -> Result<[Tensor; 2]> {
            let x = Tensor::uniform([count, 1], -4.0, 4.0, DType::F32, rng)?;
            Ok([x.clone(), (&x + phase).sin() * amplitude])
        };
        Ok(Self {
            support: points(10)?,
            query: points(20)?,
        })
    }
}

fn loss(net: &Mlp, [x, y]: [&Tensor; 2], pass: &Pass) -> Result<Tensor> {
    net.forward(x, pass)?.mse_loss(y)
}

/// A pass under which the parameters are those after one step on the points.
fn adapted(net: &Mlp, points: [&Tensor; 2], pass: &Pass) -> Result<Pass> {
    // Under a pass that records nothing the step starts at tracked copies.
    let track = |value: Tensor| {
        if value.is_tracked() {
            value
        } else {
            value.tracked()
        }
    };
    let start: Vec<Tensor> = net
        .params()
        .into_iter()
        .map(|p| track(p.read(pass)))
        .collect();
    let inner = loss(net, points, &pass.with(net, &start)?.record())?;
    let slopes = Backward::new().create_graph().grad(&inner, &start)?;
    let stepped: Vec<Tensor> = start
        .iter()
        .zip(&slopes)
        .map(|(w, g)| w - g * RATE)
        .collect();
    pass.with(net, &stepped)
}

fn after_step(net: &Mlp, task: [&Tensor; 4], pass: &Pass) -> Result<Tensor> {
    let [sx, sy, qx, qy] = task;
    loss(net, [qx, qy], &adapted(net, [sx, sy], pass)?)
}

/// The mean losses on new tasks before and after the inner step.
fn judge(net: &Mlp, tasks: &[Task]) -> Result<(f64, f64)> {
    let pass = Pass::inference();
    let (mut before, mut after) = (0.0, 0.0);
    for Task { support, query } in tasks {
        before += loss(net, query.each_ref(), &pass)?.item()?;
        let pass = adapted(net, support.each_ref(), &pass)?;
        after += loss(net, query.each_ref(), &pass)?.item()?;
    }
    let count = tasks.len() as f64;
    Ok((before / count, after / count))
}

pub fn main() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut net = Mlp::builder([1, 40, 40, 1])
        .activation(Tanh)
        .build(&mut rng)?;
    let held_out = (0..100)
        .map(|_| Task::new(&mut rng))
        .collect::<Result<Vec<_>>>()?;
    let start = judge(&net, &held_out)?;
    println!(
        "before meta-training: {:.3}, after a step {:.3}",
        start.0, start.1
    );

    let (pass, mut optimizer) = (Pass::train(3), Adam::new(0.003).build()?);
    for step in 0..600 {
        let mut total = Tensor::scalar(0.0f32);
        for _ in 0..8 {
            let Task {
                support: [sx, sy],
                query: [qx, qy],
            } = Task::new(&mut rng)?;
            total += after_step(&net, [&sx, &sy, &qx, &qy], &pass)? / 8.0;
        }
        let mut grads = total.backward()?;
        clip::global_norm(5.0).apply(&net, &mut grads)?;
        optimizer.step(&mut net, grads)?;
        if step % 100 == 0 {
            println!("step {step}: {:.3}", total.item()?);
        }
    }
    let end = judge(&net, &held_out)?;
    println!(
        "after meta-training: {:.3}, after a step {:.3}",
        end.0, end.1
    );

    // The meta-gradient against numeric differences, through the inner step.
    let Task {
        support: [sx, sy],
        query: [qx, qy],
    } = Task::new(&mut rng)?;
    let small = Mlp::builder([1, 6, 1]).activation(Tanh).build(&mut rng)?;
    let report = gradcheck::module(&small, &[sx, sy, qx, qy], |net, x, pass| {
        after_step(net, [&x[0], &x[1], &x[2], &x[3]], pass)
    })?;
    println!("{report}");
    report.assert_ok();
    assert!(end.1 < 0.5 * start.1 && end.1 < 0.7 * end.0);
    Ok(())
}
