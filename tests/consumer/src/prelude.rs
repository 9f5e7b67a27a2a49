//! A program that uses the prelude alone: its only import is `nets::prelude::*`.

use nets::prelude::*;

/// Trains a small net on some of the digits. Returns the accuracy before and after.
///
/// # Errors
/// None: the shapes fit.
pub fn train(seed: u64) -> Result<[f64; 2]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (data, _) = digits()?.split_per_class(10, rng.random_range(0..100))?;
    let data = data.with_inputs(Standardizer::fit(data.inputs())?.apply(data.inputs())?)?;
    let mut net = Mlp::builder([64, 16, 10])
        .activation(Gelu)
        .build(&mut rng)?;
    let (pass, mut optimizer) = (Pass::train(seed), AdamW::new(0.01).build()?);
    let mut schedule = Schedule::cosine(40, 0.1)?;
    let accuracy = |net: &Mlp| net.predict(data.inputs())?.accuracy(data.labels());
    let before = accuracy(&net)?;
    let loss = CrossEntropyLoss::new().label_smoothing(0.05);
    let batches = Batches::new(&data, 25)?.shuffle(seed);
    for epoch in 0..10 {
        for batch in batches.epoch(epoch) {
            let (x, labels) = batch?;
            let mut gradients = loss.loss(&net.forward(&x, &pass)?, &labels)?.backward()?;
            clip::global_norm(1.0).apply(&net, &mut gradients)?;
            schedule.step(&mut optimizer)?;
            optimizer.step(&mut net, gradients)?;
        }
    }
    Ok([before, accuracy(&net)?])
}

/// The names that the prelude must contain, each used once.
///
/// # Errors
/// None: all values are in range.
pub fn names() -> Result<Vec<Activation>> {
    let (x, target) = (Tensor::from([0.5f32, -0.5]), Tensor::from([1.0f32, 0.0]));
    let mean = [
        BceWithLogitsLoss::new().loss(&x, &target)?,
        HuberLoss::new().loss(&x, &target)?,
        KlDivLoss::new().loss(&x, &target)?,
        L1Loss::new().loss(&x, &target)?,
        MseLoss::new()
            .reduction(Reduction::Mean)
            .loss(&x, &target)?,
    ];
    debug_assert!(mean.iter().all(|loss| loss.shape().is_empty()));
    let (_, order) = x.sort(0, Order::Descending)?;
    debug_assert_eq!(order, Indices::from([0, 1]));
    Ok(vec![
        Celu::default().into(),
        Elu::default().into(),
        Gelu.into(),
        GeluTanh.into(),
        HardSigmoid.into(),
        HardSwish.into(),
        HardTanh.into(),
        Identity.into(),
        LeakyRelu::default().into(),
        LogSigmoid.into(),
        LogSoftmax::default().into(),
        Mish.into(),
        PRelu::new(1, 0.25)?.into(),
        RRelu::default().into(),
        Relu.into(),
        Relu6.into(),
        Selu.into(),
        Sigmoid.into(),
        Silu.into(),
        Softmax::default().into(),
        Softplus.into(),
        Tanh.into(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_net_trains_with_the_prelude_alone() -> Result<()> {
        let [before, after] = train(1)?;
        assert!(before < 0.4 && after > 0.8, "{before} {after}");
        Ok(())
    }

    #[test]
    fn the_prelude_has_all_losses_and_activations() -> Result<()> {
        let names: Vec<String> = names()?.iter().map(ToString::to_string).collect();
        for name in Activation::NAMES {
            assert!(
                names.iter().any(|found| found == name),
                "{name} of {names:?}"
            );
        }
        Ok(())
    }
}
