//! Five-fold cross-validation on threads: the same numbers on any number of them.
use cotangent::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const FOLDS: usize = 5;

/// Three arms of a spiral with noise, shuffled.
fn spirals(samples: usize, rng: &mut impl Rng) -> Result<Labeled> {
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for i in 0..samples {
        let (label, radius) = (i % 3, rng.random_range(0.1..1.0));
        let angle = radius * 4.0 + label as f64 * std::f64::consts::TAU / 3.0;
        inputs.extend([(radius * angle.cos()) as f32, (radius * angle.sin()) as f32]);
        labels.push(label);
    }
    let inputs = Tensor::from_vec(inputs, [samples, 2])?;
    let inputs = &inputs + inputs.normal_like(0.0, 0.03, rng)?;
    Ok(Labeled::new(inputs, labels.into())?)
}

/// The accuracy and the loss on the test set after training.
fn run(fold: usize, train: &Labeled, test: &Labeled) -> Result<(f64, f64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(fold as u64);
    let scale = Standardizer::fit(train.inputs())?;
    let scaled = |set: &Labeled| set.with_inputs(scale.apply(set.inputs())?);
    let (train, test) = (scaled(train)?, scaled(test)?);
    let mut net = Mlp::builder([2, 48, 48, train.classes()])
        .activation(Elu::default())
        .dropout(0.05)
        .build(&mut rng)?;
    let (pass, mut optimizer) = (Pass::train(fold as u64), Adam::new(0.01).build()?);
    let batches = Batches::new(&train, 32)?.shuffle(fold as u64);
    for epoch in 0..40 {
        for batch in batches.epoch(epoch) {
            let (inputs, labels) = batch?;
            let loss = net.forward(&inputs, &pass)?.cross_entropy(&labels)?;
            optimizer.step(&mut net, loss.backward()?)?;
        }
    }
    let logits = net.predict(test.inputs())?;
    Ok((
        logits.accuracy(test.labels())?,
        logits.cross_entropy(test.labels())?.item()?,
    ))
}

/// All folds, shared among `threads` threads, in the order of the folds.
fn validate(folds: &[(Labeled, Labeled)], threads: usize) -> Result<Vec<(f64, f64)>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, (f64, f64))>> {
        let mut done = Vec::new();
        loop {
            let fold = next.fetch_add(1, Ordering::Relaxed);
            let Some((train, test)) = folds.get(fold) else {
                return Ok(done);
            };
            done.push((fold, run(fold, train, test)?));
        }
    };
    let mut results = thread::scope(|scope| -> Result<Vec<_>> {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().expect("no panic")?);
        }
        Ok(all)
    })?;
    results.sort_by_key(|(fold, _)| *fold);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

pub fn main() -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let dataset = spirals(450, &mut rng)?;
    let folds = dataset.k_fold(FOLDS, 4)?;
    let tested: usize = folds.iter().map(|(_, test)| test.len()).sum();
    println!(
        "{} samples, {tested} tested, classes {:?}",
        dataset.len(),
        dataset.class_counts()
    );

    let alone = validate(&folds, 1)?;
    for (fold, (accuracy, loss)) in alone.iter().enumerate() {
        println!("fold {fold}: accuracy {accuracy:.3}, loss {loss:.6}");
    }
    let mean = alone.iter().map(|(accuracy, _)| accuracy).sum::<f64>() / FOLDS as f64;
    println!("mean accuracy {mean:.4}");
    for threads in [2, 5] {
        assert_eq!(validate(&folds, threads)?, alone, "{threads} threads"); // to the last bit
    }
    assert!(tested == dataset.len() && mean > 0.9);
    Ok(())
}
