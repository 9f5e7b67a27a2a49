//! `fit` gives the bits of the loop that a user would write, with every option of `Supervised`.

use cotangent::prelude::*;
use cotangent::train::{End, History};

/// Batches of random rows, whose sizes differ.
pub fn rows(samples: usize, seed: u64) -> Result<cotangent::data::Table<(Tensor, Tensor)>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let x = Tensor::normal([samples, 3], 0.0, 1.0, DType::F32, &mut rng)?;
    let y = x.square().sum_over(1)?.unsqueeze(1)?;
    Ok(cotangent::data::Table::new((x, y))?)
}

pub fn net() -> Result<Mlp> {
    let net = Mlp::builder([3, 8, 1]).batch_norm().dropout(0.1);
    net.build(&mut ChaCha8Rng::seed_from_u64(2))
}

pub fn squares(net: &Mlp, batch: &(Tensor, Tensor), step: &mut Step<'_>) -> Result<Tensor> {
    net.forward(&batch.0, step.pass())?.mse_loss(&batch.1)
}

pub fn bytes(part: &dyn Stateful) -> Result<Vec<u8>> {
    part.state()?.to_bytes()
}

#[test]
fn a_run_with_all_options_has_the_bits_of_a_plain_loop() -> Result<()> {
    const EPOCHS: u64 = 6;
    let (train, valid) = (rows(50, 1)?, rows(20, 2)?);
    let batches = Batches::new(train, 8)?.shuffle(3);
    let valid = Batches::new(valid, 16)?;
    let plateau = || {
        Schedule::reduce_on_plateau()
            .factor(0.5)
            .patience(0)
            .threshold(0.9)
            .build()
    };

    let mut task = Supervised::new(net()?, Adam::new(0.05).build()?, squares)
        .clip(clip::global_norm(1.0))
        .schedule(plateau()?)
        .accumulate(2)
        .average(|net| WeightAverage::exponential(net, 0.8))?;
    let run = Fit::new(EPOCHS)
        .seed(5)
        .validate(&valid)
        .keep_best()
        .run(&mut task, &batches)?;

    let (mut net, mut optimizer, mut schedule) = (net()?, Adam::new(0.05).build()?, plateau()?);
    let mut average = WeightAverage::exponential(&net, 0.8)?;
    let mut accumulator = Accumulator::new();
    let pass = Pass::train(5);
    let (mut steps, mut best) = (0, (f64::INFINITY, net.clone()));
    let mut history = History::new();
    for epoch in 0..EPOCHS {
        let (mut sum, mut count, mut norm) = (0.0, 0.0, f64::NAN);
        let mut update = |accumulator: &mut Accumulator, net: &mut Mlp| {
            let mut grads = accumulator.take(net)?;
            norm = clip::global_norm(1.0).apply(net, &mut grads)?;
            schedule.step(&mut optimizer)?;
            optimizer.step(net, grads)?;
            average.update(net)
        };
        for (number, batch) in batches.epoch(epoch).enumerate() {
            let (x, y) = batch?;
            let loss = net.forward(&x, &pass)?.mse_loss(&y)?;
            sum += loss.item()? * x.shape()[0] as f64;
            count += x.shape()[0] as f64;
            accumulator.add(&net, loss.backward()?, x.shape()[0] as f64)?;
            steps += 1;
            if number % 2 == 1 {
                update(&mut accumulator, &mut net)?;
            }
        }
        // The last of seven batches.
        update(&mut accumulator, &mut net)?;
        let (mut validation, mut validated) = (0.0, 0.0);
        for batch in valid.epoch(0) {
            let (x, y) = batch?;
            let loss = average.model().predict(&x)?.mse_loss(&y)?;
            validation += loss.item()? * x.shape()[0] as f64;
            validated += x.shape()[0] as f64;
        }
        let validation = validation / validated;
        if validation < best.0 {
            best = (validation, average.model().clone());
        }
        let values = [
            ("loss", sum / count),
            ("gradient_norm", norm),
            ("learning_rate", optimizer.learning_rate()),
            ("validation_loss", validation),
        ];
        history.push(epoch + 1, steps, values);
        schedule.observe(validation);
    }

    assert_eq!(run.history(), &history);
    assert!(
        history
            .column("learning_rate")
            .is_some_and(|rates| rates[0] > rates[5])
    );
    assert!(bytes(task.trained_model())? == bytes(&net)?);
    assert!(bytes(task.model())? == bytes(&best.1)?);
    assert_eq!((run.end(), run.steps()), (Some(End::Completed), steps));
    assert_eq!(run.best().map(|(_, value)| value), Some(best.0));
    Ok(())
}

#[test]
fn an_epoch_shorter_than_the_accumulation_has_one_update() -> Result<()> {
    let batches = Batches::new(rows(50, 1)?, 8)?.shuffle(3);
    let trained = |accumulated| -> Result<Vec<u8>> {
        let mut task = Supervised::new(net()?, Adam::new(0.05).build()?, squares);
        task = task.accumulate(accumulated);
        Fit::new(2).run(&mut task, &batches)?;
        bytes(&task)
    };
    let by_epoch = trained(7)?;
    assert!(trained(8)? == by_epoch && trained(1000)? == by_epoch);
    assert!(trained(6)? != by_epoch);
    Ok(())
}
