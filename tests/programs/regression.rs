//! Regression on a table of 8 features with noise: standardization, mini-batches, early stopping.
use cotangent::prelude::*;

/// 8 raw features of very different scales, and a noisy target, (samples, 1).
fn table(samples: usize, noise: f64, rng: &mut impl Rng) -> Result<(Tensor, Tensor)> {
    let z = Tensor::normal([samples, 8], 0.0, 1.0, DType::F32, rng)?;
    let column = |i| z.narrow(1, i, 1);
    let clean =
        (column(0)? * column(1)?) + (column(2)? * 2.0).sin() * 1.5 + column(3)?.relu() * 2.0
            - column(4)?.square() * 0.5
            + column(5)?;
    let target = (&clean + &clean.normal_like(0.0, noise, rng)?) * 40.0 + 300.0;
    let scale = Tensor::from([1.0f32, 10.0, 0.1, 100.0, 5.0, 0.01, 2.0, 50.0]);
    let offset = Tensor::from([0.0f32, -5.0, 3.0, 1000.0, 1.0, 0.5, -2.0, 20.0]);
    Ok((z * scale + offset, target))
}

pub fn main() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let noise = 0.2;
    let (inputs, targets) = table(1200, noise, &mut rng)?;

    let all = (inputs, targets);
    let (train, valid) = (all.narrow(0, 800)?, all.narrow(800, 400)?);
    // Inputs and targets are both scaled by what the training set shows.
    let (inputs, targets) = (Standardizer::fit(&train.0)?, Standardizer::fit(&train.1)?);
    let scaled = |(x, y): (Tensor, Tensor)| Ok::<_, Error>((inputs.apply(&x)?, targets.apply(&y)?));
    let (train, valid) = (Table::new(scaled(train)?)?, scaled(valid)?);
    let std = targets.std()[0];

    let mut net = Mlp::builder([8, 64, 64, 1])
        .activation(Silu)
        .build(&mut rng)?;
    let mut optimizer = AdamW::new(3e-3).weight_decay(1e-3).build()?;
    let pass = Pass::train(1);
    let batches = Batches::new(&train, 32)?.shuffle(42);
    let validate = |net: &Mlp| net.predict(&valid.0)?.mse_loss(&valid.1)?.item();

    let first = validate(&net)?;
    let (mut best, mut best_loss, mut best_epoch) = (net.clone(), first, 0);
    let patience = 10;
    let mut epochs = 0;
    for epoch in 0..200 {
        for batch in batches.epoch(epoch) {
            let (x, y) = batch?;
            let loss = net.forward(&x, &pass)?.mse_loss(&y)?;
            optimizer.step(&mut net, loss.backward()?)?;
        }
        epochs = epoch + 1;
        let loss = validate(&net)?;
        if loss < best_loss {
            (best, best_loss, best_epoch) = (net.clone(), loss, epoch + 1);
        } else if epoch + 1 - best_epoch >= patience {
            break;
        }
    }
    let last = validate(&net)?;
    net = best;
    let restored = validate(&net)?;
    let rmse = restored.sqrt() * std;
    println!("validation loss: first {first:.4}, last {last:.4}, best {best_loss:.4}");
    println!("stopped after epoch {epochs}, best epoch {best_epoch}; rmse {rmse:.2}");
    println!(
        "noise alone: {:.2}; spread of the targets: {std:.2}",
        noise * 40.0
    );
    assert_eq!(restored, best_loss);
    assert!(epochs < 200 && best_loss < last && rmse < 0.3 * std);
    Ok(())
}
